//! Metrics and traces for a collector of OpenTelemetry, where the standard variables name one: OTLP over HTTP, in JSON.
//!
//! It goes over the transport that the token requests use, so nothing is built in for it but its words. It is sent by a
//! task of its own from a bounded queue: a collector that is slow, gone or hostile costs a warning and lost spans, never a
//! refresh. No attribute holds a token, a digest of one, or what a server wrote.

mod context;
mod encode;
mod refreshes;
mod requests;
mod sampler;
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
use crate::environment::Environment;
pub(crate) use refreshes::Refreshes;
pub(crate) use requests::Requests;
use settings::Settings;
use spans::Spans;

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

/// What is told of to a collector, where one is named.
pub(crate) struct Telemetry {
    settings: Option<Settings>,
    /// Where spans are sent, beside metrics or without them.
    spans: Option<Spans>,
}

impl Telemetry {
    /// What the variables ask for. A person who asked for what cannot be done is told, and has the agent all the same.
    pub(crate) fn of(env: &Environment, warn: impl Fn(&str)) -> Self {
        let settings = Settings::of(env).unwrap_or_else(|why| {
            warn(&format!("nothing is sent to OpenTelemetry: {why}"));
            None
        });
        for why in settings.iter().flat_map(|settings| &settings.passed_over) {
            warn(why);
        }
        let spans = settings.as_ref().filter(|settings| settings.traces.is_some()).map(|_| Spans::default());
        Self { settings, spans }
    }

    /// What hears of refreshes, where their spans are sent.
    pub(crate) fn refreshes(&self) -> Option<Refreshes> {
        let (settings, spans) = (self.settings.as_ref()?, self.spans.clone()?);
        Some(Refreshes::new(spans, settings.sampler))
    }

    /// What hears of proxied requests, where their spans are sent.
    pub(crate) fn requests(&self) -> Option<Requests> {
        let (settings, spans) = (self.settings.as_ref()?, self.spans.clone()?);
        Some(Requests::new(spans, settings.sampler))
    }

    /// What sends, where something is to be sent.
    pub(crate) fn exporter(&mut self) -> Option<Exporter> {
        Some(Exporter::new(self.settings.take()?, self.spans.take().unwrap_or_default()))
    }
}

/// Sends, until the agent stops.
pub(crate) struct Exporter {
    settings: Settings,
    spans: Spans,
    web: UreqWeb,
    failing: bool,
}

impl Exporter {
    fn new(settings: Settings, spans: Spans) -> Self {
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
