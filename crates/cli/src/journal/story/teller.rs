//! Goes through the lines and tells what belongs together as one thing.

use std::collections::BTreeMap;

use renewd_core::Wall;

use super::Told;
use super::clock::Clock;
use super::periods::{Fault, Outage, Quiet, times};
use crate::journal::entry::{Entry, What};
use crate::journal::sentence::Tone;
use crate::output::time::{brief, parse_rfc3339};

/// What is under way while the lines are read.
pub(super) struct Teller<'c> {
    clock: &'c Clock,
    login_command: String,
    told: Vec<Told>,
    quiet: Option<Quiet>,
    outage: Option<Outage>,
    /// Since when a login is needed, and why.
    lost: Option<(Wall, Option<String>)>,
    store: Option<Fault>,
    sinks: BTreeMap<String, Fault>,
    agent_stopped: Option<Wall>,
    /// The last thing told, while the same comes again.
    again: Option<(String, u64)>,
    valid_until: Option<Wall>,
}

impl<'c> Teller<'c> {
    pub(super) fn new(clock: &'c Clock, login_command: String) -> Self {
        Self {
            clock,
            login_command,
            told: Vec::new(),
            quiet: None,
            outage: None,
            lost: None,
            store: None,
            sinks: BTreeMap::new(),
            agent_stopped: None,
            again: None,
            valid_until: None,
        }
    }

    /// The next line.
    pub(super) fn hear(&mut self, at: Wall, entry: &Entry) {
        if !matches!(entry.what, What::AgentStarted { .. }) {
            self.agent_is_down();
        }
        match &entry.what {
            What::Refreshed { reason, expires_at, key, .. } => {
                // One for another audience says nothing of the credential's own token.
                let expires = parse_rfc3339(expires_at).filter(|_| key.is_none());
                if !self.works(at, expires) {
                    self.quietly(at, |quiet| {
                        quiet.refreshed += 1;
                        quiet.rejected += u64::from(reason == "rejected");
                    });
                }
            }
            What::Adopted { .. } => {
                if !self.works(at, None) {
                    self.quietly(at, |quiet| quiet.adopted += 1);
                }
            }
            What::AttemptFailed { evidence, next_attempt_at, .. } => {
                let next = next_attempt_at.as_deref().and_then(parse_rfc3339);
                self.outage(at).attempt(evidence, next);
            }
            What::Recovered { .. } => {
                self.works(at, None);
            }
            What::Status { to, cause, .. } => self.status(at, to, cause.as_ref()),
            What::LateAnswer if self.outage.is_some() => {}
            What::StoreFailed { .. } => {
                let what = entry.what.sentence_at(at);
                fault(&mut self.store, at, what);
            }
            What::StoreHealed => {
                if let Some(fault) = self.store.take() {
                    let text = fault.mended(self.clock, at, "it works");
                    self.tell(fault.from, Some(at), Tone::Trouble, text);
                }
            }
            What::SinkFailed { path, .. } => {
                let mut slot = self.sinks.remove(path);
                fault(&mut slot, at, entry.what.sentence_at(at));
                self.sinks.extend(slot.map(|fault| (path.clone(), fault)));
            }
            What::SinkHealed { path } => match self.sinks.remove(path) {
                Some(fault) => {
                    let text = fault.mended(self.clock, at, "it is written");
                    self.tell(fault.from, Some(at), Tone::Trouble, text);
                }
                None => self.once(at, entry),
            },
            What::LoggedIn { .. } | What::Imported { .. } => {
                self.logged_in(at);
                self.once(at, entry);
            }
            What::AgentStarted { .. } => self.agent_started(at, entry),
            What::AgentStopped { .. } => self.agent_stopped = Some(at),
            What::LoggedOut => {
                self.valid_until = None;
                self.once(at, entry);
            }
            _ => self.once(at, entry),
        }
    }

    fn status(&mut self, at: Wall, to: &str, cause: Option<&String>) {
        match to {
            "auth_retrying" => {
                let outage = self.outage(at);
                outage.retrying = true;
                outage.cause = cause.cloned();
            }
            "running" => {
                self.works(at, None);
                self.logged_in(at);
            }
            "unauthenticated" if cause.is_some_and(|cause| cause == "logged_out") => self.end_quiet(),
            "unauthenticated" if self.lost.is_none() => {
                self.end_quiet();
                let why = cause.map_or(String::new(), |cause| format!(" ({cause})"));
                if let Some(outage) = self.outage.take() {
                    let text = outage.lost(self.clock, at);
                    self.tell(outage.from, Some(at), Tone::Bad, format!("{text}{why}"));
                }
                self.lost = Some((at, cause.cloned()));
            }
            _ => {}
        }
    }

