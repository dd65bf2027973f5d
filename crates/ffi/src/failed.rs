//! What failed, kept for the thread that called: a code alone tells nobody what to do.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use renewd_command::embed::Error;

use crate::{INTERNAL, OK, USAGE};

/// The last failure as C reads it.
#[derive(Default)]
struct Failed {
    code: c_int,
    kind: Option<CString>,
    message: Option<CString>,
    advice: Option<CString>,
    cause: Option<CString>,
    next_attempt_at: Option<CString>,
    login_command: Option<CString>,
    retry_after_s: Option<u64>,
}

thread_local! {
    static LAST: RefCell<Failed> = RefCell::default();
}

/// Why a call was not answered.
pub(crate) enum Why {
    /// The caller's own mistake.
    Usage(&'static str),
    /// As the session says.
    Failed(Box<Error>),
}

impl From<Error> for Why {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Runs a call, keeps why it failed, and gives its code. A panic is a failure like another.
pub(crate) fn answer(call: impl FnOnce() -> Result<(), Why>) -> c_int {
    // What a call leaves behind when it panics is its own session, whose locks survive that.
    let end = catch_unwind(AssertUnwindSafe(call));
    let failed = match end {
        Ok(Ok(())) => Failed::default(),
        Ok(Err(Why::Usage(message))) => Failed::new(USAGE, "usage", message),
        Ok(Err(Why::Failed(error))) => Failed::of(&error),
        Err(_) => {
            Failed::new(INTERNAL, "internal", "a bug in renewd; nothing was lost that was saved before")
        }
    };
    let code = failed.code;
    // A thread that is ending keeps nothing any more.
    let _ = LAST.try_with(|last| last.replace(failed));
    code
}

/// Text for C: without the bytes that would end it early.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

impl Failed {
    fn new(code: u8, kind: &str, message: &str) -> Self {
        Self {
            code: c_int::from(code),
            kind: Some(c_text(kind)),
            message: Some(c_text(message)),
            ..Self::default()
        }
    }

    fn of(error: &Error) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(c_text);
        Self {
            advice: text(&error.advice),
            cause: text(&error.about.cause),
            next_attempt_at: text(&error.about.next_attempt_at),
            login_command: text(&error.about.login_command),
            retry_after_s: error.about.retry_after_s,
            ..Self::new(if error.exit == 0 { INTERNAL } else { error.exit }, &error.code, &error.message)
        }
    }
}

fn last<T>(read: impl FnOnce(&Failed) -> T, otherwise: T) -> T {
    LAST.try_with(|last| last.try_borrow().ok().map(|last| read(&last))).ok().flatten().unwrap_or(otherwise)
}

fn text(read: impl FnOnce(&Failed) -> &Option<CString>) -> *const c_char {
    last(|failed| read(failed).as_deref().map_or(ptr::null(), CStr::as_ptr), ptr::null())
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_code() -> c_int {
    last(|failed| failed.code, OK)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_kind() -> *const c_char {
    text(|failed| &failed.kind)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_message() -> *const c_char {
    text(|failed| &failed.message)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_advice() -> *const c_char {
    text(|failed| &failed.advice)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_cause() -> *const c_char {
    text(|failed| &failed.cause)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_retry_after_s() -> i64 {
    last(|failed| failed.retry_after_s.map_or(-1, |s| i64::try_from(s).unwrap_or(i64::MAX)), -1)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_next_attempt_at() -> *const c_char {
    text(|failed| &failed.next_attempt_at)
}

/// See `renewd.h`.
#[expect(unsafe_code, reason = "a C function has its own name")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn renewd_error_login_command() -> *const c_char {
    text(|failed| &failed.login_command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        let text = renewd_error_message();
        #[expect(unsafe_code, reason = "read as C reads it")]
        // SAFETY: it is a text of this thread, and no call comes between.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_ends_as_an_internal_error_that_repeats_nothing_of_it() {
        renewd_command::embed::quiet_panics();
        let code = answer(|| panic!("at-secret"));
        assert_eq!((code, renewd_error_code()), (1, 1));
        assert!(!message().contains("secret") && message().contains("bug"), "{}", message());
    }

    #[test]
    fn a_success_takes_the_failure_before_away_and_another_thread_has_its_own() {
        assert_eq!(answer(|| Err(Why::Usage("a is null"))), 2);
        assert_eq!(message(), "a is null");
        std::thread::spawn(|| {
            assert_eq!(renewd_error_code(), OK);
            assert!(renewd_error_message().is_null());
        })
        .join()
        .unwrap();
        assert_eq!(answer(|| Ok(())), OK);
        assert!(renewd_error_message().is_null() && renewd_error_kind().is_null());
        assert_eq!(renewd_error_retry_after_s(), -1);
    }

    #[test]
    fn a_text_with_a_zero_byte_in_it_is_not_cut_there() {
        assert_eq!(c_text("a\0b").to_str().unwrap(), "a\u{fffd}b");
    }
}
