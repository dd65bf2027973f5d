//! Spans of time as people and programs write them where a number of seconds belongs: `3600s`, `1h30m`, `60 minutes`,
//! `PT1H`, `1,800`, `01:00:00`.

/// The units and their seconds, by every name in use. `m` is a minute: nobody's token lives for months by that name.
const UNITS: [(f64, &[&str]); 6] = [
    (0.001, &["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"]),
    (1.0, &["s", "sec", "secs", "second", "seconds"]),
    (60.0, &["m", "min", "mins", "minute", "minutes"]),
    (3600.0, &["h", "hr", "hrs", "hour", "hours"]),
    (86_400.0, &["d", "day", "days"]),
    (604_800.0, &["w", "week", "weeks"]),
];

/// A longer text is no span.
const SPAN_MAX_BYTES: usize = 64;

/// The span in seconds; `None` for anything that is none, a bare number included.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.len() > SPAN_MAX_BYTES || !text.is_ascii() {
        return None;
    }
    with_units(text).or_else(|| iso8601(text)).or_else(|| grouped(text)).or_else(|| clock(text))
}

/// `1h30m`, `60 minutes`, `6m0s`.
fn with_units(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (name, next) = after.split_at(end);
        let (unit, _) = UNITS.iter().find(|(_, names)| names.iter().any(|n| n.eq_ignore_ascii_case(name)))?;
        sum += number * unit;
        rest = next.trim_start_matches([' ', ',']);
    }
    (!text.is_empty()).then_some(sum)
}

/// ISO 8601 §5.5.2: `PT1H`, `P1DT12H`, `P2W`. Years and months are no fixed span.
fn iso8601(text: &str) -> Option<f64> {
    let (mut rest, mut sum, mut in_time) = (text.strip_prefix(['P', 'p'])?, 0.0, false);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix(['T', 't']) {
            (rest, in_time) = (time, true);
        }
        let (number, after) = number(rest)?;
        let unit = match (in_time, after.as_bytes().first()?.to_ascii_uppercase()) {
            (true, b'H') => 3600.0,
            (true, b'M') => 60.0,
            (true, b'S') => 1.0,
            (false, b'D') => 86_400.0,
            (false, b'W') => 604_800.0,
            _ => return None,
        };
        sum += number * unit;
        rest = &after[1..];
    }
    Some(sum)
}

/// `1,800`: thousands apart.
fn grouped(text: &str) -> Option<f64> {
    let mut groups = text.split(',');
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()) && is_digits(first))?;
    let mut number: f64 = first.parse().ok()?;
    let mut others = 0;
    for group in groups {
        if group.len() != 3 || !is_digits(group) {
            return None;
        }
        number = number * 1000.0 + group.parse::<f64>().ok()?;
        others += 1;
    }
    (others > 0).then_some(number)
}

/// `01:00:00`: hours, minutes, seconds.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let mut part = || parts.next().filter(|part| is_digits(part))?.parse::<f64>().ok();
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    (minutes < 60.0 && seconds < 60.0 && parts.next().is_none())
        .then_some(hours * 3600.0 + minutes * 60.0 + seconds)
}

/// A number without a sign, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_however_it_is_spelt() {
        for (text, span) in [
            ("3600s", 3600.0),
            ("3600 seconds", 3600.0),
            (" 60 Minutes ", 3600.0),
            ("1h", 3600.0),
            ("1h30m", 5400.0),
            ("1 hour, 30 minutes", 5400.0),
            ("6m0s", 360.0),
            ("20ms", 0.02),
            ("1.5s", 1.5),
            ("1d", 86_400.0),
            ("2 weeks", 1_209_600.0),
            ("PT1H", 3600.0),
            ("PT60M", 3600.0),
            ("P1DT12H", 129_600.0),
            ("P2W", 1_209_600.0),
            ("pt0.5s", 0.5),
            ("1,800", 1800.0),
            ("1,209,600", 1_209_600.0),
            ("01:00:00", 3600.0),
            ("24:00:00", 86_400.0),
        ] {
            assert_eq!(seconds(text), Some(span), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_none() {
        for text in [
            "",
            "s",
            "soon",
            "3600",
            "-3600s",
            "3600x",
            "1h soon",
            "P",
            "PT",
            "P1Y",
            "P1H",
            "PT1",
            "1,80",
            "1,8000",
            ",800",
            "1:2",
            "01:60:00",
            "01:00:00:00",
            "3600s\u{e9}",
            "1..5s",
            "NaNs",
            "infs",
            "1e3s",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(seconds(&alloc::format!("{}s", "1".repeat(100))), None);
    }
}
