//! The token that C holds: its texts with a zero byte behind each, overwritten when it is freed.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use renewd_command::embed::Token;
use zeroize::Zeroize as _;

use crate::failed::c_text;

/// `renewd_token`.
pub(crate) struct Handle {
    text: CString,
    authorization: CString,
    kind: CString,
    scope: Option<CString>,
    token: Token,
}

impl Handle {
    pub(crate) fn of(token: Token) -> Box<Self> {
        Box::new(Self {
            text: ended(token.access_token()),
            authorization: ended(token.authorization()),
            kind: c_text(token.token_type()),
            scope: token.scope().map(c_text),
            token,
        })
    }

    pub(crate) fn text(&self) -> &CStr {
        &self.text
    }

    /// It is C's from now on, until `renewd_token_free`.
    pub(crate) fn given_away(self: Box<Self>) -> *mut Self {
        Box::into_raw(self)
    }
}

/// A secret with a zero byte behind it, in a buffer that never grew. A token holds no zero byte.
fn ended(secret: &str) -> CString {
    let mut bytes = Vec::with_capacity(secret.len() + 1);
    bytes.extend_from_slice(secret.as_bytes());
    CString::new(bytes).unwrap_or_default()
}

impl Drop for Handle {
    fn drop(&mut self) {
        for secret in [&mut self.text, &mut self.authorization] {
            std::mem::take(secret).into_bytes().zeroize();
        }
    }
}

/// # Safety
/// Null, or what this library gave and nobody freed.
#[expect(unsafe_code, reason = "a token of C's is behind a pointer")]
unsafe fn read<T>(token: *const Handle, otherwise: T, read: impl FnOnce(&Handle) -> T) -> T {
    // SAFETY: as the caller of this function has it; a token is read by any number of threads.
    unsafe { token.as_ref() }.map_or(otherwise, read)
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave, for the last time.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_free(token: *mut Handle) {
    if !token.is_null() {
        // SAFETY: `given_away` made it of a box, and nobody uses it any more.
        drop(unsafe { Box::from_raw(token) });
    }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_text(token: *const Handle) -> *const c_char {
    // SAFETY: as the caller has it.
    unsafe { read(token, ptr::null(), |token| token.text.as_ptr()) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_authorization(token: *const Handle) -> *const c_char {
    // SAFETY: as the caller has it.
    unsafe { read(token, ptr::null(), |token| token.authorization.as_ptr()) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_type(token: *const Handle) -> *const c_char {
    // SAFETY: as the caller has it.
    unsafe { read(token, ptr::null(), |token| token.kind.as_ptr()) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_scope(token: *const Handle) -> *const c_char {
    // SAFETY: as the caller has it.
    unsafe { read(token, ptr::null(), |token| token.scope.as_deref().map_or(ptr::null(), CStr::as_ptr)) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_expires_at_ms(token: *const Handle) -> i64 {
    // SAFETY: as the caller has it.
    unsafe { read(token, -1, |token| token.token.expires_at_ms().unwrap_or(-1)) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_epoch(token: *const Handle) -> u64 {
    // SAFETY: as the caller has it.
    unsafe { read(token, 0, |token| token.token.version().0) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_generation(token: *const Handle) -> u64 {
    // SAFETY: as the caller has it.
    unsafe { read(token, 0, |token| token.token.version().1) }
}

/// See `renewd.h`.
///
/// # Safety
/// As the header says: null, or what this library gave.
#[expect(unsafe_code, reason = "a C function has its own name and takes pointers")]
// SAFETY: the prefix is this library's own.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn renewd_token_is_short(token: *const Handle) -> c_int {
    // SAFETY: as the caller has it.
    unsafe { read(token, 0, |token| c_int::from(token.token.short())) }
}
