//! Gets a credential to keep: from a name and an address to a living token.
//!
//! A login has four steps, each a function here: [`discover`] finds the server and says who said so; a [`Plan`] holds
//! what is asked of it, and by which client ([`register`] makes one); [`by_code`], [`by_device`] or [`by_grant`] run the
//! grant; and what was [`Granted`] becomes a record, whole, for the store.
//!
//! What is said and believed is in [`protocol`], which does nothing by itself. The rest does it over [`Ports`]: HTTP, the
//! clocks, entropy. Nothing here runs unless somebody calls it, and only a person's command does.

mod browser;
mod client_document;
mod code;
mod device;
mod discover;
mod error;
mod fetch;
mod grant;
mod granted;
mod listener;
mod plan;
mod ports;
pub mod protocol;
mod qr;
mod register;
mod wire;

pub use browser::{Browser, SystemBrowser};
pub use code::{CODE_WAIT, CodeOptions, Redirect, by_code};
pub use device::by_device;
pub use discover::{Found, GivenEndpoints, Origin, Server, Start, discover};
pub use error::{LoginError, LoginErrorKind};
pub use grant::by_grant;
pub use granted::Granted;
pub use plan::Plan;
pub use ports::{LoginEvent, NullUi, Ports, Random, SystemRandom, Ui};
pub use qr::{qr, spaced};
pub use register::register;
