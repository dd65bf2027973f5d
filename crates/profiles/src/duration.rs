//! Durations as people write them, here and in the configuration.

use renewd_core::Span;

/// Units of a duration, longest name first, so that `ms` is not read as `m`.
const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// What a duration looks like, for messages.
pub const DURATION_FORM: &str = "a duration like 90s, 10m or 1h30m (units: ms s m h d)";

/// Reads `1h30m`: integers with a unit, several in a row. Zero is read here; who may have it decides the caller.
///
/// # Errors
/// Half a sentence for people: what is wrong with it.
pub fn parse_duration(text: &str) -> Result<Span, String> {
    let mut rest = text;
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(format!("is empty; it needs {DURATION_FORM}"));
    }
    if rest.starts_with('-') {
        return Err("is negative; a duration cannot be".into());
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        if digits.is_empty() {
            return Err(format!("is not {DURATION_FORM}"));
        }
        let Some((unit, size)) = DURATION_UNITS.into_iter().find(|(unit, _)| after.starts_with(unit)) else {
            return Err(if after.is_empty() {
                format!("has no unit after {digits}; it needs {DURATION_FORM}")
            } else {
                format!("is not {DURATION_FORM}")
            });
        };
        let part = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(size));
        total = part.and_then(|p| total.checked_add(p)).ok_or("is longer than can be counted")?;
        rest = &after[unit.len()..];
    }
    Ok(Span::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_with_units_several_in_a_row() {
        for (text, millis) in [
            ("1ms", 1),
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("1500ms", 1500),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "is empty"),
            ("-5m", "negative"),
            ("10", "no unit after 10"),
            ("1h30", "no unit after 30"),
            ("m", "is not a duration"),
            ("10 m", "is not a duration"),
            ("1.5h", "is not a duration"),
            ("10min", "is not a duration"),
            ("10M", "is not a duration"),
            ("99999999999999999999d", "longer than can be counted"),
            ("18446744073709551615d", "longer than can be counted"),
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_span_reads_back_as_it_is_written() {
        for millis in [1, 999, 1000, 61_000, 86_400_000, 90_061_001] {
            let span = Span::from_millis(millis);
            assert_eq!(parse_duration(&span.to_string()).unwrap(), span);
        }
    }
}
