//! macOS and its kin: `CLOCK_MONOTONIC_RAW` is `mach_continuous_time` and counts sleep, `CLOCK_UPTIME_RAW` is
//! `mach_absolute_time` and does not (clock_gettime(3)).

use std::ffi::CStr;

use renewd_core::{Boot, BootId, Span, Wall};
use rustix::time::{ClockId, clock_gettime};

pub(super) fn boot() -> Boot {
    Boot::from_millis(raw(libc::CLOCK_MONOTONIC_RAW).unwrap_or_default())
}

pub(super) fn awake() -> Option<Span> {
    raw(libc::CLOCK_UPTIME_RAW).map(Span::from_millis)
}

pub(super) fn wall() -> Wall {
    let time = clock_gettime(ClockId::Realtime);
    Wall::from_unix_millis(time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000))
}

/// There is no coarse one; the fine one is read from the common page, without a system call.
#[inline]
pub(super) fn coarse_wall() -> Wall {
    wall()
}

/// A UUID that the kernel makes at each boot.
pub(super) fn boot_id() -> Option<BootId> {
    let mut text = [0u8; 64];
    let mut len = text.len();
    #[expect(unsafe_code, reason = "there is no safe interface to sysctl")]
    // SAFETY: the name ends in NUL; `text` is writable for `len` bytes; nothing is set.
    let status = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &raw mut len,
            std::ptr::null_mut(),
            0,
        )
    };
    if status != 0 {
        return None;
    }
    let text = CStr::from_bytes_until_nul(&text).ok()?.to_str().ok()?;
    super::uuid(text).map(BootId)
}

pub(super) fn host() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// Microseconds after the Unix epoch.
pub(super) fn start_time() -> Option<u64> {
    #[expect(unsafe_code, reason = "there is no safe interface to proc_pidinfo")]
    // SAFETY: `info` is plain integers, writable for the size that is given, and read only when it was all written.
    unsafe {
        let mut info: libc::proc_bsdinfo = std::mem::zeroed();
        let size = size_of::<libc::proc_bsdinfo>() as libc::c_int;
        let written =
            libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), size);
        (written == size).then(|| info.pbi_start_tvsec.saturating_mul(1_000_000) + info.pbi_start_tvusec)
    }
}

fn raw(clock: libc::clockid_t) -> Option<u64> {
    #[expect(unsafe_code, reason = "the safe interface does not know this clock")]
    // SAFETY: `time` is writable, and read only after success.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        if libc::clock_gettime(clock, &raw mut time) != 0 {
            return None;
        }
        let millis = time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000);
        u64::try_from(millis).ok()
    }
}
