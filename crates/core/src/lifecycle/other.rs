//! Access tokens for other scopes, resources and audiences than the identity's own: one grant, several audiences.
//!
//! They come by the same transaction as the identity's own, one at a time, under the same claim, intent and budget:
//! that is what serialises the refreshes of one family of refresh tokens. Three things differ.
//!
//! - None is renewed by a timer. Whoever uses one within its window gets the old one and has it renewed behind; what
//!   nobody uses runs out and is dropped.
//! - A failed attempt counts as if it had been made for the identity's own: same doubt, same waits. Every retry *is*
//!   for the identity's own, so that no audience can drag the credential into a window, or over its ceiling.
//! - A permanent no is about this audience first (RFC 8707 §2: `invalid_target`). Its callers are told, nobody else.
//!   Where the code could as well mean the grant or the client, the identity's own token is refreshed next, and the
//!   answer to that decides what they are told.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::answer::Judgement;
use crate::client::Client;
use crate::command::{RefreshReason, Report};
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Cx, Machine};
use crate::record::{Access, AccessKey, Identity, LastAttempt, Record, RecordState};
use crate::time::{Boot, Now, Span};
use crate::view::{Cause, OtherToken, Phase, Serve, Status, Unavailable};

/// So many other access tokens are kept in a record. It is sealed and written whole at each refresh, and some keyrings
/// hold little; a program that uses more audiences of one login than this is hard to imagine.
const KEPT_MAX: usize = 16;

/// A kept token is not pushed out by another earlier than this after it came: two dozen audiences that take turns must
/// not make the server rotate without end.
const PUSHED_OUT_AFTER: Span = Span::from_mins(1);

/// An access token that ran out is kept for so long: a wall clock that is set right may bring it back.
const EXPIRED_KEPT: Span = Span::from_hours(1);

/// So many keys are remembered with what is wanted of them or was said about them. Callers choose keys freely.
const KNOWN_MAX: usize = 64;

/// What the server refused is not asked for again before this: a caller in a loop must not spend the credential's
/// budget on a no.
const REFUSAL_HOLD: Span = Span::from_mins(5);

/// An audience for which so many attempts in a row failed is told so, while the identity's own goes on.
const TRIES_MAX: u32 = 2;

/// Two refreshes for one key are at least this far apart: a server that hands out tokens of no lifetime must not be
/// asked without end.
const FLOOR: Span = Span::from_secs(1);

/// Codes that are about what was asked for and about nothing else (RFC 6749 §5.2, RFC 8707 §2), and what providers
/// say for it.
const ABOUT_THE_TARGET: [&str; 5] =
    ["invalid_target", "invalid_scope", "insufficient_scope", "scope_not_granted", "invalid_resource"];

/// What is known of one key besides its token.
#[derive(Clone, Hash)]
pub(crate) struct Other {
    key: AccessKey,
    want: Option<Want>,
    /// Attempts in a row that failed.
    failures: u32,
    /// A resource server refused the token of this generation.
    rejected: Option<u64>,
    /// How many in a row came from a refresh that a 401 had asked for.
    streak: u32,
    /// The server refused this audience; until when that is not asked again.
    refused: Option<(Boot, LastAttempt)>,
    /// A no that may mean the grant or the client: the attempt for the identity's own that follows will tell.
    suspect: Option<LastAttempt>,
}

/// Somebody wants another token for a key.
#[derive(Clone, Copy, Hash)]
struct Want {
    reason: RefreshReason,
    since: Boot,
    /// The generation of the token that stood there then.
    had: Option<u64>,
}

impl Other {
    const fn new(key: AccessKey) -> Self {
        Self { key, want: None, failures: 0, rejected: None, streak: 0, refused: None, suspect: None }
    }

    fn refused(&self, now: Boot) -> Option<&LastAttempt> {
        self.refused.as_ref().filter(|(until, _)| now < *until).map(|(_, attempt)| attempt)
    }
}

impl Machine {
    /// What the login itself was made for.
    fn own_key(&self) -> AccessKey {
        let Some(record) = &self.record else { return AccessKey::default() };
        AccessKey {
            scope: self.setup.client.scope.clone().or_else(|| record.settings.scope.clone()),
            resource: record.identity.resource.clone(),
            audience: record.settings.audience.clone(),
        }
        .in_order()
    }

