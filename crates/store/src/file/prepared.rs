//! What was prepared for the next login: one small sealed file beside the record, `NAME.prepared`.
//!
//! It lies in the folder wherever the records lie: it lives for the minutes of a login, its key is the records' own, and
//! a file is replaced whole, which items of a keyring are not. It is read, changed and replaced under *write*. What
//! cannot be read is moved to `NAME.prepared-damaged` and not met again: nobody may be kept from a login by what an earlier
//! one left.

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, Prepared, PreparedFor};

use super::{FileStore, Inner, names};
use crate::crypt::{Keys, Purpose};
use crate::disk::Target;
use crate::envelope::{self, FILE_BYTES_MAX, Header, Sealed};
use crate::fault::{fault, io_fault, shown};
use crate::fencing::{keep, newer_format};
use crate::fs::Dir;
use crate::payload;
use crate::point::IoAct;

/// Why nothing can be read of what was prepared.
pub(super) enum Unread {
    /// Nothing of it will be of use: it is damaged, or nobody here has its key. Why.
    Useless(String),
    /// It is somebody else's, or may be of use another time.
    Fault(StoreFault),
}

impl FileStore {
    /// What was prepared for a login at that server.
    ///
    /// # Errors
    /// [`StoreFaultKind::Damaged`] where what was kept is damaged, once: it was set aside. Otherwise as a record's.
    pub fn prepared_blocking(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        let inner = self.inner.as_ref();
        let dir = inner.open_dir()?;
        let mut read = inner.read_prepared(dir.as_ref(), name);
        if matches!(read, Err(Unread::Useless(_))) {
            let (dir, _held) = inner.begin(name)?;
            // Somebody may have replaced it since.
            read = inner.read_prepared(dir.as_ref(), name);
            if let Err(Unread::Useless(why)) = read {
                return Err(inner.prepared_aside(dir.as_ref(), name, &why));
            }
        }
        match read {
            Ok(all) => Ok(all.into_iter().find(|stands| stands.server == *server)),
            Err(Unread::Fault(fault)) => Err(fault),
            Err(Unread::Useless(why)) => Err(damaged(dir.as_ref(), name, &why)),
        }
    }

    /// Keeps what was prepared, and gives what is kept for that server from now on.
    ///
    /// # Errors
    /// When it is not durable.
    pub fn prepare_blocking(
        &self,
        name: &CredentialName,
        prepared: &Prepared,
    ) -> Result<Prepared, StoreFault> {
        let inner = self.inner.as_ref();
        let (dir, _held) = inner.begin(name)?;
        let dir = dir.as_ref();
        let keys = inner.sealing_keys(dir, name, None)?;
        let mut all = inner.prepared_or_none(dir, name)?;
        let next = keep(&mut all, prepared);
        inner.write_prepared(dir, name, &keys, &all, IoAct::Prepare)?;
        Ok(next)
    }

    /// Forgets what was prepared for that server, or all of it.
    ///
    /// # Errors
    /// When some of it may be there still.
    pub fn forget_prepared_blocking(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        let inner = self.inner.as_ref();
        let files = [names::prepared(name), names::prepared_aside(name)];
        let dir = inner.open_dir()?;
        if files.iter().all(|file| dir.stamp(file).is_none()) {
            return Ok(());
        }
        let (dir, _held) = inner.begin(name)?;
        let dir = dir.as_ref();
        let Some(server) = server else { return inner.remove_prepared(dir, name) };
        let mut all = inner.prepared_or_none(dir, name)?;
        let before = all.len();
        all.retain(|stands| stands.server != *server);
        match all.len() {
            0 => inner.remove_prepared(dir, name),
            after if after == before => Ok(()),
            _ => {
                let keys = inner.sealing_keys(dir, name, None)?;
                inner.write_prepared(dir, name, &keys, &all, IoAct::Prepare)
            }
        }
    }
}

