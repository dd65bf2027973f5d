//! The last 24 hours of a credential as a bar, from its journal.

use renewd_core::{Span, Wall};

use crate::journal::{Entry, What};
use crate::output::time::parse_rfc3339;

/// How far a bar goes back.
pub(super) const DAY: Span = Span::from_hours(24);

/// How it stood. Of several in one cell the last of these is shown. Each has its height, so that the bar is read without
/// colours too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stand {
    /// The journal does not reach back so far.
    Unknown,
    Well,
    /// An attempt failed, and nobody had to wait.
    Blip,
    Stopped,
    Waiting,
    LoginNeeded,
}

impl Stand {
    pub(super) const fn glyph(self) -> &'static str {
        match self {
            Self::Unknown => "·",
            Self::Well => "█",
            Self::Blip => "▆",
            Self::Waiting => "▄",
            Self::LoginNeeded => "▁",
            Self::Stopped => " ",
        }
    }

    fn of_status(status: &str) -> Self {
        match status {
            "running" => Self::Well,
            "auth_retrying" => Self::Waiting,
            "unauthenticated" => Self::LoginNeeded,
            "stopped" => Self::Stopped,
            _ => Self::Unknown,
        }
    }
}

/// What the bar is drawn from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timeline {
    /// From when on it stood so. Oldest first.
    changes: Vec<(Wall, Stand)>,
    failed: Vec<Wall>,
}

impl Timeline {
    /// Of a journal, oldest first.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut all = Self::default();
        for entry in entries {
            let Some(at) = parse_rfc3339(&entry.at) else { continue };
            let stand = match &entry.what {
                What::Status { to, .. } => Stand::of_status(to),
                What::Refreshed { .. }
                | What::Adopted { .. }
                | What::Recovered { .. }
                | What::LoggedIn { .. }
                | What::Imported { .. } => Stand::Well,
                What::LoggedOut => Stand::LoginNeeded,
                What::AttemptFailed { .. } => {
                    all.failed.push(at);
                    continue;
                }
                _ => continue,
            };
            if all.changes.last().is_none_or(|(_, last)| *last != stand) {
                all.changes.push((at, stand));
            }
        }
        all
    }

    /// The bar, oldest cell first. `status` is how it stands now, which a journal need not know.
    pub(super) fn cells(&self, now: Wall, status: &str, width: usize) -> Vec<Stand> {
        let begin = now - DAY;
        let edge = |cell: usize| {
            begin + Span::from_millis(DAY.as_millis().saturating_mul(cell as u64) / width.max(1) as u64)
        };
        let mut cells: Vec<Stand> = (0..width).map(|cell| self.worst(edge(cell), edge(cell + 1))).collect();
        let stands = Stand::of_status(status);
        if let (Some(last), true) = (cells.last_mut(), stands != Stand::Unknown) {
            *last = stands;
        }
        cells
    }

    fn worst(&self, from: Wall, to: Wall) -> Stand {
        let before = self.changes.iter().rev().find(|(at, _)| *at <= from).map(|(_, stand)| *stand);
        let within = self.changes.iter().filter(|(at, _)| *at > from && *at < to).map(|(_, stand)| *stand);
        let stand = before.into_iter().chain(within).max().unwrap_or(Stand::Unknown);
        let blip = self.failed.iter().any(|at| *at >= from && *at < to);
        if blip { stand.max(Stand::Blip) } else { stand }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &[(&str, &str)], status: &str) -> String {
        let entry = |(at, event): &(&str, &str)| {
            serde_json::from_str(&format!(r#"{{"schema":1,"at":"2026-11-{at}:00:00Z",{event}}}"#)).unwrap()
        };
        let entries: Vec<Entry> = lines.iter().map(entry).collect();
        let now = parse_rfc3339("2026-11-22T12:00:00Z").unwrap();
        Timeline::new(&entries).cells(now, status, 12).into_iter().map(Stand::glyph).collect()
    }

    const LOGIN: &str = r#""event":"logged_in","epoch":1"#;
    const RETRYING: &str = r#""event":"status","from":"running","to":"auth_retrying","cause":"outage""#;
    const LOST: &str = r#""event":"status","from":"running","to":"unauthenticated","cause":"grant_refused""#;
    const RECOVERED: &str = r#""event":"recovered","after_s":9,"attempts":2"#;
    const FAILED: &str = r#""event":"attempt_failed","verdict":"transient","evidence":"x","rule":"","oauth_error":null,"next_attempt_at":null"#;

    #[test]
    fn a_day_with_an_outage_and_a_lost_login_is_seen_at_a_glance() {
        assert_eq!(drawn(&[("21T18", LOGIN)], "running"), "···█████████");
        let night = [("20T18", LOGIN), ("21T21", RETRYING), ("22T01", RECOVERED), ("22T06", LOST)];
        assert_eq!(drawn(&night, "unauthenticated"), "████▄▄▄██▁▁▁");
        assert_eq!(drawn(&[("20T18", LOGIN), ("21T23", FAILED)], "running"), "█████▆██████");
        assert_eq!(drawn(&[], "running"), "···········█");
    }
}
