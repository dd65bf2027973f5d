//! When to ask again whether the person has agreed (RFC 8628 §3.4, §3.5).
//!
//! Times are those of the boot clock, which counts through a suspend: a laptop that slept does not ask in bursts.

use renewd_core::{Boot, Span};

use super::DeviceAnswer;
use crate::protocol::denial::Denial;
use crate::protocol::json::read_object;

/// RFC 8628 §3.5: what `slow_down` adds.
const SLOW_DOWN: Span = Span::from_secs(5);

/// Without an answer the wait doubles up to here, or once where the interval is longer already.
const BACKOFF_MAX: Span = Span::from_mins(2);

/// Doubling more often than this reaches [`BACKOFF_MAX`] from any interval.
const DOUBLINGS_MAX: u32 = 10;

/// What a poll brought.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollAnswer {
    /// A success: core judges it.
    Granted,
    /// `authorization_pending`.
    Pending,
    /// `slow_down`, and the interval where the answer names a new one.
    SlowDown(Option<Span>),
    /// `access_denied`: the person said no.
    Denied(Denial),
    /// `expired_token`.
    Expired,
    /// Any other error of the token endpoint.
    Refused(Denial),
    /// No answer, or one that no token endpoint gives: the network, a gateway, a server in trouble. With its
    /// `Retry-After`.
    NoAnswer(Option<Span>),
}

impl PollAnswer {
    /// Reads the answer to a poll. `retry_after` is the wait of its header. Errors count whatever the status: some
    /// servers say them with 200.
    pub fn read(status: u16, retry_after: Option<Span>, body: &[u8]) -> Self {
        let Some(denial) = Denial::of_body(body) else { return Self::without_code(status, retry_after) };
        match denial.error.as_str() {
            "authorization_pending" => Self::Pending,
            "slow_down" => Self::SlowDown(new_interval(body)),
            "access_denied" | "authorization_declined" => Self::Denied(denial),
            "expired_token" | "code_expired" => Self::Expired,
            "temporarily_unavailable" | "server_error" => Self::NoAnswer(retry_after),
            _ if status >= 500 || status == 429 => Self::NoAnswer(retry_after),
            // rfc: 8628-3.5-4 any other error ends it
            _ => Self::Refused(denial),
        }
    }

    /// An answer without an error's code. What a status says for good ends it; a gateway may say the rest.
    fn without_code(status: u16, retry_after: Option<Span>) -> Self {
        match status {
            200..=299 => Self::Granted,
            400 | 401 | 404 | 405 | 410 | 415 => {
                Self::Refused(Denial::new(&format!("HTTP {status}"), None, None))
            }
            _ => Self::NoAnswer(retry_after),
        }
    }
}

/// GitHub names the new interval in the answer.
fn new_interval(body: &[u8]) -> Option<Span> {
    let seconds = read_object(body, "answer").ok()?.whole("interval").ok()??;
    u64::try_from(seconds).ok().map(Span::from_secs)
}

/// How it ended.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollEnd {
    /// With tokens.
    Granted,
    /// The person said no.
    Denied(Denial),
    /// Nobody agreed in time.
    Expired,
    /// The server refused.
    Refused(Denial),
}

/// What to do now.
#[expect(clippy::exhaustive_enums, reason = "one waits, asks, or is done")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollStep {
    /// Nothing before then.
    Wait {
        /// On the boot clock.
        until: Boot,
    },
    /// Send one poll, and say so by [`DevicePoll::asked`].
    Ask,
    /// Nothing any more.
    Ended(PollEnd),
}

/// The polls of one device grant.
#[derive(Clone, Debug)]
pub struct DevicePoll {
    /// What the server wants between two polls; it never shrinks.
    interval: Span,
    /// Polls in a row without an answer.
    unanswered: u32,
    next: Boot,
    expires: Boot,
    ended: Option<PollEnd>,
}

impl DevicePoll {
    /// Begins when the answer came: the first poll is one interval later.
    pub fn new(answer: &DeviceAnswer, now: Boot) -> Self {
        Self {
            interval: answer.interval,
            unanswered: 0,
            next: now + answer.interval,
            expires: now + answer.expires_in,
            ended: None,
        }
    }

    /// When the next poll is due.
    pub const fn next(&self) -> Boot {
        self.next
    }

    /// When the codes expire.
    pub const fn expires(&self) -> Boot {
        self.expires
    }

    /// What the server wants between two polls.
    pub const fn interval(&self) -> Span {
        self.interval
    }

    /// What to do now.
    pub fn step(&self, now: Boot) -> PollStep {
        if let Some(end) = &self.ended {
            PollStep::Ended(end.clone())
        } else if now >= self.expires {
            PollStep::Ended(PollEnd::Expired)
        } else if now >= self.next {
            PollStep::Ask
        } else {
            PollStep::Wait { until: self.next.min(self.expires) }
        }
    }

    /// A poll was sent. Until its answer is told, the next is due as if there were none.
    pub fn asked(&mut self, now: Boot) {
        self.next = self.next.max(now + self.wait());
    }

    /// What the poll brought, and what to do now. The next wait begins here, not when it was sent.
    pub fn answered(&mut self, answer: &PollAnswer, now: Boot) -> PollStep {
        let mut at_least = Span::ZERO;
        match answer {
            PollAnswer::Pending => self.unanswered = 0,
            PollAnswer::SlowDown(told) => {
                self.unanswered = 0;
                // rfc: 8628-3.5 five seconds more, for this and all later polls
                self.interval = (self.interval + SLOW_DOWN).max(told.unwrap_or(Span::ZERO));
            }
            PollAnswer::NoAnswer(retry_after) => {
                // rfc: 8628-3.5-2 more slowly after a time-out
                self.unanswered = self.unanswered.saturating_add(1);
                at_least = retry_after.unwrap_or(Span::ZERO);
            }
            PollAnswer::Granted => self.end(PollEnd::Granted),
            PollAnswer::Denied(denial) => self.end(PollEnd::Denied(denial.clone())),
            PollAnswer::Expired => self.end(PollEnd::Expired),
            PollAnswer::Refused(denial) => self.end(PollEnd::Refused(denial.clone())),
        }
        // rfc: 8628-3.5-3 at least the interval
        self.next = self.next.max(now + self.wait().max(at_least));
        self.step(now)
    }

    fn end(&mut self, end: PollEnd) {
        self.ended.get_or_insert(end);
    }

    /// The interval; without answers doubled each time, within [`BACKOFF_MAX`], but once at least.
    fn wait(&self) -> Span {
        let doubled = self.interval.times(1 << self.unanswered.min(DOUBLINGS_MAX));
        doubled.min(BACKOFF_MAX.max(self.interval.times(2)))
    }
}

#[cfg(test)]
mod tests;
