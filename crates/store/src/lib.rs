//! Keeps the records of renewd: sealed files in a folder, or memory.
//!
//! # What lies where
//!
//! | file | what | lifetime |
//! |---|---|---|
//! | `STATE/key` | the secret that seals everything, where `store.key` is `file` | made once, replaced by [`rekey`] alone |
//! | `STATE/key.next` | its successor, while records are sealed with both | until the last record is sealed with it |
//! | `STATE/credentials/store.toml` | kind, key source, format and the key's id: what the store was made with | written at first use and by [`rekey`] |
//! | `…/NAME.record` | the sealed record: tokens, identity, intent, window, budget | replaced by every write |
//! | `…/NAME.mark` | the greatest epoch and generation ever committed, authenticated | replaced by every commit |
//! | `…/NAME.prepared` | sealed: a key and a registered client that a login needs before there is a grant, by server | until its record, or a tombstone, is written |
//! | `…/NAME.prepared-damaged` | the same, where it could not be read | until the same |
//! | `…/NAME.claim` | the lock of the right to spend; empty | never unlinked |
//! | `…/NAME.write` | the lock around read, compare and rename; empty | never unlinked |
//! | `…/NAME.damaged-1`, … | a record that could not be opened, as it was | left for a person, until a logout |
//! | `…/store.lock` | the lock under which a store is made or gets another key; empty | never unlinked |
//! | `…/.NAME.tmp-…` | a file that is being written, or room for the next commit | until its process renames or ends |
//!
//! With `store.kind = "keyring"` there is no `NAME.record`: its sealed bytes are items of the system's keyring, in parts where
//! those are small, and `NAME.mark` is replaced by every write. All else is the same. A [`KeyringStore`] keeps the calls of a
//! keyring, which may hang or ask a person, off an event loop.
//!
//! Folders have mode 0700, files 0600, and both must belong to the user who runs renewd; links are not followed.
//! Nobody but root and this user may be able to put another folder in the place of one further up; links there may be
//! theirs. Whatever differs is refused with the command that mends it.
//!
//! # What holds
//!
//! - A write is whole and durable, or it did not happen: temporary file, sync, rename, sync of the folder, read back.
//! - A write happens only over the version (and the attempt) that it began from, under the *write* lock.
//! - Reading gives a record that was committed for this credential, or a typed fault. Damaged, newer, sealed with
//!   another key, rolled back, and gone are told apart, and none of them is "nobody ever logged in".
//! - A key is made only where there is no store yet, or for [`rekey`]. One that is lost is asked for, not replaced.
//! - Nothing is stored in clear, and a store's key never moves to a weaker place because a stronger one does not answer.
//! - Locks are the kernel's: whoever dies gives them back. They are refused where the file system may not share them.
//! - Whole folders or machines that are rolled back cannot be recognised.
//!
//! # For tests
//!
//! [`MemoryStore`] follows the same rules without a disk; [`Faulty`] fails the n-th call of any store; an [`IoHook`]
//! hears of each step of writing a file by the name of its point ([`IoPoint`]) and fails it or ends the process there.
//! With the feature `testing` there is a simulated disk, `testing::SimDisk`: [`FileStore`] runs over it unchanged, among
//! processes that die and power that is cut, and what was not synced is lost. One suite, `tests/suite/contract.rs`, runs
//! over all of them; `tests/suite/crash.rs` tries every crash at every operation of a login, two refreshes, a logout and
//! another login.

mod crypt;
mod disk;
mod envelope;
mod error;
mod fault;
mod faulty;
mod fencing;
mod file;
#[cfg(test)]
mod fixtures;
mod fs;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handover;
mod key;
mod keyring_store;
mod keyset;
mod lock;
mod memory;
mod own_folder;
mod payload;
mod point;
mod remembered;
#[cfg(feature = "testing")]
mod sim;
mod sys;
#[cfg(feature = "testing")]
pub mod testing;
mod watch;

pub use error::{Contradiction, StoreError};
pub use faulty::{Effect, Faulty, StoreCall};
pub use file::rekey::{OldKey, RekeyRequest, Rekeyed, Unsealed, rekey};
pub use file::{FileStore, FileStoreOptions};
pub use handover::{HANDOVER_BYTES_MAX, decode_handover, encode_handover};
pub use key::{
    KeyChoice, KeyFile, KeyMaterial, KeyRef, KeySource, PassphraseAsk, PassphraseCost, PassphrasePurpose,
    PassphraseSource,
};
pub use keyring_store::KeyringStore;
pub use memory::{MemoryBackup, MemoryStore};
pub use own_folder::{PrivateFolder, loose_way, make_shared_folder};
pub use point::{IoAct, IoHook, IoPoint, IoStep};
pub use remembered::{Remembered, StoreKind};
