//! What stands in each token file, and how often it was written: for `status`, `doctor` and the metrics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use renewd_core::Wall;
use renewd_driver::CredentialName;

use crate::agent::metrics::{Family, Sample, counter, gauge, whole};
use crate::json::SinkStatus;
use crate::output::time::rfc3339;

/// What a file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No valid token came yet.
    Waiting,
    /// It holds the newest token.
    Fresh,
    /// It could not be written, or not taken away.
    Failing,
    /// No valid token is left, and the file is gone.
    Removed,
    /// No valid token is left, and the file stays with the last one.
    Stale,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fresh => "fresh",
            Self::Failing => "failing",
            Self::Removed => "removed",
            Self::Stale => "stale",
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Board {
    lines: Mutex<BTreeMap<PathBuf, Line>>,
}

#[derive(Clone, Debug)]
struct Line {
    credential: CredentialName,
    state: State,
    since: Wall,
    valid_until: Option<Wall>,
    message: Option<String>,
    writes: u64,
    failures: u64,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, path: &Path, credential: &CredentialName, now: Wall, change: impl FnOnce(&mut Line)) {
        let mut lines = self.lock();
        let line = lines.entry(path.to_owned()).or_insert_with(|| Line {
            credential: credential.clone(),
            state: State::Waiting,
            since: now,
            valid_until: None,
            message: None,
            writes: 0,
            failures: 0,
        });
        line.credential = credential.clone();
        let before = line.state;
        change(line);
        if line.state != before {
            line.since = now;
        }
    }

    pub(super) fn stands(&self, path: &Path, credential: &CredentialName, now: Wall, state: State) {
        self.change(path, credential, now, |line| {
            line.state = state;
            line.message = None;
            if state != State::Stale {
                line.valid_until = None;
            }
        });
    }

    pub(super) fn written(&self, path: &Path, credential: &CredentialName, now: Wall, until: Wall) {
        self.change(path, credential, now, |line| {
            (line.state, line.valid_until, line.message) = (State::Fresh, Some(until), None);
            line.writes += 1;
        });
    }

    pub(super) fn failed(&self, path: &Path, credential: &CredentialName, now: Wall, why: &str) {
        self.change(path, credential, now, |line| {
            (line.state, line.message) = (State::Failing, Some(why.to_owned()));
            line.failures += 1;
        });
    }

    pub(super) fn forget(&self, path: &Path) {
        self.lock().remove(path);
    }

    pub(super) fn status(&self) -> Vec<SinkStatus> {
        let of = |(path, line): (&PathBuf, &Line)| SinkStatus {
            path: path.display().to_string(),
            credential: line.credential.to_string(),
            state: line.state.name().into(),
            since: rfc3339(line.since),
            valid_until: line.valid_until.map(rfc3339),
            message: line.message.clone(),
        };
        self.lock().iter().map(of).collect()
    }

    pub(super) fn metrics(&self) -> Vec<Family> {
        let lines = self.lock();
        if lines.is_empty() {
            return Vec::new();
        }
        let each = |number: &dyn Fn(&Line) -> u64| -> Vec<Sample> {
            let labels = |(path, line): (&PathBuf, &Line)| {
                vec![("credential", line.credential.to_string()), ("path", path.display().to_string())]
            };
            lines.iter().map(|(path, line)| whole(labels((path, line)), number(line))).collect()
        };
        vec![
            gauge(
                "renewd_sink_fresh",
                "1 while a token file holds the newest token.",
                each(&|line| u64::from(line.state == State::Fresh)),
            ),
            counter("renewd_sink_writes_total", "Tokens written to a token file.", each(&|line| line.writes)),
            counter(
                "renewd_sink_write_failures_total",
                "Times that a token file could not be written or removed.",
                each(&|line| line.failures),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::metrics::{Format, render};
    use renewd_core::Span;

    #[test]
    fn it_counts_and_tells_since_when() {
        let board = Board::default();
        let name: CredentialName = "work".parse().unwrap();
        let path = Path::new("/run/a \"b\"");
        let at = |seconds| Wall::from_unix_millis(1_795_338_000_000) + Span::from_secs(seconds);
        assert!(board.metrics().is_empty());
        board.written(path, &name, at(0), at(3600));
        board.written(path, &name, at(60), at(7200));
        board.failed(path, &name, at(120), "no space left");
        board.failed(path, &name, at(180), "no space left");
        let status = board.status();
        assert_eq!((status[0].state.as_str(), status[0].since.as_str()), ("failing", "2026-11-22T09:02:00Z"));
        assert_eq!(status[0].valid_until.as_deref(), Some("2026-11-22T11:00:00Z"), "what it still holds");
        let text = render(&board.metrics(), Format::Prometheus);
        for line in [
            r#"renewd_sink_fresh{credential="work",path="/run/a \"b\""} 0"#,
            r#"renewd_sink_writes_total{credential="work",path="/run/a \"b\""} 2"#,
            r#"renewd_sink_write_failures_total{credential="work",path="/run/a \"b\""} 2"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
        board.stands(path, &name, at(200), State::Removed);
        assert_eq!((&board.status()[0].message, &board.status()[0].valid_until), (&None, &None));
    }
}
