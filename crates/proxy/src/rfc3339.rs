//! Wall-clock times as RFC 3339 text in UTC, whole seconds: all that a problem body needs of a calendar.

use renewd_core::Wall;

const DAY_SECS: i64 = 86_400;
/// Years that RFC 3339 can write (its grammar has four digits); times outside are clamped.
const LAST_SECS: i64 = 253_402_300_799;
const FIRST_SECS: i64 = -62_167_219_200;

/// `2026-11-22T10:00:00Z`, a begun second left out.
pub(crate) fn utc(at: Wall) -> String {
    written(at.as_unix_millis().div_euclid(1000))
}

/// Rounded up: a caller that comes back at that time is not too early.
pub(crate) fn utc_not_before(at: Wall) -> String {
    let millis = at.as_unix_millis();
    written(millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0))
}

fn written(secs: i64) -> String {
    let secs = secs.clamp(FIRST_SECS, LAST_SECS);
    let (year, month, day) = date(secs.div_euclid(DAY_SECS));
    let of_day = secs.rem_euclid(DAY_SECS);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01, by walking years and months from an estimate.
fn date(day: i64) -> (i64, i64, i64) {
    // Never too late: the walk only goes forward.
    let mut year = 1970 + day.div_euclid(if day < 0 { 365 } else { 366 });
    while first_day_of(year + 1) <= day {
        year += 1;
    }
    let mut left = day - first_day_of(year);
    let mut month = 1;
    while left >= days_in(year, month) {
        left -= days_in(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

fn first_day_of(year: i64) -> i64 {
    let before = year - 1;
    let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    // 477 leap days lie between year 1 and 1970.
    (year - 1970) * 365 + leaps - 477
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_to_the_second() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (999, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (-86_400_000, "1969-12-31T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_795_341_600_000, "2026-11-22T10:00:00Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(utc(Wall::from_unix_millis(millis)), text);
        }
    }

    #[test]
    fn a_time_to_come_back_at_is_rounded_up() {
        for (millis, text) in
            [(0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:01Z"), (-1, "1970-01-01T00:00:00Z")]
        {
            assert_eq!(utc_not_before(Wall::from_unix_millis(millis)), text);
        }
    }
}
