//! The lines that `agent` and `run` print on stderr.

use std::collections::HashMap;
use std::io::Write as _;

use renewd_core::{Cause, LastAttempt, Now, Report, Status, Wall};
use renewd_driver::{CredentialName, Event};

use super::entry::Entry;
use super::scribe::Sink;
use super::sentence::Tone;
use crate::json::login_command;
use crate::output::Painter;
use crate::output::evidence::looked_like;
use crate::output::time::{brief, local};
use crate::output::without_controls;

/// How the lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// For people.
    Text,
    /// The journal's JSON, with the credential's name.
    Json,
}

/// Prints lines on stderr.
pub(crate) struct Lines {
    format: LineFormat,
    paint: Painter,
    failing: HashMap<CredentialName, Failing>,
}

struct Failing {
    attempt: LastAttempt,
    next: Option<Wall>,
    retrying: bool,
}

impl Lines {
    pub(crate) fn new(format: LineFormat, paint: Painter) -> Self {
        Self { format, paint, failing: HashMap::new() }
    }

    fn text(&mut self, name: &CredentialName, now: Now, event: &Event) -> Option<String> {
        match event {
            Event::Report(report) => self.report(name, now, report),
            Event::Advise(hint) => Some(format!("{} {name}: {}", self.paint.yellow("!"), hint.text())),
            Event::Changed { to: Status::AuthRetrying, cause, .. } => {
                let failing = self.failing.get_mut(name)?;
                failing.retrying = true;
                let why = match cause {
                    Some(Cause::ClientRefused) => {
                        format!("{}, the client is refused", looked_like(&failing.attempt))
                    }
                    _ => looked_like(&failing.attempt),
                };
                let next = failing
                    .next
                    .map_or(String::new(), |at| format!(", next attempt {}", local(at, now.wall)));
                let since = local(now.wall, now.wall);
                let sign = self.paint.yellow("!");
                Some(format!("{sign} {name}: auth_retrying since {since}{next}: {why}"))
            }
            Event::Changed { to: Status::Unauthenticated, cause, .. } => {
                self.failing.remove(name);
                let why = cause.map_or("unknown", Cause::name);
                let sign = self.paint.red("✗");
                Some(format!("{sign} {name}: login needed ({why}): {}", login_command(name.as_str())))
            }
            _ => None,
        }
    }

    fn report(&mut self, name: &CredentialName, now: Now, report: &Report) -> Option<String> {
        let (good, bad) = (self.paint.green("✓"), self.paint.yellow("!"));
        Some(match report {
            Report::AudienceRefused { key, attempt } => {
                format!("{bad} {name}: the server gives no token for {key}: {}", looked_like(attempt))
            }
            Report::Refreshed { reason, key, expires, .. } => {
                self.failing.remove(name);
                let until = local(*expires, now.wall);
                let key = key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
                format!("{good} {name}: token{key} refreshed, valid until {until} ({})", reason.name())
            }
            Report::Recovered { after, attempts } => {
                let attempts = super::sentence::times(*attempts);
                format!("{good} {name}: recovered after {}, {attempts}", brief(*after))
            }
            Report::AttemptFailed { attempt, next } => {
                let next = next.map(|at| now.wall_at(at));
                let retrying = self.failing.get(name).is_some_and(|f| f.retrying);
                self.failing.insert(name.clone(), Failing { attempt: attempt.clone(), next, retrying });
                let next = next?;
                format!(
                    "{bad} {name}: attempt failed: {}; next {}",
                    looked_like(attempt),
                    local(next, now.wall)
                )
            }
            Report::Adopted { generation, .. } => {
                self.failing.remove(name);
                format!("{good} {name}: took over generation {generation} from another process")
            }
            Report::RolledBack { found, greatest } => format!(
                "{bad} {name}: the record is older than one written before (generation {} after {}): was a backup \
                 restored? One attempt will show whether it still works",
                found.1, greatest.1
            ),
            Report::Rejected { key, generation, .. } => {
                let key = key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
                format!("{bad} {name}: a resource server refused the token{key} of generation {generation}")
            }
            Report::RejectionPassed { .. } => {
                format!("{bad} {name}: a fresh token was refused by the resource server; passed through")
            }
            Report::StoreFailed(fault) => format!("{bad} {name}: {}", without_controls(&fault.message)),
            Report::StoreHealed => format!("{good} {name}: the store works again"),
            _ => return None,
        })
    }
}

