//! Which backend this operating system has.

#[cfg(not(any(windows, target_os = "macos", all(unix, not(target_vendor = "apple")))))]
pub(crate) use crate::absent::{DESCRIPTION, open};
#[cfg(target_os = "macos")]
pub(crate) use crate::apple::{DESCRIPTION, open};
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(crate) use crate::secret_service::{DESCRIPTION, open};
#[cfg(windows)]
pub(crate) use crate::windows::{DESCRIPTION, open};
