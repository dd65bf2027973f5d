//! What was heard, counted: the demonstration's own account, to be held against those of the others at the end.

use super::client::{Answer, Answered};
use super::news::News;
use crate::journal::What;

/// Bad answers that are remembered in words.
const WORDS_MAX: usize = 5;

/// Counts of everything that came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The client's answers.
    pub(super) answers: u64,
    /// 200.
    pub(super) good: u64,
    /// 503 with `Retry-After`.
    pub(super) failed_fast: u64,
    /// Anything else.
    pub(super) bad: u64,
    /// The first of them, in words.
    pub(super) bad_words: Vec<String>,
    /// The longest `Retry-After`, in seconds.
    pub(super) retry_after_max_s: u64,
    /// 401s that the API told of.
    pub(super) refused: u64,
    /// 401s after which the client saw nothing but a 200.
    pub(super) replayed: u64,
    /// Refreshes that the agent told of, by a window's beginning and by a 401.
    pub(super) proactive: u64,
    /// See above.
    pub(super) rejected: u64,
    /// Attempts that failed.
    pub(super) failed_attempts: u64,
    /// The greatest generation that the agent told of.
    pub(super) generation: u64,
    /// Recoveries.
    pub(super) recovered: u64,
    /// The agent's last word on the status, where it changed.
    pub(super) status: Option<String>,
    /// Every status there was a change to.
    pub(super) statuses: Vec<String>,
}

impl Tally {
    /// One more.
    pub(super) fn count(&mut self, news: &News) {
        match news {
            News::Client(answered) => self.answered(answered),
            News::Refused(_) => self.refused += 1,
            News::Agent(entry) => self.told(&entry.what),
            News::AgentGone | News::Interrupted => {}
        }
    }

    fn answered(&mut self, answered: &Answered) {
        self.answers += 1;
        match &answered.answer {
            Answer::Good => self.good += 1,
            Answer::FailedFast { retry_after_s } => {
                self.failed_fast += 1;
                self.retry_after_max_s = self.retry_after_max_s.max(*retry_after_s);
            }
            Answer::Bad(words) => {
                self.bad += 1;
                if self.bad_words.len() < WORDS_MAX {
                    self.bad_words.push(format!("request {}: {words}", answered.number));
                }
            }
        }
    }

    fn told(&mut self, what: &What) {
        match what {
            What::Refreshed { reason, generation, .. } => {
                // The first of a login renews nothing, whoever was quicker to ask for it.
                self.proactive += u64::from(reason == "proactive" && *generation > 1);
                self.rejected += u64::from(reason == "rejected");
                self.generation = self.generation.max(*generation);
            }
            What::AttemptFailed { .. } => self.failed_attempts += 1,
            What::Recovered { .. } => self.recovered += 1,
            What::Status { to, .. } => {
                self.status = Some(to.clone());
                self.statuses.push(to.clone());
            }
            _ => {}
        }
    }
}
