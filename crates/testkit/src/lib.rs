//! A scriptable OAuth 2.0 authorization server and protected API, on real HTTP, for tests.
//!
//! Clients that refresh tokens break on what no happy path shows: a firewall that answers the token request with HTML, an
//! answer lost after the refresh token was rotated, two processes that spend the same refresh token, a token revoked
//! between two calls. This crate makes each of these happen on demand, on a real socket, and counts what the client
//! did about it. It needs no async runtime and knows no client: test with it whatever speaks HTTP.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use renewd_testkit::{AsClass, AsConfig, AuthorizationServer, Fault};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! // A strict server: a refresh token works once, presenting it again revokes the login.
//! let server = AuthorizationServer::start(AsConfig { class: AsClass::P2, ..AsConfig::default() })?;
//! let login = server.mint_grant(); // no browser needed
//! server.push_fault(Fault::WafBlock); // the next token request meets a firewall
//!
//! let refresh = || -> std::io::Result<String> {
//!     let form = format!(
//!         "grant_type=refresh_token&client_id=testkit-client&refresh_token={}",
//!         login.refresh_token
//!     );
//!     let mut tcp = TcpStream::connect(server.addr())?;
//!     write!(
//!         tcp,
//!         "POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
//!          Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
//!         form.len()
//!     )?;
//!     let mut answer = String::new();
//!     tcp.read_to_string(&mut answer)?;
//!     Ok(answer)
//! };
//! assert!(refresh()?.starts_with("HTTP/1.1 403"), "an HTML page; nothing was spent");
//! assert!(refresh()?.starts_with("HTTP/1.1 200"), "the refresh token is rotated");
//! assert!(refresh()?.contains("invalid_grant"), "the old one is presented again: reuse");
//!
//! let totals = server.totals();
//! assert_eq!((totals.token_requests, totals.rotations, totals.reuse_trips), (3, 1, 1));
//! # Ok(()) }
//! ```
//!
//! # The parts
//! | | |
//! |---|---|
//! | [`AsModel`] | the authorization server as a pure, deterministic value: time comes in as milliseconds, tokens from a seed. For simulators in virtual time |
//! | [`AsClass`] | what a replayed refresh token leads to, P0 to P6 |
//! | [`Fault`], [`Script`], [`Delivery`] | what goes wrong on the way, by name; in which order; what the client then sees |
//! | [`AuthorizationServer`] | the model on a socket, with controls |
//! | [`ProtectedApi`] | a resource server that checks access tokens, revokes them, echoes, streams and logs |
//! | [`http_request`] | a client that shows an answer as it came |
//! | [`issued_after`] | every token and client secret of the servers of this process: what a search for leaks looks for |
//! | [`Canaries`] | the search for leaks: every piece of every secret, plain and in six encodings |
//! | [`Numbers`] | the six numbers of a fault, printed and kept as a row |
//!
//! # What a test can do
//! - **Break an answer**: [`set_fault`](AuthorizationServer::set_fault) for good, [`push_fault`](AuthorizationServer::push_fault)
//!   for one request. Every [`Fault`] says whether it strikes before the request is processed (nothing is spent) or after (the
//!   refresh token may be rotated, and the client does not know).
//! - **Act in the middle of a refresh**: [`hold`](AuthorizationServer::hold) keeps requests before they are processed,
//!   [`hold_answers`](AuthorizationServer::hold_answers) after; [`wait_held`](AuthorizationServer::wait_held) tells when one is
//!   there; kill the client, log it out, start another; then [`release`](AuthorizationServer::release).
//! - **Cut the network**: [`take_down`](AuthorizationServer::take_down) refuses connections until
//!   [`bring_up`](AuthorizationServer::bring_up).
//! - **Let time pass**: [`advance`](AuthorizationServer::advance) expires tokens at once; or choose a short `lifetime_ms`.
//! - **Take tokens away**: [`revoke_latest_access`](AuthorizationServer::revoke_latest_access),
//!   [`revoke_family`](AuthorizationServer::revoke_family), [`refuse_client`](AuthorizationServer::refuse_client),
//!   [`answer_401_always`](ProtectedApi::answer_401_always).
//! - **Log in**: every grant is served without a browser, [`LoginConfig`] says how. [`approve_device`](AuthorizationServer::approve_device)
//!   is the person at the device page; [`set_page`](AuthorizationServer::set_page) puts a lie in the place of any document.
//! - **Ask for proofs**: `private_key_jwt` and DPoP are verified, by code of their own; [`Dpop::Required`],
//!   [`rotate_dpop_nonce`](AuthorizationServer::rotate_dpop_nonce), [`ProtectedApi::rotate_dpop_nonce`].
//! - **Look**: [`totals`](AuthorizationServer::totals) and [`log`](AuthorizationServer::log) say how many requests came, which
//!   generation of the refresh token each presented, and what was decided; [`wait_for`](AuthorizationServer::wait_for) waits for
//!   a count instead of sleeping. No log and no `Debug` output holds a token.
//!
//! # From other languages and processes
//! `cargo run -p renewd-testkit --example serve` prints the URLs and a login as JSON. The controls are HTTP routes:
//!
//! | route | body | does |
//! |---|---|---|
//! | `GET /_control/totals`, `GET /_control/log` | | counts and requests as JSON |
//! | `POST /_control/fault` | `503 retry-after=120` | [`Fault::parse`], from now on |
//! | `POST /_control/next` | `3 waf-block` | for the next 3 requests |
//! | `POST /_control/mint` | | a login as JSON |
//! | `POST /_control/revoke` | a token, or nothing | revokes it, or the access token issued last |
//! | `POST /_control/hold`, `hold-answers`, `release` | | as the methods |
//! | `POST /_control/advance` | `60000` | pushes the time, in milliseconds |
//! | `POST /_control/approve`, `deny` | a user code | the person at the device page decides |
//! | `POST /_control/next-revocation` | `1 503` | for the next revocations |
//! | `POST /_control/rotate-nonce` | | another DPoP nonce |
//! | `GET /_control/clients` | | the clients that registered |
//!
//! # Bounds
//! At most 2 048 connections are served at once, more wait; a form may have 1 MiB, an echoed body 256 MiB; logs keep
//! [`LOG_ENTRIES`]. The server is for loopback: it has no protection of its own, and its tokens are random, yet not so that an attacker
//! could not guess them. Everything that it gives out is remembered until the process ends ([`issued_after`]).
//!
//! # Features
//! - `tls` (off by default): `AuthorizationServer::start_tls` with certificates made on the spot, good, expired, or for another host.

