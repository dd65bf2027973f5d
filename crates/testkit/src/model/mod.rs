//! The authorization server as a pure value: no socket, no clock, no entropy.
//!
//! The real server ([`AuthorizationServer`](crate::AuthorizationServer)) and a simulator in virtual time must agree on
//! what a replay does, so both drive this one model. Time comes in as milliseconds since any fixed origin; the same
//! configuration and the same calls give the same answers, byte for byte.

mod access;
mod class;
mod config;
mod family;
mod form;
mod mint;
mod record;
mod reply;
#[cfg(test)]
mod tests;

pub use access::{AccessCheck, AccessOrdinal};
pub use class::{AsClass, UnknownClass};
pub use config::{AsConfig, ClientAuth, ExpiresIn};
pub use family::RefreshStanding;
pub use form::{FormError, TokenForm};
pub use record::{LOG_ENTRIES, LogEntry, RefreshOrdinal, TokenVerdict, Totals};
pub use reply::AsReply;

use access::{AccessIssue, AccessTable};
use family::{Grant, Step};
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
    totals: Totals,
    log: Log,
}

impl AsModel {
    /// A server that knows one client and no grant yet.
    pub fn new(config: AsConfig) -> Self {
        Self {
            mint: Mint::new(config.seed),
            config,
            grants: Vec::new(),
            refresh_index: BTreeMap::new(),
            access: AccessTable::default(),
            latest_access: None,
            refresh_order: VecDeque::new(),
            client_refused: false,
            totals: Totals::default(),
            log: Log::default(),
        }
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
        let access_token = self.issue_access(now_ms, place);
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
        if let Err(refusal) = self.check_client(form) {
            self.totals.invalid_clients += 1;
            return refusal;
        }
        match &form.token {
            Some(token) => {
                self.revoke(token);
                AsReply { status: 200, headers: Vec::new(), body: Vec::new() }
            }
            None => AsReply::error(400, "invalid_request", "token is missing"),
        }
    }
}

/// How a request is answered.
impl AsModel {
    fn arrival(&mut self, now_ms: u64, form: Option<&TokenForm>, fault: Option<String>) -> LogEntry {
        self.totals.token_requests += 1;
        self.totals.faults += u64::from(fault.is_some());
        let presented = form.and_then(|form| form.refresh_token.as_deref());
        LogEntry {
            number: self.totals.token_requests,
            at_ms: now_ms,
            fault,
            verdict: None,
            presented: presented.and_then(|token| self.ordinal(token)),
            issued: None,
            parameters: form.map(TokenForm::parameter_names).unwrap_or_default(),
            basic: form.is_some_and(|form| form.basic.is_some()),
        }
    }

    fn count(&mut self, verdict: TokenVerdict) {
        let totals = &mut self.totals;
        match verdict {
            TokenVerdict::Refreshed | TokenVerdict::Rotated => totals.successes += 1,
            TokenVerdict::Sibling | TokenVerdict::Repeated | TokenVerdict::Stale => {
                totals.successes += 1;
                totals.replays += 1;
            }
            TokenVerdict::Reuse => {
                totals.reuse_trips += 1;
                totals.invalid_grants += 1;
            }
            TokenVerdict::RevokedGrant
            | TokenVerdict::ExpiredGrant
            | TokenVerdict::Evicted
            | TokenVerdict::UnknownToken => totals.invalid_grants += 1,
            TokenVerdict::ClientRefused => totals.invalid_clients += 1,
            TokenVerdict::Malformed => totals.invalid_requests += 1,
        }
        totals.rotations += u64::from(matches!(verdict, TokenVerdict::Rotated | TokenVerdict::Sibling));
    }

    fn answer(&mut self, now_ms: u64, form: &TokenForm, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        if let Err(refusal) = self.check_client(form) {
            return (TokenVerdict::ClientRefused, refusal);
        }
        let malformed = |code, text: &str| (TokenVerdict::Malformed, AsReply::error(400, code, text));
        if let Some(name) = &form.repeated {
            return malformed("invalid_request", &format!("{name} is repeated"));
        }
        match form.grant_type.as_deref() {
            Some("refresh_token") => {}
            Some(_) => return malformed("unsupported_grant_type", "only refresh_token is supported"),
            None => return malformed("invalid_request", "grant_type is missing"),
        }
        let Some(token) = form.refresh_token.as_deref() else {
            return malformed("invalid_request", "refresh_token is missing");
        };
        match self.refresh_index.get(token).copied() {
            Some(place) => self.redeem(now_ms, place, entry),
            None => refused(TokenVerdict::UnknownToken),
        }
    }

    fn redeem(&mut self, now_ms: u64, place: Place, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        let (grant, at) = place;
        let step = self.grants[grant].decide(now_ms, at, &self.config);
        let (verdict, next, shown) = match step {
            Step::Refuse(verdict) => {
                if verdict == TokenVerdict::Reuse {
                    self.end_family(grant);
                }
                return refused(verdict);
            }
            Step::Keep => (TokenVerdict::Refreshed, place, self.config.repeat_refresh_token),
            Step::Mint(verdict) => (verdict, self.issue_refresh(now_ms, grant, Some(at)), true),
            Step::Hand(older, verdict) => (verdict, (grant, older), true),
        };
        if !verdict.is_replay() {
            self.grants[grant].acknowledge(at);
        }
        if self.config.access_dies_on_refresh {
            self.grants[grant].access_floor = self.grants[grant].last_access + 1;
        }
        let access_token = self.issue_access(now_ms, next);
        let refresh_token = shown.then(|| self.issue_at(next).token.as_str());
        entry.issued = shown.then(|| self.ordinal_at(next));
        (verdict, reply::tokens(&self.config, &access_token, refresh_token))
    }

