//! The one place where the real servers read a clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Milliseconds since the server started, which tests may push forward to let tokens expire without waiting.
pub(crate) struct Clock {
    start: Instant,
    pushed_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: monotonic(), pushed_ms: AtomicU64::new(0) }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        let passed = u64::try_from(monotonic().duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        passed.saturating_add(self.pushed_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.pushed_ms.fetch_add(by, Ordering::Relaxed);
    }
}

/// What is left of a wait.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(monotonic() + wait)
    }

    /// `None` once it has passed.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.0.checked_duration_since(monotonic()).filter(|left| !left.is_zero())
    }
}

/// The wall clock, so many milliseconds off, in milliseconds since 1970. It is not pushed forward: it is what signed proofs are
/// dated by.
#[expect(clippy::disallowed_methods, reason = "a real server lives in real time; this is its only clock")]
pub(crate) fn unix_ms(offset_ms: i64) -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_add_signed(offset_ms)
}

/// As `Date` writes it (RFC 9110 section 5.6.7).
pub(crate) fn http_date(unix_ms: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = unix_ms / 1000;
    let days = seconds / 86_400;
    // From days to a date of the Gregorian calendar, its years begun in March so that the leap day is the last.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    let month = MONTHS[((month + 2) % 12) as usize];
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let weekday = DAYS[(days % 7) as usize];
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

#[expect(clippy::disallowed_methods, reason = "a real server lives in real time; this is its only clock")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_writes_it() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_305_599, "Sat, 21 Nov 2026 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(seconds * 1000), text);
        }
    }
}
