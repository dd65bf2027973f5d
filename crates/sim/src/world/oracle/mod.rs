//! Who sees everything: the server's log, the store, every consumer. Holds what happens against the invariants of the
//! refresh transaction, and names what does not hold by its number.
//!
//! It knows the truth that no process can know (which request the server took, which answer arrived), and so can tell a
//! login that had to be lost from one that could have been kept.

mod consumers;
mod records;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use renewd_core::{Boot, Loaded, Span};
use renewd_testkit::{AsClass, RefreshOrdinal, TokenVerdict};

use super::machine::Machine;
use super::store::Disk;
use super::wire::Outside;
use crate::scenario::Scenario;

pub(super) use records::Wrote;

/// (epoch, generation).
type Version = (u64, u64);
/// (grant, ordinal): a refresh token without the token.
type Token = (u64, u64);

/// How many violations of one invariant are told: the first is the one to look at.
const TOLD_MAX: usize = 3;

/// The invariants of the refresh transaction that a world can see broken, in words.
pub(super) const fn invariant(number: u8) -> &'static str {
    match number {
        1 => "at most one unsettled request per refresh-token generation",
        2 => "a durable intent precedes every send",
        3 => "an accepted rotation is not dropped",
        4 => "a commit happens only over the epoch, generation and attempt that it began from",
        5 => "generation and epoch never go backwards",
        6 => "a refresh token known to be superseded is never sent",
        7 => "after an unknown outcome nothing is sent again before the request is settled",
        8 => "an expired access token is never served",
        9 => "unauthenticated only by its causes",
        10 => "unauthenticated sends nothing by itself",
        11 => "secrets go only where they belong",
        12 => "no secret appears in what people read",
        13 => "attempts are bounded by the persisted budget",
        14 => "once the faults are over every live process serves a fresh token",
        15 => "callers cause one refresh and return by their own deadlines",
        16 => "loading yields a record that was committed for this credential, or an error",
        17 => "login, logout and refresh are linearizable",
        _ => "the world itself holds",
    }
}

/// Clones are the same oracle.
#[derive(Clone)]
pub(super) struct Oracle {
    state: Arc<Mutex<State>>,
    rules: Arc<Rules>,
    outside: Outside,
    machine: Machine,
    disk: Disk,
}

/// What of the scenario it needs.
struct Rules {
    class: AsClass,
    grace: Span,
    ceiling: Span,
    interval: Span,
    budget: u32,
    budget_refill: Span,
    /// How long a packet may still arrive after its socket was closed.
    packet_life: Span,
    /// What is left in a socket goes out whenever it can.
    linger: bool,
}

#[derive(Default)]
struct State {
    broken: Vec<String>,
    told: BTreeMap<u8, usize>,
    flights: BTreeMap<u64, Flight>,
    /// By the token presented: what the server gave for it.
    rotations: BTreeMap<Token, Vec<Rotation>>,
    /// What the server last said of a token for which it gave nothing, where the answer arrived.
    fatal: BTreeMap<Token, Fatal>,
    refusals: BTreeMap<u64, Fatal>,
    /// Grants that something beyond a client's power has put at risk.
    tainted: BTreeSet<u64>,
    tripped: BTreeSet<u64>,
    /// Every version and token that was ever written, whether the write succeeded or not.
    attempted: BTreeSet<(Version, Option<Token>)>,
    /// The version with which a token was durably saved.
    saved: BTreeMap<Token, Version>,
    /// The greatest version whose write was reported as durable.
    acknowledged: Version,
    /// Rotations whose answer a process had in hand.
    in_hand: Vec<InHand>,
    /// Lives whose loss was reported.
    told_losses: BTreeSet<u64>,
    served: BTreeMap<u64, Version>,
    /// A token was served whose record was not durable.
    served_unsaved: bool,
    forced: BTreeSet<Version>,
    told_lost: u64,
    bucket: Option<Bucket>,
    last_success: Option<Boot>,
    person_asks: bool,
    /// The store was damaged or rolled back by a fault: what stands there may be old.
    store_meddled: bool,
    trips: u64,
}

