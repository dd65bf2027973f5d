//! A key in the operating system's keyring: one item, named after the key.
//!
//! The name is the key's public id, which stands in the clear in every file that the key seals. So it tells nobody what
//! it belongs to, two keys never meet in one item (a rotation needs both), and records find their key even where
//! `store.toml` was lost.

use std::sync::Arc;

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::keyring::{ItemName, Keyring};

use super::KeyMaterial;
use crate::crypt::KEY_ID_BYTES;
use crate::fault::fault;
use crate::remembered::to_hex;

/// Before the key's id in an item's name.
const PREFIX: &str = "renewd/key/";

/// A keyring, and nothing but keys of ours in it.
#[derive(Clone)]
pub(super) struct KeyItems(Arc<dyn Keyring>);

impl KeyItems {
    /// The keyring that a program brings.
    ///
    /// # Errors
    /// Where it brings none, or another one than the key was put into: that is never made up for by a new key.
    pub(super) fn of(keyring: Option<&Arc<dyn Keyring>>, backend: Option<&str>) -> Result<Self, StoreFault> {
        let Some(keyring) = keyring else {
            let message = "the store's key is kept in a keyring, and this program was given none to ask";
            return Err(fault(StoreFaultKind::KeyUnavailable, message));
        };
        match backend {
            Some(backend) if backend != keyring.backend() => {
                let message = format!(
                    "the store's key is kept in the keyring `{backend}`, and this machine has `{}`: use the store where \
                     it was made, or begin a new one with another store.path and log in there",
                    keyring.backend()
                );
                Err(fault(StoreFaultKind::KeyUnavailable, message))
            }
            _ => Ok(Self(Arc::clone(keyring))),
        }
    }

    pub(super) fn place(&self, id: &[u8; KEY_ID_BYTES]) -> String {
        format!("the item {} in {}", name_of(id), self.0.place())
    }

    /// The key of that id; `None` where there is no such item.
    pub(super) fn fetch(&self, id: &[u8; KEY_ID_BYTES]) -> Result<Option<KeyMaterial>, StoreFault> {
        let Some(secret) = self.0.get(&item(id)?)? else { return Ok(None) };
        match KeyMaterial::read(secret.expose()) {
            Some(material) => Ok(Some(material)),
            None => Err(fault(
                StoreFaultKind::KeyUnavailable,
                format!("{} holds no key: restore it from a backup of the keyring", self.place(id)),
            )),
        }
    }

    /// Puts a key there, and gives what is read back. What may have been put there by a call that failed is taken away
    /// again: nothing is sealed with it.
    pub(super) fn keep(&self, id: &[u8; KEY_ID_BYTES], key: &KeyMaterial) -> Result<(), StoreFault> {
        let kept = self.0.set(&item(id)?, &key.0).map_err(StoreFault::from).and_then(|()| self.fetch(id));
        let problem = match kept {
            Ok(Some(read)) if key.0.same_as(read.expose()) => return Ok(()),
            Ok(_) => {
                let message = format!(
                    "{} does not hold the key that was put there: nothing was sealed",
                    self.place(id)
                );
                fault(StoreFaultKind::Io, message)
            }
            Err(problem) => problem,
        };
        let _ = self.remove(id);
        Err(problem)
    }

    /// Removes a key; `false` where there was none.
    pub(super) fn remove(&self, id: &[u8; KEY_ID_BYTES]) -> Result<bool, StoreFault> {
        Ok(self.0.delete(&item(id)?)?)
    }
}

fn name_of(id: &[u8; KEY_ID_BYTES]) -> String {
    format!("{PREFIX}{}", to_hex(id))
}

fn item(id: &[u8; KEY_ID_BYTES]) -> Result<ItemName, StoreFault> {
    let name = name_of(id);
    name.parse().map_err(|why| fault(StoreFaultKind::Io, format!("{name} names no item: {why}")))
}
