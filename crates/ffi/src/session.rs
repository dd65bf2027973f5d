//! The functions that a session answers.

use std::ffi::{CString, c_char, c_int};

use renewd_command::embed::{Renewal, Session, VERSION, quiet_panics};
use zeroize::Zeroize as _;

use crate::failed::{Why, answer, c_text};
use crate::given::{self, RawOptions, RawRequest, place, request, text};
use crate::token::Handle;

/// The binary interface of `renewd.h`.
const ABI: u32 = 1;

const NO_SESSION: &str = "session is null";
const NO_PLACE: &str = "there is no place for the answer: a pointer is null";

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_abi() -> u32 {
    ABI
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_version() -> *const c_char {
    static TEXT: std::sync::OnceLock<CString> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| c_text(VERSION)).as_ptr()
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: `options` is null or a `renewd_options`, `session` is null or a place for a pointer.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_open(options: *const RawOptions, session: *mut *mut Session) -> c_int {
    answer(|| {
        quiet_panics();
        // SAFETY: as the caller has it.
        let (session, options) = unsafe { (place(session, NO_PLACE)?, given::options(options)?) };
        *session = Box::into_raw(Box::new(Session::open(options)?));
        Ok(())
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what `renewd_open` gave, for the last time.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_close(session: *mut Session) -> c_int {
    answer(|| {
        if !session.is_null() {
            // SAFETY: `renewd_open` made it of a box, and nobody uses it any more.
            unsafe { Box::from_raw(session) }.close()?;
        }
        Ok(())
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: each is null or what it should be.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_keep(session: *const Session, credential: *const c_char) -> c_int {
    answer(|| {
        // SAFETY: as the caller has it.
        let (session, name) = unsafe { (of(session)?, text(credential, "credential is not UTF-8")?) };
        Ok(session.keep(name.ok_or(Why::Usage("credential is null"))?)?)
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: each is null or what it should be.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_get(
    session: *const Session,
    wanted: *const RawRequest,
    token: *mut *mut Handle,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller has it.
        let (token, session, wanted) = unsafe { (place(token, NO_PLACE)?, of(session)?, request(wanted)?) };
        *token = Handle::of(session.token(&wanted)?).given_away();
        Ok(())
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: each is null or what it should be.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_rejected(
    session: *const Session,
    wanted: *const RawRequest,
    epoch: u64,
    generation: u64,
    token: *mut *mut Handle,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller has it.
        let (token, session, wanted) = unsafe { (place(token, NO_PLACE)?, of(session)?, request(wanted)?) };
        if let Renewal::Renewed(newer) = session.rejected(&wanted, epoch, generation)? {
            *token = Handle::of(newer).given_away();
        }
        Ok(())
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: each is null or what it should be.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_refresh(session: *const Session, wanted: *const RawRequest) -> c_int {
    answer(|| {
        // SAFETY: as the caller has it.
        let (session, wanted) = unsafe { (of(session)?, request(wanted)?) };
        Ok(session.refresh(&wanted)?)
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: each is null or what it should be.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_status(
    session: *const Session,
    credential: *const c_char,
    json: *mut *mut c_char,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller has it.
        let (json, session, name) =
            unsafe { (place(json, NO_PLACE)?, of(session)?, text(credential, "credential is not UTF-8")?) };
        *json = c_text(&session.status(name)?).into_raw();
        Ok(())
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: each is null or what it should be, and `size` bytes may be written to `buffer`.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_copy(
    session: *const Session,
    wanted: *const RawRequest,
    buffer: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> c_int {
    answer(|| {
        // SAFETY: as the caller has it.
        let (session, wanted) = unsafe { (of(session)?, request(wanted)?) };
        let handle = Handle::of(session.token(&wanted)?);
        let bytes = handle.text().to_bytes_with_nul();
        // SAFETY: as the caller has it: null, or a place for a size.
        if let Some(needed) = unsafe { needed.as_mut() } {
            *needed = bytes.len();
        }
        if buffer.is_null() || size < bytes.len() {
            return Err(Why::Usage("the buffer is too small for the token: see `needed`"));
        }
        // SAFETY: the caller's buffer has room for them, and is not ours.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>(), bytes.len()) };
        Ok(())
    })
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or a text that this library gave, for the last time.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: `CString::into_raw` gave it, and nobody uses it any more.
        unsafe { CString::from_raw(text) }.into_bytes().zeroize();
    }
}

/// # Safety
/// Null, or what `renewd_open` gave and nobody closed.
#[expect(unsafe_code, reason = "a session of C's is behind a pointer")]
unsafe fn of<'a>(session: *const Session) -> Result<&'a Session, Why> {
    // SAFETY: as the caller of this function has it; a session is shared by any number of threads.
    unsafe { session.as_ref() }.ok_or(Why::Usage(NO_SESSION))
}

/// What a caller can do wrong, done in-process: everything else is shown by a C program among the end-to-end tests.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::failed::{renewd_error_kind, renewd_error_login_command, renewd_error_message};
    use std::ffi::CStr;
    use std::ptr::{null, null_mut};

    fn told(text: *const c_char) -> String {
        assert!(!text.is_null());
        #[expect(unsafe_code, reason = "read as C reads it")]
        // SAFETY: it is a text of this thread, and no call comes between.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
    }

    #[test]
    #[expect(unsafe_code, reason = "called as C calls it")]
    fn no_null_pointer_is_followed_and_each_is_named() {
        let request = RawRequest {
            size: size_of::<RawRequest>(),
            credential: null(),
            min_validity_ms: 0,
            timeout_ms: 0,
            scope: null(),
            resource: null(),
            audience: null(),
        };
        let mut token: *mut Handle = std::ptr::dangling_mut();
        let mut json: *mut c_char = std::ptr::dangling_mut();
        // SAFETY: null is what these functions must bear; the rest is as the header wants it.
        unsafe {
            assert_eq!(renewd_open(null(), null_mut()), 2);
            assert_eq!(renewd_close(null_mut()), 0);
            assert_eq!(renewd_keep(null(), c"x".as_ptr()), 2);
            assert_eq!(told(renewd_error_message()), NO_SESSION);
            assert_eq!(renewd_token_get(null(), &raw const request, &raw mut token), 2);
            assert!(token.is_null(), "nothing is given on failure");
            assert_eq!(renewd_status(null(), null(), &raw mut json), 2);
            assert!(json.is_null());
            assert_eq!(renewd_rejected(null(), null(), 1, 1, null_mut()), 2);
            assert_eq!(renewd_refresh(null(), null()), 2);
            assert_eq!(renewd_token_copy(null(), null(), null_mut(), 0, null_mut()), 2);
            renewd_string_free(null_mut());
        }
    }

    #[test]
    #[expect(unsafe_code, reason = "called as C calls it")]
    fn a_session_says_what_is_wrong_with_a_request_and_who_must_log_in() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config.toml");
        std::fs::write(&config, "").unwrap();
        let (config, state) =
            (c_text(config.to_str().unwrap()), c_text(dir.path().join("s").to_str().unwrap()));
        let options =
            RawOptions { size: size_of::<RawOptions>(), config: config.as_ptr(), state_dir: state.as_ptr() };
        let small = RawOptions { size: 8, ..options };
        let mut session = null_mut();
        let mut request = RawRequest {
            size: size_of::<RawRequest>(),
            credential: null(),
            min_validity_ms: 0,
            timeout_ms: 0,
            scope: null(),
            resource: null(),
            audience: null(),
        };
        let mut token = null_mut();
        // SAFETY: everything is as the header wants it, but for what it must bear.
        unsafe {
            assert_eq!(renewd_open(&raw const small, &raw mut session), 2);
            assert!(told(renewd_error_message()).contains("size") && session.is_null());
            assert_eq!(renewd_open(&raw const options, &raw mut session), 0);
            assert_eq!(renewd_token_get(session, &raw const request, &raw mut token), 2);
            assert_eq!(told(renewd_error_message()), "credential is null");
            request.credential = c"a\xff".as_ptr();
            assert_eq!(renewd_token_get(session, &raw const request, &raw mut token), 2);
            request.credential = c"github".as_ptr();
            assert_eq!(renewd_token_get(session, &raw const request, &raw mut token), 3);
            assert_eq!(told(renewd_error_kind()), "no_grant");
            assert_eq!(told(renewd_error_login_command()), "renewd login github");
            assert_eq!(renewd_close(session), 0);
        }
        assert_eq!(told(renewd_version()), env!("CARGO_PKG_VERSION"));
        assert_eq!(renewd_abi(), 1);
    }
}
