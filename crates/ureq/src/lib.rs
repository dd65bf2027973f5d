//! The token endpoint transport of renewd, on [ureq](https://docs.rs/ureq).
//!
//! A refresh token that rotates can be spent once, so whoever sends it must know afterwards whether it *may* have been
//! received. This crate answers that exactly, and bounds everything else:
//!
//! - **Whether bytes left is counted.** Names, sockets and TLS are links of our own in ureq's chain; once the
//!   connection stands (behind a proxy's CONNECT and the TLS handshake), every byte that the kernel takes is counted.
//!   [`Sent::Nothing`](renewd_core::Sent::Nothing) says that it took none. A byte that the kernel took and did not send
//!   still counts: the mistake is on the safe side.
//! - **When the future ends, the socket is closed.** One connection for one request, no pool. It closes with a reset
//!   and without lingering, so nothing that still stood in the kernel leaves later; the same happens when the process
//!   is killed.
//! - **Time-outs count suspend**, since they are read from the [`Clock`](renewd_driver::Clock) port four times a
//!   second; name lookups that hang and servers that send a byte a second end by the same deadline. Nothing is written
//!   after it.
//! - **Nothing is done behind the caller's back**: no redirect, no retry, no decoding, no proxy from the environment
//!   unless chosen, no resumed TLS session.
//! - **Everything has a limit**: threads, waiting requests, lookups that hang, the answer's head and body, all bytes
//!   received.
//!
//! What logging in fetches besides (metadata, registrations) goes the same way, through [`UreqWeb`].
//!
//! Requests run on threads of their own ([`Workers`]); the futures complete under any executor.
//!
//! ```
//! use std::sync::Arc;
//! use renewd_driver::Clock;
//! use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
//!
//! fn endpoint(clock: Arc<dyn Clock>) -> Result<UreqEndpoint, renewd_ureq::ConfigurationError> {
//!     let options = UreqOptions { ca_file: Some("/etc/ssl/company.pem".into()), ..UreqOptions::default() };
//!     let endpoint = UreqEndpoint::new(options, Workers::default(), clock);
//!     endpoint.check()?;
//!     Ok(endpoint)
//! }
//! ```
//!
//! # What it cannot do
//!
//! The request and the answer are overwritten in memory wherever they are ours: buffers, bodies, header values. rustls
//! keeps received plain text in buffers of its own for a moment and does not overwrite them.

mod attempt;
mod buffers;
mod call;
mod endpoint;
mod failure;
mod http;
mod log_guard;
mod names;
mod options;
mod proxy;
mod reach;
mod roots;
mod settings;
mod socket;
mod target;
mod tcp;
#[cfg(test)]
mod testing;
mod tls;
mod web;
mod workers;

pub use endpoint::UreqEndpoint;
pub use options::{ConfigurationError, ProxyChoice, Roots, UreqOptions};
pub use web::UreqWeb;
pub use workers::Workers;