    /// A success: what was wrong is over. True where that tells it already.
    fn works(&mut self, at: Wall, expires: Option<Wall>) -> bool {
        if let Some(outage) = self.outage.take() {
            let text = outage.recovered(self.clock, at, expires);
            self.tell(outage.from, Some(at), Tone::Trouble, text);
            self.valid_until = expires.or(self.valid_until);
            return true;
        }
        if let (Some(quiet), Some(until), Some(_)) = (&mut self.quiet, self.valid_until, expires) {
            quiet.without = quiet.without + at.since(until);
        }
        self.valid_until = expires.or(self.valid_until);
        false
    }

    fn quietly(&mut self, at: Wall, note: impl FnOnce(&mut Quiet)) {
        self.again = None;
        let quiet = self.quiet.get_or_insert_with(|| Quiet::new(at));
        quiet.to = at;
        note(quiet);
    }

    fn end_quiet(&mut self) {
        if let Some(quiet) = self.quiet.take() {
            let text = quiet.text(self.clock, self.valid_until);
            let to = (quiet.to > quiet.from).then_some(quiet.to);
            self.tell(quiet.from, to, Tone::Good, text);
        }
    }

    fn outage(&mut self, at: Wall) -> &mut Outage {
        self.end_quiet();
        let valid_until = self.valid_until;
        self.outage.get_or_insert_with(|| Outage::new(at, valid_until))
    }

    fn logged_in(&mut self, at: Wall) {
        if let Some((since, cause)) = self.lost.take() {
            let why = cause.map_or(String::new(), |cause| format!(" ({cause})"));
            let text = format!("a login was needed{why} for {}", brief(at.since(since)));
            self.tell(since, Some(at), Tone::Bad, text);
        }
    }

    fn agent_started(&mut self, at: Wall, entry: &Entry) {
        match self.agent_stopped.take() {
            Some(stopped) => {
                self.end_quiet();
                let text =
                    format!("the agent was started anew; it was gone for {}", brief(at.since(stopped)));
                self.tell(stopped, None, Tone::Plain, text);
            }
            None => self.once(at, entry),
        }
    }

    fn agent_is_down(&mut self) {
        if let Some(stopped) = self.agent_stopped.take() {
            self.end_quiet();
            self.tell(stopped, None, Tone::Plain, "the agent stopped".into());
        }
    }

    /// Told as it stands; the same again and again is counted.
    fn once(&mut self, at: Wall, entry: &Entry) {
        self.end_quiet();
        let text = entry.what.sentence_at(at);
        if let (Some((last, n)), Some(told)) = (&mut self.again, self.told.last_mut())
            && *last == text
        {
            *n += 1;
            told.to = Some(at);
            told.text = format!("{text} ({})", times(*n));
            return;
        }
        self.tell(at, None, entry.what.tone(), text.clone());
        self.again = Some((text, 1));
    }

    fn lasts(&mut self, from: Wall, tone: Tone, text: String) {
        self.told.push(Told { from, to: None, lasts: true, tone, text });
    }

    fn tell(&mut self, from: Wall, to: Option<Wall>, tone: Tone, text: String) {
        self.again = None;
        self.told.push(Told { from, to, lasts: false, tone, text });
    }

    /// There are no more lines: what is under way is told as it is.
    pub(super) fn end(mut self, now: Wall) -> Vec<Told> {
        self.agent_is_down();
        self.end_quiet();
        if let Some(outage) = self.outage.take() {
            let text = outage.so_far(self.clock, now);
            self.lasts(outage.from, Tone::Trouble, text);
        }
        if let Some((since, cause)) = self.lost.take() {
            let why = cause.map_or(String::new(), |cause| format!(" ({cause})"));
            let text = format!("a login is needed{why}: {}", self.login_command);
            self.lasts(since, Tone::Bad, text);
        }
        if let Some(fault) = self.store.take() {
            self.lasts(fault.from, Tone::Trouble, fault.so_far());
        }
        for fault in std::mem::take(&mut self.sinks).into_values() {
            self.lasts(fault.from, Tone::Trouble, fault.so_far());
        }
        self.told.sort_by_key(|told| told.from);
        self.told
    }
}

fn fault(slot: &mut Option<Fault>, at: Wall, what: String) {
    match slot {
        Some(fault) => {
            fault.times += 1;
            fault.what = what;
        }
        None => *slot = Some(Fault { from: at, times: 1, what }),
    }
}
