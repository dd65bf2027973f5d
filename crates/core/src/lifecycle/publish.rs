//! What the world is told: the status when it changes, and what callers get.

use crate::command::{Command, Publication};
use crate::lifecycle::machine::{Cx, Machine, Published};
use crate::view::{Phase, Status};

impl Machine {
    /// Announces what became visible: the status, and what callers get.
    pub(crate) fn settled(&mut self, phase: Phase, cx: &mut Cx<'_>) {
        if let Some(record) = &self.record {
            self.wall_seen = self.wall_seen.max(record.max_wall_seen);
        }
        let status = self.status(phase);
        self.tidy_others(status);
        // A shutdown announces nothing: what was true of the credential stays true in the store.
        if status != self.announced && status != Status::Stopped {
            let from = self.announced;
            self.announced = status;
            self.since = Some(cx.now.wall);
            cx.push(Command::Changed { from, to: status, cause: self.cause(phase) });
        } else if self.since.is_none() && !self.loading {
            self.since = Some(cx.now.wall);
        }
        if self.loading {
            return;
        }
        let until = self.published_until(phase);
        let published = match until {
            Some((until_boot, until_wall)) => {
                Published::Token { version: self.token_version().unwrap_or_default(), until_boot, until_wall }
            }
            None => Published::Unavailable {
                status,
                cause: self.cause(phase),
                // While an attempt is under way its time is "now", which is not worth a publication at every step:
                // that it was due was published before.
                next: self.next_attempt_at(phase).filter(|at| *at > self.now.boot).or(match self.published {
                    Published::Unavailable { next, .. } => next,
                    Published::Nothing | Published::Token { .. } => None,
                }),
            },
        };
        if published == self.published {
            return;
        }
        self.published = published;
        cx.push(Command::Publish(match until.and_then(|until| self.published_token(until)) {
            Some(token) => Publication::Token(token),
            None => Publication::Unavailable(self.unavailable(phase)),
        }));
    }
}
