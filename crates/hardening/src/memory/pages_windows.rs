//! Pages of Windows: committed, locked into the working set, and left out of error reports.

use std::ptr::null;

use windows_sys::Win32::System::ErrorReporting::WerRegisterExcludedMemoryBlock;
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, VirtualAlloc, VirtualFree,
    VirtualLock, VirtualProtect,
};

/// The size of a page on every processor that Windows runs on.
const PAGE_BYTES: usize = 4096;

/// Maps and locks so many bytes, whole pages. They stay until the process ends.
pub(super) fn map(bytes: usize) -> Result<&'static mut [u8], String> {
    let inner = bytes.next_multiple_of(PAGE_BYTES);
    #[expect(unsafe_code, reason = "mapping and locking memory is the system's business")]
    // SAFETY: the region is new, so that nobody else has a reference into it; its inner part is committed, filled with
    // zeroes, readable and writable, and never released once its slice is given out.
    unsafe {
        let start = VirtualAlloc(null(), inner + 2 * PAGE_BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_NOACCESS);
        if start.is_null() {
            return Err(said("no memory can be mapped"));
        }
        let first = start.byte_add(PAGE_BYTES);
        let mut before = 0;
        if VirtualProtect(first, inner, PAGE_READWRITE, &raw mut before) == 0
            || VirtualLock(first, inner) == 0
        {
            let why = said("memory cannot be locked (the limit is the working set's)");
            VirtualFree(start, 0, MEM_RELEASE);
            return Err(why);
        }
        // Best effort: systems before Windows 10 1703 answer that they do not know it.
        let _ = WerRegisterExcludedMemoryBlock(first, u32::try_from(inner).unwrap_or(u32::MAX));
        Ok(std::slice::from_raw_parts_mut(first.cast::<u8>(), inner))
    }
}

fn said(what: &str) -> String {
    format!("{what}: {}", std::io::Error::last_os_error())
}
