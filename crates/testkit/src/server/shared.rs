//! What the connections of a server, its controls and the protected API share.

use crate::clock::{Clock, Deadline};
use crate::http::Stop;
use crate::model::{AsModel, AsReply};
use crate::script::Script;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// The state under one lock, and a condition that tells of every change.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    /// Known once the port is.
    pub(crate) issuer: OnceLock<String>,
    state: Mutex<State>,
    changed: Condvar,
}

/// All that changes.
pub(crate) struct State {
    pub(crate) model: AsModel,
    pub(crate) script: Script,
    /// Of revocations, whose faults are their own.
    pub(crate) revocation_script: Script,
    /// What is answered at a path instead of what would be.
    pub(crate) pages: BTreeMap<String, AsReply>,
    /// How often each path was asked for, as `METHOD /path`.
    pub(crate) visits: BTreeMap<String, u64>,
    pub(crate) gate: Gate,
    pub(crate) delay: Duration,
    pub(crate) in_flight: usize,
    pub(crate) max_in_flight: usize,
}

/// Where token requests wait for a test to go on.
#[derive(Default)]
pub(crate) struct Gate {
    /// Before they are processed.
    pub(crate) before: bool,
    /// After, before they are answered.
    pub(crate) after: bool,
    pub(crate) held: usize,
}

impl Gate {
    pub(crate) fn open(&mut self) {
        self.before = false;
        self.after = false;
    }
}

impl Shared {
    pub(crate) fn new(model: AsModel) -> Self {
        let state = State {
            model,
            script: Script::default(),
            revocation_script: Script::default(),
            pages: BTreeMap::new(),
            visits: BTreeMap::new(),
            gate: Gate::default(),
            delay: Duration::ZERO,
            in_flight: 0,
            max_in_flight: 0,
        };
        Self {
            clock: Clock::start(),
            issuer: OnceLock::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.get().map_or("", String::as_str)
    }

    /// A change, told to all who wait.
    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let result = act(&mut self.lock());
        self.changed.notify_all();
        result
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.lock())
    }

    /// Waits for a condition; `false` when the deadline passed first.
    pub(crate) fn wait(&self, deadline: Duration, condition: impl Fn(&State) -> bool) -> bool {
        let deadline = Deadline::after(deadline);
        let mut state = self.lock();
        while !condition(&state) {
            let Some(left) = deadline.left() else { return false };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Waits at the gate while `closed`; `false` when the server ended first.
    pub(crate) fn pass_gate(&self, stop: &Stop, closed: impl Fn(&Gate) -> bool) -> bool {
        let mut state = self.lock();
        if !closed(&state.gate) {
            return !stop.is_set();
        }
        state.gate.held += 1;
        self.changed.notify_all();
        while closed(&state.gate) && !stop.is_set() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.gate.held -= 1;
        self.changed.notify_all();
        !stop.is_set()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
