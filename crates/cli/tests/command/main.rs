//! The built binary, with an empty home: what it says, where, and with which exit code.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

mod bad_input;
mod book;
mod completions;
mod configuration;
mod explain;
mod flows;
mod hooks;
mod import_from;
mod logging_out;
mod login;
mod network;
mod profiles;
mod world;