mod api;
mod canary;
mod client;
mod clock;
mod delivery;
mod fault;
mod gzip;
mod http;
mod issued;
mod model;
mod numbers;
mod script;
mod server;
#[cfg(feature = "tls")]
mod tls;

pub use api::{ApiEntry, ApiTotals, ApiWaitTimeout, ProtectedApi, checksum};
pub use canary::{Canaries, Encoding, Found, PIECE_BYTES, SecretKind};
pub use client::{HttpAnswer, http_request, read_answer};
pub use delivery::Delivery;
pub use fault::{DRIP_INTERVAL_MS, Fault, FaultError, HUGE_BODY_BYTES};
pub use issued::{Issued, issued_after};
pub use model::{
    AccessCheck, AccessFacts, AccessOrdinal, Arrival, AsClass, AsConfig, AsModel, AsReply, ClientAuth,
    Consent, Dpop, ExpiresIn, FormError, GrantId, Iss, LOG_ENTRIES, LogEntry, LoginConfig, MintedGrant,
    RefreshOrdinal, RefreshStanding, Registration, Revocation, TokenForm, TokenVerdict, Totals, UnknownClass,
};
pub use numbers::{NUMBERS_ENV, Numbers, Tier};
pub use script::Script;
pub use server::{AuthorizationServer, WaitTimeout};
#[cfg(feature = "tls")]
pub use tls::{TlsError, TlsIdentity};