    /// The key as it is kept, what is not named being the login's; none where it is the identity's own.
    fn other_key(&self, asked: &AccessKey) -> Option<AccessKey> {
        let own = self.own_key();
        let asked = asked.in_order();
        let targeted = asked.resource.is_some() || asked.audience.is_some();
        let (resource, audience) = if targeted {
            (asked.resource, asked.audience)
        } else {
            (own.resource.clone(), own.audience.clone())
        };
        let scope = asked.scope.filter(|scope| own.scope.as_ref() != Some(scope));
        let is_other = scope.is_some() || resource != own.resource || audience != own.audience;
        is_other.then_some(AccessKey { scope, resource, audience })
    }

    fn other_access(&self, key: &AccessKey) -> Option<&Access> {
        self.record.as_ref()?.other_access().find(|access| access.key == *key)
    }

    fn other(&self, key: &AccessKey) -> Option<&Other> {
        self.others.iter().find(|other| other.key == *key)
    }

    /// What is known of that key, to be changed; none where too many are known.
    fn other_mut(&mut self, key: &AccessKey) -> Option<&mut Other> {
        let at = match self.others.iter().position(|other| other.key == *key) {
            Some(at) => at,
            None if self.others.len() >= KNOWN_MAX => return None,
            None => {
                self.others.push(Other::new(key.clone()));
                self.others.len() - 1
            }
        };
        self.others.get_mut(at)
    }

    fn generation_at(&self, key: &AccessKey) -> Option<u64> {
        Some(self.record.as_ref()?.generation_of(self.other_access(key)?))
    }

    /// The token of that key, if it may be handed out.
    fn other_valid(&self, key: &AccessKey, now: Now) -> Option<&Access> {
        let rejected = self.other(key).and_then(|other| other.rejected);
        let access = self.other_access(key)?;
        let dated = !self.distrusted || access.issued.boot_id == self.boot_id();
        let refused = rejected.is_some() && rejected == self.generation_at(key);
        (dated && !refused && !access.remaining(now, self.boot_id()).is_zero()).then_some(access)
    }

    /// What is seen of those that are kept.
    pub(crate) fn other_tokens(&self, phase: Phase, now: Now) -> Vec<OtherToken> {
        let kept = self.record.iter().flat_map(|record| record.other_access());
        kept.map(|access| OtherToken {
            key: access.key.clone(),
            expires: access.expires_wall(),
            valid: phase != Phase::Stopped && self.other_valid(&access.key, now).is_some(),
        })
        .collect()
    }

    /// How long ago the token of that key came, within one boot.
    fn since_brought(&self, access: &Access) -> Option<Span> {
        (access.issued.boot_id == self.boot_id()).then(|| self.now.boot.since(access.issued.boot))
    }

    /// A caller wants a token for that key.
    pub(crate) fn note_demand_for(&mut self, asked: &AccessKey, min_validity: Span) {
        let Some(key) = self.other_key(asked) else { return self.note_demand(min_validity) };
        let active =
            self.record.as_ref().is_some_and(|r| r.state == RecordState::Active && r.window.is_none());
        let refused = self
            .other(&key)
            .is_some_and(|other| other.refused(self.now.boot).is_some() || other.suspect.is_some());
        if !active || !self.can_refresh() || self.store_fault.is_some() || refused {
            return;
        }
        if let Some(reason) = self.reason_for(&key, min_validity) {
            self.want_other(&key, reason);
        }
    }

    /// Why another token would be wanted for that key, if it would.
    fn reason_for(&self, key: &AccessKey, min_validity: Span) -> Option<RefreshReason> {
        let Some(access) = self.other_valid(key, self.now) else { return Some(RefreshReason::Demand) };
        let policy = &self.setup.policy.refresh;
        let (lifetime, remaining) = (access.lifetime, access.remaining(self.now, self.boot_id()));
        let rested = self.since_brought(access).is_none_or(|s| s >= self.setup.min_interval_for(lifetime));
        let longer = remaining < min_validity && min_validity < lifetime && rested;
        if remaining <= policy.mandatory_for(lifetime) || longer {
            Some(RefreshReason::Demand)
        } else {
            (rested && remaining <= policy.window_for(lifetime)).then_some(RefreshReason::Proactive)
        }
    }

    fn want_other(&mut self, key: &AccessKey, reason: RefreshReason) {
        let (since, had) = (self.now.boot, self.generation_at(key));
        let Some(other) = self.other_mut(key) else { return };
        match &mut other.want {
            Some(want) if want.had == had => {
                if want.reason == RefreshReason::Proactive {
                    want.reason = reason;
                }
            }
            want => *want = Some(Want { reason, since, had }),
        }
        if self.must_have_own_first() {
            self.want.get_or_insert(RefreshReason::Demand);
        }
    }

