//! No way to lock memory is known here.

/// None.
pub(super) fn map(_: usize) -> Result<&'static mut [u8], String> {
    Err("this system has no way to lock memory that renewd knows".into())
}
