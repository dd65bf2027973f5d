//! Metrics and traces for a collector of OpenTelemetry, where the standard variables name one: OTLP over HTTP, in JSON.
//!
//! It goes over the transport that the token requests use, so nothing is built in for it but its words. It is sent by a
//! task of its own from a bounded queue: a collector that is slow, gone or hostile costs a warning and lost spans, never a
//! refresh. No attribute holds a token, a digest of one, or what a server wrote.

mod context;
mod encode;
mod refreshes;
mod requests;
mod settings;
mod spans;

use std::sync::Arc;
use std::time::Duration;

use renewd_core::{Secret, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, Reach, Web as _, WebMethod, WebRequest};
use renewd_ureq::{UreqOptions, UreqWeb, Workers};
use serde_json::Value as Json;
use tokio::sync::watch;

use super::api::Api;
pub(crate) use refreshes::Refreshes;
pub(crate) use requests::Requests;
pub(crate) use settings::Settings;
pub(crate) use spans::Spans;

/// Spans are sent so often.
const SPANS_EVERY: Duration = Duration::from_secs(5);

/// At the end, for what is not sent yet.
const LAST: Duration = Duration::from_secs(2);

/// Of a collector's answer only the status is read.
const ANSWER_BYTES_MAX: usize = 1024;

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
        if !self.send(url, &encode::traces(&self.settings.resource, &spans)).await {
            self.spans.lost(spans.len());
        }
    }

    async fn send_metrics(&mut self, api: &Api) {
        let Some(url) = self.settings.metrics.clone() else { return };
        let families = api.families().await;
        let now: Wall = SystemClock.now().wall;
        let document = encode::metrics(&self.settings.resource, &families, api.metrics.started(), now);
        self.send(url, &document).await;
    }

    /// Whether it was taken. Failures are told once, and once that they are over. Nothing is sent twice: a retry would come when the next
    /// export is due.
    async fn send(&mut self, url: String, document: &Json) -> bool {
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
        let taken = why.is_none();
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
        taken
    }
}
