//! The only place of the end-to-end tests that knows a clock.

use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a condition may take to come true. Test machines are small, shared and noisy: no test passes or fails by
/// how fast something was, only by whether it happened.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there is nothing within [`PATIENCE`]; the message names what was waited for.
#[track_caller]
pub fn wait_for<T>(what: impl Display, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = deadline();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(!deadline.passed(), "waited {}s in vain for: {what}", PATIENCE.as_secs());
        pause(LOOK_EVERY);
    }
}

/// Lets time pass: the beat of a test that sends at a steady pace.
#[expect(clippy::disallowed_methods, reason = "tests of a real process on the real clock")]
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Unix time in seconds, to compare with what the product says about times to come.
#[expect(clippy::disallowed_methods, reason = "tests of a real process on the real clock")]
pub fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A time as the product writes it (RFC 3339 in UTC, whole seconds), as Unix time in seconds.
///
/// # Panics
/// When it is written otherwise.
#[track_caller]
pub fn unix_seconds_of(text: &str) -> f64 {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<i64>().ok());
    let parts = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].map(number);
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else {
        panic!("{text:?} is no time")
    };
    assert!(text.ends_with('Z') && text.len() == 20, "{text:?} is no time in UTC");
    // Years that begin in March end with the leap day, so months before it have fixed lengths.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    (((days * 24 + hour) * 60 + minute) * 60 + second) as f64
}

/// Says how long something took, for a report; no test passes or fails by it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Started now.
    #[expect(clippy::disallowed_methods, reason = "tests of a real process on the real clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since.
    pub fn ms(self) -> u64 {
        self.0.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }
}

/// A point in time after which waiting is given up.
pub(crate) struct Deadline(Instant);

/// [`PATIENCE`] from now.
#[expect(clippy::disallowed_methods, reason = "tests of a real process on the real clock")]
pub(crate) fn deadline() -> Deadline {
    Deadline(Instant::now() + PATIENCE)
}

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "tests of a real process on the real clock")]
    pub(crate) fn passed(&self) -> bool {
        Instant::now() >= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_the_product_writes_it() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T23:59:59Z", 951_868_799.0),
            ("2026-11-22T09:00:00Z", 1_795_338_000.0),
        ] {
            assert_eq!(unix_seconds_of(text), seconds, "{text}");
        }
    }
}