    /// The first token of a record is the identity's own; and after a rollback, or with a clock that cannot be
    /// trusted, its times and its version are set right before anything else is.
    fn must_have_own_first(&self) -> bool {
        self.distrusted || self.rolled_back.is_some() || self.access().is_none()
    }

    /// A resource server said 401 to the token of that key. Like a 401 to the identity's own, for this key alone.
    pub(crate) fn note_other_rejection(&mut self, generation: u64, cx: &mut Cx<'_>) {
        let Some(record) = &self.record else { return };
        let refused = record.other_access().find(|access| record.generation_of(access) == generation);
        let Some((epoch, key, lifetime, since)) = refused
            .map(|access| (record.epoch, access.key.clone(), access.lifetime, self.since_brought(access)))
        else {
            return;
        };
        if self.other(&key).is_some_and(|other| other.rejected == Some(generation)) {
            return;
        }
        if let Some(record) = &mut self.record {
            record.rejections = record.rejections.saturating_add(1);
        }
        let streak = self.other(&key).map_or(0, |other| other.streak);
        if Self::rejection_held(streak, lifetime, since) {
            self.rejections_passed = self.rejections_passed.saturating_add(1);
            cx.report(Report::RejectionPassed { generation });
            return;
        }
        if let Some(other) = self.other_mut(&key) {
            other.rejected = Some(generation);
            other.refused = None;
            cx.report(Report::Rejected { key: Some(key.clone()), epoch, generation });
        }
        if self.can_refresh() {
            self.want_other(&key, RefreshReason::Rejected);
        }
    }

    /// The next other key whose attempt is due, and when. Own attempts come first; the longest waiting of the others
    /// next.
    pub(crate) fn other_due(&self) -> Option<(Boot, &AccessKey, RefreshReason)> {
        if self.others.is_empty() || self.must_have_own_first() || !self.can_refresh() {
            return None;
        }
        let allowed = self.allowed_at();
        let wanted = self.others.iter().filter_map(|other| {
            let want = other.want.filter(|want| self.is_wanted(&other.key, want))?;
            let due = self.room_at(&other.key).max(self.floor_at(&other.key)).max(allowed).max(want.since);
            Some((due, want.since, other, want.reason))
        });
        wanted
            .min_by_key(|(due, since, ..)| (*due, *since))
            .map(|(due, _, other, why)| (due, &other.key, why))
    }

    /// Whether nobody else has fulfilled it meanwhile.
    fn is_wanted(&self, key: &AccessKey, want: &Want) -> bool {
        self.generation_at(key) == want.had || self.other_valid(key, self.now).is_none()
    }

    fn floor_at(&self, key: &AccessKey) -> Boot {
        let since = self.other_access(key).and_then(|access| self.since_brought(access));
        since.map_or(self.now.boot, |since| self.now.boot + FLOOR.saturating_sub(since))
    }

    /// When a token of that key could be kept.
    fn room_at(&self, key: &AccessKey) -> Boot {
        let now = self.now.boot;
        let Some(record) = &self.record else { return now };
        if self.other_access(key).is_some() || record.other_access().count() < KEPT_MAX {
            return now;
        }
        let free = |access: &Access| {
            let over = access.remaining(self.now, self.boot_id()).is_zero();
            let since = self.since_brought(access).filter(|_| !over).unwrap_or(PUSHED_OUT_AFTER);
            now + PUSHED_OUT_AFTER.saturating_sub(since)
        };
        record.other_access().map(free).min().unwrap_or(now)
    }

    /// Whom to ask for what, in the attempt that is under way.
    pub(crate) fn addressed(&self, record: &Record, client: Arc<Client>) -> (Identity, Arc<Client>) {
        let mut identity = record.identity.clone();
        let Some(key) = &self.target else { return (identity, client) };
        let mut client = Client::clone(&client);
        if key.resource != identity.resource || key.audience != record.settings.audience {
            // Set for every refresh, they name the login's own: a request has one target.
            client.extra_parameters.retain(|(name, _)| name != "resource" && name != "audience");
            identity.resource.clone_from(&key.resource);
            client.audience.clone_from(&key.audience);
        }
        if key.scope.is_some() {
            client.extra_parameters.retain(|(name, _)| name != "scope");
            client.scope.clone_from(&key.scope);
        }
        (identity, Arc::new(client))
    }