    /// RFC 6749 section 2.3.1, and the answer of section 5.2 where it fails.
    fn check_client(&self, form: &TokenForm) -> Result<(), AsReply> {
        let config = &self.config;
        let posted = (form.client_id.as_deref(), form.client_secret.as_deref());
        let in_basic = form.basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        let known = match (&config.client_secret, in_basic, posted) {
            (Some(secret), Some(pair), (_, None)) => {
                config.client_auth != ClientAuth::Post && pair == (config.client_id.as_str(), secret)
            }
            (Some(secret), None, (Some(id), Some(posted))) => {
                config.client_auth != ClientAuth::Basic && id == config.client_id && posted == secret
            }
            (None, None, (Some(id), _)) => id == config.client_id,
            (None, Some((id, "")), _) => id == config.client_id,
            _ => false,
        };
        if known && !self.client_refused {
            return Ok(());
        }
        let refusal = AsReply::error(401, "invalid_client", "client authentication failed");
        Err(if form.basic.is_some() {
            refusal.with("WWW-Authenticate", "Basic realm=\"testkit\"")
        } else {
            refusal
        })
    }
}

/// Tokens and where they are.
impl AsModel {
    fn issue_refresh(&mut self, now_ms: u64, grant: usize, parent: Option<usize>) -> Place {
        let token = self.mint.token("rt_");
        let place = (grant, self.grants[grant].issue(now_ms, parent, token.clone()));
        self.refresh_index.insert(token, place);
        if self.config.class == AsClass::P6 {
            self.cap_refresh(place);
        }
        place
    }

    /// P6: keeps the newest `cap` refresh tokens of grants that still stand.
    fn cap_refresh(&mut self, newest: Place) {
        self.refresh_order.push_back(newest);
        let grants = &self.grants;
        self.refresh_order.retain(|(grant, _)| !grants[*grant].revoked);
        while self.refresh_order.len() > self.config.cap.max(1) {
            if let Some((grant, at)) = self.refresh_order.pop_front() {
                self.grants[grant].issues[at].evicted = true;
                self.totals.evictions += 1;
            }
        }
    }

    fn issue_access(&mut self, now_ms: u64, (at, came_with): Place) -> String {
        let token = self.mint.token("at_");
        let grant = &mut self.grants[at];
        grant.last_access += 1;
        self.latest_access = Some(token.clone());
        let ordinal = AccessOrdinal { grant: grant_id(at), ordinal: grant.last_access };
        let expires_ms = now_ms.saturating_add(self.config.lifetime_ms);
        let issue = AccessIssue { ordinal, expires_ms, came_with, revoked: false };
        self.access.insert(now_ms, token.clone(), issue);
        if self.config.class == AsClass::P6 {
            self.totals.evictions += self.access.cap(now_ms, self.config.cap, &token);
        }
        token
    }

    fn look_at_access(&mut self, now_ms: u64, token: &str) -> AccessCheck {
        let Some(issue) = self.access.find(token) else { return AccessCheck::Unknown };
        let ordinal = issue.ordinal;
        let Some(grant) = self.grants.get_mut((ordinal.grant.0 - 1) as usize) else {
            return AccessCheck::Unknown;
        };
        if issue.revoked || grant.revoked || ordinal.ordinal < grant.access_floor {
            AccessCheck::Revoked(ordinal)
        } else if now_ms >= issue.expires_ms {
            AccessCheck::Expired(ordinal)
        } else {
            grant.acknowledge(issue.came_with);
            AccessCheck::Valid { ordinal, left_ms: issue.expires_ms - now_ms }
        }
    }

    fn end_family(&mut self, grant: usize) {
        let newly = !std::mem::replace(&mut self.grants[grant].revoked, true);
        self.totals.families_revoked += u64::from(newly);
    }

    fn issue_at(&self, (grant, at): Place) -> &family::RefreshIssue {
        &self.grants[grant].issues[at]
    }

    fn ordinal_at(&self, place: Place) -> RefreshOrdinal {
        let generation = self.issue_at(place).generation;
        RefreshOrdinal { grant: grant_id(place.0), ordinal: place.1 as u64 + 1, generation }
    }

    fn grant_index(&self, grant: GrantId) -> Option<usize> {
        let at = usize::try_from(grant.0.checked_sub(1)?).ok()?;
        (at < self.grants.len()).then_some(at)
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

/// `invalid_grant` (RFC 6749 section 5.2) with the reason in words.
fn refused(verdict: TokenVerdict) -> (TokenVerdict, AsReply) {
    let description = match verdict {
        TokenVerdict::Reuse => "refresh token reuse detected; the grant is revoked",
        TokenVerdict::RevokedGrant => "the grant was revoked",
        TokenVerdict::ExpiredGrant => "the refresh token has expired",
        _ => "the refresh token is not valid",
    };
    (verdict, AsReply::error(400, "invalid_grant", description))
}
