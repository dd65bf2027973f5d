//! HTTP dates in the three forms of RFC 9110 §5.6.7, told apart by their parts rather than their order; and with the
//! offset that mailers write (RFC 5322 §3.3).

/// Seconds since the Unix epoch; `None` when the text is no date.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut day, mut month, mut year, mut time) = (None, None, None, None);
    let (text, offset) = split_offset(text.trim());
    for part in text.split([' ', ',', '-', '\t']).filter(|part| !part.is_empty()) {
        if part.contains(':') {
            time = Some(time_of_day(part)?);
        } else if part.bytes().all(|b| b.is_ascii_digit()) && part.len() <= 4 {
            // The day comes before the year in every form.
            let number: i64 = part.parse().ok()?;
            match (day, year) {
                (None, _) => day = Some(number),
                (Some(_), None) => year = Some(full_year(number, part.len())),
                (Some(_), Some(_)) => return None,
            }
        } else if let Some(index) = month_of(part) {
            month = Some(index);
        } else if !(is_weekday(part) || is_universal(part)) {
            return None;
        }
    }
    let (day, month, year) = (day?, month?, year?);
    (1..=31).contains(&day).then(|| days_since_epoch(year, month, day) * 86_400 + time.unwrap_or(0) - offset)
}

/// The text without `+0100` at its end, and the seconds that it is east of UTC.
fn split_offset(text: &str) -> (&str, i64) {
    let none = (text, 0);
    let Some((start, end)) = text.rsplit_once(' ') else { return none };
    let (east, digits) = match end.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return none,
    };
    let [a, b, c, d] = digits else { return none };
    let digit = |b: &u8| char::from(*b).to_digit(10).map(i64::from);
    match (digit(a), digit(b), digit(c), digit(d)) {
        (Some(a), Some(b), Some(c), Some(d)) => (start, east * ((a * 10 + b) * 3600 + (c * 10 + d) * 60)),
        _ => none,
    }
}

fn is_universal(zone: &str) -> bool {
    ["GMT", "UTC", "UT", "Z"].iter().any(|name| name.eq_ignore_ascii_case(zone))
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| part.parse::<u8>().ok().map(i64::from));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    valid.then_some(hour * 3600 + minute * 60 + second)
}

/// RFC 9110 §5.6.7: a two-digit year means the century that is not more than 50 years ahead.
const fn full_year(number: i64, digits: usize) -> i64 {
    match (digits, number) {
        (2, 0..70) => number + 2000,
        (2, _) => number + 1900,
        _ => number,
    }
}

/// 1 to 12.
fn month_of(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(text))?;
    i64::try_from(at).ok().map(|at| at + 1)
}

fn is_weekday(text: &str) -> bool {
    const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    text.get(..3).is_some_and(|start| WEEKDAYS.iter().any(|day| day.eq_ignore_ascii_case(start)))
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. The year is counted from March, so that a leap day ends it.
pub(super) const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_one_date_agree() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "06 Nov 1994 08:49:37 +0000",
            "sun, 6 nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 09:49:37 +0100",
            "Sun, 06 Nov 1994 03:19:37 -0530",
            " Sunday, 06-Nov-1994 08:49:37 GMT ",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "120",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "06 Nov",
            "1 2 3 4",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 CEST",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