    /// Puts the access token that the attempt brought in its place. `before` is the version that was spent.
    pub(crate) fn keep_access(&self, record: &mut Record, before: (u64, u64), mut access: Access) {
        let same_epoch = record.epoch == before.0;
        for kept in &mut record.grant.access {
            // Counted in an epoch that a rollback ended, a generation says nothing in the next one.
            let generation = if same_epoch { before.1 } else { 0 };
            if !same_epoch || kept.brought_by.is_none() {
                kept.brought_by = Some(generation);
            }
        }
        let Some(key) = &self.target else {
            match record.grant.access.first_mut() {
                Some(own) => *own = access,
                None => record.grant.access.push(access),
            }
            return self.drop_expired(record, same_epoch);
        };
        self.drop_expired(record, same_epoch);
        let granted = access.key.scope.take();
        access.granted = granted.filter(|scope| key.scope.as_ref() != Some(scope));
        access.key = AccessKey::clone(key);
        if record.grant.access.is_empty() {
            // Not to be taken for the identity's own.
            return;
        }
        if let Some(kept) = record.grant.access.iter_mut().skip(1).find(|kept| kept.key == access.key) {
            *kept = access;
            return;
        }
        while record.other_access().count() >= KEPT_MAX {
            let left =
                |at: &usize| record.grant.access.get(*at).map(|a| a.remaining(self.now, self.boot_id()));
            let Some(first_over) = (1..record.grant.access.len()).min_by_key(left) else { break };
            record.grant.access.remove(first_over);
        }
        record.grant.access.push(access);
    }

    fn drop_expired(&self, record: &mut Record, same_epoch: bool) {
        let over = |access: &Access| self.now.wall >= access.expires_wall() + EXPIRED_KEPT;
        let mut at = 0usize;
        record.grant.access.retain(|access| {
            at += 1;
            at == 1 || (same_epoch && !over(access))
        });
    }

    /// The attempt for another key succeeded: what waits for the identity's own stays.
    pub(crate) fn succeeded_for(&mut self, key: &AccessKey) {
        let reason = self.reason;
        if let Some(other) = self.other_mut(key) {
            let streak = if reason == RefreshReason::Rejected { other.streak.saturating_add(1) } else { 0 };
            *other = Other { streak, ..Other::new(key.clone()) };
        }
        self.short = None;
        self.next_attempt = None;
        self.settle_until = None;
        self.pulled = None;
        self.rolled_back = None;
        self.retried_immediately = false;
    }

    /// A permanent no to the attempt for another key: its callers are told, and the credential is as well as before.
    pub(crate) fn decline(&mut self, judgement: &Judgement) -> Pending {
        let attempt = self.last_attempt(judgement);
        let key = self.target.clone().unwrap_or_default();
        let code = judgement.evidence.oauth_error.as_deref();
        if code.is_some_and(|code| ABOUT_THE_TARGET.contains(&code)) {
            self.refuse_other(&key, &attempt);
        } else {
            self.want.get_or_insert(RefreshReason::Demand);
            if let Some(other) = self.other_mut(&key) {
                *other = Other { suspect: Some(attempt.clone()), ..Other::new(AccessKey::clone(&key)) };
            }
        }
        Pending::Declined { key, attempt }
    }

    /// An attempt for another key failed, not for good. The retry is for the identity's own.
    pub(crate) fn note_failure_for_other(&mut self, judgement: &Judgement) {
        let Some(key) = self.target.clone() else { return };
        let attempt = self.last_attempt(judgement);
        let Some(other) = self.other_mut(&key) else { return };
        other.failures = other.failures.saturating_add(1);
        if other.failures >= TRIES_MAX {
            self.refuse_other(&key, &attempt);
        }
    }

    /// The grant and the client are good: what was refused meanwhile was refused for its own sake.
    pub(crate) fn confirm_refusals(&mut self) {
        let until = self.now.boot + REFUSAL_HOLD;
        for other in &mut self.others {
            other.refused = other.suspect.take().map(|attempt| (until, attempt)).or(other.refused.take());
        }
    }

    fn refuse_other(&mut self, key: &AccessKey, attempt: &LastAttempt) {
        let until = self.now.boot + REFUSAL_HOLD;
        if let Some(other) = self.other_mut(key) {
            other.want = None;
            other.failures = 0;
            other.refused = Some((until, attempt.clone()));
        }
    }

