//! The ports of renewd, and the one event loop that runs its machines over them.
//!
//! The core asks ([`renewd_core::Command`]) and is told ([`renewd_core::Input`]); the ports here are how the outside
//! answers. They are object-safe async traits, so that a host can exchange any of them.
//!
//! [`Driver::new`] gives the loop and its [`DriverHandle`]; [`DriverHandle::add`] gives a [`Keeper`], the handle of one
//! credential. The loop needs one task or one thread, whatever it carries: `renewd-tokio` and `renewd-blocking` give it
//! one.
mod cell;
mod driver;
mod error;
mod events;
mod handle;
mod keeper;
pub mod keyring;
mod message;
mod name;
mod ports;
mod prepared;
mod prover;
mod reader;
mod run;
mod snapshot;
pub mod system;
#[cfg(feature = "testing")]
pub mod testing;
mod web;

pub use driver::{Driver, DriverOptions, Ports};
pub use error::{NoToken, TokenError};
pub use events::Events;
pub use handle::{Drained, DriverHandle, Removal, Shutdown};
pub use keeper::{Keeper, Rejection, Seen, TokenFuture, TokenRequestOptions};
pub use name::{CredentialName, NameError};
pub use ports::{
    Claim, Clock, CredentialStore, Entropy, Event, Expect, NoSigner, NullObserver, Observer, ResourceProof,
    Signer, Step, StoreChange, StoreWatch, Timer, TokenEndpoint,
};
pub use prepared::{Prepared, PreparedClient, PreparedFor};
pub use prover::{ProofAddress, Prover, TokenHeaders, Unfit, next_proof};
pub use reader::Reader;
pub use snapshot::{Lease, Snapshot, TokenGuard};
pub use web::{Reach, WEB_BODY_MAX_BYTES, Web, WebAnswer, WebMethod, WebRequest};
