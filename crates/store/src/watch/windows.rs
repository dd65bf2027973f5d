//! Change notifications of the folder: they tell that a file was made, renamed or removed, not which. A file that is
//! written in place tells nothing; records never are.

use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::null;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_NOTIFY_CHANGE_FILE_NAME, FindCloseChangeNotification, FindFirstChangeNotificationW,
    FindNextChangeNotification,
};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects};

use super::{Heard, Recorded};

/// What a wait gives when it was for our own event, the second of the two.
const WOKEN: u32 = WAIT_OBJECT_0 + 1;

pub(super) struct Source {
    changes: HANDLE,
    woken: HANDLE,
}

#[expect(unsafe_code, reason = "handles are pointers by type only")]
// SAFETY: a handle is a number that any thread of the process may use; the functions called with these two are
// thread-safe.
unsafe impl Send for Source {}
#[expect(unsafe_code, reason = "handles are pointers by type only")]
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for Source {}

impl Source {
    #[expect(unsafe_code, reason = "std has no change notifications")]
    pub(super) fn open(dir: &Path) -> io::Result<Option<Self>> {
        let wide: Vec<u16> = dir.as_os_str().encode_wide().chain([0]).collect();
        // SAFETY: no attributes, no name; the result is checked.
        let woken = unsafe { CreateEventW(null(), 0, 0, null()) };
        if woken.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the path is zero-terminated UTF-16 text that outlives the call; the result is checked.
        let changes = unsafe { FindFirstChangeNotificationW(wide.as_ptr(), 0, FILE_NOTIFY_CHANGE_FILE_NAME) };
        if changes == INVALID_HANDLE_VALUE {
            let error = io::Error::last_os_error();
            // SAFETY: made above, used nowhere else.
            unsafe { CloseHandle(woken) };
            return Err(error);
        }
        Ok(Some(Self { changes, woken }))
    }

    /// Tells that something happened until the watch is closed or over; gives why it is over.
    #[expect(unsafe_code, reason = "std has no change notifications")]
    pub(super) fn listen(&self, heard: &Heard, _recorded: Recorded) -> String {
        let handles = [self.changes, self.woken];
        loop {
            // SAFETY: both handles are open as long as `self` lives, and there are two.
            let what = unsafe { WaitForMultipleObjects(2, handles.as_ptr(), 0, INFINITE) };
            if heard.is_closed() {
                return "nobody listens".into();
            }
            match what {
                WAIT_OBJECT_0 => heard.unknown(),
                WOKEN => continue,
                _ => return io::Error::last_os_error().to_string(),
            }
            // SAFETY: the handle is open as long as `self` lives.
            if unsafe { FindNextChangeNotification(self.changes) } == 0 {
                return io::Error::last_os_error().to_string();
            }
        }
    }

    /// Lets [`listen`](Self::listen) look whether it should end.
    #[expect(unsafe_code, reason = "std has no events")]
    pub(super) fn wake(&self) {
        // SAFETY: the handle is open as long as `self` lives.
        unsafe { SetEvent(self.woken) };
    }
}

impl Drop for Source {
    #[expect(unsafe_code, reason = "std has no change notifications")]
    fn drop(&mut self) {
        // SAFETY: both were opened by `open`, and nobody has them any more.
        unsafe {
            FindCloseChangeNotification(self.changes);
            CloseHandle(self.woken);
        }
    }
}

/// What to do about the system's limits: there are none worth naming.
pub(super) fn way_out(_error: &io::Error) -> Option<&'static str> {
    None
}
