//! Attempts to refresh, as spans: from asking for the claim to what came of it, with the steps between as events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use renewd_core::{Evidence, Now, Report, Wall};
use renewd_driver::{CredentialName, Event, Step};

use super::context::Context;
use super::sampler::Sampler;
use super::spans::{Attribute, Span, Spans};

/// Steps of one attempt that are kept. There are four; a commit that the disk refuses is tried again.
const STEPS_MAX: usize = 16;

type Steps = Vec<(Wall, &'static str)>;

/// Hears of attempts. Clones are the same. It is told by the driver's loop itself, not through the journal's queue: a step
/// that came before the report of the attempt before it would be taken for one of that.
#[derive(Clone)]
pub(crate) struct Refreshes {
    spans: Spans,
    sampler: Sampler,
    under_way: Arc<Mutex<BTreeMap<CredentialName, Steps>>>,
}

impl Refreshes {
    pub(crate) fn new(spans: Spans, sampler: Sampler) -> Self {
        Self { spans, sampler, under_way: Arc::default() }
    }

    /// Spans that reached nobody.
    pub(crate) fn dropped(&self) -> u64 {
        self.spans.dropped()
    }

    /// A step began. An attempt begins with the claim: one that was denied and is asked for again begins anew.
    pub(crate) fn step(&self, name: &CredentialName, now: Now, step: Step) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if step == Step::Claim {
            under_way.insert(name.clone(), vec![(now.wall, step.name())]);
        } else if let Some(steps) = under_way.get_mut(name)
            && steps.len() < STEPS_MAX
        {
            steps.push((now.wall, step.name()));
        }
    }

    /// Something happened: the end of an attempt, perhaps.
    pub(crate) fn heard(&self, name: &CredentialName, now: Now, event: &Event) {
        let Event::Report(report) = event else { return };
        let (sent, mut attributes, error) = match report {
            Report::Refreshed { reason, rotated, took, .. } => {
                let attributes = vec![
                    ("renewd.reason", reason.name().into()),
                    ("renewd.rotated", Attribute::Flag(*rotated)),
                    ("renewd.verdict", "success".into()),
                ];
                (now.wall - *took, attributes, None)
            }
            Report::AttemptFailed { attempt, .. } | Report::AudienceRefused { attempt, .. } => {
                let (attributes, error) = of_failure(attempt.verdict.name(), &attempt.evidence);
                (attempt.at, attributes, Some(error))
            }
            // Somebody else refreshed it.
            Report::Adopted { .. } => {
                self.end_of(name);
                return;
            }
            _ => return,
        };
        attributes.push(("renewd.credential", name.as_str().into()));
        attributes.push(("http.request.method", "POST".into()));
        let events = self.end_of(name);
        let context = Context::begun(self.sampler);
        if !context.sampled {
            return;
        }
        // Without steps it is an answer that came after its attempt was given up.
        let begun = events.first().map_or(sent, |(at, _)| *at).min(now.wall);
        let span = Span { name: "refresh", context, begun, ended: now.wall, events, attributes, error };
        self.spans.push(span);
    }

    fn end_of(&self, name: &CredentialName) -> Steps {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(name).unwrap_or_default()
    }
}

/// The status and the OAuth code of a failure: words of standards, nothing that a server wrote freely.
fn of_failure(verdict: &str, evidence: &Evidence) -> (Vec<(&'static str, Attribute)>, String) {
    let kind = evidence.http_status.map_or_else(|| verdict.to_owned(), |status| status.to_string());
    let mut attributes = vec![
        ("renewd.verdict", verdict.into()),
        ("renewd.rule", (&*evidence.rule).into()),
        ("error.type", Attribute::Text(kind)),
    ];
    if let Some(status) = evidence.http_status {
        attributes.push(("http.response.status_code", Attribute::Number(status.into())));
    }
    (attributes, verdict.to_owned())
}
