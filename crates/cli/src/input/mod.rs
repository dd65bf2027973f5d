//! What comes in from outside: files, descriptors, standard input, URLs. All of it is bounded, checked, and treated as
//! hostile until it is.

pub(crate) mod file;
pub(crate) mod secret;
pub(crate) mod stdin;
#[cfg(unix)]
mod terminal;
pub(crate) mod url;
