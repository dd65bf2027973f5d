//! Pages of Unix systems: mapped, locked, left out of core files where there is a way to say so, with a page before
//! and a page behind that cannot be touched.

use std::ptr::null_mut;

use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mlock, mmap_anonymous, mprotect, munmap};

/// Maps and locks so many bytes, whole pages. They stay mapped until the process ends.
pub(super) fn map(bytes: usize) -> Result<&'static mut [u8], String> {
    let page = rustix::param::page_size();
    let inner = bytes.next_multiple_of(page);
    let whole = inner + 2 * page;
    #[expect(unsafe_code, reason = "mapping and locking memory is the system's business")]
    // SAFETY: the mapping is new, so that nobody else has a reference into it; it is page-aligned, readable and
    // writable but for its first and last page, filled with zeroes, and never unmapped once its slice is given out.
    // The slice covers `inner` bytes between those two pages.
    unsafe {
        let start = mmap_anonymous(null_mut(), whole, ProtFlags::empty(), MapFlags::PRIVATE)
            .map_err(|e| said("no memory can be mapped", e))?;
        let first = start.byte_add(page);
        let lock = || -> Result<(), String> {
            mprotect(first, inner, MprotectFlags::READ | MprotectFlags::WRITE)
                .map_err(|e| said("memory cannot be made writable", e))?;
            mlock(first, inner).map_err(|e| said("memory cannot be locked", e))?;
            #[cfg(target_os = "linux")]
            // A kernel without it writes no core file either: the process is not dumpable.
            let _ = rustix::mm::madvise(first, inner, rustix::mm::Advice::LinuxDontDump);
            Ok(())
        };
        match lock() {
            Ok(()) => Ok(std::slice::from_raw_parts_mut(first.cast::<u8>(), inner)),
            Err(why) => {
                let _ = munmap(start, whole);
                Err(why)
            }
        }
    }
}

fn said(what: &str, error: Errno) -> String {
    let words = std::io::Error::from(error).to_string();
    let words = words.split(" (os error").next().unwrap_or_default().to_lowercase();
    match error {
        Errno::NOMEM | Errno::PERM | Errno::AGAIN => {
            format!("{what}: {words} (the limit is `ulimit -l`, `LimitMEMLOCK=` of a service)")
        }
        _ => format!("{what}: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn pages_are_locked_left_out_of_dumps_and_stand_between_two_that_cannot_be_touched() {
        let pages = match map(10_000) {
            Ok(pages) => pages,
            Err(why) => {
                // A test run may have used up its user's share: the reason names the limit, and nothing is left behind.
                assert!(why.contains("ulimit -l"), "{why}");
                return;
            }
        };
        let page = rustix::param::page_size();
        assert_eq!(pages.len(), 10_000_usize.next_multiple_of(page));
        assert!(pages.iter().all(|byte| *byte == 0));
        pages.fill(1);
        let start = pages.as_ptr().addr();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let head = format!("{start:x}-{:x} rw-p", start + pages.len());
        let own = smaps.split_once(&head).unwrap().1;
        let flags = own.lines().find(|line| line.starts_with("VmFlags:")).unwrap();
        assert!(flags.contains(" lo") && flags.contains(" dd"), "{flags}");
        for (from, to) in [(start - page, start), (start + pages.len(), start + pages.len() + page)] {
            assert!(smaps.contains(&format!("{from:x}-{to:x} ---p")), "{from:x}");
        }
    }

    #[test]
    fn what_the_limit_refuses_names_the_limit() {
        assert!(said("memory cannot be locked", Errno::NOMEM).contains("LimitMEMLOCK="));
        assert!(!said("memory cannot be locked", Errno::INVAL).contains("LimitMEMLOCK="));
    }
}
