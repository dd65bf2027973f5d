//! The keys of an open store, where its files meet them.

use std::sync::Arc;

use renewd_core::{Secret, StoreFault};
use renewd_driver::CredentialName;

use super::Inner;
use crate::crypt::{Keys, Purpose};
use crate::envelope::{Opened, Sealed};
use crate::fencing::Write;
use crate::fs::Dir;

impl Inner {
    /// Opens a sealed file, and gives the key that did. A file of a key that is not known may have been sealed by a
    /// process that has a newer one: `store.toml` says so.
    pub(super) fn open_sealed(
        &self,
        dir: &Dir,
        purpose: Purpose,
        name: &CredentialName,
        file: &[u8],
    ) -> Result<(Opened, Arc<Keys>), Sealed> {
        match self.keys.now().open(purpose, name.as_str(), file) {
            Err(Sealed::OtherKey) => match self.keys.renewed(dir) {
                Ok(set) => set.open(purpose, name.as_str(), file),
                Err(unrenewed) => Err(Sealed::NoKey(unrenewed.fault)),
            },
            opened => opened,
        }
    }

    /// The digest of a refresh token: the same whichever key seals it.
    pub(super) fn token_digest(&self, token: &Secret) -> [u8; 32] {
        self.keys.now().newest().token_digest(token)
    }

    /// What to seal with. The caller holds *write*, and looks here first: a key that was replaced before is seen now,
    /// and one that is replaced from now on finds what is about to be written.
    ///
    /// An outcome is saved all the same where the new key cannot be had: its token exists nowhere else. The claim is
    /// held over the whole attempt, and while it is, nobody gives the old key up.
    ///
    /// # Errors
    /// When the newest key cannot be had, or what names it not be made durable. Nothing was sent then: a mark comes before
    /// it.
    pub(super) fn sealing_keys(
        &self,
        dir: &Dir,
        name: &CredentialName,
        write: Option<Write<'_>>,
    ) -> Result<Arc<Keys>, StoreFault> {
        match self.keys.renewed(dir) {
            Ok(set) => set.settle(dir).map(|()| Arc::clone(set.newest())),
            Err(unrenewed) => {
                let saves = matches!(write, Some(Write::Commit(_))) && self.holds_claim(dir, name);
                if saves && unrenewed.old_is_good {
                    return Ok(Arc::clone(self.keys.now().newest()));
                }
                let StoreFault { kind, message } = unrenewed.fault;
                let sent = if matches!(write, Some(Write::Mark(_))) { "; nothing was sent" } else { "" };
                Err(StoreFault { kind, message: format!("{message}{sent}; nothing was written") })
            }
        }
    }

    fn holds_claim(&self, dir: &Dir, name: &CredentialName) -> bool {
        let held = self.claims().get(name).and_then(std::sync::Weak::upgrade);
        held.is_some_and(|lock| lock.is_current(dir, &super::names::claim(name)))
    }
}
