//! What an answer changes (`docs/refresh-transaction`, step 5).

use alloc::boxed::Box;
use alloc::vec::Vec;

use statig::Outcome::Handled;

use crate::answer::{Answer, Grant, Judgement, RequestContext, Sent, judge};
use crate::attempt::AttemptId;
use crate::budget::Budget;
use crate::client::{Client, ClientAuth};
use crate::command::Hint;
use crate::grant_type::{GrantType, JwtBearer};
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Cx, Exchange, Machine};
use crate::lifecycle::state::Out;
use crate::policy::RETRY_AFTER_MAX;
use crate::profile::AsClass;
use crate::record::{
    Access, AccessKey, Intent, LastAttempt, NotBefore, Orphaned, Record, RecordState, RefusedCause, RtExpiry,
    Stamp,
};
use crate::secret::Secret;
use crate::time::Span;
use crate::verdict::Verdict;

/// A lifetime longer than this is taken for a mistake and held to it; the token is renewed long before.
const LIFETIME_MAX: Span = Span::from_hours(24 * 365);

impl Machine {
    pub(crate) fn on_answer(
        &mut self,
        attempt: AttemptId,
        answer: &Answer,
        sent: &[Secret],
        cx: &mut Cx<'_>,
    ) -> Out {
        if self.exchange.as_ref().is_none_or(|x| x.attempt != attempt) {
            return self.late_answer(attempt, answer, sent, cx);
        }
        let (Some(exchange), Some(record)) = (self.exchange.take(), self.record.clone()) else {
            return Handled;
        };
        self.target.clone_from(&exchange.target);
        let judgement = self.judge(answer, sent, &record, &exchange.client);
        self.heed(&judgement);
        let unsettled = match answer {
            Answer::Response(_) => false,
            Answer::Failed(failure) => failure.sent == Sent::Bytes || !failure.closed,
        };
        match (judgement.verdict, &judgement.grant) {
            (Verdict::Success, Some(grant)) => self.on_success(record, grant, &judgement, &exchange, cx),
            _ => self.on_failure(record, judgement, unsettled, &exchange, cx),
        }
    }

    pub(crate) fn judge(
        &self,
        answer: &Answer,
        sent: &[Secret],
        record: &Record,
        client: &Client,
    ) -> Judgement {
        let sent: Vec<Secret> = client.grant_type.kept().chain(sent).cloned().collect();
        let context = RequestContext {
            sent_refresh_token: record.grant.refresh_token.as_ref(),
            client_secret: match &client.auth {
                ClientAuth::None | ClientAuth::PrivateKeyJwt { .. } => None,
                ClientAuth::Basic(secret) | ClientAuth::Post(secret) => Some(secret),
            },
            sent: &sent,
            now: self.now.wall,
            profile: &self.setup.profile,
        };
        let judgement = judge(answer, &context);
        if record.settings.grant_type.spends_refresh_token() {
            return judgement;
        }
        // One that comes along is not kept: it would be one more thing to lose, and the grant itself is the better one.
        Judgement { refresh_token: None, may_have_rotated: false, ..judgement }
    }

    /// What every answer tells, whatever else it says: the nonce for the next proof, and what time it is there.
    fn heed(&mut self, judgement: &Judgement) {
        if judgement.dpop_nonce.is_some() {
            self.dpop_nonce.clone_from(&judgement.dpop_nonce);
        }
        if let Some(date) = judgement.server_time {
            self.server_clock.hear(date, self.now);
        }
    }

    fn on_success(
        &mut self,
        mut record: Box<Record>,
        grant: &Grant,
        judgement: &Judgement,
        exchange: &Exchange,
        cx: &mut Cx<'_>,
    ) -> Out {
        let fence = record.version();
        let recovered = record.window.as_ref().map(|w| {
            // By the boot clock within one boot; people are told no more than what was counted.
            (w.accumulated + self.window_since_counted(w), w.attempts.saturating_add(1))
        });
        self.forget_in_flight();
        self.next_version(&mut record);
        self.take_tokens(&mut record, fence, grant, judgement, exchange);
        record.state = RecordState::Active;
        record.not_before = self.straggler_hold(&record);
        record.intent = None;
        record.window = None;
        record.budget = Some(Budget::full(&self.setup.policy.retry, self.now, self.boot_id()));
        record.last_refresh = Some(self.stamp());
        // A success is the best proof there is that this clock is the one to go by from now on.
        record.max_wall_seen = self.now.wall;
        record.last_attempt = Some(self.last_attempt(judgement));
        let took = self.now.boot.since(exchange.sent.boot);
        let rotated = judgement.refresh_token.is_some();
        let then = Pending::Success { rotated, took, recovered };
        self.commit_attempt(record, fence, Some(exchange.attempt), then, cx)
    }

    /// The next generation; above everything ever committed where the record had been rolled back.
    fn next_version(&self, record: &mut Record) {
        if let Some((epoch, generation)) = self.rolled_back {
            if epoch > record.epoch {
                record.epoch = epoch;
                record.generation = generation;
            } else {
                record.generation = record.generation.max(generation);
            }
        }
        record.generation = record.generation.saturating_add(1);
    }