/// A request on its way.
struct Flight {
    token: Option<Token>,
    process: u32,
    open: bool,
    under_way: bool,
    /// When its socket was closed.
    closed: Boot,
    /// What the server gave for it.
    issued: Option<Token>,
}

struct Rotation {
    issued: Token,
    at: Boot,
}

#[derive(Clone, Copy)]
struct Fatal {
    /// None where a fault and not the server said so.
    verdict: Option<TokenVerdict>,
}

struct InHand {
    issued: Token,
    epoch: u64,
    life: super::life::Life,
}

/// The oracle's own bucket of attempts, by true time.
struct Bucket {
    left: f64,
    at: Boot,
}

fn token(ordinal: RefreshOrdinal) -> Token {
    (ordinal.grant.0, ordinal.ordinal)
}

impl Oracle {
    pub(super) fn new(scenario: &Scenario, outside: &Outside, machine: &Machine, disk: &Disk) -> Self {
        let rules = Rules {
            class: scenario.server.class,
            grace: Span::from_millis(scenario.server.grace_ms),
            ceiling: scenario.policy.auth_retrying.ceiling,
            interval: scenario.policy.auth_retrying.interval,
            budget: scenario.policy.retry.budget,
            budget_refill: scenario.policy.retry.budget_refill,
            packet_life: outside.packet_life,
            linger: scenario.sockets_linger,
        };
        Self {
            state: Arc::default(),
            rules: Arc::new(rules),
            outside: outside.clone(),
            machine: machine.clone(),
            disk: disk.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An invariant does not hold.
    pub(super) fn broken(&self, number: u8, what: &str) {
        let mut state = self.lock();
        let told = state.told.entry(number).or_default();
        *told += 1;
        if *told <= TOLD_MAX {
            state.broken.push(format!("invariant {number} ({}): {what}", invariant(number)));
        }
    }

    pub(super) fn take_broken(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().broken)
    }

    /// A person asked for a refresh: one probe after the ceiling is theirs.
    pub(super) fn person_asks(&self) {
        self.lock().person_asks = true;
    }

    /// The store's files were changed behind everybody's back.
    pub(super) fn store_meddled(&self) {
        let mut state = self.lock();
        state.store_meddled = true;
        let grants: Vec<u64> = state.saved.keys().map(|(grant, _)| *grant).collect();
        state.tainted.extend(grants);
    }

    pub(super) fn is_store_meddled(&self) -> bool {
        self.lock().store_meddled
    }

    /// Times that a login was lost, and of these those that were reported as a lost rotation.
    pub(super) fn forced_logins(&self) -> (u64, u64) {
        let state = self.lock();
        (state.forced.len() as u64, state.told_lost)
    }

    /// The process whose request is on the wire, where one is.
    pub(super) fn busy_process(&self) -> Option<u32> {
        self.lock().flights.values().find(|f| f.open).map(|f| f.process)
    }

    /// What stands in the store; zero where nothing can be read.
    pub(super) fn version(&self) -> Version {
        match self.disk.visible() {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => r.version(),
            Loaded::Absent | Loaded::Fault(_) => (0, 0),
        }
    }

    /// Somebody had to log in although the record did not say so: it could not be read any more.
    pub(super) fn forced_by_damage(&self) {
        let mut state = self.lock();
        let version = state.acknowledged;
        if state.forced.insert(version) {
            // The fault itself says that the record is damaged, where it lies, and what to do.
            state.told_lost += 1;
        }
    }

    fn token_of(&self, refresh_token: &str) -> Option<Token> {
        self.outside.lock().model.ordinal(refresh_token).map(token)
    }
}

impl State {
    /// Whether the server gave tokens for this one, and none of them was ever saved.
    fn lost(&self, token: Token) -> bool {
        let given = self.rotations.get(&token);
        given.is_some_and(|given| given.iter().all(|r| !self.saved.contains_key(&r.issued)))
    }

    fn first_rotation(&self, token: Token) -> Option<Boot> {
        self.rotations.get(&token).and_then(|given| given.first()).map(|r| r.at)
    }
}
