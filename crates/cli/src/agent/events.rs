//! What happens, told to whoever listens: status changes, refreshes, failures, logins, the agent's own life.
//!
//! A listener never misses a change without being told so. Each event has a number; the last few are kept, so that a
//! listener whose connection broke goes on where it was (`Last-Event-ID`); one that was away for longer, or is too slow, is
//! told that it missed something, and looks at the credentials anew. `stream` is how it is sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use renewd_core::{Cause, Now, Status};
use renewd_driver::system::{SystemClock, SystemEntropy};
use renewd_driver::{Clock as _, CredentialName, Entropy as _, Event, Observer, Step};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use super::metrics::Metrics;
use super::otel::Refreshes;
use crate::journal::{Entry, Repeats, Scribe, What};
use crate::json::{SCHEMA, login_command};
use crate::output::time::rfc3339;

/// Events that a slow listener may be behind, and that are kept for one who comes back; afterwards it misses some and is
/// told so. One is half a kilobyte.
const BEHIND_MAX: usize = 256;

/// The kind of the last event, which is not sent: the stream ends.
pub(super) const THE_END: &str = "";

/// One event, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Counted from one, in this agent's life.
    pub(super) number: u64,
    /// The event's name: `status`, `refreshed`, `advice`, ….
    pub(super) kind: &'static str,
    /// Whose it is; nobody's, where it is the agent's own.
    pub(super) credential: Option<CredentialName>,
    /// JSON, one line.
    pub(super) data: Arc<str>,
}

/// What one listener hears.
#[derive(Debug)]
pub(super) struct Listening {
    /// This agent's life: numbers of another mean nothing here.
    pub(super) life: Arc<str>,
    /// The number of the last event before those that come.
    pub(super) after: u64,
    /// What it missed while it was away.
    pub(super) past: Vec<Told>,
    /// It asked for more than is kept.
    pub(super) missed: bool,
    /// What happens from now on.
    pub(super) coming: broadcast::Receiver<Told>,
}

/// The agent took up credentials, or let them go.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Kept<'n> {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    at: String,
    event: &'static str,
    added: Vec<&'n str>,
    removed: Vec<&'n str>,
}

/// A login is waited for.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LoginNeeded<'n> {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    at: &'n str,
    event: &'static str,
    credential: &'n str,
    cause: Option<&'n str>,
    /// What a person types.
    login_command: String,
    sentence: String,
}

#[derive(Debug, Default)]
struct Past {
    last: u64,
    kept: VecDeque<Told>,
}

/// Hears everything once, and tells the journal, the metrics and the listeners.
#[derive(Clone)]
pub(crate) struct Hub {
    scribe: Scribe,
    metrics: Metrics,
    refreshes: Option<Refreshes>,
    repeats: Arc<Repeats>,
    life: Arc<str>,
    past: Arc<Mutex<Past>>,
    listeners: broadcast::Sender<Told>,
}

impl Hub {
    pub(crate) fn new(scribe: Scribe, metrics: Metrics, refreshes: Option<Refreshes>) -> Self {
        let life = format!("{:08x}", SystemEntropy.attempt_id().0 >> 96);
        let listeners = broadcast::channel(BEHIND_MAX).0;
        Self {
            scribe,
            metrics,
            refreshes,
            repeats: Arc::default(),
            life: life.into(),
            past: Arc::default(),
            listeners,
        }
    }

    /// The agent stops: what listens ends, so that nobody has to wait for it.
    pub(crate) fn end(&self) {
        self.send(THE_END, None, "");
    }

    /// Tells what no loop tells of: a login, a token file; without a name, of the agent itself.
    pub(crate) fn note(&self, name: Option<&CredentialName>, what: What) {
        let entry = Entry::new(SystemClock.now(), what);
        self.scribe.note(name, entry.clone());
        self.tell(name, entry);
    }

