//! What must hold at every step of every test, checked against what really happened: true time goes on whatever the
//! clocks say, and the server knows which tokens it gave out. Numbers in the messages are those of the invariants in
//! `docs/refresh-transaction.md`.

use std::collections::{BTreeMap, BTreeSet};

use renewd_core::*;

use super::server::Mode;

/// When a token really ends.
struct Ends {
    /// In true time, as far as this boot can know.
    world: u64,
    wall: Wall,
}

pub(crate) struct Ledger {
    /// True time in milliseconds.
    world: u64,
    policy: Policy,
    tokens: BTreeMap<String, Ends>,
    /// Tokens that a resource server refused and that were not passed through.
    refused: BTreeSet<String>,
    /// The token of another boot, while the wall clock stands in the past.
    distrusted: Option<String>,
    /// The process that began has not read the record yet.
    undated: bool,
    /// Refresh tokens that were sent before the present one was.
    superseded: BTreeSet<String>,
    last_sent: Option<String>,
    /// Until then, in true time, the last request may still take effect.
    unsettled: Option<(String, u64)>,
    /// A rotated token was lost where nobody can help it: a reuse trip may follow.
    pub(crate) residue: bool,
    /// A backup was restored: the newest that is left may be tried.
    pub(crate) rolled_back: bool,
    /// A person asked for a refresh that has not ended.
    person_asked: bool,
    /// Whether the server ever refused the grant of this login.
    grant_refused: bool,
    failing_since: Option<u64>,
    reboots: u64,
    /// True time until which attempts are paid for, as a bucket.
    bucket: u64,
    counted: u64,
    published: Option<(u64, u64)>,
    status: Status,
    advised: u32,
}

impl Ledger {
    pub(crate) fn new(policy: &Policy, record: Option<&Record>) -> Self {
        let mut ledger = Self {
            world: 0,
            policy: policy.clone(),
            tokens: BTreeMap::new(),
            refused: BTreeSet::new(),
            distrusted: None,
            undated: false,
            superseded: BTreeSet::new(),
            last_sent: None,
            unsettled: None,
            residue: false,
            rolled_back: false,
            person_asked: false,
            grant_refused: false,
            failing_since: None,
            reboots: 0,
            bucket: 0,
            counted: 0,
            published: None,
            status: Status::Running,
            advised: 0,
        };
        ledger.fill_bucket();
        if let Some(access) = record.and_then(|r| r.access()) {
            let world = access.lifetime.as_millis();
            ledger.tokens.insert(text(access), Ends { world, wall: access.expires_wall() });
        }
        ledger
    }

    pub(crate) fn advance(&mut self, span: Span) {
        self.world = self.world.saturating_add(span.as_millis());
    }

    pub(crate) fn input(&mut self, input: &Input) {
        match input {
            Input::Refresh => self.person_asked = true,
            Input::PolicyChanged(setup) => self.policy = (*setup.policy).clone(),
            _ => {}
        }
    }

    fn capacity(&self) -> u64 {
        self.policy.retry.budget_refill.as_millis() * u64::from(self.policy.retry.budget)
    }

    fn fill_bucket(&mut self) {
        self.bucket = self.capacity();
    }

    /// A request leaves, with a refresh token or for a grant that needs none.
    pub(crate) fn sent(&mut self, attempt: AttemptId, sent: Option<&str>, store: Option<&Record>) {
        let stands = store.expect("2: a send without a record");
        let intent = stands.intent.as_ref().expect("2: a durable intent precedes every send");
        assert_eq!(intent.attempt, attempt, "2: the durable intent is this attempt's");
        assert_eq!(intent.generation, stands.generation, "2: the intent is of the present generation");
        let rt = stands.grant.refresh_token.as_ref().and_then(|t| t.expose_str());
        assert_eq!(rt, sent, "the refresh token that stands in the store is the one that is sent");
        match stands.state {
            RecordState::Active => {}
            RecordState::Refused { cause: RefusedCause::Ceiling, .. } if self.person_asked => {}
            state => panic!("10: a request is sent although the record says {state:?}"),
        }
        if let Some(sent) = sent {
            self.spent(sent);
        }
        let grown = self.world - self.counted;
        self.counted = self.world;
        self.bucket = self.bucket.saturating_add(grown).min(self.capacity());
        let cost = self.policy.retry.budget_refill.as_millis();
        assert!(self.bucket >= cost, "13: an attempt beyond the budget");
        self.bucket -= cost;
    }

