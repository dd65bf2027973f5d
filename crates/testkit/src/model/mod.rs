//! The authorization server as a pure value: no socket, no clock, no entropy.
//!
//! The real server ([`AuthorizationServer`](crate::AuthorizationServer)) and a simulator in virtual time must agree on
//! what a replay does, so both drive this one model. Time comes in as milliseconds since any fixed origin; the same
//! configuration and the same calls give the same answers, byte for byte.

mod access;
mod answer;
mod authorize;
mod class;
mod clients;
mod config;
mod device;
mod family;
mod form;
mod grants;
mod jose;
mod login;
mod mint;
mod proof;
mod record;
mod reply;
#[cfg(test)]
mod tests;

pub use access::{AccessCheck, AccessFacts, AccessOrdinal};
pub use class::{AsClass, UnknownClass};
pub use config::{AsConfig, ClientAuth, ExpiresIn};
pub use family::RefreshStanding;
pub use form::{Arrival, FormError, TokenForm};
pub use login::{Consent, Dpop, Iss, LoginConfig, Registration};
pub use record::{LOG_ENTRIES, LogEntry, RefreshOrdinal, Revocation, TokenVerdict, Totals};
pub use reply::AsReply;

pub(crate) use form::decode;
pub(crate) use grants::GRANT_TYPES;
pub(crate) use proof::{Expected, ProofFault, SeenIds, check as check_proof};

use access::AccessTable;
use authorize::{Code, PushedRequest};
use clients::RegisteredClient;
use device::DeviceLogin;
use family::Grant;
use mint::Mint;
use record::Log;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// Names one grant (one login): the number of the [`AsModel::mint_grant`] call that made it, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(pub u64);

/// A login without a browser. `Debug` shows the grant only.
#[derive(Clone, PartialEq, Eq)]
pub struct MintedGrant {
    /// Which grant this is.
    pub grant: GrantId,
    /// The first refresh token.
    pub refresh_token: String,
    /// The first access token.
    pub access_token: String,
}

impl fmt::Debug for MintedGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedGrant").field("grant", &self.grant).finish_non_exhaustive()
    }
}

/// A refresh token by position: grant and index within it.
type Place = (usize, usize);

/// A deterministic authorization server for the refresh grant (RFC 6749 section 6) and revocation (RFC 7009).
///
/// Superseded refresh tokens are remembered for ever, as reuse detection needs it; expired access tokens are forgotten
/// after some 100 000, and the log keeps [`LOG_ENTRIES`].
///
/// ```
/// use renewd_testkit::{AsConfig, AsModel, TokenForm};
/// let mut model = AsModel::new(AsConfig::default());
/// let login = model.mint_grant(0);
/// let form = TokenForm::refresh(&login.refresh_token).client("testkit-client");
/// assert_eq!(model.token_request(1_000, &form).status, 200);
/// assert_eq!(model.token_request(2_000, &form).status, 400, "P2: a refresh token works once");
/// assert_eq!(model.totals().reuse_trips, 1);
/// ```
pub struct AsModel {
    config: AsConfig,
    mint: Mint,
    grants: Vec<Grant>,
    refresh_index: BTreeMap<String, Place>,
    access: AccessTable,
    latest_access: Option<String>,
    /// Live refresh tokens in order of issue, for the cap of P6.
    refresh_order: VecDeque<Place>,
    client_refused: bool,
    registered: Vec<RegisteredClient>,
    codes: BTreeMap<String, Code>,
    pushed: BTreeMap<String, PushedRequest>,
    devices: Vec<DeviceLogin>,
    seen_assertions: SeenIds,
    seen_proofs: SeenIds,
    refused_subjects: Vec<String>,
    nonce: String,
    revocations: Vec<Revocation>,
    totals: Totals,
    log: Log,
}

impl AsModel {
    /// A server that knows one client and no grant yet.
    pub fn new(config: AsConfig) -> Self {
        let mint = Mint::new(config.seed);
        // From a mint of its own: what a seed gave out before it goes on to give out.
        let nonce = Mint::new(!config.seed).name();
        Self {
            mint,
            config,
            grants: Vec::new(),
            refresh_index: BTreeMap::new(),
            access: AccessTable::default(),
            latest_access: None,
            refresh_order: VecDeque::new(),
            client_refused: false,
            registered: Vec::new(),
            codes: BTreeMap::new(),
            pushed: BTreeMap::new(),
            devices: Vec::new(),
            seen_assertions: SeenIds::default(),
            seen_proofs: SeenIds::default(),
            refused_subjects: Vec::new(),
            nonce,
            revocations: Vec::new(),
            totals: Totals::default(),
            log: Log::default(),
        }
    }

    /// The same, and from now on everything that it gives out is known to [`issued_after`](crate::issued_after).
    pub(crate) fn noted(config: AsConfig) -> Self {
        let mut model = Self::new(config);
        model.mint.note_all();
        model
    }

    /// The configuration in force.
    pub fn config(&self) -> &AsConfig {
        &self.config
    }

    /// Changes the configuration from now on; tokens already issued keep their lifetime. A new `seed` has no effect.
    pub fn configure(&mut self, change: impl FnOnce(&mut AsConfig)) {
        change(&mut self.config);
    }

    /// Refuses the client (`invalid_client`) until set back, as after a deleted registration.
    pub fn refuse_client(&mut self, refused: bool) {
        self.client_refused = refused;
    }

    /// The counts so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The token requests so far, oldest first, at most [`LOG_ENTRIES`].
    pub fn log(&self) -> impl Iterator<Item = &LogEntry> {
        self.log.entries()
    }

