//! What all requests of one endpoint share.

use std::sync::Arc;

use crate::names::Lookup;
use crate::options::UreqOptions;
use crate::roots::Trust;

/// What all requests of one endpoint share.
pub(crate) struct Settings {
    pub(crate) options: UreqOptions,
    pub(crate) trust: Trust,
    pub(crate) lookup: Arc<dyn Lookup>,
}
