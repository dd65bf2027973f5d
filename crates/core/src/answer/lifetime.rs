//! Numbers as servers write them: `3600`, `3599.97`, `"3600"`, `3.6e3`, and worse.

use super::body::Body;
use super::fields::Slot;
use super::moment;
use super::spelt;
use super::types::Response;
use crate::time::Wall;

/// An absolute time in seconds is later than this (2001-09-09), a span in seconds is not.
pub(super) const EPOCH_SECONDS_MIN: i64 = 1_000_000_000;

/// An absolute time in milliseconds is later than this.
const EPOCH_MILLIS_MIN: i64 = EPOCH_SECONDS_MIN * 1000;

/// A lifetime that ends within ten years, read as a date, is a date under the wrong name.
pub(super) const MISNAMED_MAX_SECONDS: i64 = 10 * 366 * 86_400;

/// A whole number, truncated toward zero and saturated; `None` for anything that is no number.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(exact) = text.parse() {
        return Some(exact);
    }
    let unsigned = text.trim_start_matches(['-', '+']);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        // `inf` and `NaN` are floats to Rust, but no lifetimes.
        return None;
    }
    // A float-to-integer cast saturates: a lifetime beyond all bounds stays beyond all bounds.
    text.parse::<f64>().ok().map(|seconds| seconds as i64)
}

/// A lifetime in seconds: a number, a span that is spelt out, or the moment at which it ends.
fn seconds(text: &str, answered_at: impl Fn() -> i64) -> Option<i64> {
    let left = |moment: i64| moment - answered_at();
    match whole_number(text) {
        // As a lifetime it would be decades; as a date it is in reach.
        Some(number) if number >= EPOCH_SECONDS_MIN => {
            let left = left(epoch_seconds(number));
            Some(if (1..=MISNAMED_MAX_SECONDS).contains(&left) { left } else { number })
        }
        Some(number) => Some(number),
        None => spelt::seconds(text).map(|span| span as i64).or_else(|| moment::parse(text).map(left)),
    }
}

/// `expires_in` as given, zero and negative included. Where it is absent or no number: an older name for it, or an
/// absolute expiry less the time of issue, which is the answer's own time unless the profile knows better. A profile
/// that names the absolute expiry alone means it first.
pub(super) fn expires_in(body: &Body, response: &Response, now: Wall) -> Option<i64> {
    let tokens = &body.fields.tokens;
    let seconds = |slot: &Slot| {
        body.str(slot).and_then(|text| seconds(text, || super::retry_after::answered_at(response, now)))
    };
    let span = || seconds(&tokens.expires_in).or_else(|| seconds(&tokens.expires));
    let until = || {
        let expiry = body.str(&tokens.expires_at).and_then(moment::parse)?;
        let issued = body.str(&tokens.issued_at).and_then(moment::parse);
        Some(expiry - issued.unwrap_or_else(|| super::retry_after::answered_at(response, now)))
    };
    if tokens.expires_at_first { until().or_else(span) } else { span().or_else(until) }
}

/// How long the new refresh token lives. Zero means "for ever" where it is used at all, never "already over".
pub(super) fn refresh_expires_in(body: &Body) -> Option<i64> {
    let text = body.str(&body.fields.tokens.refresh_expires_in)?;
    let seconds = whole_number(text).or_else(|| spelt::seconds(text).map(|span| span as i64));
    seconds.filter(|&seconds| seconds > 0)
}

/// An absolute time in seconds, from seconds or milliseconds.
pub(super) const fn epoch_seconds(number: i64) -> i64 {
    if number >= EPOCH_MILLIS_MIN { number / 1000 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_may_be_spelt_out_or_be_the_moment_of_its_end() {
        let answered_at = || 1_772_532_000;
        for (text, life) in [
            ("3600", Some(3600)),
            ("3600s", Some(3600)),
            ("PT1H", Some(3600)),
            ("1,800", Some(1800)),
            ("1772535600", Some(3600)),
            ("1772535600000", Some(3600)),
            ("2026-03-03T11:00:00Z", Some(3600)),
            ("Tue, 03 Mar 2026 11:00:00 GMT", Some(3600)),
            ("2026-03-03T09:00:00Z", Some(-3600)),
            ("1000000000", Some(1_000_000_000)),
            ("9999999999", Some(9_999_999_999)),
            ("soon", None),
        ] {
            assert_eq!(seconds(text, answered_at), life, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_in_every_shape() {
        for (text, number) in [
            ("3600", Some(3600)),
            (" 3600 ", Some(3600)),
            ("+3600", Some(3600)),
            ("3599.97", Some(3599)),
            ("-0.5", Some(0)),
            ("3.6e3", Some(3600)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("1e400", Some(i64::MAX)),
            ("-1e400", Some(i64::MIN)),
            ("zzz", None),
            ("", None),
            ("inf", None),
            ("NaN", None),
            ("-infinity", None),
            ("3600s", None),
            ("0x10", None),
            (".", None),
            ("--5", None),
        ] {
            assert_eq!(whole_number(text), number, "{text}");
        }
    }
}
