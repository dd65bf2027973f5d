//! The operating system's keyring for renewd: one port, [`Keyring`], and a backend for each system.
//!
//! | system | backend | what it is |
//! |---|---|---|
//! | Linux, BSD | `secret-service` | whoever answers to `org.freedesktop.secrets` on the session's bus: GNOME Keyring, KWallet, KeePassXC; the default collection |
//! | macOS | `macos-keychain` | the user's keychain |
//! | Windows | `windows-credential-manager` | the user's generic credentials |
//!
//! # What it promises
//! - Every call ends by its deadline ([`KeyringOptions::deadline`]), whoever hangs behind it. A thread that hangs in the
//!   system is left behind and ends with its call; at most four are, and then calls end at once until one came back.
//! - Calls of one keyring are made one after another. One that waits for its turn ends by its own deadline too.
//! - What was set was read back. Another value is read once more after 200 ms; then it is
//!   [`Changed`](KeyringErrorKind::Changed). An item that was deleted is looked for again in the same way.
//! - A value that is too large is refused before anything is sent.
//! - "There is no such item" is said only by a keyring that was open and looked. Locked, absent, refused are errors.
//! - With [`Interaction::Never`] nobody is asked. [`Keyring::probe`] asks nobody and changes nothing in any case.
//! - Nothing is started but what the session's bus itself starts for the Secret Service. A bus is found, never made.
//! - Names and labels of items tell no more than that renewd made them. No error holds a secret.
//!
//! # What it does not
//! - It keeps nothing from other programs of the same user, nor from root. A keyring that is open is open to all of them.
//! - A call that timed out may still be done later by the system: the item then holds the old value or the new one. The
//!   same goes for a keyring that dies in the middle of a call.
//! - It does not arbitrate between writers. Whoever writes an item holds a lock of his own.
//! - Where several items have one name, because another program made one, the last written counts, and the next write
//!   removes the others.
//! - Bytes on the way to the system, inside libraries that are not ours, are not all overwritten after use.
//!
//! # Threads and forks
//! [`platform`] gives one keyring to share; it is `Send` and `Sync`, starts its thread with the first call, and closes its
//! connection ten seconds after the last. It may be made before a process forks: a child that finds itself elsewhere
//! starts a thread of its own. A fork while another thread is within a call is as undefined as with any lock.
//! A call blocks its thread: on an event loop, make it on another.

#[cfg(not(any(windows, target_os = "macos", all(unix, not(target_vendor = "apple")))))]
mod absent;
#[cfg(any(test, target_os = "macos"))]
mod apple;
mod backend;
mod bounded;
mod platform;
#[cfg(all(unix, not(target_vendor = "apple")))]
mod secret_service;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(test, windows))]
mod windows;

use std::sync::Arc;
use std::time::Duration;

#[cfg(all(unix, not(target_vendor = "apple")))]
pub use crate::secret_service::session_bus;

use renewd_driver::keyring::Keyring;
#[expect(unused_imports, reason = "what the documentation speaks of")]
use renewd_driver::keyring::KeyringErrorKind;

use crate::bounded::Bounded;

/// May a keyring ask a person, to unlock it or to let this program in?
#[expect(clippy::exhaustive_enums, reason = "a person may be asked or not")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interaction {
    /// No: what would need it is an error. For agents, and whatever runs without a person.
    Never,
    /// Yes, within the deadline. For a command that a person gave.
    Allowed,
}

/// How a keyring is used.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KeyringOptions {
    /// A call ends after so long, prompts included.
    pub deadline: Duration,
    /// May a person be asked?
    pub interaction: Interaction,
}

impl KeyringOptions {
    /// Calls that end after so long, and may ask a person or not.
    pub const fn new(deadline: Duration, interaction: Interaction) -> Self {
        Self { deadline, interaction }
    }
}

/// Ten seconds, and nobody is asked: a keyring that answers does so in milliseconds, one that has to be started first in
/// a second or two.
impl Default for KeyringOptions {
    fn default() -> Self {
        Self::new(Duration::from_secs(10), Interaction::Never)
    }
}

/// This operating system's keyring. Where there is none, or none can be reached, its calls say so.
pub fn platform(options: KeyringOptions) -> Arc<dyn Keyring> {
    Arc::new(Bounded::new(platform::DESCRIPTION, options, platform::open))
}
