//! Points in time as servers write them: seconds or milliseconds since the Unix epoch, or RFC 3339.

use super::http_date::{days_since_epoch, parse as http_date};
use super::lifetime::{EPOCH_SECONDS_MIN, epoch_seconds, whole_number};

/// Seconds since the Unix epoch; `None` for anything that is no point in time. A number that is too small for one is a
/// span somebody misnamed.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    match whole_number(text) {
        Some(number) if number >= EPOCH_SECONDS_MIN => Some(epoch_seconds(number)),
        Some(_) => None,
        None => rfc3339(text).or_else(|| http_date(text)),
    }
}

/// RFC 3339 §5.6, a little wider: a blank for the `T`, no seconds, an offset without its colon, and UTC where none is
/// given.
fn rfc3339(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    let month = after(&mut rest, b"-").and_then(|()| number(&mut rest, 2))?;
    let day = after(&mut rest, b"-").and_then(|()| number(&mut rest, 2))?;
    let hour = after(&mut rest, b"Tt ").and_then(|()| number(&mut rest, 2))?;
    let minute = after(&mut rest, b":").and_then(|()| number(&mut rest, 2))?;
    let second = if after(&mut rest, b":").is_some() { number(&mut rest, 2)? } else { 0 };
    if after(&mut rest, b".,").is_some() {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        rest = rest.get(digits..).filter(|_| digits > 0)?;
    }
    let offset = offset(rest)?;
    let valid =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    valid.then_some(seconds - offset)
}

/// Seconds east of UTC.
fn offset(mut rest: &[u8]) -> Option<i64> {
    if matches!(rest.trim_ascii(), b"" | b"Z" | b"z" | b"UTC" | b"GMT") {
        return Some(0);
    }
    rest = rest.trim_ascii_start();
    let east = rest.first() == Some(&b'+');
    after(&mut rest, b"+-")?;
    let hours = number(&mut rest, 2)?;
    let _ = after(&mut rest, b":");
    let minutes = if rest.is_empty() { 0 } else { number(&mut rest, 2)? };
    let seconds = hours * 3600 + minutes * 60;
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(if east { seconds } else { -seconds })
}

/// So many digits.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (head, tail) = rest.split_at_checked(digits)?;
    let text = core::str::from_utf8(head).ok().filter(|_| head.iter().all(u8::is_ascii_digit))?;
    *rest = tail;
    text.parse().ok()
}

/// Steps over one of these.
fn after(rest: &mut &[u8], one_of: &[u8]) -> Option<()> {
    let (first, tail) = rest.split_first()?;
    one_of.contains(first).then(|| *rest = tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_every_shape() {
        for text in [
            "1565209509",
            "1565209509000",
            "1565209509.87",
            " 1565209509 ",
            "2019-08-07T20:25:09.870Z",
            "2019-08-07T20:25:09Z",
            "2019-08-07 20:25:09",
            "2019-08-07t20:25:09z",
            "2019-08-07T22:25:09+02:00",
            "2019-08-07T22:25:09.1+0200",
            "2019-08-07T22:25:09+02",
            "2019-08-07T14:55:09-05:30",
            "2019-08-07 20:25:09 UTC",
            "Wed, 07 Aug 2019 20:25:09 GMT",
        ] {
            assert_eq!(parse(text), Some(1_565_209_509), "{text}");
        }
        assert_eq!(parse("2019-08-07T20:25Z"), Some(1_565_209_500));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "3600",
            "-1",
            "soon",
            "2019-08-07",
            "2019-13-07T20:25:09Z",
            "2019-00-07T20:25:09Z",
            "2019-08-32T20:25:09Z",
            "2019-08-07T24:25:09Z",
            "2019-08-07T20:60:09Z",
            "2019-08-07T20:25:09.Z",
            "2019-08-07T20:25:09+2",
            "2019-08-07T20:25:09+25:00",
            "2019-08-07T20:25:09Zulu",
            "2019-08-07T20:25:09+02:00x",
            "20190807T202509Z",
            "\u{661}019-08-07T20:25:09Z",
            "NaN",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