    /// A login without a browser.
    pub fn mint_grant(&mut self, now_ms: u64) -> MintedGrant {
        let at = self.grants.len();
        self.grants.push(Grant::default());
        self.totals.grants_minted += 1;
        let place = self.issue_refresh(now_ms, at, None);
        let access_token = self.issue_access(now_ms, place, AccessFacts::default());
        let refresh_token = self.issue_at(place).token.clone();
        MintedGrant { grant: grant_id(at), refresh_token, access_token }
    }

    /// Answers a token request (RFC 6749 sections 5 and 6) and logs it.
    pub fn token_request(&mut self, now_ms: u64, form: &TokenForm) -> AsReply {
        self.token_request_under(now_ms, form, None)
    }

    /// The same for a request whose answer a fault will distort; `fault` goes into the log.
    pub(crate) fn token_request_under(
        &mut self,
        now_ms: u64,
        form: &TokenForm,
        fault: Option<String>,
    ) -> AsReply {
        let mut entry = self.arrival(now_ms, Some(form), fault);
        let (verdict, reply) = self.answer(now_ms, form, &mut entry);
        entry.verdict = Some(verdict);
        self.count(verdict);
        self.log.push(entry);
        reply
    }

    /// Answers a token request that is not a form at all (RFC 6749 section 5.2, `invalid_request`).
    pub fn malformed_request(&mut self, now_ms: u64, reason: &str) -> AsReply {
        let mut entry = self.arrival(now_ms, None, None);
        entry.verdict = Some(TokenVerdict::Malformed);
        self.count(TokenVerdict::Malformed);
        self.log.push(entry);
        AsReply::error(400, "invalid_request", reason)
    }

    /// Logs a token request that a fault kept from being processed.
    pub fn note_unprocessed(&mut self, now_ms: u64, form: Option<&TokenForm>, fault: &str) {
        let entry = self.arrival(now_ms, form, Some(fault.to_owned()));
        self.totals.unprocessed += 1;
        self.log.push(entry);
    }

    /// Counts a fault that hit a connection before any request was seen on it.
    pub fn note_connection_fault(&mut self) {
        self.totals.faults += 1;
    }

    /// Checks an access token, as a protected resource does by introspection. In P4 a valid one acknowledges.
    pub fn check_access(&mut self, now_ms: u64, token: &str) -> AccessCheck {
        self.totals.access_checks += 1;
        let check = self.look_at_access(now_ms, token);
        if !check.is_valid() {
            self.totals.access_refused += 1;
        }
        check
    }

    /// What an access token is for, where it was issued here.
    pub fn access_facts(&mut self, token: &str) -> Option<AccessFacts> {
        self.access.find(token).map(|issue| issue.facts.clone())
    }

    /// The revocations that clients asked for (RFC 7009), oldest first.
    pub fn revocations(&self) -> &[Revocation] {
        &self.revocations
    }

    /// How this refresh token stands; presents nothing, counts nothing.
    pub fn standing(&self, now_ms: u64, refresh_token: &str) -> RefreshStanding {
        match self.refresh_index.get(refresh_token) {
            Some(&(grant, at)) => self.grants[grant].standing(now_ms, at, &self.config),
            None => RefreshStanding::Unknown,
        }
    }

    /// Which refresh token this is, where it is a known one.
    pub fn ordinal(&self, refresh_token: &str) -> Option<RefreshOrdinal> {
        self.refresh_index.get(refresh_token).map(|place| self.ordinal_at(*place))
    }

    /// Whether the grant exists and was not revoked.
    pub fn grant_alive(&self, grant: GrantId) -> bool {
        self.grant_index(grant).is_some_and(|at| !self.grants[at].revoked)
    }

    /// Revokes one access token; `false` if it was never issued here.
    pub fn revoke_access(&mut self, token: &str) -> bool {
        let found = self.access.find(token).map(|issue| issue.revoked = true).is_some();
        self.totals.revocations += u64::from(found);
        found
    }

    /// Revokes the access token issued last, over all grants; `None` if there is none.
    pub fn revoke_latest_access(&mut self) -> Option<AccessOrdinal> {
        let token = self.latest_access.clone()?;
        self.revoke_access(&token);
        self.access.find(&token).map(|issue| issue.ordinal)
    }

    /// Revokes a grant with all its refresh and access tokens; `false` if there is no such grant.
    pub fn revoke_family(&mut self, grant: GrantId) -> bool {
        let Some(at) = self.grant_index(grant) else { return false };
        self.totals.revocations += 1;
        self.end_family(at);
        true
    }

    /// RFC 7009: a refresh token, superseded or not, ends its whole grant; an access token only itself. Returns whether
    /// the token was known.
    pub fn revoke(&mut self, token: &str) -> bool {
        match self.refresh_index.get(token) {
            Some(&(grant, _)) => self.revoke_family(grant_id(grant)),
            None => self.revoke_access(token),
        }
    }

    /// Answers a revocation request (RFC 7009 section 2): 200 for a known or an unknown token.
    pub fn revocation_request(&mut self, form: &TokenForm) -> AsReply {
        let client = match self.authenticate(form) {
            Ok(client) => client.id,
            Err(refusal) => {
                self.totals.invalid_clients += 1;
                return refusal;
            }
        };
        match &form.token {
            Some(token) => {
                self.revocations.push(Revocation {
                    client,
                    hint: form.parameter("token_type_hint").map(str::to_owned),
                    refresh: self.ordinal(token),
                    access: self.access.find(token).map(|issue| issue.ordinal),
                });
                self.revoke(token);
                AsReply { status: 200, headers: Vec::new(), body: Vec::new() }
            }
            None => AsReply::error(400, "invalid_request", "token is missing"),
        }
    }
}

impl fmt::Debug for AsModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsModel")
            .field("config", &self.config)
            .field("grants", &self.grants.len())
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

fn grant_id(at: usize) -> GrantId {
    GrantId(at as u64 + 1)
}
