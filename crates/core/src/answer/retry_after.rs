//! How long the server wants to be left alone (RFC 9110 §10.2.3, and the headers that providers use instead).

use super::body::Body;
use super::http_date;
use super::lifetime::{EPOCH_SECONDS_MIN, MISNAMED_MAX_SECONDS, epoch_seconds, whole_number};
use super::moment;
use super::spelt;
use super::types::Response;
use crate::time::{Span, Wall};
use crate::verdict::Verdict;

/// Headers that say when a limit is lifted: seconds from now, or a moment. A vendor may put its name before each.
const RESET_HEADERS: [&str; 10] = [
    "ratelimit-reset-after",
    "ratelimit-retry-after",
    "rate-limit-retry-after-seconds",
    "rate-limit-reset-after",
    "ratelimit-reset",
    "rate-limit-reset",
    "ratelimit-reset-requests",
    "ratelimit-requests-reset",
    "ratelimit-reset-time",
    "ratelimit-resettime",
];

/// Headers that say how many requests are left under a limit.
const REMAINING_HEADERS: [&str; 4] = [
    "ratelimit-remaining",
    "rate-limit-remaining",
    "ratelimit-remaining-requests",
    "ratelimit-requests-remaining",
];

/// A number that as a date lies farther ahead was meant as a number.
const MISNAMED_MAX: Span = Span::from_secs(MISNAMED_MAX_SECONDS as u64);

/// Headers that say it in milliseconds.
const MILLIS_HEADERS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "x-retry-after-ms"];

/// Headers that say it as `Retry-After` does.
const SECONDS_HEADERS: [&str; 2] = ["retry-after", "x-retry-after"];

/// The wait that goes with a verdict: `Retry-After` with any but a success; reset headers and the body only where
/// the server says that a limit was reached.
pub(super) fn wait(response: &Response, body: &Body, verdict: Verdict, now: Wall) -> Option<Span> {
    match verdict {
        Verdict::Success => None,
        Verdict::RetryImmediately => Some(header(response, now).unwrap_or(Span::ZERO)),
        Verdict::RateLimited => {
            header(response, now).or_else(|| reset(response, now)).or_else(|| in_body(response, body, now))
        }
        Verdict::Transient
        | Verdict::PermanentGrant
        | Verdict::PermanentClient
        | Verdict::ProtocolErrorTransient => header(response, now),
    }
}

fn in_body(response: &Response, body: &Body, now: Wall) -> Option<Span> {
    let seconds = body.str(&body.fields.retry_after).and_then(|text| span(text, response, now));
    let millis = || body.str(&body.fields.retry_after_millis)?.trim().parse().ok().map(Span::from_millis);
    seconds.or_else(millis)
}

/// `Retry-After`: the longest, where proxy and application both set one; `None` where none can be read.
pub(super) fn header(response: &Response, now: Wall) -> Option<Span> {
    let in_seconds = SECONDS_HEADERS.into_iter().flat_map(|name| values(response, name));
    let in_millis = MILLIS_HEADERS.into_iter().flat_map(|name| values(response, name));
    let in_seconds = in_seconds.filter_map(|value| {
        // A date has a comma in it, and so has a list of two values.
        let each = || value.split(',').filter_map(|part| span(part, response, now)).max();
        span(value, response, now).or_else(each)
    });
    in_seconds.chain(in_millis.filter_map(|value| unquoted(value).parse().ok().map(Span::from_millis))).max()
}

/// A wait: seconds, whole or not; spelt out; or the moment at which it ends.
fn span(text: &str, response: &Response, now: Wall) -> Option<Span> {
    let text = unquoted(text);
    match whole_number(text) {
        Some(moment) if moment >= EPOCH_SECONDS_MIN => Some(until(epoch_seconds(moment), response, now))
            .filter(|wait| *wait <= MISNAMED_MAX)
            .or_else(|| seconds(text)),
        Some(_) => seconds(text),
        None => moment::parse(text)
            .map(|moment| until(moment, response, now))
            .or_else(|| spelt::seconds(text).map(rounded_up)),
    }
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '"')
}

/// Seconds since the Unix epoch at which the answer was made: by its own `Date`, so that a wrong clock here does no
/// harm; else by ours.
pub(super) fn answered_at(response: &Response, now: Wall) -> i64 {
    let date = response.header("date").and_then(http_date::parse);
    date.unwrap_or_else(|| now.as_unix_millis().div_euclid(1000))
}

fn reset(response: &Response, now: Wall) -> Option<Span> {
    structured(response).or_else(|| {
        let left = REMAINING_HEADERS.iter().find_map(|name| called(response, name)).and_then(whole_number);
        if left.is_some_and(|left| left > 0) {
            // Not this limit: what it says does not tell when the other one is lifted.
            return None;
        }
        RESET_HEADERS.iter().find_map(|name| {
            let value = called(response, name)?;
            let wait = span(value, response, now)?;
            // A moment in the past is a clock that is wrong, not leave to come at once.
            let is_moment = whole_number(unquoted(value)).is_none_or(|at| at >= EPOCH_SECONDS_MIN);
            (!is_moment || !wait.is_zero()).then_some(wait)
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
                    names.iter().any(|n| n.eq_ignore_ascii_case(name.trim())).then_some(unquoted(value))
                })
            };
            let left = parameter(["r", "remaining"]).and_then(whole_number).unwrap_or(0);
            if left > 0 { None } else { parameter(["t", "reset"]).and_then(seconds) }
        })
        .max()
}

/// The first header of that name, with or without a vendor's name or an `X-` before it.
fn called<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let is_called = |header: &str| {
        let at = header.len().checked_sub(name.len());
        let (start, end) = at.and_then(|at| header.split_at_checked(at)).unwrap_or_default();
        end.eq_ignore_ascii_case(name) && (start.is_empty() || start.ends_with('-'))
    };
    response.headers.iter().find(|(header, _)| is_called(header)).map(|(_, value)| value.as_str())
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
    text.parse().ok().map(rounded_up)
}

/// Seconds, rounded up to the millisecond: to come too early would be refused.
fn rounded_up(seconds: f64) -> Span {
    let millis = seconds * 1000.0;
    let floor = millis as u64;
    Span::from_millis(if (floor as f64) < millis { floor.saturating_add(1) } else { floor })
}
