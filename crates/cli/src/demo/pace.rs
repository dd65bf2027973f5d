//! How much faster than life the demonstration runs, and the configuration that makes it so.
//!
//! Nothing in the product knows of a test clock. What is shorter here is configured to be: the server's token lifetime,
//! and every duration of the policy that decides *when* something is tried. Time-outs of a single request stay as they
//! are: sockets do not get faster, and a busy machine would only be taken for a broken network.

use std::fmt::Write as _;

use renewd_core::{Policy, Span};

/// How long the server's access tokens live, in the time of the story: what several providers choose. With an hour
/// the demonstration would take twice as long and show nothing more.
const LIFETIME: Span = Span::from_mins(30);

/// How often the client asks, in the time of the story.
const REQUEST_EVERY: Span = Span::from_secs(30);

/// The times of the demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    speed: u64,
}

impl Pace {
    /// So many times faster than life.
    pub(super) fn new(speed: u16) -> Self {
        Self { speed: u64::from(speed).max(1) }
    }

    /// So many times.
    pub(super) fn speed(self) -> u64 {
        self.speed
    }

    /// How long something of the story takes here.
    pub(super) fn here(self, story: Span) -> Span {
        Span::from_millis((story.as_millis() / self.speed).max(1))
    }

    /// How long something here takes in the story.
    pub(super) fn story(self, here: Span) -> Span {
        here.times(self.speed)
    }

    /// How long an access token lives here.
    pub(super) fn lifetime(self) -> Span {
        self.here(LIFETIME)
    }

    /// How often the client asks here.
    pub(super) fn request_every(self) -> Span {
        self.here(REQUEST_EVERY)
    }

    /// How often `auth_retrying` tries here.
    pub(super) fn interval(self) -> Span {
        self.here(Policy::default().auth_retrying.interval)
    }

    /// The short retry's longest here.
    pub(super) fn short_retry(self) -> Span {
        self.here(Policy::default().retry.elapsed)
    }

    /// The configuration: the defaults, divided by the speed.
    pub(super) fn policy(self) -> String {
        let p = Policy::default();
        let tables: [(&str, &[(&str, Span)]); 4] = [
            (
                "refresh",
                &[
                    ("window", p.refresh.window_for(LIFETIME)),
                    ("mandatory", p.refresh.mandatory_for(LIFETIME)),
                    ("min_interval", p.refresh.min_interval_for(LIFETIME)),
                ],
            ),
            (
                "retry",
                &[
                    ("initial", p.retry.initial),
                    ("max", p.retry.max),
                    ("elapsed", p.retry.elapsed),
                    ("budget_refill", p.retry.budget_refill),
                ],
            ),
            (
                "auth_retrying",
                &[("interval", p.auth_retrying.interval), ("ceiling", p.auth_retrying.ceiling)],
            ),
            ("lifetime", &[("default", p.lifetime_default)]),
        ];
        let mut text = String::new();
        for (table, keys) in tables {
            let _ = writeln!(text, "[{table}]");
            for (key, span) in keys {
                let _ = writeln!(text, "{key} = \"{}\"", self.here(*span));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_default_speed_half_an_hour_is_a_quarter_of_a_minute() {
        let pace = Pace::new(120);
        assert_eq!(pace.lifetime(), Span::from_secs(15));
        assert_eq!(pace.request_every(), Span::from_millis(250));
        assert_eq!(pace.interval(), Span::from_secs(5));
        assert_eq!(pace.story(Span::from_secs(5)), Span::from_mins(10));
        let text = pace.policy();
        for line in [
            "window = \"3s750ms\"",
            "mandatory = \"500ms\"",
            "initial = \"83ms\"",
            "elapsed = \"2s500ms\"",
            "interval = \"5s\"",
            "ceiling = \"12m\"",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
