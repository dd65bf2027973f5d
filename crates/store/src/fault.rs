//! Turns what the operating system says into typed faults that name the place and the way out.
//!
//! A fault is never a verdict on the grant: the lifecycle keeps the credential and tries again, and a person reads
//! what to do. No message carries a secret: messages are built from paths, kinds and the system's own words only.

use std::fmt;
use std::io;
use std::path::Path;

use renewd_core::{StoreFault, StoreFaultKind};

/// A fault with a message of our own.
pub(crate) fn fault(kind: StoreFaultKind, message: impl Into<String>) -> StoreFault {
    StoreFault { kind, message: message.into() }
}

/// The system refused to do something to a path.
pub(crate) fn io_fault(doing: &str, path: &Path, error: &io::Error) -> StoreFault {
    let kind = kind_of(error);
    let fix = match kind {
        StoreFaultKind::Full => "; free some space there",
        StoreFaultKind::ReadOnly => "; make the file system writable or choose another place with store.path",
        StoreFaultKind::Denied => "; it must belong to the user who runs renewd",
        _ => "",
    };
    fault(kind, format!("cannot {doing} {}: {error}{fix}", shown(path)))
}

/// What kind of failure the system's error is.
fn kind_of(error: &io::Error) -> StoreFaultKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreFaultKind::Full,
        io::ErrorKind::ReadOnlyFilesystem => StoreFaultKind::ReadOnly,
        io::ErrorKind::PermissionDenied => StoreFaultKind::Denied,
        _ => StoreFaultKind::Io,
    }
}

/// No entropy is a fault of the machine; nothing can be sealed without it.
pub(crate) fn entropy_fault(error: getrandom::Error) -> StoreFault {
    fault(StoreFaultKind::Io, format!("the system gives no random bytes: {error}"))
}

/// A path on one line, whatever bytes its name holds.
pub(crate) fn shown(path: &Path) -> Shown<'_> {
    Shown(path)
}

/// See [`shown`].
pub(crate) struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        if text.chars().any(char::is_control) { write!(f, "{:?}", self.0) } else { f.write_str(&text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_the_system_gets_its_kind_its_place_and_a_way_out() {
        for (error, kind, words) in [
            (io::ErrorKind::StorageFull, StoreFaultKind::Full, "free some space"),
            (io::ErrorKind::QuotaExceeded, StoreFaultKind::Full, "free some space"),
            (io::ErrorKind::ReadOnlyFilesystem, StoreFaultKind::ReadOnly, "store.path"),
            (io::ErrorKind::PermissionDenied, StoreFaultKind::Denied, "must belong"),
            (io::ErrorKind::Other, StoreFaultKind::Io, "cannot write /s/a.record"),
        ] {
            let fault = io_fault("write", Path::new("/s/a.record"), &error.into());
            assert_eq!(fault.kind, kind);
            assert!(fault.message.contains(words), "{}", fault.message);
        }
    }

    #[test]
    fn a_path_with_a_line_break_stays_on_one_line() {
        assert!(!shown(Path::new("/a\nb")).to_string().contains('\n'));
    }
}