    fn take_tokens(
        &self,
        record: &mut Record,
        before: (u64, u64),
        grant: &Grant,
        judgement: &Judgement,
        exchange: &Exchange,
    ) {
        let issued = Stamp::new(exchange.sent, self.boot_id());
        let spends = record.settings.grant_type.spends_refresh_token();
        if let Some(token) = &judgement.refresh_token {
            // rfc: 6749-6-2 the new one takes the place of the old
            record.grant.refresh_token = Some(token.clone());
            record.grant.rt_expiry = None;
        }
        if let Some(seconds) =
            grant.refresh_token_expires_in.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0 && spends)
        {
            record.grant.rt_expiry = Some(RtExpiry { issued, lifetime: Span::from_secs(seconds) });
        }
        if let Some(id_token) = &grant.id_token {
            record.grant.id_token = Some(id_token.clone());
        }
        let given = grant.lifetime();
        let lifetime = given.unwrap_or(self.setup.policy.lifetime_default).min(LIFETIME_MAX);
        let asked = if self.target.is_some() { None } else { record.settings.scope.clone() };
        let key = AccessKey {
            scope: grant.scope.clone().or(asked),
            resource: record.identity.resource.clone(),
            audience: record.settings.audience.clone(),
        };
        let access = Access {
            key,
            token: grant.access_token.clone(),
            token_type: grant.token_type.clone(),
            issued,
            lifetime,
            lifetime_given: given.is_some(),
            granted: None,
            brought_by: None,
        };
        self.keep_access(record, before, access);
    }

    fn on_failure(
        &mut self,
        mut record: Box<Record>,
        judgement: Judgement,
        unsettled: bool,
        exchange: &Exchange,
        cx: &mut Cx<'_>,
    ) -> Out {
        let fence = record.version();
        let doubt_before = record.intent.as_ref().is_some_and(|i| i.doubt);
        record.last_attempt = Some(self.last_attempt(&judgement));
        record.max_wall_seen = record.max_wall_seen.max(self.now.wall);
        if unsettled {
            self.remember_in_flight(&record);
        }
        if let Some(token) = &judgement.refresh_token {
            self.forget_in_flight();
            self.salvage(&mut record, token);
        } else if !record.settings.grant_type.spends_refresh_token() {
            record.intent = None;
        } else {
            let doubt = doubt_before || unsettled || judgement.may_have_rotated;
            self.leave_intent(&mut record, doubt, unsettled);
        }
        let then = self.decide(&mut record, judgement, doubt_before, unsettled, exchange);
        self.commit_attempt(record, fence, Some(exchange.attempt), then, cx)
    }

    /// An answer that is useless but for the one thing that must not be lost.
    fn salvage(&self, record: &mut Record, token: &Secret) {
        self.next_version(record);
        record.grant.refresh_token = Some(token.clone());
        record.grant.rt_expiry = None;
        record.not_before = self.straggler_hold(record);
        record.intent = None;
    }

    /// A wait that was cut to stay inside a grace may have left a request on the wire. It is harmless there as long as
    /// the refresh token that it spends is the last but one: nothing is rotated on top before it is settled.
    fn straggler_hold(&self, record: &Record) -> Option<NotBefore> {
        let rest = self.setup.policy.settle().saturating_sub(self.settle_time());
        let doubt = record.intent.as_ref().is_some_and(|i| i.doubt);
        (doubt && !rest.is_zero()).then(|| NotBefore { from: self.stamp(), wait: rest })
    }

    /// What a failure leads to.
    fn decide(
        &mut self,
        record: &mut Record,
        mut judgement: Judgement,
        doubt_before: bool,
        unsettled: bool,
        exchange: &Exchange,
    ) -> Pending {
        let (grant_type, reached) = (&record.settings.grant_type, unsettled);
        // Where nothing is spent nothing has to be waited out.
        let unsettled = unsettled && grant_type.spends_refresh_token();
        let told_once = grant_type.is_told_once();
        // A server that hands out a refresh token does not refuse the grant, whatever else it says.
        let salvaged = judgement.refresh_token.is_some();
        // Once, and with a changed input: another connection, a nonce that was not tried yet, or another time. What was
        // salvaged is saved first.
        let tried = judgement.dpop_nonce.is_some() && judgement.dpop_nonce == exchange.nonce;
        let at_once = !self.retried_immediately
            && !tried
            && !salvaged
            && judgement.retry_after.is_none_or(Span::is_zero);
        match judgement.verdict {
            Verdict::PermanentGrant | Verdict::PermanentClient
                if !salvaged && self.clock_was_wrong(record, judgement.verdict, exchange) =>
            {
                self.retried_for_clock = true;
                Pending::Again
            }
            Verdict::PermanentGrant | Verdict::PermanentClient if !salvaged && self.target.is_some() => {
                self.retried_immediately = false;
                self.retried_for_clock = false;
                if let Some(wait) = judgement.retry_after.max(self.setup.attempt_interval()) {
                    let wait = wait.min(RETRY_AFTER_MAX);
                    record.not_before = Some(NotBefore { from: self.stamp(), wait });
                }
                self.decline(&judgement)
            }
            Verdict::PermanentGrant if !salvaged && told_once => {
                let cause = self.refusal(record, doubt_before);
                self.refuse(record, cause);
                record.intent = None;
                Pending::GiveUp { attempt: record.last_attempt.clone(), hint: self.hint(&judgement) }
            }
            Verdict::RetryImmediately if at_once => {
                self.retried_immediately = true;
                Pending::Again
            }
            Verdict::RetryImmediately
            | Verdict::Success
            | Verdict::Transient
            | Verdict::RateLimited
            | Verdict::PermanentGrant
            | Verdict::PermanentClient
            | Verdict::ProtocolErrorTransient => {
                self.retried_immediately = false;
                self.retried_for_clock = false;
                if reached || judgement.evidence.http_status.is_some() {
                    // The server has seen this one, and where it counts, it counted.
                    judgement.retry_after = judgement.retry_after.max(self.setup.attempt_interval());
                }
                if let Some(wait) = judgement.retry_after {
                    let straggler = record.not_before.filter(|_| salvaged).map_or(Span::ZERO, |n| n.wait);
                    let wait = wait.min(RETRY_AFTER_MAX).max(straggler);
                    record.not_before = Some(NotBefore { from: self.stamp(), wait });
                }
                self.note_failure_for_other(&judgement);
                self.schedule_failure(record, &judgement, exchange, unsettled)
            }
        }
    }

    /// Whether what was refused had been signed for a time that the server's own clock contradicts: tried once more, for
    /// the right one.
    fn clock_was_wrong(&self, record: &Record, verdict: Verdict, exchange: &Exchange) -> bool {
        // A grant is refused for its time only where the grant itself was signed (RFC 7523 §3.1).
        let signed_grant = matches!(record.settings.grant_type, GrantType::JwtBearer(JwtBearer::Signed(_)));
        let signed = exchange.proved_at.filter(|_| verdict != Verdict::PermanentGrant || signed_grant);
        !self.retried_for_clock
            && signed.is_some_and(|at| self.server_clock.corrects(at, exchange.sent.boot, self.now))
    }

    /// Why a refused grant is over.
    fn refusal(&self, record: &Record, doubt_before: bool) -> RefusedCause {
        let old_token_lives_on = match self.setup.profile.as_class {
            AsClass::P0 | AsClass::P1 => true,
            AsClass::P2 | AsClass::P3 | AsClass::P4 | AsClass::P5 | AsClass::P6 => false,
        };
        if doubt_before && !old_token_lives_on {
            RefusedCause::RotationLost
        } else if self.rt_expiry_passed(record) {
            RefusedCause::RefreshTokenExpired
        } else {
            RefusedCause::GrantRefused
        }
    }

    /// What of the intent stays: none when it is certain that nothing was rotated.
    fn leave_intent(&self, record: &mut Record, doubt: bool, unsettled: bool) {
        let orphaned = unsettled.then(|| Orphaned { boot_id: self.boot_id(), boot: self.now.boot });
        record.intent = record.intent.take().filter(|_| doubt).map(|intent| Intent {
            settled: !unsettled,
            doubt,
            orphaned,
            ..intent
        });
    }

    pub(crate) fn refuse(&self, record: &mut Record, cause: RefusedCause) {
        record.state = RecordState::Refused { cause, at: self.now.wall };
        record.window = None;
    }

    fn rt_expiry_passed(&self, record: &Record) -> bool {
        record.grant.rt_expiry.is_some_and(|e| self.now.wall >= e.issued.wall + e.lifetime)
    }

    pub(crate) fn hint(&self, judgement: &Judgement) -> Option<Hint> {
        let grant_type = self.record.as_ref().map(|r| &r.settings.grant_type);
        // A token or assertion of somebody else's says nothing about the client.
        let foreign = matches!(grant_type, Some(GrantType::TokenExchange(_) | GrantType::JwtBearer(_)));
        let permanent = judgement.verdict == Verdict::PermanentClient
            || (judgement.verdict == Verdict::PermanentGrant && !foreign);
        let client_id = &self.setup.client.id;
        match &judgement.evidence.oauth_error {
            Some(code) if permanent && !client_id.is_empty() => {
                let registered = self.record.as_ref().is_some_and(|r| r.settings.registration.is_some());
                Some(Hint::StaleClient {
                    client_id: client_id.clone(),
                    oauth_error: code.clone(),
                    registered,
                })
            }
            _ => None,
        }
    }

    pub(crate) fn last_attempt(&self, judgement: &Judgement) -> LastAttempt {
        LastAttempt { at: self.now.wall, verdict: judgement.verdict, evidence: judgement.evidence.clone() }
    }
}
