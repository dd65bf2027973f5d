//! Single values and items of lists: what each must be, and how a message names it.

use renewd_core::StatusRange;
use toml::de::DeValue;

use crate::address;
use crate::duration::{DURATION_FORM, parse_duration};
use crate::keys::{CONDITION_BYTES_MAX, Kind, UrlUse};
use crate::member;
use crate::problem::{cut, nearest, shown};
use crate::text;
use crate::value::Value;

/// Longest duration, in days. What is longer was meant otherwise.
const DURATION_DAYS_MAX: u64 = 3660;

/// Status codes that servers really send: three digits, and beyond HTTP's own (999 is one of them).
const STATUSES: std::ops::RangeInclusive<u16> = 100..=999;

/// Checks an item of a list of texts.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn item_of(kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Choices(all) if all.contains(&text) => Ok(()),
        Kind::Choices(all) => Err(format!("is none of {}", all.join(", "))),
        Kind::Sources => address::url(text, UrlUse::Documentation),
        Kind::Hosts => address::host(text),
        Kind::Paths => member::path(text),
        Kind::Texts { least } => text::line(text, least, CONDITION_BYTES_MAX),
        _ => Err("is no item of a list of texts".into()),
    }
}

/// Reads a single value.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn scalar(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
    match (kind, value) {
        (Kind::Flag, DeValue::Boolean(flag)) => return Ok(Value::Flag(*flag)),
        (Kind::Flag, _) => return Err(format!("is {}; it must be true or false", article(value))),
        (Kind::Duration, DeValue::Integer(_)) => {
            return Err(format!("is a number without a unit; write {DURATION_FORM} in quotes"));
        }
        _ => {}
    }
    let text = value.as_str().ok_or_else(|| format!("is {}; it must be a text in quotes", article(value)))?;
    match kind {
        Kind::Slug => text::slug(text)?,
        Kind::Line { most } => text::line(text, 1, most)?,
        Kind::Url(usage) => address::url(text, usage)?,
        Kind::Choice(all) => {
            let found = all.iter().find(|choice| **choice == text);
            found.ok_or_else(|| not_a_choice(all, text))?;
        }
        Kind::Duration => {
            let span = parse_duration(text)?;
            if span.is_zero() {
                return Err("is zero; leave it out where there is none".into());
            }
            if span.as_secs() > DURATION_DAYS_MAX * 86_400 {
                return Err(format!("is longer than {DURATION_DAYS_MAX} days"));
            }
            return Ok(Value::Span(span));
        }
        _ => return Err("is no single value".into()),
    }
    Ok(Value::Text(text.to_owned()))
}

fn not_a_choice(all: &[&str], text: &str) -> String {
    match text {
        "success" => "is no verdict that a profile can give: a success needs a token".into(),
        _ => match nearest(text, all.iter().copied()) {
            Some(near) => format!("is none of {}; did you mean {near}?", all.join(", ")),
            None => format!("is none of {}", all.join(", ")),
        },
    }
}

/// A status, or a range of them.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn status(value: &DeValue<'_>) -> Result<StatusRange, String> {
    let form =
        || format!("is no status like 400 or \"401-403\", from {} to {}", STATUSES.start(), STATUSES.end());
    let number = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|status| digits && STATUSES.contains(status)).ok_or_else(form)
    };
    match value {
        DeValue::Integer(integer) if integer.radix() == 10 => {
            let status = number(integer.as_str())?;
            Ok(StatusRange { from: status, to: status })
        }
        DeValue::String(text) => {
            let (from, to) = text.split_once('-').ok_or_else(form)?;
            let (from, to) = (number(from)?, number(to)?);
            if from > to { Err("runs backwards".into()) } else { Ok(StatusRange { from, to }) }
        }
        _ => Err(form()),
    }
}

/// The text of a value as JSON would write it.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn literal(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => text::line(text, 1, CONDITION_BYTES_MAX).map(|()| text.clone().into_owned()),
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Integer(number) => {
            let plain = i64::from_str_radix(number.as_str(), number.radix());
            plain.map(|n| n.to_string()).map_err(|_| "is too large a number; write it in quotes".into())
        }
        DeValue::Float(_) => Err("is a fraction; write it in quotes, as the answer does".into()),
        _ => Err(format!("is {}; it must be a text, a number, true or false", article(value))),
    }
}

/// ` = "…"`, where a message may repeat the value.
pub(crate) fn given(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if !text.contains('@') => format!(" = {}", shown(text)),
        DeValue::Integer(number) => format!(" = {}", cut(number.as_str())),
        _ => String::new(),
    }
}

/// The same of an item of a list.
pub(crate) fn given_in_list(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if !text.contains('@') => format!(" {},", shown(text)),
        DeValue::Integer(number) => format!(" {},", cut(number.as_str())),
        _ => " a value".into(),
    }
}

/// What kind of value it is: `an integer`.
pub(crate) fn article(value: &DeValue<'_>) -> String {
    let kind = value.type_str();
    if kind.starts_with(['a', 'i']) { format!("an {kind}") } else { format!("a {kind}") }
}
