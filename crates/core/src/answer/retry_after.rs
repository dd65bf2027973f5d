//! How long the server wants to be left alone (RFC 9110 §10.2.3, and the headers that providers use instead).

use super::body::Body;
use super::http_date;
use super::lifetime::{EPOCH_SECONDS_MIN, epoch_seconds, whole_number};
use super::types::Response;
use crate::time::{Span, Wall};
use crate::verdict::Verdict;

/// Headers that say when a limit is lifted: seconds from now, or an absolute time.
const RESET_HEADERS: [&str; 6] = [
    "x-ratelimit-reset-after",
    "ratelimit-reset",
    "x-ratelimit-reset",
    "x-rate-limit-reset",
    "x-ratelimit-reset-requests",
    "x-rate-limit-reset-after",
];

/// Headers that say how many requests are left under a limit.
const REMAINING_HEADERS: [&str; 3] =
    ["ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"];

/// The wait that goes with a verdict: `Retry-After` with any but a success; reset headers and the body only where
/// the server says that a limit was reached.
pub(super) fn wait(response: &Response, body: &Body, verdict: Verdict, now: Wall) -> Option<Span> {
    match verdict {
        Verdict::Success => None,
        Verdict::RetryImmediately => Some(header(response, now).unwrap_or(Span::ZERO)),
        Verdict::RateLimited => {
            let elsewhere =
                || reset(response, now).or_else(|| body.str(&body.fields.retry_after).and_then(seconds));
            header(response, now).or_else(elsewhere)
        }
        Verdict::Transient
        | Verdict::PermanentGrant
        | Verdict::PermanentClient
        | Verdict::ProtocolErrorTransient => header(response, now),
    }
}

/// `Retry-After`: the longest, where proxy and application both set one; `None` where none can be read.
pub(super) fn header(response: &Response, now: Wall) -> Option<Span> {
    let in_seconds = values(response, "retry-after").flat_map(|value| match http_date::parse(value) {
        Some(date) => Some(until(date, response, now)),
        None => value.split(',').filter_map(seconds).max(),
    });
    let in_millis =
        ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().flat_map(|name| values(response, name));
    in_seconds.chain(in_millis.filter_map(|value| value.trim().parse().ok().map(Span::from_millis))).max()
}

/// Seconds since the Unix epoch at which the answer was made: by its own `Date`, so that a wrong clock here does no
/// harm; else by ours.
pub(super) fn answered_at(response: &Response, now: Wall) -> i64 {
    let date = response.header("date").and_then(http_date::parse);
    date.unwrap_or_else(|| now.as_unix_millis().div_euclid(1000))
}

fn reset(response: &Response, now: Wall) -> Option<Span> {
    structured(response).or_else(|| {
        let left = REMAINING_HEADERS.iter().find_map(|name| response.header(name)).and_then(whole_number);
        if left.is_some_and(|left| left > 0) {
            // Not this limit: what it says does not tell when the other one is lifted.
            return None;
        }
        RESET_HEADERS.iter().find_map(|name| {
            let value = response.header(name)?;
            match whole_number(value)? {
                at if at >= EPOCH_SECONDS_MIN => {
                    // A time in the past is a clock that is wrong, not leave to come at once.
                    Some(until(epoch_seconds(at), response, now)).filter(|wait| !wait.is_zero())
                }
                _ => seconds(value),
            }
        })
    })
}

/// `RateLimit: "default";r=0;t=50`, and the older `RateLimit: limit=10, remaining=0, reset=50`: the longest of the
/// limits that have nothing left.
fn structured(response: &Response) -> Option<Span> {
    let items = values(response, "ratelimit").flat_map(|value| value.split(','));
    items
        .filter_map(|item| {
            let parameter = |names: [&str; 2]| {
                item.split(';').filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
                    names.iter().any(|n| n.eq_ignore_ascii_case(name.trim())).then_some(value.trim())
                })
            };
            let left = parameter(["r", "remaining"]).and_then(whole_number).unwrap_or(0);
            if left > 0 { None } else { parameter(["t", "reset"]).and_then(seconds) }
        })
        .max()
}

fn values<'a>(response: &'a Response, name: &'a str) -> impl Iterator<Item = &'a str> {
    response
        .headers
        .iter()
        .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

fn until(date: i64, response: &Response, now: Wall) -> Span {
    Span::from_secs(u64::try_from(date.saturating_sub(answered_at(response, now))).unwrap_or(0))
}

/// Seconds, whole or not, rounded up to the millisecond; `None` for what is negative or no number.
fn seconds(text: &str) -> Option<Span> {
    let text = text.trim();
    if let Ok(whole) = text.parse() {
        return Some(Span::from_secs(whole));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let millis = text.parse::<f64>().ok()? * 1000.0;
    let floor = millis as u64;
    Some(Span::from_millis(if (floor as f64) < millis { floor.saturating_add(1) } else { floor }))
}