    /// Tells that the agent keeps a credential from now on, or does not any more.
    pub(crate) fn kept(&self, name: &CredentialName, kept: bool) {
        let one = |there: bool| if there { vec![name.as_str()] } else { Vec::new() };
        let (at, event) = (rfc3339(SystemClock.now().wall), "credentials");
        let told = Kept { schema: SCHEMA, at, event, added: one(kept), removed: one(!kept) };
        if let Ok(data) = serde_json::to_string(&told) {
            self.send("credentials", None, &data);
        }
    }

    /// Lines that the journal lost because its disk was too slow.
    pub(crate) fn dropped(&self) -> u64 {
        self.scribe.dropped()
    }

    /// Spans that no collector got; none where none is named.
    pub(crate) fn spans_dropped(&self) -> Option<u64> {
        self.refreshes.as_ref().map(Refreshes::dropped)
    }

    /// What happens from now on, and since the event that `last` names, where that is known.
    pub(super) fn listen(&self, last: Option<&str>) -> Listening {
        let past = self.past();
        let heard = last.and_then(|last| {
            let (life, number) = last.rsplit_once('-')?;
            let number = number.parse::<u64>().ok().filter(|number| *number <= past.last)?;
            (life == &*self.life).then_some(number)
        });
        let oldest = past.kept.front().map_or(past.last + 1, |told| told.number);
        let missed = last.is_some() && heard.is_none_or(|number| number + 1 < oldest);
        let after = heard.filter(|_| !missed).unwrap_or(past.last);
        Listening {
            life: Arc::clone(&self.life),
            after,
            past: past.kept.iter().filter(|told| told.number > after).cloned().collect(),
            missed,
            coming: self.listeners.subscribe(),
        }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In the order of the numbers: whoever begins to listen has what came before or hears it.
    fn send(&self, kind: &'static str, name: Option<&CredentialName>, data: &str) {
        let mut past = self.past();
        past.last += 1;
        let told = Told { number: past.last, kind, credential: name.cloned(), data: data.into() };
        if past.kept.len() == BEHIND_MAX {
            past.kept.pop_front();
        }
        past.kept.push_back(told.clone());
        // Nobody listening is no error.
        let _ = self.listeners.send(told);
    }

    fn tell(&self, name: Option<&CredentialName>, entry: Entry) {
        let Some(kind) = kind(&entry.what) else { return };
        let needed = name.and_then(|name| needed(name, &entry));
        let Ok(Value::Object(mut data)) = serde_json::to_value(entry.shown()) else { return };
        data.insert("credential".into(), name.map(CredentialName::as_str).into());
        self.send(kind, name, &Value::from(data).to_string());
        if let Some(needed) = needed {
            self.send("login_needed", name, &needed);
        }
    }
}

/// For a status that ends with a login: whoever waits for that need not know what the statuses mean. Nobody who logged
/// out is asked for anything.
fn needed(name: &CredentialName, entry: &Entry) -> Option<String> {
    let What::Status { to, cause, .. } = &entry.what else { return None };
    if to != Status::Unauthenticated.name() || cause.as_deref() == Some(Cause::LoggedOut.name()) {
        return None;
    }
    let needed = LoginNeeded {
        schema: SCHEMA,
        at: &entry.at,
        event: "login_needed",
        credential: name.as_str(),
        cause: cause.as_deref(),
        login_command: login_command(name.as_str()),
        sentence: entry.sentence(),
    };
    serde_json::to_string(&needed).ok()
}

impl Observer for Hub {
    fn observe(&self, name: &CredentialName, now: Now, event: &Event) {
        self.metrics.count(name, event);
        self.scribe.observe(name, now, event);
        if let Some(refreshes) = &self.refreshes {
            refreshes.heard(name, now, event);
        }
        if let Some(entry) = Entry::of(now, event).filter(|_| !self.repeats.again(name, event)) {
            self.tell(Some(name), entry);
        }
    }

