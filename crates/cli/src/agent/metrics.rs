//! Counters, and the Prometheus text that shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use renewd_core::{Report, Span, Status, Verdict};
use renewd_driver::{CredentialName, Event, Seen};

/// Upper bounds of the refresh duration's buckets, in milliseconds: from a server next door to the request time-out.
const BUCKETS_MS: [u64; 8] = [50, 100, 250, 500, 1000, 2500, 10_000, 30_000];

/// Counts what happens. Clones are the same counters.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    counters: Arc<Mutex<BTreeMap<CredentialName, Counters>>>,
}

#[derive(Default)]
struct Counters {
    verdicts: BTreeMap<&'static str, u64>,
    durations: [u64; BUCKETS_MS.len()],
    duration_sum: Span,
    duration_count: u64,
    recoveries: u64,
    rejections_passed: u64,
    late_answers: u64,
}

impl Counters {
    fn attempt(&mut self, verdict: Verdict) {
        *self.verdicts.entry(verdict.name()).or_default() += 1;
    }

    fn duration(&mut self, took: Span) {
        for (bound, bucket) in BUCKETS_MS.iter().zip(&mut self.durations) {
            *bucket += u64::from(took.as_millis() <= *bound);
        }
        self.duration_sum = self.duration_sum + took;
        self.duration_count += 1;
    }
}

impl Metrics {
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
            _ => {}
        }
    }

    /// All of it as Prometheus text (exposition format 0.0.4), with what is seen of each credential now, and the
    /// number of replays of all proxies.
    pub(crate) fn render(&self, seen: &[(CredentialName, Seen)], replays: u64) -> String {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = Text::default();
        text.family("renewd_refresh_total", "counter", "Attempts to refresh, by what their answer meant.");
        for (name, own) in counters.iter() {
            for (verdict, n) in &own.verdicts {
                text.sample("renewd_refresh_total", name, &[("verdict", verdict)], n);
            }
        }
        text.family("renewd_status", "gauge", "1 for the status a credential is in.");
        for (name, seen) in seen {
            for status in Status::ALL {
                let on = u8::from(seen.view.status == status);
                text.sample("renewd_status", name, &[("status", status.name())], on);
            }
        }
        text.family("renewd_ready", "gauge", "1 unless the credential is unhealthy.");
        for (name, seen) in seen {
            text.sample("renewd_ready", name, &[], u8::from(seen.view.health.ready()));
        }
        text.family(
            "renewd_token_expires_timestamp_seconds",
            "gauge",
            "When the access token expires, Unix time.",
        );
        for (name, seen) in seen {
            if let Some(at) = seen.view.token_expires {
                let seconds = at.as_unix_millis().div_euclid(1000);
                text.sample("renewd_token_expires_timestamp_seconds", name, &[], seconds);
            }
        }
        text.family("renewd_rejections_total", "counter", "401s of resource servers to a current token.");
        for (name, seen) in seen {
            text.sample("renewd_rejections_total", name, &[], seen.view.rejections);
        }
        Self::render_counters(&mut text, &counters);
        text.family("renewd_replays_total", "counter", "Requests that the proxies sent again after a 401.");
        let _ = writeln!(text.0, "renewd_replays_total {replays}");
        text.0
    }

    fn render_counters(text: &mut Text, counters: &BTreeMap<CredentialName, Counters>) {
        text.family("renewd_recoveries_total", "counter", "Times that auth_retrying ended with a success.");
        for (name, own) in counters {
            text.sample("renewd_recoveries_total", name, &[], own.recoveries);
        }
        text.family("renewd_rejections_passed_total", "counter", "401s passed through rather than answered.");
        for (name, own) in counters {
            text.sample("renewd_rejections_passed_total", name, &[], own.rejections_passed);
        }
        text.family("renewd_late_answers_total", "counter", "Answers that nobody waited for any more.");
        for (name, own) in counters {
            text.sample("renewd_late_answers_total", name, &[], own.late_answers);
        }
        text.family("renewd_refresh_duration_seconds", "histogram", "From sending a refresh to its answer.");
        for (name, own) in counters {
            for (bound, n) in BUCKETS_MS.iter().zip(own.durations) {
                let le = format!("{}", *bound as f64 / 1000.0);
                text.sample("renewd_refresh_duration_seconds_bucket", name, &[("le", &le)], n);
            }
            let count = own.duration_count;
            text.sample("renewd_refresh_duration_seconds_bucket", name, &[("le", "+Inf")], count);
            let sum = own.duration_sum.as_millis() as f64 / 1000.0;
            text.sample("renewd_refresh_duration_seconds_sum", name, &[], sum);
            text.sample("renewd_refresh_duration_seconds_count", name, &[], count);
        }
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Names of credentials and label values come from narrow alphabets: nothing needs escaping.
    fn sample(
        &mut self,
        name: &str,
        credential: &CredentialName,
        labels: &[(&str, &str)],
        value: impl std::fmt::Display,
    ) {
        let _ = write!(self.0, "{name}{{credential=\"{credential}\"");
        for (label, text) in labels {
            let _ = write!(self.0, ",{label}=\"{text}\"");
        }
        let _ = writeln!(self.0, "}} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{RefreshReason, Wall};

    #[test]
    fn a_refresh_counts_by_verdict_and_duration() {
        let metrics = Metrics::default();
        let name: CredentialName = "work".parse().unwrap();
        for millis in [40, 400] {
            metrics.count(
                &name,
                &Event::Report(Report::Refreshed {
                    reason: RefreshReason::Proactive,
                    epoch: 1,
                    generation: 1,
                    expires: Wall::default(),
                    rotated: true,
                    took: Span::from_millis(millis),
                    key: None,
                }),
            );
        }
        let text = metrics.render(&[], 3);
        for line in [
            r#"renewd_refresh_total{credential="work",verdict="success"} 2"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="0.05"} 1"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="0.5"} 2"#,
            r#"renewd_refresh_duration_seconds_bucket{credential="work",le="+Inf"} 2"#,
            r#"renewd_refresh_duration_seconds_sum{credential="work"} 0.44"#,
            "renewd_replays_total 3",
            "# TYPE renewd_status gauge",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
