//! What happens, told to whoever listens on `GET /v1/events`: status changes, refreshes, advice.

use renewd_core::Now;
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, Event, Observer};
use tokio::sync::broadcast;

use super::metrics::Metrics;
use crate::journal::{Entry, Scribe, What};

/// Events that a slow listener may be behind; afterwards it misses some and is told how many.
const BEHIND_MAX: usize = 256;

/// The kind of the last event, which is not sent: the stream ends.
pub(crate) const THE_END: &str = "";

/// One event, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The event's name: `status`, `refreshed`, `advice`, ….
    pub(crate) kind: &'static str,
    /// JSON, one line.
    pub(crate) data: String,
}

/// Hears everything once, and tells the journal, the metrics and the listeners.
#[derive(Clone)]
pub(crate) struct Hub {
    scribe: Scribe,
    metrics: Metrics,
    listeners: broadcast::Sender<Told>,
}

impl Hub {
    pub(crate) fn new(scribe: Scribe, metrics: Metrics) -> Self {
        Self { scribe, metrics, listeners: broadcast::channel(BEHIND_MAX).0 }
    }

    /// The agent stops: what listens ends, so that nobody has to wait for it.
    pub(crate) fn end(&self) {
        // Nobody listening is no error.
        let _ = self.listeners.send(Told { kind: THE_END, data: String::new() });
    }

    /// Tells what no loop tells of: a login, a token file; without a name, of the agent itself.
    pub(crate) fn note(&self, name: Option<&CredentialName>, what: What) {
        let entry = Entry::new(SystemClock.now(), what);
        self.scribe.note(name, entry.clone());
        if let Some(told) = told(name, entry) {
            // Nobody listening is no error.
            let _ = self.listeners.send(told);
        }
    }

    /// What happens from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Told> {
        self.listeners.subscribe()
    }
}

impl Observer for Hub {
    fn observe(&self, name: &CredentialName, now: Now, event: &Event) {
        self.metrics.count(name, event);
        self.scribe.observe(name, now, event);
        if self.listeners.receiver_count() == 0 {
            return;
        }
        if let Some(told) = Entry::of(now, event).and_then(|entry| told(Some(name), entry)) {
            // Nobody listening any more is no error.
            let _ = self.listeners.send(told);
        }
    }
}

fn told(name: Option<&CredentialName>, entry: Entry) -> Option<Told> {
    let kind = match entry.what {
        What::Status { .. } => "status",
        What::Refreshed { .. } => "refreshed",
        What::Advice { .. } => "advice",
        What::AttemptFailed { .. } => "attempt_failed",
        What::AudienceRefused { .. } => "audience_refused",
        What::Recovered { .. } => "recovered",
        What::Adopted { .. } => "adopted",
        What::RolledBack { .. } => "rolled_back",
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
    };
    let mut value = serde_json::to_value(entry.shown()).ok()?;
    value.as_object_mut()?.insert("credential".into(), name.map(CredentialName::as_str).into());
    Some(Told { kind, data: value.to_string() })
}
