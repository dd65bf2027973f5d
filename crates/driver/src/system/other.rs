//! Anything else: what the standard library has. Whether its monotonic clock counts suspend is up to the system; the
//! wall clock does in any case, and a token counts as expired when either clock says so.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use renewd_core::{Boot, BootId, Span, Wall};

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(super) fn boot() -> Boot {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    Boot::default() + Span::from(start.elapsed())
}

pub(super) fn awake() -> Option<Span> {
    None
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(super) fn wall() -> Wall {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => Wall::default() + Span::from(after),
        Err(before) => Wall::default() - Span::from(before.duration()),
    }
}

#[inline]
pub(super) fn coarse_wall() -> Wall {
    wall()
}

/// `boot` counts from the start of this process here, so that no two processes may compare theirs.
pub(super) fn boot_id() -> Option<BootId> {
    None
}

pub(super) fn host() -> Option<String> {
    None
}

pub(super) fn start_time() -> Option<u64> {
    None
}
