//! What the agent counts, as families of samples: Prometheus reads them as text, OpenTelemetry as JSON.
//!
//! How many samples there can be is bounded: labels are names of credentials and listeners of the configuration, and
//! words of ours, never anything that a server or a client says.

mod asked;
mod text;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use renewd_core::{Report, Span, Status, Verdict, Wall};
use renewd_driver::{CredentialName, Event, Seen};
use renewd_proxy::{Metrics as ProxyMetrics, Outcome};

pub(crate) use text::{Format, render};

/// Upper bounds of the refresh duration's buckets, in milliseconds: from a server next door to the request time-out.
const BUCKETS_MS: [u64; 8] = [50, 100, 250, 500, 1000, 2500, 10_000, 30_000];

/// Counts what happens. Clones are the same counters.
#[derive(Clone)]
pub(crate) struct Metrics {
    started: Wall,
    counters: Arc<Mutex<BTreeMap<CredentialName, Counters>>>,
}

/// What a family's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows, while the agent lives.
    Counter,
    Gauge,
    Histogram,
}

/// Samples of one meaning.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    pub(crate) samples: Vec<Sample>,
}

/// One number, and what it is of.
pub(crate) struct Sample {
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: Value,
}

/// A number, or many.
pub(crate) enum Value {
    Whole(u64),
    /// Seconds since 1970.
    Time(Wall),
    /// Seconds. Each bucket counts what was not longer than its bound, and longer than the one before.
    Durations {
        bounds_ms: &'static [u64],
        counts: Vec<u64>,
        sum: Span,
    },
}

/// One proxy's numbers, as they were.
pub(crate) struct ProxyCounts {
    pub(crate) listen: String,
    pub(crate) requests: [u64; Outcome::ALL.len()],
    pub(crate) replays: u64,
    pub(crate) nonce_repeats: u64,
    pub(crate) connections: u64,
    pub(crate) strangers: u64,
}

impl ProxyCounts {
    pub(crate) fn of(listen: String, metrics: &ProxyMetrics) -> Self {
        Self {
            listen,
            requests: Outcome::ALL.map(|outcome| metrics.requests(outcome)),
            replays: metrics.replays(),
            nonce_repeats: metrics.nonce_repeats(),
            connections: metrics.connections(),
            strangers: metrics.strangers(),
        }
    }
}

/// What is not counted here, and seen when it is asked for.
pub(crate) struct Around<'a> {
    pub(crate) seen: &'a [(CredentialName, Seen)],
    pub(crate) proxies: &'a [ProxyCounts],
    /// Lines that the journal lost because its disk was too slow.
    pub(crate) journal_dropped: u64,
    /// Spans that no collector got, where one is named.
    pub(crate) spans_dropped: Option<u64>,
    /// Of token files.
    pub(crate) sinks: Vec<Family>,
}

#[derive(Default)]
struct Counters {
    verdicts: BTreeMap<&'static str, u64>,
    /// What was not longer than its bound, and longer than the one before; the last has no bound.
    durations: [u64; BUCKETS_MS.len() + 1],
    duration_sum: Span,
    recoveries: u64,
    rejections_passed: u64,
    late_answers: u64,
    adopted: u64,
    store_failures: BTreeMap<&'static str, u64>,
}

impl Counters {
    fn attempt(&mut self, verdict: Verdict) {
        *self.verdicts.entry(verdict.name()).or_default() += 1;
    }

    fn duration(&mut self, took: Span) {
        let place = BUCKETS_MS.iter().position(|bound| took.as_millis() <= *bound);
        if let Some(bucket) = self.durations.get_mut(place.unwrap_or(BUCKETS_MS.len())) {
            *bucket += 1;
        }
        self.duration_sum = self.duration_sum + took;
    }
}

impl Metrics {
    /// Nothing happened yet. `started` is when the agent did.
    pub(crate) fn begun(started: Wall) -> Self {
        Self { started, counters: Arc::default() }
    }

    /// When the agent started.
    pub(crate) fn started(&self) -> Wall {
        self.started
    }

    /// Counts an event.
    pub(crate) fn count(&self, name: &CredentialName, event: &Event) {
        let Event::Report(report) = event else { return };
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counters.entry(name.clone()).or_default();
        match report {
            Report::Refreshed { took, .. } => {
                own.attempt(Verdict::Success);
                own.duration(*took);
            }
            Report::AttemptFailed { attempt, .. } | Report::AudienceRefused { attempt, .. } => {
                own.attempt(attempt.verdict);
            }
            Report::Recovered { .. } => own.recoveries += 1,
            Report::RejectionPassed { .. } => own.rejections_passed += 1,
            Report::LateAnswer => own.late_answers += 1,
            Report::Adopted { .. } => own.adopted += 1,
            Report::StoreFailed(fault) => *own.store_failures.entry(fault.kind.name()).or_default() += 1,
            _ => {}
        }
    }

