//! Goes through the lines and tells what belongs together as one thing.

use std::collections::{BTreeMap, BTreeSet};

use renewd_core::Wall;

use super::Told;
use super::clock::Clock;
use super::periods::{Fault, Outage, Quiet, Served, times};
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
    /// Agents that started and have not said that they stopped.
    agents: BTreeSet<u32>,
    /// The last thing told, while the same comes again.
    again: Option<(String, u64)>,
    served: Served,
    /// The token that callers had was refused by a resource server, and no other has come yet.
    refused: Option<Refused>,
    /// The newest (epoch, generation) that a line told of.
    newest: (u64, u64),
    /// The same of the credential's own token: one for another audience takes no place of it.
    own: (u64, u64),
    /// The epoch of a login of which nothing has been made yet.
    login: Option<u64>,
}

/// A 401 to the credential's own token.
#[derive(Clone, Debug)]
struct Refused {
    at: Wall,
    version: (u64, u64),
    text: String,
    told: bool,
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
            agents: BTreeSet::new(),
            again: None,
            served: Served::default(),
            refused: None,
            newest: (0, 0),
            own: (0, 0),
            login: None,
        }
    }

    /// A line of the agent's from before there was this credential: not its story, but who ran.
    pub(super) fn ran(&mut self, entry: &Entry) {
        match entry.what {
            What::AgentStarted { pid, .. } => self.agents = BTreeSet::from([pid]),
            What::AgentStopped { pid } => {
                self.agents.remove(&pid);
            }
            _ => {}
        }
    }

    /// The next line.
    pub(super) fn hear(&mut self, at: Wall, entry: &Entry) {
        if !matches!(entry.what, What::AgentStarted { .. }) {
            self.agent_is_down();
        }
        match &entry.what {
            What::Refreshed { reason, expires_at, key, epoch, generation, .. } => {
                // One for another audience says nothing of the credential's own token.
                let expires = parse_rfc3339(expires_at).filter(|_| key.is_none());
                let refused = key.is_none() && self.refused.take().is_some();
                self.newest = self.newest.max((*epoch, *generation));
                if key.is_none() {
                    self.own = self.own.max((*epoch, *generation));
                }
                self.login = None;
                if !self.works(at, expires) {
                    self.quietly(at, |quiet| {
                        quiet.refreshed += 1;
                        quiet.rejected += u64::from(refused || reason == "rejected");
                    });
                }
            }
            What::Adopted { epoch, generation } => self.adopted(at, (*epoch, *generation)),
            What::Rejected { epoch, generation, key: None } => {
                self.was_refused(at, (*epoch, *generation), entry);
            }
            What::AttemptFailed { evidence, next_attempt_at, .. } => {
                let next = next_attempt_at.as_deref().and_then(parse_rfc3339);
                self.outage(at).attempt(evidence, next);
            }
            What::Recovered { .. } => {
                if let Some(outage) = &mut self.outage {
                    outage.recovered = Some(at);
                }
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
            What::LoggedIn { epoch, expires_at, .. } => {
                let until = expires_at.as_deref().and_then(parse_rfc3339);
                self.login_of(at, *epoch, until.map_or(Served::Unknown, Served::Until));
                self.once(at, entry);
            }
            What::Imported { epoch } => {
                self.login_of(at, *epoch, Served::Nothing);
                self.once(at, entry);
            }
            What::AgentStarted { pid, .. } => self.agent_started(at, entry, *pid),
            What::AgentStopped { pid } => {
                self.agents.remove(pid);
                self.agent_stopped = Some(at);
            }
            What::LoggedOut => {
                self.end_quiet();
                self.no_token();
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
                } else {
                    self.tell_refused();
                }
                self.no_token();
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
            self.serves(expires);
            return true;
        }
        if let (Some(quiet), Served::Until(until), Some(_)) = (&mut self.quiet, self.served, expires) {
            quiet.without = quiet.without + at.since(until);
        }
        self.serves(expires);
        false
    }

    /// The line of the success that a line spoke of was lost.
    fn is_over(&mut self) {
        if let Some(recovered) = self.outage.as_ref().and_then(|outage| outage.recovered) {
            self.works(recovered, None);
        }
    }

    fn quietly(&mut self, at: Wall, note: impl FnOnce(&mut Quiet)) {
        self.again = None;
        let quiet = self.quiet.get_or_insert_with(|| Quiet::new(at));
        quiet.to = at;
        note(quiet);
    }

    fn end_quiet(&mut self) {
        self.end_quiet_at(None);
    }

    fn end_quiet_at(&mut self, now: Option<Wall>) {
        if let Some(quiet) = self.quiet.take() {
            let refused = self.refused.as_ref().map(|refused| refused.at);
            let text = quiet.text(self.clock, self.served, refused, now);
            let to = (quiet.to > quiet.from).then_some(quiet.to);
            self.tell(quiet.from, to, Tone::Good, text);
            if let (Some(refused), Served::Until(until)) = (&mut self.refused, self.served) {
                refused.told |= refused.at < until;
            }
        }
    }

    fn outage(&mut self, at: Wall) -> &mut Outage {
        self.end_quiet();
        self.is_over();
        let (served, refused) = (self.served, self.refused.as_ref().map(|refused| refused.at));
        self.outage.get_or_insert_with(|| Outage::new(at, served, refused))
    }

    /// What another process made or a login brought. A line of its own has told of most of it.
    fn adopted(&mut self, at: Wall, version: (u64, u64)) {
        let known = version <= self.newest || self.login == Some(version.0);
        if self.newest.0 > 0 && version.0 > self.newest.0 {
            // Its own line comes a moment later, or stands in another journal.
            self.login_of(at, version.0, Served::Unknown);
            (self.newest, self.own) = (version, version);
            self.tell(at, None, Tone::Plain, format!("another login was taken over, epoch {}", version.0));
            return;
        }
        self.newest = self.newest.max(version);
        if !known {
            self.own = self.own.max(version);
            self.refused = None;
            if matches!(self.served, Served::Until(until) if until <= at) {
                self.served = Served::Unknown;
            }
        }
        if !self.works(at, None) && !known {
            self.quietly(at, |quiet| quiet.adopted += 1);
        }
    }

    /// A login takes the place of what stood.
    fn login_of(&mut self, at: Wall, epoch: u64, served: Served) {
        self.end_quiet();
        if let Some(outage) = self.outage.take() {
            let text = outage.logged_in(self.clock, at);
            self.tell(outage.from, Some(at), Tone::Trouble, text);
        }
        self.logged_in(at);
        self.no_token();
        self.served = served;
        self.newest = self.newest.max((epoch, 0));
        self.own = self.own.max((epoch, 0));
        self.login = Some(epoch);
    }

    fn serves(&mut self, expires: Option<Wall>) {
        if let Some(until) = expires {
            self.served = Served::Until(until);
        }
    }

    fn no_token(&mut self) {
        (self.served, self.refused) = (Served::Nothing, None);
    }

    /// A 401 to the credential's own token: told with what becomes of it. Each process that was told of it wrote a line.
    fn was_refused(&mut self, at: Wall, version: (u64, u64), entry: &Entry) {
        if version < self.own || self.refused.as_ref().is_some_and(|refused| refused.version == version) {
            return;
        }
        if let Some(outage) = &mut self.outage {
            outage.refused = outage.refused.or(Some(at));
        }
        let text = entry.what.sentence_at(at);
        self.refused = Some(Refused { at, version, text, told: false });
    }

    /// Where nothing else tells of it.
    fn tell_refused(&mut self) {
        if let Some(Refused { at, text, told: false, .. }) = self.refused.take() {
            self.tell(at, None, Tone::Trouble, text);
        }
    }

    fn logged_in(&mut self, at: Wall) {
        if let Some((since, cause)) = self.lost.take() {
            let why = cause.map_or(String::new(), |cause| format!(" ({cause})"));
            let text = format!("a login was needed{why} for {}", brief(at.since(since)));
            self.tell(since, Some(at), Tone::Bad, text);
        }
    }

    fn agent_started(&mut self, at: Wall, entry: &Entry, pid: u32) {
        let before = std::mem::replace(&mut self.agents, BTreeSet::from([pid]));
        match self.agent_stopped.take() {
            Some(stopped) => {
                self.end_quiet();
                let text =
                    format!("the agent was started anew; it was gone for {}", brief(at.since(stopped)));
                self.tell(stopped, None, Tone::Plain, text);
            }
            None if before.is_empty() => self.once(at, entry),
            None => {
                self.end_quiet();
                let pids: Vec<String> = before.iter().map(ToString::to_string).collect();
                let text = format!(
                    "{}; of process {} no end is written: it was killed, or runs yet",
                    entry.what.sentence_at(at),
                    pids.join(", ")
                );
                self.tell(at, None, Tone::Trouble, text);
            }
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
        let agent_is_gone = self.agent_stopped.is_some();
        self.end_quiet_at(Some(now));
        self.agent_is_down();
        self.is_over();
        if let Some(mut outage) = self.outage.take() {
            // Nobody is there to make it.
            outage.next = outage.next.filter(|_| !agent_is_gone);
            let text = outage.so_far(self.clock, now);
            self.lasts(outage.from, Tone::Trouble, text);
        } else {
            self.tell_refused();
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
