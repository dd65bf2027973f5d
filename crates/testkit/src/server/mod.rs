//! The authorization server on a real socket, with its controls.

mod control;
mod logins;
mod metadata;
mod routes;
mod shared;
mod token;

pub(crate) use shared::Shared;

use crate::canary::SecretKind;
use crate::fault::Fault;
use crate::http::{Listener, Service, Wrap};
use crate::issued;
use crate::model::{AccessOrdinal, AsConfig, AsModel, GrantId, LogEntry, MintedGrant, Totals};
use crate::script::Script;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a form may be; real servers allow less.
pub(crate) const MAX_FORM_BYTES: usize = 1024 * 1024;

/// A scriptable authorization server on `http://127.0.0.1:PORT`.
///
/// | route | what it is |
/// |---|---|
/// | `POST /token` | all grants (RFC 6749, 7523, 8628, 8693), DPoP (RFC 9449), `private_key_jwt` |
/// | `POST /revoke` | RFC 7009 |
/// | `GET /authorize` | consents at once and redirects (RFC 6749 section 4.1, RFC 7636, RFC 9207) |
/// | `POST /par` | RFC 9126 |
/// | `POST /device_authorization`, `GET /device` | RFC 8628; the page approves the code in its address |
/// | `POST /register`, `GET` and `DELETE /register/ID` | RFC 7591, RFC 7592 |
/// | `GET /jwks` | keys of ID tokens |
/// | `GET /.well-known/oauth-authorization-server`, `openid-configuration` | RFC 8414 |
///
/// Faults strike `/token`, and `/revoke` where told so. What else logins need is chosen in
/// [`LoginConfig`](crate::LoginConfig). For other languages and processes the same controls are reachable under
/// `/_control/` (see the crate documentation).
///
/// Dropping it closes the port and ends all connections.
pub struct AuthorizationServer {
    shared: Arc<Shared>,
    listener: Option<Listener>,
    addr: SocketAddr,
    wrap: Option<Arc<Wrap>>,
}