    /// All of it, with what is seen around it.
    pub(crate) fn families(&self, around: Around<'_>) -> Vec<Family> {
        let mut all = of_process(self.started, around.journal_dropped);
        all.extend(of_credentials(around.seen));
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(of_counters(&counters));
        drop(counters);
        all.extend(of_proxies(around.proxies));
        if let Some(dropped) = around.spans_dropped {
            let help = "Spans that no collector of OpenTelemetry got.";
            all.push(counter("renewd_spans_dropped_total", help, vec![whole(Vec::new(), dropped)]));
        }
        all.extend(around.sinks);
        all
    }
}

pub(crate) fn counter(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Family {
    Family { name, kind: Kind::Counter, help, samples }
}

pub(crate) fn gauge(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Family {
    Family { name, kind: Kind::Gauge, help, samples }
}

pub(crate) fn whole(labels: Vec<(&'static str, String)>, n: u64) -> Sample {
    Sample { labels, value: Value::Whole(n) }
}

fn of(name: &CredentialName) -> Vec<(&'static str, String)> {
    vec![("credential", name.to_string())]
}

fn of_process(started: Wall, journal_dropped: u64) -> Vec<Family> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    let started = Sample { labels: Vec::new(), value: Value::Time(started) };
    let dropped = vec![whole(Vec::new(), journal_dropped)];
    vec![
        gauge("renewd_build_info", "1, with the version of this agent.", vec![whole(version, 1)]),
        gauge("process_start_time_seconds", "When the agent started, Unix time.", vec![started]),
        counter(
            "renewd_journal_dropped_total",
            "Lines that the journal lost: its disk was too slow.",
            dropped,
        ),
    ]
}

fn of_credentials(seen: &[(CredentialName, Seen)]) -> Vec<Family> {
    let each = |number: &dyn Fn(&Seen) -> u64| -> Vec<Sample> {
        seen.iter().map(|(name, seen)| whole(of(name), number(seen))).collect()
    };
    let times = |time: &dyn Fn(&Seen) -> Option<Wall>| -> Vec<Sample> {
        let known = seen.iter().filter_map(|(name, seen)| Some((name, time(seen)?)));
        known.map(|(name, at)| Sample { labels: of(name), value: Value::Time(at) }).collect()
    };
    let status = |(name, seen): &(CredentialName, Seen)| {
        let (name, now) = (name.clone(), seen.view.status);
        Status::ALL.map(move |status| {
            let mut labels = of(&name);
            labels.push(("status", status.name().to_owned()));
            whole(labels, u64::from(now == status))
        })
    };
    vec![
        gauge(
            "renewd_status",
            "1 for the status a credential is in.",
            seen.iter().flat_map(status).collect(),
        ),
        gauge(
            "renewd_ready",
            "1 unless the credential is unhealthy.",
            each(&|s| u64::from(s.view.health.ready())),
        ),
        gauge(
            "renewd_token_valid",
            "1 while there is a valid access token.",
            each(&|s| u64::from(s.view.token_valid)),
        ),
        gauge("renewd_saved", "0 while new tokens are in memory only.", each(&|s| u64::from(s.view.saved))),
        gauge(
            "renewd_token_expires_timestamp_seconds",
            "When the access token expires, Unix time.",
            times(&|s| s.view.token_expires),
        ),
        gauge(
            "renewd_next_attempt_timestamp_seconds",
            "When the next attempt is due, Unix time.",
            times(&|s| s.view.next_attempt.map(|at| s.now.wall_at(at))),
        ),
        gauge(
            "renewd_auth_retrying_since_timestamp_seconds",
            "Since when a credential waits for its server, Unix time.",
            times(&|s| s.view.auth_retrying_since),
        ),
        counter(
            "renewd_rejections_total",
            "401s of resource servers to a current token.",
            each(&|s| s.view.rejections),
        ),
    ]
}

fn of_counters(counters: &BTreeMap<CredentialName, Counters>) -> Vec<Family> {
    let each = |number: &dyn Fn(&Counters) -> u64| -> Vec<Sample> {
        counters.iter().map(|(name, own)| whole(of(name), number(own))).collect()
    };
    let by = |label: &'static str, map: &dyn Fn(&Counters) -> BTreeMap<&'static str, u64>| -> Vec<Sample> {
        let one = |(name, own): (&CredentialName, &Counters)| {
            let labels = of(name);
            map(own).into_iter().map(move |(word, n)| {
                let mut labels = labels.clone();
                labels.push((label, word.to_owned()));
                whole(labels, n)
            })
        };
        counters.iter().flat_map(|(name, own)| one((name, own)).collect::<Vec<_>>()).collect()
    };
    let durations = counters.iter().map(|(name, own)| Sample {
        labels: of(name),
        value: Value::Durations {
            bounds_ms: &BUCKETS_MS,
            counts: own.durations.to_vec(),
            sum: own.duration_sum,
        },
    });
    vec![
        counter(
            "renewd_refresh_total",
            "Attempts to refresh, by what their answer meant.",
            by("verdict", &|own| own.verdicts.clone()),
        ),
        counter(
            "renewd_recoveries_total",
            "Times that auth_retrying ended with a success.",
            each(&|own| own.recoveries),
        ),
        counter(
            "renewd_rejections_passed_total",
            "401s passed through rather than answered with a newer token.",
            each(&|own| own.rejections_passed),
        ),
        counter(
            "renewd_late_answers_total",
            "Answers that nobody waited for any more.",
            each(&|own| own.late_answers),
        ),
        counter(
            "renewd_adopted_total",
            "Tokens taken over from another process or login.",
            each(&|own| own.adopted),
        ),
        counter(
            "renewd_store_failures_total",
            "Times that the store failed, by how.",
            by("kind", &|own| own.store_failures.clone()),
        ),
        Family {
            name: "renewd_refresh_duration_seconds",
            kind: Kind::Histogram,
            help: "From sending a refresh to its answer.",
            samples: durations.collect(),
        },
    ]
}

fn of_proxies(proxies: &[ProxyCounts]) -> Vec<Family> {
    let of = |proxy: &ProxyCounts| vec![("listen", proxy.listen.clone())];
    let each = |number: &dyn Fn(&ProxyCounts) -> u64| -> Vec<Sample> {
        proxies.iter().map(|proxy| whole(of(proxy), number(proxy))).collect()
    };
    let requests = proxies.iter().flat_map(|proxy| {
        Outcome::ALL.into_iter().zip(proxy.requests).map(move |(outcome, n)| {
            let mut labels = of(proxy);
            labels.push(("outcome", outcome.name().to_owned()));
            whole(labels, n)
        })
    });
    let replays = proxies.iter().map(|proxy| proxy.replays).sum();
    vec![
        counter("renewd_proxy_requests_total", "Requests to a proxy, by how they ended.", requests.collect()),
        counter(
            "renewd_replays_total",
            "Requests that the proxies sent again after a 401.",
            vec![whole(Vec::new(), replays)],
        ),
        counter("renewd_proxy_replays_total", "The same, of each proxy.", each(&|proxy| proxy.replays)),
        counter(
            "renewd_proxy_nonce_repeats_total",
            "Requests sent again because the upstream wanted its nonce in the proof (RFC 9449).",
            each(&|proxy| proxy.nonce_repeats),
        ),
        counter(
            "renewd_proxy_connections_total",
            "Connections that were let in.",
            each(&|proxy| proxy.connections),
        ),
        counter(
            "renewd_proxy_strangers_total",
            "Connections closed because another user stood behind them.",
            each(&|proxy| proxy.strangers),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::RefreshReason;

    fn refreshed(millis: u64) -> Event {
        Event::Report(Report::Refreshed {
            reason: RefreshReason::Proactive,
            epoch: 1,
            generation: 1,
            expires: Wall::default(),
            rotated: true,
            took: Span::from_millis(millis),
            key: None,
        })
    }

    #[test]
    fn a_refresh_counts_by_verdict_and_duration() {
        let metrics = Metrics::begun(Wall::from_unix_millis(1_795_338_000_500));
        let name: CredentialName = "work".parse().unwrap();
        for millis in [40, 400, 40_000] {
            metrics.count(&name, &refreshed(millis));
        }
        let proxy = ProxyCounts {
            listen: "unix:/run/\"odd\"\\name\n".into(),
            requests: [7, 0, 0, 0, 0, 0, 0, 1],
            replays: 3,
            nonce_repeats: 0,
            connections: 2,
            strangers: 0,
        };
        let around = Around {
            seen: &[],
            proxies: &[proxy],
            journal_dropped: 5,
            spans_dropped: Some(2),
            sinks: Vec::new(),
        };
        let families = metrics.families(around);
        let text = render(&families, Format::Prometheus);
        for line in [
            r#"renewd_refresh_total{credential="work",verdict="success"} 3"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="0.05"} 1"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="0.5"} 2"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="30"} 2"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="+Inf"} 3"#,
            r#"renewd_refresh_duration_seconds_sum{credential="work"} 40.44"#,
            r#"renewd_refresh_duration_seconds_count{credential="work"} 3"#,
            r#"renewd_proxy_requests_total{listen="unix:/run/\"odd\"\\name\n",outcome="forwarded"} 7"#,
            "renewd_replays_total 3",
            "renewd_journal_dropped_total 5",
            "process_start_time_seconds 1795338000.5",
            "# TYPE renewd_status gauge",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        let text = render(&families, Format::OpenMetrics);
        for line in [
            "# TYPE renewd_refresh counter",
            r#"renewd_refresh_total{credential="work",verdict="success"} 3"#,
            "# TYPE renewd_refresh_duration_seconds histogram",
            "# UNIT renewd_refresh_duration_seconds seconds",
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="0.05"} 1"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="30.0"} 2"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="+Inf"} 3"#,
            "# UNIT process_start_time_seconds seconds",
            "renewd_journal_dropped_total 5",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    }
}
