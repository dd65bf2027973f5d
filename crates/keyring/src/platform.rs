//! Which backend this operating system has.

#[cfg(not(unix))]
pub(crate) use crate::absent::{DESCRIPTION, open};
#[cfg(all(unix, target_vendor = "apple"))]
pub(crate) use crate::absent::{DESCRIPTION, open};
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(crate) use crate::secret_service::{DESCRIPTION, open};
