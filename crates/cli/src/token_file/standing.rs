//! When a token file is to be written or taken away, by what callers would get.

use renewd_core::{Boot, Now, Publication, Span, Status, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, Lease};

use crate::obtain::Obtained;

/// A token that a file holds, until either clock says that it is over.
#[derive(Clone)]
pub(crate) struct Standing {
    pub(crate) token: Obtained,
    expires: Wall,
    expires_boot: Boot,
    /// Until when it is handed out: a little before it expires.
    served: Wall,
}

impl Standing {
    fn of(token: Obtained, left: Span, served: Wall, now: Now) -> Self {
        Self { token, expires: now.wall + left, expires_boot: now.boot + left, served }
    }

    /// How long it lives by the clock that says less.
    pub(crate) fn left(&self, now: Now) -> Span {
        self.expires.since(now.wall).min(self.expires_boot.since(now.boot))
    }

    /// When it expires.
    pub(crate) fn expires(&self) -> Wall {
        self.expires
    }

    fn is_same(&self, other: &Self) -> bool {
        self.token.access_token.same_as(other.token.access_token.expose())
    }
}

impl From<&Lease> for Standing {
    fn from(lease: &Lease) -> Self {
        let now = SystemClock.now();
        Self::of(Obtained::from(lease), lease.expires().since(now.wall), lease.expires(), now)
    }
}

impl Standing {
    /// What was published, if it is a token.
    pub(crate) fn published(publication: &Publication) -> Option<Self> {
        let Publication::Token(token) = publication else { return None };
        let now = SystemClock.now();
        let left = token.access.remaining(now, SystemClock.boot_id());
        let obtained = Obtained::of(&token.access, token.epoch, token.generation);
        Some(Self::of(obtained, left, token.until_wall, now))
    }
}

/// What is to be done with the file.
pub(crate) enum Step {
    /// Nothing.
    Keep,
    /// This goes in.
    Write(Box<Standing>),
    /// There is no valid token any more.
    Remove,
}

/// What is to be done with a file that holds `held`, when `newest` was published last.
pub(crate) fn step(held: Option<&Standing>, newest: Option<&Publication>, now: Now) -> Step {
    let over = held.is_some_and(|h| h.left(now).is_zero());
    let otherwise = if over { Step::Remove } else { Step::Keep };
    match newest {
        Some(Publication::Unavailable(why)) => match held {
            Some(held) if is_withdrawn(held, why.status, now) => Step::Remove,
            _ => otherwise,
        },
        Some(token) => match Standing::published(token) {
            Some(new) if !new.left(now).is_zero() && held.is_none_or(|h| !h.is_same(&new)) => {
                Step::Write(Box::new(new))
            }
            _ => otherwise,
        },
        None => otherwise,
    }
}

/// Whether a token that still lives by the clocks is no good any more. A refused one is renewed in a moment, as a rule,
/// and until then it is as good as none at all; where that lasts, nobody must find what was valid once. One that is
/// only no longer handed out, because it is about to expire, may be used to its end. A loop that stopped has nothing to
/// say of the token.
fn is_withdrawn(held: &Standing, status: Status, now: Now) -> bool {
    match status {
        Status::Running | Status::Stopped => false,
        Status::AuthRetrying => now.wall < held.served,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Access, AccessKey, PublishedToken, Secret, Stamp, Unavailable};

    const MARGIN: Span = Span::from_secs(30);

    fn token(text: &str, lifetime: Span) -> Publication {
        let now = SystemClock.now();
        let access = Access {
            key: AccessKey::default(),
            token: Secret::from(text),
            token_type: "Bearer".into(),
            issued: Stamp::new(now, SystemClock.boot_id()),
            lifetime,
            lifetime_given: true,
            granted: None,
            brought_by: None,
        };
        let served = lifetime.saturating_sub(MARGIN);
        let (until_boot, until_wall) = (now.boot + served, now.wall + served);
        Publication::Token(PublishedToken {
            access,
            epoch: 1,
            generation: 1,
            proof_key: None,
            until_boot,
            until_wall,
        })
    }

    fn none(status: Status) -> Publication {
        Publication::Unavailable(Unavailable {
            status,
            cause: None,
            since: None,
            next_attempt: None,
            last_attempt: None,
        })
    }

    #[test]
    fn a_newer_token_is_written_and_a_lasting_lack_of_one_removes_the_file() {
        let hour = Span::from_hours(1);
        let held = Standing::published(&token("at-1", hour)).unwrap();
        let ending = Standing::published(&token("at-1", Span::from_secs(10))).unwrap();
        let over = Standing::published(&token("at-1", Span::ZERO)).unwrap();
        // After them: one is served no more from the moment that it was made.
        let now = SystemClock.now();
        let name =
            |held: Option<&Standing>, newest: Option<Publication>| match step(held, newest.as_ref(), now) {
                Step::Keep => "keep",
                Step::Write(_) => "write",
                Step::Remove => "remove",
            };
        assert_eq!(name(Some(&held), None), "keep");
        assert_eq!(name(Some(&held), Some(token("at-1", hour))), "keep");
        assert_eq!(name(Some(&held), Some(token("at-2", hour))), "write");
        let renewed = "refused, and renewed in a moment";
        assert_eq!(name(Some(&held), Some(none(Status::Running))), "keep", "{renewed}");
        assert_eq!(name(Some(&held), Some(none(Status::AuthRetrying))), "remove");
        assert_eq!(name(Some(&held), Some(none(Status::Unauthenticated))), "remove");
        assert_eq!(name(Some(&held), Some(none(Status::Stopped))), "keep", "it says nothing of the token");
        assert_eq!(name(Some(&ending), Some(none(Status::AuthRetrying))), "keep", "it lives a little yet");
        assert_eq!(name(Some(&over), Some(none(Status::Running))), "remove");
        assert_eq!(name(Some(&over), Some(token("at-1", Span::ZERO))), "remove");
        assert_eq!(name(None, Some(none(Status::AuthRetrying))), "keep");
        assert_eq!(name(None, Some(token("at-1", hour))), "write", "it is back");
    }
}
