//! Every store and HTTP call of a refresh fails in turn, until a run meets no failure any more.
//!
//! The real loop and core run in virtual time against a server that counts what it sees. One failure, wherever it comes,
//! must cost nobody a login, must not spend a refresh token twice, and must be over within one backoff. The one
//! exception cannot be avoided: a strict server rotated, and its answer was lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk;
mod http;
mod keyring;
mod server;
#[cfg(unix)]
mod steps;
mod store;
mod story;