    fn step(&self, name: &CredentialName, now: Now, step: Step) {
        if let Some(refreshes) = &self.refreshes {
            refreshes.step(name, now, step);
        }
    }
}

/// What a listener knows it by; nothing, where it is nobody's business.
fn kind(what: &What) -> Option<&'static str> {
    Some(match what {
        What::Status { .. } => "status",
        What::Refreshed { .. } => "refreshed",
        What::Advice { .. } => "advice",
        What::AttemptFailed { .. } => "attempt_failed",
        What::AudienceRefused { .. } => "audience_refused",
        What::Recovered { .. } => "recovered",
        What::Adopted { .. } => "adopted",
        What::RolledBack { .. } => "rolled_back",
        What::Rejected { .. } => "rejected",
        What::RejectionPassed { .. } => "rejection_passed",
        What::StoreFailed { .. } | What::StoreHealed => "store",
        What::LoggedIn { .. }
        | What::Imported { .. }
        | What::LoggedOut
        | What::AtServer { .. }
        | What::Rekeyed { .. } => "login",
        What::SinkFailed { .. } | What::SinkHealed { .. } | What::SinkRemoved { .. } => "sink",
        What::AgentStarted { .. }
        | What::AgentStopped { .. }
        | What::Reloaded
        | What::ReloadFailed { .. } => "agent",
        What::LateAnswer | What::Unknown => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> Hub {
        Hub::new(Scribe::begin(Vec::new()).unwrap(), Metrics::begun(SystemClock.now().wall), None)
    }

    fn name() -> CredentialName {
        "work".parse().unwrap()
    }

    fn numbers(listening: &Listening) -> Vec<u64> {
        listening.past.iter().map(|told| told.number).collect()
    }

    #[test]
    fn a_listener_that_comes_back_hears_what_it_missed_or_that_it_missed_something() {
        let hub = hub();
        for _ in 0..3 {
            hub.kept(&name(), true);
        }
        let life = hub.listen(None).life;
        let fresh = hub.listen(None);
        assert_eq!((numbers(&fresh), fresh.after, fresh.missed), (vec![], 3, false));
        let back = hub.listen(Some(&format!("{life}-1")));
        assert_eq!((numbers(&back), back.after, back.missed), (vec![2, 3], 1, false));
        let same = hub.listen(Some(&format!("{life}-3")));
        assert_eq!((numbers(&same), same.missed), (vec![], false));
        // Of another life, of the future, of nothing.
        for strange in ["00000000000-1", &format!("{life}-9"), "7", ""] {
            let told = hub.listen(Some(strange));
            assert_eq!((numbers(&told), told.after, told.missed), (vec![], 3, true), "{strange}");
        }
        for _ in 0..BEHIND_MAX {
            hub.kept(&name(), false);
        }
        assert!(hub.listen(Some(&format!("{life}-2"))).missed);
        let just = hub.listen(Some(&format!("{life}-3")));
        assert_eq!((just.past.len(), just.missed), (BEHIND_MAX, false));
    }

    #[test]
    fn a_lost_login_is_told_with_the_command_that_mends_it_and_a_logout_is_not() {
        let hub = hub();
        let lost =
            |cause| Event::Changed { from: Status::Running, to: Status::Unauthenticated, cause: Some(cause) };
        hub.observe(&name(), Now::default(), &lost(Cause::GrantRefused));
        hub.observe(&name(), Now::default(), &lost(Cause::LoggedOut));
        let told = hub.listen(Some(&format!("{}-0", hub.life))).past;
        let kinds: Vec<_> = told.iter().map(|told| told.kind).collect();
        assert_eq!(kinds, ["status", "login_needed", "status"]);
        let needed: Value = serde_json::from_str(&told[1].data).unwrap();
        assert_eq!(
            (&needed["event"], &needed["credential"], &needed["cause"], &needed["login_command"]),
            (&"login_needed".into(), &"work".into(), &"grant_refused".into(), &"renewd login work".into())
        );
    }
}
