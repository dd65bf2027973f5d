//! What goes wrong with a Secret Service, as it really comes, and what it is called here.
//!
//! Providers use the names of the specification loosely: a locked collection is a method error, a missing provider a
//! bus's error, a provider that was killed a reply that the bus made up. The tests meet each of them with a real one.

use std::io;

use renewd_driver::keyring::{KeyringError, KeyringErrorKind};
use secret_service::Error;
use zbus::{DBusError as _, fdo};

use super::DESCRIPTION;

/// So much of a provider's own words is repeated, in characters.
const WORDS_CHARS_MAX: usize = 200;

/// Why a call came to nothing.
pub(super) enum Trouble {
    /// What the provider or the bus said.
    Service(Error),
    /// No bus, and why not.
    NoBus(&'static str),
    /// The bus is another user's, and so is whoever answers on it.
    ForeignBus {
        /// Whose it is.
        owner: u32,
        /// Who asks.
        me: u32,
    },
    /// The default collection is locked and nobody may be asked, or nobody unlocked it.
    Locked,
    /// It wants a person's consent, and nobody may be asked.
    WantsPerson,
    /// There is no default collection.
    NoCollection,
    /// Nobody answered by the deadline.
    TimedOut,
    /// This side could not even ask.
    Broken(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<zbus::Error> for Trouble {
    fn from(error: zbus::Error) -> Self {
        Self::Service(error.into())
    }
}

impl Trouble {
    /// Is it about a connection or session that was made earlier and is worth nothing now? Then another may do.
    pub(super) fn is_of_the_connection(&self) -> bool {
        let Self::Service(error) = self else { return false };
        match said(error) {
            Some(name) => matches!(
                name.rsplit('.').next(),
                Some("NoSession" | "NoReply" | "Disconnected" | "ServiceUnknown" | "NameHasNoOwner")
                    | Some("NoSuchObject" | "UnknownObject" | "UnknownMethod")
            ),
            None => {
                matches!(error, Error::PromptDisconnected | Error::Crypto(_))
                    || broken_socket(error).is_some()
            }
        }
    }

    fn kind(&self) -> KeyringErrorKind {
        match self {
            Self::NoBus(_) | Self::NoCollection => KeyringErrorKind::Absent,
            Self::ForeignBus { .. } => KeyringErrorKind::Denied,
            Self::Locked | Self::WantsPerson => KeyringErrorKind::Locked,
            Self::TimedOut => KeyringErrorKind::TimedOut,
            Self::Broken(_) => KeyringErrorKind::Failed,
            Self::Service(error) => kind_of(error),
        }
    }

    /// The port's error: what happened, where, what to do.
    pub(super) fn into_error(self) -> KeyringError {
        let kind = self.kind();
        let place = DESCRIPTION.place;
        let message = match &self {
            Self::NoBus(why) => {
                format!("there is no Secret Service without a desktop session: {why}; run renewd within one")
            }
            Self::ForeignBus { owner, me } => format!(
                "the session's bus belongs to uid {owner}, and renewd runs as uid {me}: nothing is asked of it, and nothing \
                 is given to it; set DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR to those of this user's own session, as logging \
                 in does"
            ),
            Self::NoCollection => {
                "the Secret Service has no default collection: make one in the desktop's password program"
                    .to_owned()
            }
            Self::Locked => format!("{place} is locked, and nobody was asked: {UNLOCK}"),
            Self::WantsPerson => {
                format!("{place} wants to ask a person first, and nobody may be asked now: {UNLOCK}")
            }
            Self::TimedOut => format!(
                "{place} did not answer in time: a prompt may be open on the desktop, or the keyring's program hangs; \
                 answer it or restart that program"
            ),
            Self::Broken(why) => format!("{place} could not be asked: {why}"),
            Self::Service(error) => words(kind, error),
        };
        KeyringError::new(kind, message)
    }
}

const UNLOCK: &str = "unlock it by logging in to the desktop or in its password program, then try again";

fn kind_of(error: &Error) -> KeyringErrorKind {
    if let Some(name) = said(error) {
        return kind_of_name(&name);
    }
    match error {
        Error::Locked => KeyringErrorKind::Locked,
        Error::Prompt => KeyringErrorKind::Dismissed,
        Error::Unavailable => KeyringErrorKind::Absent,
        Error::Zbus(zbus::Error::Address(_)) => KeyringErrorKind::Absent,
        Error::Zbus(zbus::Error::Handshake(_)) => KeyringErrorKind::Denied,
        error => match broken_socket(error).map(io::Error::kind) {
            Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => KeyringErrorKind::Absent,
            Some(io::ErrorKind::PermissionDenied) => KeyringErrorKind::Denied,
            _ => KeyringErrorKind::Failed,
        },
    }
}

fn kind_of_name(name: &str) -> KeyringErrorKind {
    match name {
        "org.freedesktop.Secret.Error.IsLocked" => KeyringErrorKind::Locked,
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
            KeyringErrorKind::Absent
        }
        "org.freedesktop.DBus.Error.AccessDenied" | "org.freedesktop.DBus.Error.AuthFailed" => {
            KeyringErrorKind::Denied
        }
        "org.freedesktop.DBus.Error.Timeout" | "org.freedesktop.DBus.Error.TimedOut" => {
            KeyringErrorKind::TimedOut
        }
        // The bus was to start the provider, and could not.
        name if name.starts_with("org.freedesktop.DBus.Error.Spawn.") => KeyringErrorKind::Absent,
        _ => KeyringErrorKind::Failed,
    }
}

/// The name of the D-Bus error that came as an answer.
fn said(error: &Error) -> Option<String> {
    match error {
        Error::Zbus(e) => name_of(e),
        Error::ZbusFdo(fdo::Error::ZBus(e)) => name_of(e),
        Error::ZbusFdo(e) => Some(e.name().to_string()),
        _ => None,
    }
}

/// What is wrong with the socket of the bus, where it is that.
fn broken_socket(error: &Error) -> Option<&io::Error> {
    match error {
        Error::Zbus(e) | Error::ZbusFdo(fdo::Error::ZBus(e)) => match e {
            zbus::Error::InputOutput(e) | zbus::Error::Connection(e, _) => Some(e),
            _ => None,
        },
        _ => None,
    }
}

fn name_of(error: &zbus::Error) -> Option<String> {
    match error {
        zbus::Error::MethodError(name, _, _) => Some(name.to_string()),
        zbus::Error::FDO(e) => match e.as_ref() {
            fdo::Error::ZBus(e) => name_of(e),
            e => Some(e.name().to_string()),
        },
        _ => None,
    }
}

fn words(kind: KeyringErrorKind, error: &Error) -> String {
    let place = DESCRIPTION.place;
    let said: String = error.to_string().chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect();
    match kind {
        KeyringErrorKind::Absent if broken_socket(error).is_some() => {
            format!("the session's bus cannot be reached ({said}): log in to the desktop again")
        }
        KeyringErrorKind::Absent => format!(
            "no program provides the Secret Service on this session's bus ({said}): start one (GNOME Keyring, KWallet, \
             KeePassXC)"
        ),
        KeyringErrorKind::Locked => format!("{place} is locked ({said}): {UNLOCK}"),
        KeyringErrorKind::Denied => format!(
            "{place} refuses this program or this user ({said}): use the session of the user who logged in"
        ),
        KeyringErrorKind::Dismissed => {
            format!("the prompt of {place} was dismissed, or there was no screen to show it on: {UNLOCK}")
        }
        KeyringErrorKind::TimedOut => {
            format!("{place} did not answer in time ({said}): restart the keyring's program")
        }
        _ => format!("{place} failed ({said}): restart the keyring's program, and try again"),
    }
}
