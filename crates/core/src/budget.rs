//! A bucket of attempts that outlives processes: it bounds how often a refresh token is spent, over restarts, callers
//! and clock steps.

use crate::attempt::BootId;
use crate::policy::RetryPolicy;
use crate::record::Stamp;
use crate::time::{Now, Span};

/// The persisted bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Attempts left.
    pub left: u32,
    /// Since when the next one is growing back.
    pub since: Stamp,
}

impl Budget {
    /// A full bucket.
    pub fn full(policy: &RetryPolicy, now: Now, boot_id: BootId) -> Self {
        // A bucket of none would never allow anything: one attempt at a time is the least.
        Self { left: policy.budget.max(1), since: Stamp::new(now, boot_id) }
    }

    /// The bucket with what has grown back by now. Over a reboot the wall clock is asked, and trusted for at most
    /// `reboot_cap`.
    #[must_use]
    pub fn grown(self, policy: &RetryPolicy, now: Now, boot_id: BootId, reboot_cap: Span) -> Self {
        let elapsed = self.since.elapsed(now, boot_id, reboot_cap);
        let each = policy.budget_refill.as_millis().max(1);
        let left = u64::from(self.left).saturating_add(elapsed.as_millis() / each);
        if left >= u64::from(policy.budget.max(1)) {
            return Self::full(policy, now, boot_id);
        }
        let rest = Span::from_millis(elapsed.as_millis() % each);
        let since = Stamp { boot_id, boot: now.boot - rest, wall: now.wall - rest };
        Self { left: u32::try_from(left).unwrap_or(policy.budget), since }
    }

    /// One attempt less.
    #[must_use]
    pub const fn charged(self) -> Self {
        Self { left: self.left.saturating_sub(1), ..self }
    }

    /// How long until an attempt may be made; zero when one may be made now. Ask of a [grown](Self::grown) bucket.
    pub fn wait(&self, policy: &RetryPolicy, now: Now) -> Span {
        if self.left > 0 {
            return Span::ZERO;
        }
        // Never longer than one takes to grow back, whatever a damaged record says.
        (self.since.boot + policy.budget_refill).since(now.boot).min(policy.budget_refill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Boot, Wall};

    const BOOT: BootId = BootId(1);

    fn at(minutes: u64) -> Now {
        Now {
            boot: Boot::from_millis(minutes * 60_000),
            wall: Wall::from_unix_millis((minutes * 60_000) as i64),
        }
    }

    #[test]
    fn twenty_at_once_then_one_every_three_minutes() {
        let policy = RetryPolicy::default();
        let mut b = Budget::full(&policy, at(0), BOOT);
        for _ in 0..20 {
            assert!(b.wait(&policy, at(0)).is_zero());
            b = b.charged();
        }
        assert_eq!(b.wait(&policy, at(0)), Span::from_mins(3));
        let b = b.grown(&policy, at(7), BOOT, Span::from_mins(10));
        assert_eq!(b.left, 2);
        let b = b.charged().charged().grown(&policy, at(8), BOOT, Span::from_mins(10));
        assert_eq!(b.left, 0);
        assert_eq!(b.wait(&policy, at(8)), Span::from_mins(1));
    }

    #[test]
    fn a_reboot_with_a_wild_wall_clock_gives_back_at_most_the_cap() {
        let policy = RetryPolicy::default();
        let mut b = Budget::full(&policy, at(0), BOOT);
        for _ in 0..20 {
            b = b.charged();
        }
        let later = Now { boot: Boot::from_millis(0), wall: Wall::from_unix_millis(i64::MAX) };
        assert_eq!(b.grown(&policy, later, BootId(2), Span::from_mins(10)).left, 3);
    }
}