    fn spent(&mut self, sent: &str) {
        assert!(
            !self.superseded.contains(sent) || self.rolled_back,
            "6: {sent} was superseded and is sent again"
        );
        if let Some(last) = self.last_sent.replace(sent.into())
            && last != sent
        {
            self.superseded.insert(last);
        }
        if let Some((rt, until)) = self.unsettled.take_if(|(rt, _)| rt == sent) {
            assert!(self.world >= until, "1, 7: {rt} is sent {} ms before it settled", until - self.world);
        }
    }

    /// The server read it and does this.
    pub(crate) fn received(&mut self, mode: &Mode) {
        match mode {
            Mode::InvalidGrant => self.grant_refused = true,
            Mode::LoseAnswer => self.residue = true,
            _ => {}
        }
    }

    pub(crate) fn tripped(&self) {
        assert!(self.residue, "6: a spent refresh token was sent although nothing had been lost");
    }

    pub(crate) fn minted(&mut self, token: &str, lifetime: Span, now: Now) {
        let world = self.world.saturating_add(lifetime.as_millis());
        self.tokens.insert(token.into(), Ends { world, wall: now.wall + lifetime });
    }

    pub(crate) fn minted_by_others(&mut self, record: &Record) {
        if let Some(access) = record.access() {
            self.minted(&text(access), access.lifetime, Now { wall: access.issued.wall, ..Now::default() });
        }
        self.fill_bucket();
        self.failing_since = None;
    }

    /// An attempt ends.
    pub(crate) fn answered(&mut self, answer: &Answer, settle: Span) {
        self.person_asked = false;
        let ok = matches!(answer, Answer::Response(r) if
            r.status == 200 && r.body.expose_str().is_some_and(|body| body.contains("access_token")));
        match answer {
            Answer::Failed(f) if f.sent == Sent::Bytes || !f.closed => self.in_flight(settle),
            _ => {}
        }
        if ok {
            self.fill_bucket();
            self.counted = self.world;
        }
        if ok {
            self.failing_since = None
        } else {
            self.failing_since.get_or_insert(self.world);
        }
    }

    fn in_flight(&mut self, settle: Span) {
        let rt = self.last_sent.clone().unwrap_or_default();
        self.unsettled = Some((rt, self.world.saturating_add(settle.as_millis())));
    }

    /// The process was killed and another began, perhaps on another boot.
    pub(crate) fn restarted(&mut self, crashed: bool, store: Option<&Record>, current: &str, setup: &Setup) {
        if crashed {
            self.in_flight(setup.profile.settle(setup.policy.settle()));
        }
        let stands = store.and_then(|r| r.grant.refresh_token.as_ref()).and_then(|t| t.expose_str());
        self.residue |= stands.is_some_and(|rt| rt != current);
        self.published = None;
        self.status = Status::Running;
        self.advised = 0;
        self.person_asked = false;
        self.refused.clear();
        self.distrusted = None;
        if store.is_some_and(|r| matches!(r.state, RecordState::Refused { .. })) {
            // Given up by an earlier process, and what came after is not in the store.
            self.failing_since = Some(0);
            self.grant_refused = true;
        }
        if store.is_some_and(|r| r.window.is_some()) {
            // A success that ended this window was never saved: for the new process it goes on.
            self.failing_since.get_or_insert(0);
        }
        self.undated = true;
    }

