//! The port for everything that is fetched or asked over HTTP while somebody logs in: metadata, registration, device
//! authorization, the first token request.
//!
//! It is not [`TokenEndpoint`](crate::TokenEndpoint): that one spends refresh tokens, and must know whether a byte left
//! after the caller went away. Here nothing is lost with a request, so dropping its future ends it; but its address may
//! come from a stranger's document, so it is told where it may connect to.

use std::net::IpAddr;

use async_trait::async_trait;
use renewd_core::{Answer, Secret, Span, TokenRequest};

/// The most of an answer's body that is kept where nothing else is said, in bytes: metadata of large providers has 10
/// KiB, key sets and registrations less.
pub const WEB_BODY_MAX_BYTES: usize = 256 * 1024;

/// How a request is made.
#[expect(clippy::exhaustive_enums, reason = "logging in and out needs no other method")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebMethod {
    /// `GET`, without a body.
    Get,
    /// `POST`
    Post,
    /// `DELETE`, without a body: a registration is taken back (RFC 7592 §2.3).
    Delete,
}

/// Which addresses a request may connect to.
#[expect(clippy::exhaustive_enums, reason = "all, or those that somebody allows")]
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// All: the user named the host himself.
    Anywhere,
    /// Those that this function allows, asked of the very address that is connected to, after the name was looked up:
    /// a name that looks public may resolve to the inside of a network. Through a proxy the name is looked up elsewhere,
    /// so there only a host that is written as an address can be asked about.
    Only(fn(IpAddr) -> bool),
}

/// One request.
#[derive(Clone)]
pub struct WebRequest {
    /// `GET`, `POST` or `DELETE`.
    pub method: WebMethod,
    /// Where to. `https`, or plain `http` to this machine.
    pub url: String,
    /// All headers but `Host` and `Content-Length`. Values may hold secrets.
    pub headers: Vec<(String, Secret)>,
    /// The body of a `POST`; empty for the others.
    pub body: Secret,
    /// The most of the answer's body that is kept, in bytes; the rest is cut off, and said to be.
    pub body_max_bytes: usize,
    /// From the lookup of the name to the last byte of the answer, however slowly it drips.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
    /// Where it may connect to.
    pub reach: Reach,
}

impl WebRequest {
    /// A `GET` of a JSON document.
    pub fn get(url: impl Into<String>, timeout: Span, connect_timeout: Span, reach: Reach) -> Self {
        Self {
            method: WebMethod::Get,
            url: url.into(),
            headers: vec![("Accept".into(), Secret::from("application/json"))],
            body: Secret::from(""),
            body_max_bytes: WEB_BODY_MAX_BYTES,
            timeout,
            connect_timeout,
            reach,
        }
    }

    /// A token request as it stands: whoever signs has added its proofs.
    pub fn from_token_request(request: TokenRequest, reach: Reach) -> Self {
        Self {
            method: WebMethod::Post,
            url: request.url,
            headers: request.headers,
            body: request.body,
            body_max_bytes: WEB_BODY_MAX_BYTES,
            timeout: request.timeout,
            connect_timeout: request.connect_timeout,
            reach,
        }
    }
}

/// How a request ended.
#[derive(Clone)]
pub struct WebAnswer {
    /// The response, or why none came.
    pub answer: Answer,
    /// The address that was connected to; none where no connection stood, or behind a proxy.
    pub peer: Option<IpAddr>,
    /// No connection was tried, since no address of the host is [allowed](Reach::Only).
    pub out_of_reach: bool,
}

/// Exchanges one request for one answer. No redirect is followed, nothing is retried, nothing is kept from one request
/// to the next, and nothing of the answer is decoded. Dropping the future ends the request.
#[async_trait]
pub trait Web: Send + Sync + 'static {
    /// Sends it and waits for the end. Every failure is an [`Answer`].
    async fn exchange(&self, request: WebRequest) -> WebAnswer;
}
