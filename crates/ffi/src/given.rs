//! What a caller gives: pointers are checked before they are followed, and texts before they are read.

use std::ffi::{CStr, OsStr, c_char};
use std::path::PathBuf;
use std::time::Duration;

use renewd_command::embed::{Options, Wanted};

use crate::failed::Why;

/// `renewd_options`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawOptions {
    pub(crate) size: usize,
    pub(crate) config: *const c_char,
    pub(crate) state_dir: *const c_char,
}

/// `renewd_request`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawRequest {
    pub(crate) size: usize,
    pub(crate) credential: *const c_char,
    pub(crate) min_validity_ms: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) scope: *const c_char,
    pub(crate) resource: *const c_char,
    pub(crate) audience: *const c_char,
}

/// A structure of the caller's whose first field is its size.
///
/// # Safety
/// Not null means that so many bytes may be read there as the structure itself says.
#[expect(unsafe_code, reason = "a structure of C's is behind a pointer")]
unsafe fn structure<T: Copy>(given: *const T, what: &'static str) -> Result<T, Why> {
    if given.is_null() || !given.is_aligned() {
        return Err(Why::Usage(what));
    }
    // SAFETY: it is not null, and begins with a size.
    let size = unsafe { *given.cast::<usize>() };
    if size < size_of::<T>() {
        return Err(Why::Usage(
            "the size in the structure is not that of renewd.h: begin with RENEWD_…_INIT",
        ));
    }
    // SAFETY: it is as large as it must be, as it says itself.
    Ok(unsafe { *given })
}

/// A text of the caller's; none for a null pointer.
///
/// # Safety
/// Not null means that a zero byte ends it, and that it stands as long as the call.
#[expect(unsafe_code, reason = "a text of C's is behind a pointer")]
unsafe fn bytes<'a>(given: *const c_char) -> Option<&'a CStr> {
    // SAFETY: as the caller of this function has it.
    (!given.is_null()).then(|| unsafe { CStr::from_ptr(given) })
}

/// A text of the caller's in UTF-8; none for a null pointer.
///
/// # Safety
/// As for [`bytes`].
#[expect(unsafe_code, reason = "a text of C's is behind a pointer")]
pub(crate) unsafe fn text<'a>(given: *const c_char, wrong: &'static str) -> Result<Option<&'a str>, Why> {
    // SAFETY: as the caller of this function has it.
    let text = unsafe { bytes(given) };
    text.map(|text| text.to_str().map_err(|_| Why::Usage(wrong))).transpose()
}

/// # Safety
/// As for [`bytes`].
#[expect(unsafe_code, reason = "a text of C's is behind a pointer")]
unsafe fn path(given: *const c_char) -> Result<Option<PathBuf>, Why> {
    // SAFETY: as the caller of this function has it.
    let Some(given) = (unsafe { bytes(given) }) else { return Ok(None) };
    Ok(Some(PathBuf::from(os_text(given)?)))
}

#[cfg(unix)]
fn os_text(given: &CStr) -> Result<&OsStr, Why> {
    Ok(std::os::unix::ffi::OsStrExt::from_bytes(given.to_bytes()))
}

#[cfg(not(unix))]
fn os_text(given: &CStr) -> Result<&OsStr, Why> {
    given.to_str().map(OsStr::new).map_err(|_| Why::Usage("a path is not UTF-8"))
}

/// # Safety
/// Null, or a `renewd_options` as the header says.
#[expect(unsafe_code, reason = "a structure of C's is behind a pointer")]
pub(crate) unsafe fn options(given: *const RawOptions) -> Result<Options, Why> {
    let mut options = Options::default();
    if given.is_null() {
        return Ok(options);
    }
    // SAFETY: as the caller of this function has it, for the structure and for what it points to.
    unsafe {
        let given = structure(given, "options is no structure")?;
        options.config = path(given.config)?;
        options.state_dir = path(given.state_dir)?;
    }
    Ok(options)
}

/// # Safety
/// Null, or a `renewd_request` as the header says.
#[expect(unsafe_code, reason = "a structure of C's is behind a pointer")]
pub(crate) unsafe fn request(given: *const RawRequest) -> Result<Wanted, Why> {
    let owned = |text: Option<&str>| text.map(String::from);
    // SAFETY: as the caller of this function has it, for the structure and for what it points to.
    unsafe {
        let given = structure(given, "request is null")?;
        let name = text(given.credential, "credential is not UTF-8")?;
        let mut wanted = Wanted::new(name.ok_or(Why::Usage("credential is null"))?);
        wanted.scope = owned(text(given.scope, "scope is not UTF-8")?);
        wanted.resource = owned(text(given.resource, "resource is not UTF-8")?);
        wanted.audience = owned(text(given.audience, "audience is not UTF-8")?);
        wanted.min_validity = Duration::from_millis(given.min_validity_ms);
        wanted.timeout = (given.timeout_ms > 0).then(|| Duration::from_millis(given.timeout_ms));
        Ok(wanted)
    }
}

/// Where an answer goes. Null until there is one.
///
/// # Safety
/// Null, or a place for a pointer.
#[expect(unsafe_code, reason = "an answer to C goes through a pointer")]
pub(crate) unsafe fn place<'a, T>(given: *mut *mut T, wrong: &'static str) -> Result<&'a mut *mut T, Why> {
    // SAFETY: as the caller of this function has it; what stood there is not read.
    unsafe {
        if !given.is_null() {
            given.write(std::ptr::null_mut());
        }
        given.as_mut().ok_or(Why::Usage(wrong))
    }
}
