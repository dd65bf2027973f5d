//! No named points: what a release build has in the place of `test_points`. Nothing in the environment can make it die,
//! stop or fail in the middle of a refresh.

use std::sync::Arc;

use renewd_driver::{CredentialStore, TokenEndpoint};
use renewd_store::IoHook;

use crate::environment::Environment;
use crate::exit::Failure;

/// Never.
pub(crate) fn memory_may_be_read() -> bool {
    false
}

/// Reads nothing.
///
/// # Errors
/// None; the builds that have points have some.
pub(crate) fn arm(_: &Environment) -> Result<(), Failure> {
    Ok(())
}

/// None.
pub(crate) fn hook() -> Option<Arc<dyn IoHook>> {
    None
}

/// The store itself.
pub(crate) fn store(store: Arc<dyn CredentialStore>) -> Arc<dyn CredentialStore> {
    store
}

/// The endpoint itself.
pub(crate) fn endpoint(endpoint: Arc<dyn TokenEndpoint>) -> Arc<dyn TokenEndpoint> {
    endpoint
}
