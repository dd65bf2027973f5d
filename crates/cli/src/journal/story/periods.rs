//! What lasts for a while: renewals as they should be, an outage, something that fails and is mended. Each knows how to
//! tell itself once it is over, or so far.

use renewd_core::{Span, Wall};

use super::clock::Clock;
use crate::output::time::brief;

/// Kinds of failure that are told apart in one outage. A server that finds more words than this is told to have done so.
const EVIDENCE_MAX: usize = 4;

/// An attempt that was due so long ago has not been made, or no line was written of it: one may be on its way until then.
const LATE_MIN: Span = Span::from_mins(2);

/// `1 attempt`, `17 attempts`.
fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `once`, `twice`, `17 times`.
pub(super) fn times(n: u64) -> String {
    match n {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// Which token callers had, as far as the journal knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Served {
    /// Its lines do not reach back so far, or do not say.
    #[default]
    Unknown,
    /// None: a refresh token was imported, or somebody logged out.
    Nothing,
    /// One that is valid until then.
    Until(Wall),
}

/// Renewals, and nothing else.
#[derive(Debug)]
pub(super) struct Quiet {
    pub(super) from: Wall,
    pub(super) to: Wall,
    pub(super) refreshed: u64,
    pub(super) rejected: u64,
    pub(super) adopted: u64,
    /// Times in which no token was valid: nobody renewed, or nobody asked.
    pub(super) without: Span,
}

impl Quiet {
    pub(super) fn new(at: Wall) -> Self {
        Self { from: at, to: at, refreshed: 0, rejected: 0, adopted: 0, without: Span::ZERO }
    }

    /// `served` is the last token, `refused` when a resource server refused it, `now` the present where nothing came after.
    pub(super) fn text(
        &self,
        clock: &Clock,
        served: Served,
        refused: Option<Wall>,
        now: Option<Wall>,
    ) -> String {
        let mut parts = Vec::new();
        if self.refreshed > 0 {
            parts.push(format!("the token was refreshed {}", times(self.refreshed)));
        }
        if self.adopted > 0 {
            let whose = "taken over from another process or login";
            let token = if parts.is_empty() { "the token was " } else { "" };
            parts.push(format!("{token}{whose} {}", times(self.adopted)));
        }
        let mut text = parts.join(", ");
        if self.rejected > 0 {
            let part = match self.rejected {
                1 if self.refreshed == 1 => String::new(),
                n if n == self.refreshed => "each time ".into(),
                n => format!("{} ", times(n)),
            };
            text += &format!(" ({part}because a resource server refused the one before)");
        }
        if self.without > Span::from_secs(1) {
            text +=
                &format!("; for {} in between there was no valid one, and nobody asked", brief(self.without));
        }
        let Served::Until(until) = served else { return text };
        let time = |at| clock.time(at, self.from);
        text += &match refused {
            Some(at) if at < until => {
                format!(
                    "; a resource server refused the last at {}, before its end at {}",
                    time(at),
                    time(until)
                )
            }
            _ if now.is_some_and(|now| until <= now) => {
                format!("; the last was valid until {}, and none has come since", time(until))
            }
            _ => format!("; the last is valid until {}", time(until)),
        };
        text
    }
}

/// Attempts that fail, and perhaps `auth_retrying`.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) from: Wall,
    pub(super) attempts: u64,
    /// What was met, in order of its first time, and how often.
    evidence: Vec<(String, u64)>,
    others: u64,
    /// The token of before.
    served: Served,
    /// When a resource server refused it.
    pub(super) refused: Option<Wall>,
    pub(super) next: Option<Wall>,
    /// `auth_retrying` was reported.
    pub(super) retrying: bool,
    pub(super) cause: Option<String>,
    /// When a line said so; what the success brought stands in the next one.
    pub(super) recovered: Option<Wall>,
}

impl Outage {
    pub(super) fn new(at: Wall, served: Served, refused: Option<Wall>) -> Self {
        Self {
            from: at,
            attempts: 0,
            evidence: Vec::new(),
            others: 0,
            served,
            refused,
            next: None,
            retrying: false,
            cause: None,
            recovered: None,
        }
    }