    /// Forgets what is fulfilled, over, or wanted by nobody who still waits.
    pub(crate) fn tidy_others(&mut self, status: Status) {
        if self.others.is_empty() {
            return;
        }
        let mut others: Vec<Other> = core::mem::take(&mut self.others);
        for other in &mut others {
            // Whoever waited was told the truth when the status changed.
            other.want = other.want.filter(|w| status == Status::Running && self.is_wanted(&other.key, w));
            other.suspect = other.suspect.take().filter(|_| status == Status::Running);
            other.rejected = other.rejected.filter(|r| self.generation_at(&other.key) == Some(*r));
            if other.refused(self.now.boot).is_none() {
                other.refused = None;
            }
        }
        let lives = |other: &Other| {
            let kept = (other.streak > 0 || other.failures > 0) && self.other_access(&other.key).is_some();
            other.want.is_some()
                || other.rejected.is_some()
                || other.refused.is_some()
                || kept
                || other.suspect.is_some()
        };
        others.retain(lives);
        self.others = others;
    }

    /// Another login: what was said of the tokens of the one before is over.
    pub(crate) fn begin_epoch_of_others(&mut self) {
        self.others.retain_mut(|other| {
            *other = Other {
                want: other.want.map(|want| Want { had: None, ..want }),
                ..Other::new(core::mem::take(&mut other.key))
            };
            other.want.is_some()
        });
    }

    /// What a caller gets that wants a token for that key.
    pub(crate) fn serve_for(
        &self,
        phase: Phase,
        asked: &AccessKey,
        now: Now,
        min_validity: Span,
    ) -> Serve<'_> {
        let Some(key) = self.other_key(asked) else { return self.serve(phase, now, min_validity) };
        let status = self.status(phase);
        if status == Status::Stopped {
            return Serve::Unavailable(self.unavailable(phase));
        }
        let other = self.other(&key);
        let refused = other.and_then(|other| other.refused(now.boot));
        if let Some(record) = &self.record
            && let Some(access) = self.other_valid(&key, now)
        {
            let remaining = access.remaining(now, self.boot_id());
            let mandatory = self.setup.policy.refresh.mandatory_for(access.lifetime);
            let wanting =
                remaining <= mandatory || (remaining < min_validity && min_validity < access.lifetime);
            let wanted = other.is_some_and(|other| other.want.is_some());
            let hopeful = status == Status::Running && self.short.is_none() && wanted;
            if wanting && hopeful && self.attempt_for_other_is_near(phase) {
                return Serve::Wait;
            }
            let (epoch, generation) = (record.epoch, record.generation_of(access));
            return Serve::Token { access, epoch, generation, remaining, short: remaining < min_validity };
        }
        match (status, refused) {
            (Status::Running, Some(attempt)) => Serve::Unavailable(Unavailable {
                cause: Some(Cause::AudienceRefused),
                next_attempt: None,
                last_attempt: Some(attempt.clone()),
                ..self.unavailable(phase)
            }),
            (Status::Running, None) if self.store_fault.is_some() => {
                Serve::Unavailable(self.unavailable(phase))
            }
            (Status::Running, None) if self.record.is_some() && !self.can_refresh() => {
                let cause = Some(Cause::NoRefreshToken);
                Serve::Unavailable(Unavailable { cause, ..self.unavailable(phase) })
            }
            (Status::Running, None) => Serve::Wait,
            (Status::AuthRetrying | Status::Unauthenticated | Status::Stopped, _) => {
                Serve::Unavailable(self.unavailable(phase))
            }
        }
    }

    /// What is at hand for that key, however short it lives: better than none for a caller whose time is over.
    pub(crate) fn held_for(&self, phase: Phase, asked: &AccessKey, now: Now) -> Option<Serve<'_>> {
        let key = self.other_key(asked)?;
        let record = self.record.as_ref().filter(|_| phase != Phase::Stopped)?;
        let access = self.other_valid(&key, now)?;
        let remaining = access.remaining(now, self.boot_id());
        let (epoch, generation) = (record.epoch, record.generation_of(access));
        Some(Serve::Token { access, epoch, generation, remaining, short: true })
    }

    fn attempt_for_other_is_near(&self, phase: Phase) -> bool {
        match phase {
            Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing => !self.unsaved(),
            Phase::Fresh => self.allowed_at() <= self.now.boot,
            Phase::Absent
            | Phase::Backoff
            | Phase::AuthRetrying
            | Phase::Settling
            | Phase::Unsaved
            | Phase::Unauthenticated
            | Phase::Stopped => false,
        }
    }
}

/// What an attempt is for: another key, or the identity's own.
pub(crate) type Target = Option<Box<AccessKey>>;