impl Inner {
    /// All that is kept for a credential; nothing where there is no file.
    pub(super) fn read_prepared(&self, dir: &Dir, name: &CredentialName) -> Result<Vec<Prepared>, Unread> {
        let file = names::prepared(name);
        let Some(bytes) = dir.read(&file, FILE_BYTES_MAX).map_err(Unread::Fault)? else {
            return Ok(Vec::new());
        };
        let place = shown(&dir.path_of(&file)).to_string();
        match self.open_sealed(dir, Purpose::Prepared, name, &bytes) {
            Ok((opened, _)) => payload::decode_prepared(&opened.payload)
                .map_err(|what| Unread::Fault(newer_format(&place, &what))),
            Err(Sealed::Damaged(why)) => Err(Unread::Useless(why.to_owned())),
            Err(Sealed::OtherKey) => Err(Unread::Useless("it was sealed with another key".into())),
            Err(Sealed::Newer(format)) => {
                Err(Unread::Fault(newer_format(&place, &format!("format {format}"))))
            }
            Err(Sealed::NoKey(fault)) => Err(Unread::Fault(fault)),
            Err(Sealed::OtherName(other)) if other.eq_ignore_ascii_case(name.as_str()) => {
                let message = format!(
                    "{place} is {other:?}'s: this file system makes no difference between upper and lower case; use \
                     another name"
                );
                Err(Unread::Fault(fault(StoreFaultKind::Denied, message)))
            }
            Err(Sealed::OtherName(other)) => Err(Unread::Useless(format!("it is {other:?}'s"))),
        }
    }

    /// The same, where what is of no use is moved out of the way. The caller holds *write*.
    fn prepared_or_none(&self, dir: &Dir, name: &CredentialName) -> Result<Vec<Prepared>, StoreFault> {
        match self.read_prepared(dir, name) {
            Ok(all) => Ok(all),
            // A newer version's: it loses what it prepared, and registers again.
            Err(Unread::Fault(fault)) if fault.kind == StoreFaultKind::NewerFormat => {
                self.prepared_aside(dir, name, &fault.message);
                Ok(Vec::new())
            }
            Err(Unread::Fault(fault)) => Err(fault),
            Err(Unread::Useless(why)) => {
                self.prepared_aside(dir, name, &why);
                Ok(Vec::new())
            }
        }
    }

    /// Moves what cannot be read out of the way, and says so. The caller holds *write*.
    pub(super) fn prepared_aside(&self, dir: &Dir, name: &CredentialName, why: &str) -> StoreFault {
        let moved =
            dir.rename(&names::prepared(name), &names::prepared_aside(name)).and_then(|()| dir.sync());
        match moved {
            Ok(()) => {
                tracing::warn!(credential = %name, %why, "what was prepared for a login was of no use and was set aside");
                damaged(dir, name, why)
            }
            Err(error) => {
                let fault = io_fault("set aside the damaged", &dir.path_of(&names::prepared(name)), &error);
                StoreFault { kind: StoreFaultKind::Damaged, ..fault }
            }
        }
    }

    /// Replaces all that is kept for a credential. The caller holds *write*.
    pub(super) fn write_prepared(
        &self,
        dir: &Dir,
        name: &CredentialName,
        keys: &Keys,
        all: &[Prepared],
        act: IoAct,
    ) -> Result<(), StoreFault> {
        let too_large = || {
            let message = format!(
                "what is prepared for a login of {name} is larger than {FILE_BYTES_MAX} bytes and was not written"
            );
            fault(StoreFaultKind::Io, message)
        };
        let payload = payload::encode_prepared(all).map_err(|_| too_large())?;
        let header =
            Header { purpose: Purpose::Prepared, name: name.as_str(), version: (0, 0), identity: [0; 16] };
        let bytes = envelope::seal(keys, &header, &self.nonce()?, &payload).ok_or_else(too_large)?;
        let file = names::prepared(name);
        let target = Target { act, part: Some("prepared-file"), stem: name.as_str(), file: &file };
        self.disk.replace(dir, &target, &bytes, None)
    }

    /// Removes all that is kept for a credential, and what was set aside of it. The caller holds *write*.
    pub(super) fn remove_prepared(&self, dir: &Dir, name: &CredentialName) -> Result<(), StoreFault> {
        let mut removed = false;
        for file in [names::prepared(name), names::prepared_aside(name)] {
            removed |= super::scrub::remove(dir, &file)?;
        }
        if removed {
            dir.sync().map_err(|error| io_fault("sync the folder", dir.path(), &error))?;
        }
        Ok(())
    }
}

fn damaged(dir: &Dir, name: &CredentialName, why: &str) -> StoreFault {
    let message = format!(
        "what was prepared for a login of {name} cannot be read ({why}); it lies at {} and is not needed: log in again",
        shown(&dir.path_of(&names::prepared_aside(name)))
    );
    fault(StoreFaultKind::Damaged, message)
}