impl Sink for Lines {
    fn take(&mut self, name: &CredentialName, now: Now, event: &Event) {
        let line = match self.format {
            LineFormat::Text => self.text(name, now, event),
            LineFormat::Json => Entry::of(now, event).and_then(|entry| json(Some(name), &entry)),
        };
        if let Some(line) = line {
            // Nobody can be told that stderr is gone.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    fn note(&mut self, name: Option<&CredentialName>, entry: &Entry) {
        let line = match self.format {
            LineFormat::Text => {
                // What the process does itself, it says itself.
                let Some(name) = name else { return };
                let sign = match entry.what.tone() {
                    Tone::Good => self.paint.green(Tone::Good.sign()),
                    Tone::Trouble => self.paint.yellow(Tone::Trouble.sign()),
                    Tone::Bad => self.paint.red(Tone::Bad.sign()),
                    Tone::Plain => self.paint.dim(Tone::Plain.sign()),
                };
                Some(format!("{sign} {name}: {}", without_controls(&entry.sentence())))
            }
            LineFormat::Json => json(name, entry),
        };
        if let Some(line) = line {
            // Nobody can be told that stderr is gone.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

fn json(name: Option<&CredentialName>, entry: &Entry) -> Option<String> {
    let mut value = serde_json::to_value(entry).ok()?;
    value.as_object_mut()?.insert("credential".into(), name.map(CredentialName::as_str).into());
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::output::ColourChoice;
    use renewd_core::{Boot, Evidence, RefreshReason, Span, Verdict};

    #[test]
    fn an_outage_reads_as_the_contract_shows_it() {
        let paint = Painter::new(ColourChoice::Never, false, &Environment::capture());
        let mut lines = Lines::new(LineFormat::Text, paint);
        let name: CredentialName = "github".parse().unwrap();
        let now = Now { boot: Boot::from_millis(0), wall: Wall::from_unix_millis(1_795_338_000_000) };
        let attempt = LastAttempt {
            at: now.wall,
            verdict: Verdict::Transient,
            evidence: Evidence {
                http_status: Some(403),
                content_type: Some("text/html".into()),
                ..Evidence::default()
            },
        };
        let failed = Report::AttemptFailed { attempt, next: Some(now.boot + Span::from_mins(10)) };
        let first = lines.text(&name, now, &Event::Report(failed)).unwrap();
        assert!(first.starts_with("! github: attempt failed: HTTP 403 text/html; next "), "{first}");
        let retrying =
            Event::Changed { from: Status::Running, to: Status::AuthRetrying, cause: Some(Cause::Outage) };
        let second = lines.text(&name, now, &retrying).unwrap();
        assert!(second.starts_with("! github: auth_retrying since "), "{second}");
        assert!(second.contains(", next attempt ") && second.ends_with(": HTTP 403 text/html"), "{second}");
        let recovered = Report::Recovered { after: Span::from_mins(168), attempts: 17 };
        assert_eq!(
            lines.text(&name, now, &Event::Report(recovered)).unwrap(),
            "✓ github: recovered after 2h48m, 17 attempts"
        );
        let at_once = Report::Recovered { after: Span::from_mins(1), attempts: 1 };
        assert_eq!(
            lines.text(&name, now, &Event::Report(at_once)).unwrap(),
            "✓ github: recovered after 1m, 1 attempt"
        );
        let refreshed = Report::Refreshed {
            reason: RefreshReason::Proactive,
            epoch: 1,
            generation: 2,
            expires: now.wall + Span::from_hours(1),
            rotated: true,
            took: Span::ZERO,
            key: None,
        };
        let last = lines.text(&name, now, &Event::Report(refreshed)).unwrap();
        assert!(
            last.starts_with("✓ github: token refreshed, valid until ") && last.ends_with("(proactive)"),
            "{last}"
        );
        let lost = Event::Changed {
            from: Status::Running,
            to: Status::Unauthenticated,
            cause: Some(Cause::GrantRefused),
        };
        let lost = lines.text(&name, now, &lost).unwrap();
        assert!(lost.starts_with("✗ github: login needed (grant_refused): renewd "), "{lost}");
    }
}
