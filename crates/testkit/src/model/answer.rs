//! How the model answers a request: the client checked, the class asked, tokens issued, everything counted.

use super::access::{AccessFacts, AccessIssue};
use super::clients::KnownClient;
use super::family::{RefreshIssue, Step};
use super::record::{LogEntry, RefreshOrdinal, TokenVerdict};
use super::{
    AccessCheck, AccessOrdinal, AsClass, AsModel, AsReply, GrantId, Place, TokenForm, grant_id, reply,
};
use crate::api::checksum;

/// A request whose client and proof were looked at.
pub(super) struct Asked<'a> {
    pub(super) now_ms: u64,
    pub(super) form: &'a TokenForm,
    pub(super) client: KnownClient,
    /// The key that the proof was made with.
    pub(super) jkt: Option<String>,
}

/// How a request is answered.
impl AsModel {
    pub(super) fn arrival(
        &mut self,
        now_ms: u64,
        form: Option<&TokenForm>,
        fault: Option<String>,
    ) -> LogEntry {
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
            grant_type: form.and_then(|form| form.grant_type.clone()),
            jkt: None,
            subject: form
                .and_then(|form| form.parameter("subject_token").or(form.parameter("assertion")))
                .map(|token| checksum(token.as_bytes())),
        }
    }

    pub(super) fn count(&mut self, verdict: TokenVerdict) {
        let totals = &mut self.totals;
        match verdict {
            TokenVerdict::Refreshed | TokenVerdict::Rotated => totals.successes += 1,
            TokenVerdict::Granted => {
                totals.successes += 1;
                totals.grants_run += 1;
            }
            TokenVerdict::Pending => totals.pending += 1,
            TokenVerdict::ProofRefused => totals.proofs_refused += 1,
            TokenVerdict::NonceAsked => {
                totals.proofs_refused += 1;
                totals.nonces_asked += 1;
            }
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
            | TokenVerdict::GrantRefused
            | TokenVerdict::UnknownToken => totals.invalid_grants += 1,
            TokenVerdict::ClientRefused => totals.invalid_clients += 1,
            TokenVerdict::Malformed => totals.invalid_requests += 1,
        }
        totals.rotations += u64::from(matches!(verdict, TokenVerdict::Rotated | TokenVerdict::Sibling));
    }

    pub(super) fn answer(
        &mut self,
        now_ms: u64,
        form: &TokenForm,
        entry: &mut LogEntry,
    ) -> (TokenVerdict, AsReply) {
        let client = match self.authenticate(form) {
            Ok(client) => client,
            Err(refusal) => return (TokenVerdict::ClientRefused, refusal),
        };
        if let Some(name) = &form.repeated {
            return malformed("invalid_request", &format!("{name} is repeated"));
        }
        let Some(grant_type) = form.grant_type.as_deref() else {
            return malformed("invalid_request", "grant_type is missing");
        };
        let jkt = match self.prove(form) {
            Ok(jkt) => jkt,
            Err(refusal) => return refusal,
        };
        entry.jkt.clone_from(&jkt);
        let asked = Asked { now_ms, form, client, jkt };
        let (verdict, reply) = match grant_type {
            "refresh_token" => self.refresh(&asked, entry),
            other => self.run_grant(other, &asked, entry),
        };
        (verdict, self.with_nonce(reply))
    }

    fn refresh(&mut self, asked: &Asked<'_>, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        let Some(token) = asked.form.refresh_token.as_deref() else {
            return malformed("invalid_request", "refresh_token is missing");
        };
        let Some(place) = self.refresh_index.get(token).copied() else {
            return refused(TokenVerdict::UnknownToken);
        };
        let grant = &self.grants[place.0];
        let anothers = grant.client.as_ref().is_some_and(|client| *client != asked.client.id);
        let unbound = grant.jkt.is_some() && grant.jkt != asked.jkt;
        if anothers || unbound {
            return refused(TokenVerdict::UnknownToken);
        }
        match self.check_targets(asked.form) {
            Ok(()) => self.redeem(asked, place, entry),
            Err(refusal) => (TokenVerdict::Malformed, refusal),
        }
    }

    fn redeem(&mut self, asked: &Asked<'_>, place: Place, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        let (grant, at) = place;
        let now_ms = asked.now_ms;
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
        let subject = self.grants[grant].subject.clone();
        let access_token = self.issue_access(now_ms, next, self.facts(asked, subject));
        let refresh_token = shown.then(|| self.issue_at(next).token.as_str());
        entry.issued = shown.then(|| self.ordinal_at(next));
        let issued = reply::Tokens {
            access: &access_token,
            refresh: refresh_token,
            bound: asked.jkt.is_some(),
            scope: self.echoed(asked.form),
            ..reply::Tokens::default()
        };
        (verdict, reply::tokens(&self.config, &issued))
    }
}

/// Tokens and where they are.
impl AsModel {
    pub(super) fn issue_refresh(&mut self, now_ms: u64, grant: usize, parent: Option<usize>) -> Place {
        let token = self.mint.refresh_token();
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

    pub(super) fn issue_access(&mut self, now_ms: u64, (at, came_with): Place, facts: AccessFacts) -> String {
        let token = self.mint.access_token();
        let grant = &mut self.grants[at];
        grant.last_access += 1;
        self.latest_access = Some(token.clone());
        let ordinal = AccessOrdinal { grant: grant_id(at), ordinal: grant.last_access };
        let expires_ms = now_ms.saturating_add(self.config.lifetime_ms);
        let issue = AccessIssue { facts, ordinal, expires_ms, came_with, revoked: false };
        self.access.insert(now_ms, token.clone(), issue);
        if self.config.class == AsClass::P6 {
            self.totals.evictions += self.access.cap(now_ms, self.config.cap, &token);
        }
        token
    }

    pub(super) fn look_at_access(&mut self, now_ms: u64, token: &str) -> AccessCheck {
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

    pub(super) fn end_family(&mut self, grant: usize) {
        let newly = !std::mem::replace(&mut self.grants[grant].revoked, true);
        self.totals.families_revoked += u64::from(newly);
    }

    pub(super) fn issue_at(&self, (grant, at): Place) -> &RefreshIssue {
        &self.grants[grant].issues[at]
    }

    pub(super) fn ordinal_at(&self, place: Place) -> RefreshOrdinal {
        let generation = self.issue_at(place).generation;
        RefreshOrdinal { grant: grant_id(place.0), ordinal: place.1 as u64 + 1, generation }
    }

    pub(super) fn grant_index(&self, grant: GrantId) -> Option<usize> {
        let at = usize::try_from(grant.0.checked_sub(1)?).ok()?;
        (at < self.grants.len()).then_some(at)
    }
}

/// Another error of RFC 6749 section 5.2.
pub(super) fn malformed(code: &str, text: &str) -> (TokenVerdict, AsReply) {
    (TokenVerdict::Malformed, AsReply::error(400, code, text))
}

/// `invalid_grant` (RFC 6749 section 5.2) with the reason in words.
pub(super) fn refused(verdict: TokenVerdict) -> (TokenVerdict, AsReply) {
    let description = match verdict {
        TokenVerdict::Reuse => "refresh token reuse detected; the grant is revoked",
        TokenVerdict::RevokedGrant => "the grant was revoked",
        TokenVerdict::ExpiredGrant => "the refresh token has expired",
        TokenVerdict::GrantRefused => "what was to be exchanged is not valid",
        _ => "the refresh token is not valid",
    };
    (verdict, AsReply::error(400, "invalid_grant", description))
}
