//! Durations as scenario files write them: integers with `ms s m h d`, several in a row.

use renewd_core::Span;

/// Reads `1h30m`. Zero is a duration here: a timeline begins at it.
pub(crate) fn parse(text: &str) -> Result<Span, String> {
    let problem = || format!("{text:?} is not a duration; write it like 90s, 44m, 1h30m or 500ms");
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(problem());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| problem())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(problem()),
        };
        rest = &rest[letters..];
        total = number.checked_mul(unit).and_then(|n| total.checked_add(n)).ok_or_else(problem)?;
    }
    Ok(Span::from_millis(total))
}

/// Reads a duration with an optional sign: the wall clock steps both ways.
pub(crate) fn parse_signed(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim().strip_prefix('+').unwrap_or(text.trim())),
    };
    let millis = parse(rest)?.as_millis();
    i64::try_from(millis).map(|m| sign * m).map_err(|_| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_units_in_a_row_add_up() {
        assert_eq!(parse("1h30m").unwrap(), Span::from_mins(90));
        assert_eq!(parse("2d1ms").unwrap(), Span::from_millis(172_800_001));
        assert_eq!(parse_signed("-10d").unwrap(), -864_000_000);
        assert_eq!(parse_signed("+1h").unwrap(), 3_600_000);
    }

    #[test]
    fn what_is_no_duration_is_told_with_an_example() {
        for bad in ["", "5", "h", "1x", "-1h", "1h-", "99999999999999999999s", "1 h"] {
            assert!(parse(bad).unwrap_err().contains("1h30m"), "{bad}");
        }
    }
}
