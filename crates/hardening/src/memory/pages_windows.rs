//! Pages of Windows: committed, locked into the working set, and left out of error reports.

use std::ffi::c_void;
use std::mem;
use std::ptr::null;

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, VirtualAlloc, VirtualFree,
    VirtualLock, VirtualProtect,
};
use windows_sys::core::{HRESULT, s, w};

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
        leave_out_of_reports(first, inner);
        Ok(std::slice::from_raw_parts_mut(first.cast::<u8>(), inner))
    }
}

/// `WerRegisterExcludedMemoryBlock`, best effort. It is looked up when it is called: a program that asks for it by name does
/// not start where it is not known, which is before Windows 10 1703.
fn leave_out_of_reports(first: *const c_void, bytes: usize) {
    type ExcludeBlock = unsafe extern "system" fn(*const c_void, u32) -> HRESULT;
    #[expect(unsafe_code, reason = "a function that may not be there is had by its name alone")]
    // SAFETY: both names end with a zero; a function of this name has this form in every Windows that has it, and it
    // only notes the numbers.
    unsafe {
        let Some(found) =
            GetProcAddress(GetModuleHandleW(w!("kernel32.dll")), s!("WerRegisterExcludedMemoryBlock"))
        else {
            return;
        };
        let exclude = mem::transmute::<unsafe extern "system" fn() -> isize, ExcludeBlock>(found);
        let _ = exclude(first, u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

fn said(what: &str) -> String {
    format!("{what}: {}", std::io::Error::last_os_error())
}
