//! Numbers as servers write them: `3600`, `3599.97`, `"3600"`, `3.6e3`, and worse.

use super::body::Body;
use super::fields::Slot;
use super::types::Response;
use crate::time::Wall;

/// An absolute time in seconds is later than this (2001-09-09), a span in seconds is not.
pub(super) const EPOCH_SECONDS_MIN: i64 = 1_000_000_000;

/// An absolute time in milliseconds is later than this.
const EPOCH_MILLIS_MIN: i64 = EPOCH_SECONDS_MIN * 1000;

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

/// `expires_in` as given, zero and negative included. Where it is absent or no number: an older name for it, or an
/// absolute expiry less the answer's own time.
pub(super) fn expires_in(body: &Body, response: &Response, now: Wall) -> Option<i64> {
    let fields = &body.fields;
    let seconds = |slot: &Slot| body.str(slot).and_then(whole_number);
    seconds(&fields.expires_in).or_else(|| seconds(&fields.expires)).or_else(|| {
        let expiry = seconds(&fields.expires_at)?;
        (expiry >= EPOCH_SECONDS_MIN)
            .then(|| epoch_seconds(expiry) - super::retry_after::answered_at(response, now))
    })
}

/// How long the new refresh token lives. Zero means "for ever" where it is used at all, never "already over".
pub(super) fn refresh_expires_in(body: &Body) -> Option<i64> {
    body.str(&body.fields.refresh_expires_in).and_then(whole_number).filter(|&seconds| seconds > 0)
}

/// An absolute time in seconds, from seconds or milliseconds.
pub(super) const fn epoch_seconds(number: i64) -> i64 {
    if number >= EPOCH_MILLIS_MIN { number / 1000 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

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
