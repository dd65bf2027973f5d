//! The ports of renewd, and the one event loop that runs its machines over them.
//!
//! The core asks ([`renewd_core::Command`]) and is told ([`renewd_core::Input`]); the ports here are how the outside
//! answers. They are object-safe async traits, so that a host can exchange any of them.
mod name;
mod ports;

pub use name::{CredentialName, NameError};
pub use ports::{
    Claim, Clock, CredentialStore, Entropy, Event, Expect, NoSigner, NullObserver, Observer, Signer, Timer,
    TokenEndpoint,
};
