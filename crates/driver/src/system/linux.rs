//! Linux: `CLOCK_BOOTTIME` counts suspend, `CLOCK_MONOTONIC` does not (clock_gettime(2)).

use renewd_core::{Boot, BootId, Span, Wall};
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

pub(super) fn boot() -> Boot {
    // Kernels before 2.6.39 and some emulations have no boot clock.
    let time =
        clock_gettime_dynamic(DynamicClockId::Boottime).unwrap_or_else(|_| clock_gettime(ClockId::Monotonic));
    Boot::from_millis(millis(time).unsigned_abs())
}

pub(super) fn awake() -> Option<Span> {
    Some(Span::from_millis(millis(clock_gettime(ClockId::Monotonic)).unsigned_abs()))
}

pub(super) fn wall() -> Wall {
    Wall::from_unix_millis(millis(clock_gettime(ClockId::Realtime)))
}

#[inline]
pub(super) fn coarse_wall() -> Wall {
    Wall::from_unix_millis(millis(clock_gettime(ClockId::RealtimeCoarse)))
}

pub(super) fn boot_id() -> Option<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    super::uuid(&text).map(BootId)
}

pub(super) fn host() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// Field 22 of `/proc/self/stat`: clock ticks after boot (proc(5)).
pub(super) fn start_time() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The command's name, in parentheses, may hold spaces and parentheses of its own.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[inline]
fn millis(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_names_the_boot_and_the_process_its_start() {
        assert!(boot_id().is_some());
        assert!(start_time().is_some_and(|ticks| ticks > 0));
    }
}