    /// The new process reads the record for the first time. That may be long after its start, with the wall clock set
    /// in between: only then it can ask that clock.
    pub(crate) fn read(&mut self, record: Option<&Record>, setup: &Setup, now: Now) {
        if std::mem::take(&mut self.undated)
            && let Some(record) = record
            && let Some(access) = record.access()
            && access.issued.boot_id != setup.owner.boot_id
        {
            if now.wall < record.max_wall_seen {
                self.distrusted = Some(text(access));
            } else if let Some(ends) = self.tokens.get_mut(&text(access)) {
                // Only the wall clock can be asked, once; from now on true time counts again.
                ends.world = self.world.saturating_add(ends.wall.since(now.wall).as_millis());
            }
        }
    }

    pub(crate) fn rebooted(&mut self) {
        self.reboots += 1;
        self.bucket += self.policy.auth_retrying.interval.as_millis();
    }

    pub(crate) fn logged_in(&mut self) {
        self.residue = false;
        self.rolled_back = false;
        self.grant_refused = false;
        self.failing_since = None;
        self.unsettled = None;
        self.fill_bucket();
    }

    pub(crate) fn restored_backup(&mut self) {
        self.residue = true;
        self.rolled_back = true;
        self.fill_bucket();
        self.published = None;
        // Its window counts from whenever it had begun, and it may have been given up.
        self.failing_since = Some(0);
        self.grant_refused = true;
    }

    pub(crate) fn given_up_by_others(&mut self) {
        self.failing_since = Some(0);
        self.policy.auth_retrying.ceiling = Span::ZERO;
    }

    pub(crate) fn refuse(&mut self, token: String) {
        self.refused.insert(token);
    }

    pub(crate) fn published(&mut self, token: &PublishedToken, now: Now) {
        let version = (token.epoch, token.generation);
        assert!(
            self.published.is_none_or(|before| before <= version),
            "5: {version:?} after {:?}",
            self.published
        );
        self.published = Some(version);
        self.still_good(&token.access, now);
    }

    pub(crate) fn served(&self, access: &Access, version: (u64, u64), now: Now) {
        assert!(
            self.published.is_none_or(|p| p <= version),
            "5: {version:?} is served after {:?}",
            self.published
        );
        self.still_good(access, now);
    }

    fn still_good(&self, access: &Access, now: Now) {
        let token = text(access);
        assert!(!self.refused.contains(&token), "8: {token} was refused and is served");
        assert_ne!(self.distrusted.as_ref(), Some(&token), "8: {token} cannot be dated and is served");
        let Some(ends) = self.tokens.get(&token) else { panic!("8: {token} was never granted") };
        assert!(self.world < ends.world, "8: {token} is served {} ms after its end", self.world - ends.world);
        assert!(now.wall < ends.wall, "8: {token} is served after its end on the wall clock");
    }

    pub(crate) fn changed(&mut self, from: Status, to: Status, cause: Option<Cause>) {
        assert_eq!(from, self.status, "a change begins where the last one ended");
        assert_ne!(from, to, "a change changes");
        assert_ne!(to, Status::Stopped, "a shutdown announces nothing");
        self.status = to;
        if to != Status::Unauthenticated {
            return;
        }
        match cause.expect("9: unauthenticated has a cause") {
            Cause::GrantRefused | Cause::RotationLost => {
                assert!(self.grant_refused, "9: {cause:?} although the server never refused the grant");
            }
            Cause::Ceiling => {
                let failing = self.failing_since.map_or(0, |since| self.world - since);
                let policy = &self.policy.auth_retrying;
                let slack = policy.interval.as_millis() * self.reboots;
                assert!(failing + slack >= policy.ceiling.as_millis(), "9: the ceiling after {failing} ms");
            }
            Cause::RefreshTokenExpired | Cause::NoRefreshToken | Cause::LoggedOut | Cause::NoGrant => {}
            Cause::ClientRefused
            | Cause::Outage
            | Cause::RateLimited
            | Cause::StoreUnavailable
            | Cause::AudienceRefused => {
                panic!("9: unauthenticated by {cause:?}")
            }
        }
    }

    pub(crate) fn advised(&mut self) {
        self.advised += 1;
        assert_eq!(self.advised, 1, "the hint comes once per process");
    }
}

fn text(access: &Access) -> String {
    access.token.expose_str().expect("text").into()
}