impl AuthorizationServer {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub fn start(config: AsConfig) -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into(), config)
    }

    /// Starts on this address; port 0 means any free one.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread started.
    pub fn start_on(addr: SocketAddr, config: AsConfig) -> io::Result<Self> {
        Self::start_wrapped(addr, config, None)
    }

    /// Starts on a free port of 127.0.0.1 with TLS; the issuer is then `https://127.0.0.1:PORT`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[cfg(feature = "tls")]
    pub fn start_tls(config: AsConfig, identity: &crate::TlsIdentity) -> io::Result<Self> {
        Self::start_wrapped((Ipv4Addr::LOCALHOST, 0).into(), config, Some(identity.wrap()))
    }

    fn start_wrapped(addr: SocketAddr, mut config: AsConfig, wrap: Option<Arc<Wrap>>) -> io::Result<Self> {
        config.seed = issued::seed();
        note_client_secret(&config);
        let shared = Arc::new(Shared::new(AsModel::noted(config)));
        let listener = Listener::start(addr, service(&shared), wrap.clone())?;
        let addr = listener.addr();
        let issuer = shared.issuer.set(format!("{}://{addr}", scheme(wrap.is_some())));
        debug_assert!(issuer.is_ok(), "an address is known once");
        Ok(Self { shared, listener: Some(listener), addr, wrap })
    }

    /// The bound address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The issuer, and the origin of all URLs: `http://127.0.0.1:PORT`.
    pub fn issuer(&self) -> String {
        format!("{}://{}", scheme(self.wrap.is_some()), self.addr)
    }

    /// URL of the token endpoint.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.issuer())
    }

    /// URL of the revocation endpoint.
    pub fn revocation_url(&self) -> String {
        format!("{}/revoke", self.issuer())
    }

    /// Plays this fault on every token request from now on that has none queued.
    pub fn set_fault(&self, fault: Fault) {
        self.shared.change(|state| state.script.set(fault));
    }

    /// Queues a fault for the next token request that has none yet.
    pub fn push_fault(&self, fault: Fault) {
        self.shared.change(|state| state.script.push(fault));
    }

    /// Queues a fault for the next `n` token requests.
    pub fn next_faults(&self, n: usize, fault: Fault) {
        self.shared.change(|state| state.script.next(n, fault));
    }

    /// Replaces the whole script.
    pub fn set_script(&self, script: Script) {
        self.shared.change(|state| state.script = script);
    }

    /// Waits so long after processing a token request, before it is answered. Default: not at all.
    pub fn set_delay(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// Changes the configuration from now on, for example the class or the lifetime.
    pub fn configure(&self, change: impl FnOnce(&mut AsConfig)) {
        self.shared.change(|state| {
            let before = state.model.config().client_secret.clone();
            state.model.configure(change);
            if state.model.config().client_secret != before {
                note_client_secret(state.model.config());
            }
        });
    }

    /// Anything else the model can do, at the server's time in milliseconds.
    pub fn with_model<R>(&self, act: impl FnOnce(&mut AsModel, u64) -> R) -> R {
        let now_ms = self.now_ms();
        self.shared.change(|state| act(&mut state.model, now_ms))
    }

    /// The server's time: milliseconds since it started, plus what it was [advanced](Self::advance).
    pub fn now_ms(&self) -> u64 {
        self.shared.clock.now_ms()
    }

    /// Pushes the server's time forward, so that tokens expire without waiting.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// A login without a browser.
    pub fn mint_grant(&self) -> MintedGrant {
        self.with_model(|model, now_ms| model.mint_grant(now_ms))
    }

    /// The counts so far.
    pub fn totals(&self) -> Totals {
        self.shared.look(|state| state.model.totals())
    }

    /// The token requests so far, oldest first; faults included, tokens not.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.look(|state| state.model.log().cloned().collect())
    }

    /// Revokes the access token issued last.
    pub fn revoke_latest_access(&self) -> Option<AccessOrdinal> {
        self.with_model(|model, _| model.revoke_latest_access())
    }

    /// Revokes a grant with all its tokens; `false` if there is no such grant.
    pub fn revoke_family(&self, grant: GrantId) -> bool {
        self.with_model(|model, _| model.revoke_family(grant))
    }

    /// Refuses the client (`invalid_client`) until set back.
    pub fn refuse_client(&self, refused: bool) {
        self.with_model(|model, _| model.refuse_client(refused));
    }

    /// Waits until the counts fulfil a condition.
    ///
    /// # Errors
    /// When `deadline` passes before; the error shows the counts.
    pub fn wait_for(
        &self,
        condition: impl Fn(&Totals) -> bool,
        deadline: Duration,
    ) -> Result<Totals, WaitTimeout> {
        let waited = self.shared.wait(deadline, |state| condition(&state.model.totals()));
        if waited { Ok(self.totals()) } else { Err(self.timeout()) }
    }

    /// Holds token requests from now on: read, not processed, until [`release`](Self::release). A request whose client
    /// goes away meanwhile is processed all the same, as a real server might. Its fault was chosen when it arrived.
    pub fn hold(&self) {
        self.shared.change(|state| state.gate.before = true);
    }

    /// Holds answers from now on: requests are processed (and may rotate), not answered, until
    /// [`release`](Self::release).
    pub fn hold_answers(&self) {
        self.shared.change(|state| state.gate.after = true);
    }

    /// Ends both kinds of holding and lets all held requests go on.
    pub fn release(&self) {
        self.shared.change(|state| state.gate.open());
    }

    /// How many token requests are held now.
    pub fn held(&self) -> usize {
        self.shared.look(|state| state.gate.held)
    }

    /// Waits until so many token requests are held.
    ///
    /// # Errors
    /// When `deadline` passes before.
    pub fn wait_held(&self, n: usize, deadline: Duration) -> Result<(), WaitTimeout> {
        if self.shared.wait(deadline, |state| state.gate.held >= n) {
            return Ok(());
        }
        Err(self.timeout())
    }

    fn timeout(&self) -> WaitTimeout {
        WaitTimeout { totals: Box::new(self.totals()), in_flight: self.in_flight() }
    }

    /// Token requests on the wire now: begun, and neither answered nor closed.
    pub fn in_flight(&self) -> usize {
        self.shared.look(|state| state.in_flight)
    }

    /// Waits until no token request is on the wire.
    ///
    /// # Errors
    /// When `deadline` passes before.
    pub fn wait_idle(&self, deadline: Duration) -> Result<(), WaitTimeout> {
        let idle = self.shared.wait(deadline, |state| state.in_flight == 0);
        if idle { Ok(()) } else { Err(self.timeout()) }
    }

    /// The greatest [`in_flight`](Self::in_flight) ever seen.
    pub fn max_in_flight(&self) -> usize {
        self.shared.look(|state| state.max_in_flight)
    }

    /// Closes the port and all connections: from now on connecting is refused. Requests held are not processed.
    pub fn take_down(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.stop();
            self.shared.change(|_| ());
        }
    }

    /// Listens again on the same port after [`take_down`](Self::take_down); grants and counts were kept.
    ///
    /// # Errors
    /// When the port was taken by someone else meanwhile.
    pub fn bring_up(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            let service = service(&self.shared);
            self.listener = Some(Listener::start(self.addr, service, self.wrap.clone())?);
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        self.take_down();
    }
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals();
        f.debug_struct("AuthorizationServer").field("addr", &self.addr).field("totals", &totals).finish()
    }
}

/// A condition did not come true in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitTimeout {
    totals: Box<Totals>,
    in_flight: usize,
}

impl fmt::Display for WaitTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server did not get there in time: {} in flight, {:?}", self.in_flight, self.totals)
    }
}

impl std::error::Error for WaitTimeout {}

fn note_client_secret(config: &AsConfig) {
    if let Some(secret) = &config.client_secret {
        issued::note(SecretKind::ClientSecret, secret);
    }
}

fn service(shared: &Arc<Shared>) -> Arc<dyn Service> {
    Arc::new(routes::Routes { shared: Arc::clone(shared) })
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}
