//! Windows: the interrupt time counts sleep and hibernation, the unbiased one does not.

use renewd_core::{Boot, BootId, Span, Wall};
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};
use windows_sys::Win32::System::SystemInformation::{
    GetSystemTimeAsFileTime, GetSystemTimePreciseAsFileTime,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};
use windows_sys::Win32::System::WindowsProgramming::{QueryInterruptTime, QueryUnbiasedInterruptTime};

/// Units of 100 ns in a millisecond.
const TICKS_PER_MILLI: u64 = 10_000;

/// Milliseconds from 1601-01-01, where Windows begins to count, to 1970-01-01.
const EPOCH_MILLIS: i64 = 11_644_473_600_000;

const NOTHING: FILETIME = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };

pub(super) fn boot() -> Boot {
    let mut ticks = 0u64;
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: `ticks` is writable.
    unsafe {
        QueryInterruptTime(&raw mut ticks);
    }
    Boot::from_millis(ticks / TICKS_PER_MILLI)
}

pub(super) fn awake() -> Option<Span> {
    let mut ticks = 0u64;
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: `ticks` is writable, and read only after success.
    let known = unsafe { QueryUnbiasedInterruptTime(&raw mut ticks) } != 0;
    known.then(|| Span::from_millis(ticks / TICKS_PER_MILLI))
}

pub(super) fn wall() -> Wall {
    let mut time = NOTHING;
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: `time` is writable.
    unsafe {
        GetSystemTimePreciseAsFileTime(&raw mut time);
    }
    to_wall(time)
}

#[inline]
pub(super) fn coarse_wall() -> Wall {
    let mut time = NOTHING;
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: `time` is writable.
    unsafe {
        GetSystemTimeAsFileTime(&raw mut time);
    }
    to_wall(time)
}

/// The kernel's count of boots, under the host's name: the count alone is the same on many machines.
pub(super) fn boot_id() -> Option<BootId> {
    let key = wide(r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters");
    let value = wide("BootId");
    let mut count = 0u32;
    let mut size = size_of::<u32>() as u32;
    #[expect(unsafe_code, reason = "there is no safe interface to the registry")]
    // SAFETY: both names end in NUL; `count` is writable for `size` bytes, and read only after success.
    let status = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            RRF_RT_REG_DWORD,
            std::ptr::null_mut(),
            (&raw mut count).cast(),
            &raw mut size,
        )
    };
    // Zero is what a machine without the prefetcher shows for ever.
    (status == 0 && count != 0)
        .then(|| BootId(u128::from(fold(&host().unwrap_or_default())) << 64 | u128::from(count)))
}

/// FNV-1a: the same in every build, which the standard library's hashers do not promise.
fn fold(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

pub(super) fn host() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Units of 100 ns after 1601.
pub(super) fn start_time() -> Option<u64> {
    let (mut created, mut exited, mut kernel, mut user) = (NOTHING, NOTHING, NOTHING, NOTHING);
    #[expect(unsafe_code, reason = "a system call")]
    // SAFETY: the handle of the own process is always valid; the four times are writable, and read only after success.
    let known = unsafe {
        GetProcessTimes(
            GetCurrentProcess(),
            &raw mut created,
            &raw mut exited,
            &raw mut kernel,
            &raw mut user,
        )
    } != 0;
    known.then(|| ticks(created))
}

fn ticks(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

fn to_wall(time: FILETIME) -> Wall {
    let millis = i64::try_from(ticks(time) / TICKS_PER_MILLI).unwrap_or(i64::MAX);
    Wall::from_unix_millis(millis.saturating_sub(EPOCH_MILLIS))
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
