//! Two clocks, as integers.
//!
//! `std::time::Instant` stops during suspend on Linux and macOS, and the wall clock is set back and forth by people
//! and NTP. So every decision takes both: [`Boot`] counts since boot *including suspend*, [`Wall`] is UTC. Neither is
//! read here; they arrive with each input.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A span of time in whole milliseconds. Never negative; arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span there is.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A span of so many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A span of so many minutes.
    pub const fn from_mins(minutes: u64) -> Self {
        Self(minutes.saturating_mul(60_000))
    }

    /// A span of so many hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours.saturating_mul(3_600_000))
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// In whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// In whole seconds, rounded up: what a `Retry-After` needs in order not to invite a caller too early.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// True for a span of no time.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Times a whole number, saturating.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// The `num / den` part, rounded down. A zero denominator gives zero.
    #[must_use]
    pub const fn fraction(self, num: u64, den: u64) -> Self {
        if den == 0 {
            return Self::ZERO;
        }
        // Through 128 bits: a huge lifetime times a percentage must not saturate to nonsense.
        let wide = (self.0 as u128).saturating_mul(num as u128) / den as u128;
        Self(if wide > u64::MAX as u128 { u64::MAX } else { wide as u64 })
    }

    /// This span less another, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl From<Duration> for Span {
    fn from(d: Duration) -> Self {
        Self(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(s: Span) -> Self {
        Self::from_millis(s.0)
    }
}

/// Written as `1h30m`, the way the configuration reads it; `0ms` for nothing.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0ms");
        }
        let mut rest = self.0;
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let n = rest / size;
            if n > 0 {
                write!(f, "{n}{unit}")?;
                rest %= size;
            }
        }
        Ok(())
    }
}

/// A point on the boot clock: milliseconds since this machine booted, *suspend included* (`CLOCK_BOOTTIME`,
/// `mach_continuous_time`, `QueryInterruptTime`). Comparable only within one [`BootId`](crate::BootId).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Boot(u64);

impl Boot {
    /// So many milliseconds after boot.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds after boot.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Boot {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Boot {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// A point on the wall clock: milliseconds since 1970-01-01T00:00:00 UTC. It may be stepped in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// So many milliseconds after the Unix epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds after the Unix epoch.
    pub const fn as_unix_millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let d = self.0.saturating_sub(earlier.0);
        Span(if d < 0 { 0 } else { d as u64 })
    }
}

impl Add<Span> for Wall {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

impl Sub<Span> for Wall {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Now {
    /// Since boot, suspend included. Must not run backwards between inputs; where it does, the machine takes the
    /// greatest it has seen.
    pub boot: Boot,
    /// UTC. May jump.
    pub wall: Wall,
}

impl Now {
    /// The wall-clock time at which the boot clock will show `boot`, if nobody sets the wall clock until then.
    #[must_use]
    pub fn wall_at(self, boot: Boot) -> Wall {
        if boot >= self.boot { self.wall + boot.since(self.boot) } else { self.wall - self.boot.since(boot) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_span_is_written_the_way_the_configuration_reads_it() {
        for (span, text) in [
            (Span::ZERO, "0ms"),
            (Span::from_secs(5400), "1h30m"),
            (Span::from_hours(24), "1d"),
            (Span::from_millis(1500), "1s500ms"),
        ] {
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Span::MAX + Span::from_secs(1), Span::MAX);
        assert_eq!(Boot::from_millis(5).since(Boot::from_millis(9)), Span::ZERO);
        assert_eq!(Wall::from_unix_millis(i64::MAX) + Span::MAX, Wall::from_unix_millis(i64::MAX));
        assert_eq!(Span::MAX.fraction(1, 4).as_millis(), u64::MAX / 4);
    }
}