    pub(super) fn attempt(&mut self, evidence: &str, next: Option<Wall>) {
        self.attempts += 1;
        self.next = next;
        if let Some((_, n)) = self.evidence.iter_mut().find(|(seen, _)| seen == evidence) {
            *n += 1;
        } else if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push((evidence.to_owned(), 1));
        } else {
            self.others += 1;
        }
    }

    /// `HTTP 403 text/html`, or `HTTP 403 text/html (12 times), no answer in time (5 times)`.
    fn met(&self) -> String {
        let mut all: Vec<String> = match self.evidence.as_slice() {
            [] => vec!["for a reason that was not written down".into()],
            [(one, _)] => vec![one.clone()],
            more => more.iter().map(|(what, n)| format!("{what} ({})", times(*n))).collect(),
        };
        if self.others > 0 {
            all.push(format!("and {} of other kinds", counted(self.others, "failure")));
        }
        all.join(", ")
    }

    /// What callers noticed of it until then; nothing where that is not known.
    fn noticed(&self, clock: &Clock, end: Wall) -> Option<String> {
        let valid_until = match self.served {
            Served::Until(until) => Some(until),
            _ => None,
        };
        let waited = |from: Wall| format!("callers were told to wait ({})", brief(end.since(from)));
        if let Some(at) = self.refused.filter(|at| valid_until.is_none_or(|until| *at < until)) {
            let time = clock.time(at, self.from);
            let refused = format!("a resource server refused the token of before at {time}");
            let at_once = end.since(at) < Span::from_secs(1);
            return Some(if at_once { refused } else { format!("{refused}, then {}", waited(at)) });
        }
        Some(match (self.served, valid_until) {
            (Served::Unknown, _) => return None,
            (_, Some(until)) if until >= end => "the token of before was valid all the time".into(),
            (_, Some(until)) if until > self.from => format!(
                "the token of before was valid until {}, then {}",
                clock.time(until, self.from),
                waited(until)
            ),
            _ => format!("there was no valid token, and {}", waited(self.from)),
        })
    }

    /// So far, or to its end.
    fn begun(&self, end: Wall) -> String {
        let lasted = end.since(self.from);
        let retrying = match (&self.cause, self.retrying) {
            (Some(cause), true) => format!(" (auth_retrying: {cause})"),
            (None, true) => " (auth_retrying)".into(),
            _ => String::new(),
        };
        let within = if lasted.as_secs() > 0 && self.attempts > 1 {
            format!(" in {}", brief(lasted))
        } else {
            String::new()
        };
        format!("{} failed{within}{retrying}: {}", counted(self.attempts, "attempt"), self.met())
    }

    /// What there is to say before its end.
    fn until(&self, clock: &Clock, end: Wall) -> String {
        let noticed = self.noticed(clock, end).map_or(String::new(), |noticed| format!("; {noticed}"));
        format!("{}{noticed}", self.begun(end))
    }

    pub(super) fn recovered(&self, clock: &Clock, end: Wall, until: Option<Wall>) -> String {
        let until = until.map_or(String::new(), |at| {
            format!("; served a valid token until {}", clock.time(at, self.from))
        });
        format!(
            "{}; recovered at {}, nobody had to log in{until}",
            self.until(clock, end),
            clock.time(end, self.from)
        )
    }

    pub(super) fn lost(&self, clock: &Clock, end: Wall) -> String {
        format!(
            "{}; at {} it became clear that a login is needed",
            self.until(clock, end),
            clock.time(end, self.from)
        )
    }

    /// A login ended it.
    pub(super) fn logged_in(&self, clock: &Clock, end: Wall) -> String {
        format!("{}; a login ended it at {}", self.until(clock, end), clock.time(end, self.from))
    }

    /// It goes on.
    pub(super) fn so_far(&self, clock: &Clock, now: Wall) -> String {
        let next = self.next.map_or(String::new(), |at| {
            let time = clock.time(at, now);
            if at + LATE_MIN < now {
                format!("; the next attempt was due {time}, and nothing is known of it")
            } else {
                format!("; the next attempt is due {time}")
            }
        });
        let callers = match self.served {
            Served::Until(until) if until > now && self.refused.is_none() => {
                format!("; the token of before is valid until {}", clock.time(until, self.from))
            }
            _ => self.noticed(clock, now).map_or(String::new(), |noticed| format!("; {noticed}, still")),
        };
        format!("{}{callers}; not over yet{next}", self.begun(now))
    }
}

/// Something that failed and works again: the store, a token file.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) from: Wall,
    pub(super) times: u64,
    /// What failed, and why: the last words on it.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn mended(&self, clock: &Clock, end: Wall, it: &str) -> String {
        let more = if self.times > 1 { format!(", {}", times(self.times)) } else { String::new() };
        format!("{}{more}; {it} again at {}", self.what, clock.time(end, self.from))
    }

    pub(super) fn so_far(&self) -> String {
        let more = if self.times > 1 { format!(", {}", times(self.times)) } else { String::new() };
        format!("{}{more}; not mended yet", self.what)
    }
}
