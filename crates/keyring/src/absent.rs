//! Where the system has no keyring: every call says so.

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringError, KeyringErrorKind};

use crate::backend::{Backend, Call, Description};

pub(crate) const DESCRIPTION: Description =
    Description { name: "none", place: "this operating system", item_bytes_max: usize::MAX };

pub(crate) fn open() -> Box<dyn Backend> {
    Box::new(Absent)
}

struct Absent;

fn absent<T>() -> Result<T, KeyringError> {
    let message = "renewd knows no keyring of this operating system: `renewd init` chooses another place for the key of a new store";
    Err(KeyringError::new(KeyringErrorKind::Absent, message))
}

impl Backend for Absent {
    fn get(&mut self, _: &ItemName, _: &Call) -> Result<Option<Secret>, KeyringError> {
        absent()
    }

    fn set(&mut self, _: &ItemName, _: &Secret, _: &Call) -> Result<(), KeyringError> {
        absent()
    }

    fn delete(&mut self, _: &ItemName, _: &Call) -> Result<bool, KeyringError> {
        absent()
    }

    fn probe(&mut self, _: &Call) -> Result<(), KeyringError> {
        absent()
    }
}
