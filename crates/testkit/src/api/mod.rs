//! A protected API: accepts the authorization server's access tokens, and shows what reached it.

mod admit;
mod record;
mod routes;

pub use record::{ApiEntry, ApiTotals, checksum};

use crate::clock::Deadline;
use crate::http::Listener;
use crate::model::AccessOrdinal;
use crate::server::{AuthorizationServer, Shared};
use record::ApiState;
use routes::Routes;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A resource server on `http://127.0.0.1:PORT` that asks the authorization server about every bearer token
/// (RFC 6750), echoes, streams, and logs.
///
/// Without a valid token every route answers 401 with `WWW-Authenticate: Bearer`, after the request body was read. A token
/// that is bound to a key (RFC 9449) is taken under the scheme `DPoP`, with a proof for this very request, and under no
/// other.
///
/// | route | answer |
/// |---|---|
/// | `/echo` | the request body, whole, with its content type; any method |
/// | `/echo/stream` | the request body, sent back in chunks while it still comes in |
/// | `/sse?n=5&interval_ms=20` | server-sent events `data: 1` to `data: N`, so far apart |
/// | `/slow?ms=500` | the answer of any other path, so much later |
/// | `/large?bytes=1048576` | so many bytes `x` |
/// | `/trailers` | a chunked `body`, with the trailers `X-Checksum` and `X-Length` |
/// | `/status/NNN` | this status; 204 and 304 without a body |
/// | `/.well-known/oauth-protected-resource` and below | the metadata of RFC 9728, without a token |
/// | any other | JSON: `method`, `target`, `headers` (all but the value of `Authorization`), `trailers`, `body` (as text), `body_bytes`, `checksum`, `token` (its ordinal) |
pub struct ProtectedApi {
    inner: Arc<Inner>,
    auth: Arc<Shared>,
    listener: Listener,
}

/// What the connections share.
pub(crate) struct Inner {
    state: Mutex<ApiState>,
    changed: Condvar,
}

impl Inner {
    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut ApiState) -> R) -> R {
        let result = act(&mut self.lock());
        self.changed.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, ApiState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProtectedApi {
    /// Starts on a free port of 127.0.0.1. It keeps working when the authorization server's port is down.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub fn start(server: &AuthorizationServer) -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into(), server)
    }

    /// Starts on this address; port 0 means any free one.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread started.
    pub fn start_on(addr: SocketAddr, server: &AuthorizationServer) -> io::Result<Self> {
        let inner = Arc::new(Inner { state: Mutex::default(), changed: Condvar::new() });
        let auth = server.shared();
        let routes = Routes { inner: Arc::clone(&inner), auth: Arc::clone(&auth) };
        let listener = Listener::start(addr, Arc::new(routes), None)?;
        Ok(Self { inner, auth, listener })
    }

    /// The bound address.
    pub fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Answers 401 to every token from now on, valid or not, until set back.
    pub fn answer_401_always(&self, always: bool) {
        self.inner.change(|state| state.refuse_always = always);
    }

    /// Answers 401 to the next `n` requests, whatever their token.
    pub fn answer_401_next(&self, n: u64) {
        self.inner.change(|state| state.refuse_next = n);
    }

    /// Asks for a nonce in every DPoP proof from now on (RFC 9449 section 9), another one with each call.
    pub fn rotate_dpop_nonce(&self) {
        self.inner.change(|state| state.nonce += 1);
    }

    /// Names the metadata of RFC 9728 in every 401 from now on, as MCP servers do.
    pub fn announce_metadata(&self, announces: bool) {
        self.inner.change(|state| state.announces = announces);
    }

    /// Revokes the access token that the authorization server issued last.
    pub fn revoke_current(&self) -> Option<AccessOrdinal> {
        self.auth.change(|state| state.model.revoke_latest_access())
    }

    /// The counts so far.
    pub fn totals(&self) -> ApiTotals {
        self.inner.lock().totals
    }

    /// The requests so far, oldest first, at most [`LOG_ENTRIES`](crate::LOG_ENTRIES).
    pub fn log(&self) -> Vec<ApiEntry> {
        self.inner.lock().log.iter().cloned().collect()
    }

    /// Waits until the counts fulfil a condition.
    ///
    /// # Errors
    /// When `deadline` passes before; the error holds the counts.
    pub fn wait_for(
        &self,
        condition: impl Fn(&ApiTotals) -> bool,
        deadline: Duration,
    ) -> Result<ApiTotals, ApiWaitTimeout> {
        let deadline = Deadline::after(deadline);
        let mut state = self.inner.lock();
        while !condition(&state.totals) {
            let Some(left) = deadline.left() else { return Err(ApiWaitTimeout(state.totals)) };
            let waited = self.inner.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state.totals)
    }
}

impl fmt::Debug for ProtectedApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals();
        f.debug_struct("ProtectedApi").field("addr", &self.addr()).field("totals", &totals).finish()
    }
}

/// A condition did not come true in time; here are the counts as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiWaitTimeout(pub ApiTotals);

impl fmt::Display for ApiWaitTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the protected API did not get there in time: {:?}", self.0)
    }
}

impl std::error::Error for ApiWaitTimeout {}
