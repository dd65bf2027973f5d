//! Metrics and traces for a collector of OpenTelemetry, where the standard variables name one: OTLP over HTTP, in JSON.
//!
//! It goes over the transport that the token requests use, so nothing is built in for it but its words. It is sent by a
//! task of its own from a bounded queue: a collector that is slow, gone or hostile costs a warning and lost spans, never a
//! refresh. No attribute holds a token, a digest of one, or what a server wrote.

mod encode;
mod settings;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use renewd_core::{Evidence, Now, Report, Secret, Wall};
use renewd_driver::system::{SystemClock, SystemEntropy};
use renewd_driver::{Clock as _, CredentialName, Event, Reach, Web as _, WebMethod, WebRequest};
use renewd_ureq::{UreqOptions, UreqWeb, Workers};
use serde_json::Value as Json;
use tokio::sync::watch;

use super::api::Api;
use crate::journal::Sink;
use encode::{Attribute, Span};
pub(crate) use settings::Settings;

/// Spans that wait for a collector. A day of hourly refreshes of a hundred credentials fits; older ones give way.
const SPANS_MAX: usize = 2048;

/// Spans are sent so often.
const SPANS_EVERY: Duration = Duration::from_secs(5);

/// At the end, for what is not sent yet.
const LAST: Duration = Duration::from_secs(2);

/// Of a collector's answer only the status is read.
const ANSWER_BYTES_MAX: usize = 1024;

/// What waits to be sent. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Spans(Arc<Mutex<VecDeque<Span>>>);

impl Spans {
    fn push(&self, span: Span) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= SPANS_MAX {
            waiting.pop_front();
        }
        waiting.push_back(span);
    }

    fn take(&self) -> Vec<Span> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

impl Sink for Spans {
    fn take(&mut self, name: &CredentialName, now: Now, event: &Event) {
        let Event::Report(report) = event else { return };
        let (begun, ended, mut attributes, error) = match report {
            Report::Refreshed { reason, rotated, took, .. } => {
                let attributes = vec![
                    ("renewd.reason", Attribute::Text(reason.name().into())),
                    ("renewd.rotated", Attribute::Flag(*rotated)),
                    ("renewd.verdict", Attribute::Text("success".into())),
                ];
                (now.wall - *took, now.wall, attributes, None)
            }
            Report::AttemptFailed { attempt, .. } | Report::AudienceRefused { attempt, .. } => {
                let (attributes, error) = of_failure(attempt.verdict.name(), &attempt.evidence);
                // How long it took is not known: it ended then.
                (attempt.at, attempt.at, attributes, Some(error))
            }
            _ => return,
        };
        attributes.push(("renewd.credential", Attribute::Text(name.to_string())));
        attributes.push(("http.request.method", Attribute::Text("POST".into())));
        let (trace, id) = identifiers();
        self.push(Span { trace, id, begun, ended, attributes, error });
    }
}

/// The status and the OAuth code of a failure: words of standards, nothing that a server wrote freely.
fn of_failure(verdict: &str, evidence: &Evidence) -> (Vec<(&'static str, Attribute)>, String) {
    let mut attributes = vec![
        ("renewd.verdict", Attribute::Text(verdict.into())),
        ("renewd.rule", Attribute::Text(evidence.rule.clone().into_owned())),
        (
            "error.type",
            Attribute::Text(evidence.http_status.map_or_else(|| verdict.into(), |n| n.to_string())),
        ),
    ];
    if let Some(status) = evidence.http_status {
        attributes.push(("http.response.status_code", Attribute::Number(status.into())));
    }
    (attributes, verdict.to_owned())
}

/// Nobody's secret and nobody's lock: only different from each other.
fn identifiers() -> ([u8; 16], [u8; 8]) {
    let (mut trace, mut id) = ([0; 16], [0; 8]);
    for piece in trace.chunks_exact_mut(8) {
        piece.copy_from_slice(&SystemEntropy.seed().to_be_bytes());
    }
    id.copy_from_slice(&SystemEntropy.seed().to_be_bytes());
    (trace, id)
}

/// Ends when the agent stops.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the agent is gone altogether.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Sends, until the agent stops.
pub(crate) struct Exporter {
    settings: Settings,
    spans: Spans,
    web: UreqWeb,
    failing: bool,
}

impl Exporter {
    pub(crate) fn new(settings: Settings, spans: Spans) -> Self {
        let web = UreqWeb::new(UreqOptions::default(), Workers::new(1, 4), Arc::new(SystemClock));
        Self { settings, spans, web, failing: false }
    }

    /// Goes on until told to stop, and sends once more what there is.
    pub(crate) async fn run(mut self, api: Arc<Api>, mut stop: watch::Receiver<bool>) {
        let mut often = tokio::time::interval(SPANS_EVERY.min(self.settings.interval));
        let mut metrics = tokio::time::interval(self.settings.interval);
        for interval in [&mut often, &mut metrics] {
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                () = told(&mut stop) => break,
                _ = often.tick() => self.send_spans().await,
                _ = metrics.tick() => self.send_metrics(&api).await,
            }
        }
        let last = async {
            self.send_spans().await;
            self.send_metrics(&api).await;
        };
        // A collector that hangs does not keep the agent from its end.
        let _ = tokio::time::timeout(LAST, last).await;
    }

    async fn send_spans(&mut self) {
        let spans = self.spans.take();
        let Some(url) = self.settings.traces.clone().filter(|_| !spans.is_empty()) else { return };
        self.send(url, &encode::traces(&self.settings.resource, &spans)).await;
    }

    async fn send_metrics(&mut self, api: &Api) {
        let Some(url) = self.settings.metrics.clone() else { return };
        let families = api.families().await;
        let now: Wall = SystemClock.now().wall;
        let document = encode::metrics(&self.settings.resource, &families, api.metrics.started(), now);
        self.send(url, &document).await;
    }

    /// Failures are told once, and once that they are over. Nothing is sent twice: a retry would come when the next
    /// export is due.
    async fn send(&mut self, url: String, document: &Json) {
        let body = document.to_string();
        let mut headers = vec![("Content-Type".to_owned(), Secret::from("application/json"))];
        headers.extend(self.settings.headers.iter().map(|(key, value)| (key.clone(), value.clone())));
        let timeout = renewd_core::Span::from_millis(
            u64::try_from(self.settings.timeout.as_millis()).unwrap_or(u64::MAX),
        );
        let request = WebRequest {
            method: WebMethod::Post,
            url,
            headers,
            body: Secret::from(body.as_str()),
            body_max_bytes: ANSWER_BYTES_MAX,
            timeout,
            connect_timeout: timeout,
            reach: Reach::Anywhere,
        };
        let why = match self.web.exchange(request).await.answer {
            renewd_core::Answer::Response(response) if (200..300).contains(&response.status) => None,
            renewd_core::Answer::Response(response) => Some(format!("HTTP {}", response.status)),
            _ => Some("no answer".to_owned()),
        };
        match (why, self.failing) {
            (Some(why), false) => {
                self.failing = true;
                tracing::warn!(why, "the collector of OpenTelemetry does not take what is sent");
            }
            (None, true) => {
                self.failing = false;
                tracing::info!("the collector of OpenTelemetry takes what is sent again");
            }
            _ => {}
        }
    }
}
