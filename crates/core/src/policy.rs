//! How long, how often, how many: every number that a user may set, with its default and the reason for it.

use crate::profile::Profile;
use crate::time::Span;

/// A server's wish to be left alone is honoured up to this: a mistaken `Retry-After` of years must not end a login.
pub const RETRY_AFTER_MAX: Span = Span::from_hours(1);

/// When to refresh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RefreshPolicy {
    /// How long before expiry a refresh starts; `None` is min(15 m, 25 % of the lifetime). A set value is still held
    /// to at most half of the lifetime, or a short-lived token would be renewed without end.
    pub window: Option<Span>,
    /// With less than this left a caller waits for the refresh instead of getting the old token; `None` is
    /// min(60 s, 10 % of the lifetime). Held to at most half of the lifetime.
    pub mandatory: Option<Span>,
    /// The least time between a success and the next refresh that nobody needs; `None` is min(30 s, 25 % of the
    /// lifetime). Zero switches it off.
    pub min_interval: Option<Span>,
    /// After this time a request on the wire can no longer take effect; `None` is `request.timeout` + 5 s.
    pub settle: Option<Span>,
}

/// The short retry and the budget.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetryPolicy {
    /// Upper bound of the first delay; each further one doubles it.
    pub initial: Span,
    /// No delay is longer.
    pub max: Span,
    /// How many retries follow the failure that began it.
    pub tries: u32,
    /// The short retry ends this long after the failure that began it, whatever is left of the tries.
    pub elapsed: Span,
    /// The bucket's size.
    pub budget: u32,
    /// One attempt grows back in this time.
    pub budget_refill: Span,
}

/// The long cadence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthRetryingPolicy {
    /// Between attempts.
    pub interval: Span,
    /// After this much time in `auth_retrying`, and one more failed attempt, the login is given up.
    pub ceiling: Span,
}

/// One token request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPolicy {
    /// The whole request, from DNS to the last byte of the answer.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
}

/// Everything together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `[refresh]`
    pub refresh: RefreshPolicy,
    /// `[retry]`
    pub retry: RetryPolicy,
    /// `[auth_retrying]`
    pub auth_retrying: AuthRetryingPolicy,
    /// `[request]`
    pub request: RequestPolicy,
    /// `lifetime.default`: what is assumed where the answer gives no `expires_in` (RFC 6749 §5.1: recommended only).
    pub lifetime_default: Span,
    /// Spend although the store holds an unsettled intent of another machine. Off: nobody can tell whether that
    /// machine lives.
    pub accept_foreign_intents: bool,
    /// `shutdown.grace`: how long a shutdown waits for an answer on its way and a save that fails.
    pub shutdown_grace: Span,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial: Span::from_secs(10),
            max: Span::from_mins(2),
            tries: 5,
            elapsed: Span::from_mins(5),
            budget: 20,
            budget_refill: Span::from_mins(3),
        }
    }
}

impl Default for AuthRetryingPolicy {
    fn default() -> Self {
        Self { interval: Span::from_mins(10), ceiling: Span::from_hours(24) }
    }
}

impl Default for RequestPolicy {
    fn default() -> Self {
        Self { timeout: Span::from_secs(30), connect_timeout: Span::from_secs(10) }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            refresh: RefreshPolicy::default(),
            retry: RetryPolicy::default(),
            auth_retrying: AuthRetryingPolicy::default(),
            request: RequestPolicy::default(),
            lifetime_default: Span::from_hours(1),
            accept_foreign_intents: false,
            shutdown_grace: Span::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// The longest delay before a retry that so many came before; the delay is drawn from [`Self::delay_min`] up to it.
    pub fn delay_max(&self, tries: u32) -> Span {
        self.initial.times(1u64 << tries.min(32)).min(self.max)
    }

    /// The shortest delay before a retry.
    pub fn delay_min(&self) -> Span {
        self.initial.fraction(1, 10)
    }
}

impl RefreshPolicy {
    /// The window for a token of that lifetime.
    pub fn window_for(&self, lifetime: Span) -> Span {
        match self.window {
            Some(set) => set.min(lifetime.fraction(1, 2)),
            None => Span::from_mins(15).min(lifetime.fraction(1, 4)),
        }
    }

    /// The mandatory margin for a token of that lifetime.
    pub fn mandatory_for(&self, lifetime: Span) -> Span {
        match self.mandatory {
            Some(set) => set.min(lifetime.fraction(1, 2)),
            None => Span::from_secs(60).min(lifetime.fraction(1, 10)),
        }
    }

    /// The least interval for a token of that lifetime.
    pub fn min_interval_for(&self, lifetime: Span) -> Span {
        match self.min_interval {
            Some(set) => set,
            None => Span::from_secs(30).min(lifetime.fraction(1, 4)),
        }
    }
}

impl Policy {
    /// The defaults, with what is known of the provider in their place: the lifetime of tokens that do not say, and
    /// the least time between two refreshes.
    pub fn for_profile(profile: &Profile) -> Self {
        let plain = Self::default();
        Self {
            refresh: RefreshPolicy { min_interval: profile.min_interval, ..plain.refresh },
            lifetime_default: profile.lifetime.unwrap_or(plain.lifetime_default),
            ..plain
        }
    }

    /// How long a request of unknown fate is waited out.
    pub fn settle(&self) -> Span {
        self.refresh.settle.unwrap_or(self.request.timeout + Span::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_a_five_minute_and_a_twenty_second_token_get_sensible_margins() {
        let p = RefreshPolicy::default();
        for (lifetime, window, mandatory, min_interval) in [
            (Span::from_hours(24), Span::from_mins(15), Span::from_secs(60), Span::from_secs(30)),
            (Span::from_hours(1), Span::from_mins(15), Span::from_secs(60), Span::from_secs(30)),
            (Span::from_mins(5), Span::from_secs(75), Span::from_secs(30), Span::from_secs(30)),
            (Span::from_secs(20), Span::from_secs(5), Span::from_secs(2), Span::from_secs(5)),
        ] {
            assert_eq!(p.window_for(lifetime), window);
            assert_eq!(p.mandatory_for(lifetime), mandatory);
            assert_eq!(p.min_interval_for(lifetime), min_interval);
        }
    }

    #[test]
    fn a_window_longer_than_the_token_lives_is_held_to_half_of_it() {
        let p = RefreshPolicy { window: Some(Span::from_hours(2)), ..RefreshPolicy::default() };
        assert_eq!(p.window_for(Span::from_secs(20)), Span::from_secs(10));
    }
}
