//! What comes in from outside: files, descriptors, standard input, URLs. All of it is bounded, checked, and treated as
//! hostile until it is.

pub(crate) mod file;
pub(crate) mod host;
pub(crate) mod passphrase;
mod patient;
pub(crate) mod secret;
pub(crate) mod stdin;
#[cfg(unix)]
pub(crate) mod terminal;
#[cfg(not(unix))]
#[path = "terminal_absent.rs"]
pub(crate) mod terminal;
pub(crate) mod url;
