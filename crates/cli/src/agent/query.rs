//! What stands in a request's target: percent-encoded names, and parameters. A parameter that is not known is refused
//! rather than passed over: half a question is not answered.

use std::borrow::Cow;

use serde_json::Value;

use crate::exit::Failure;

/// As much of the name of a bad parameter is repeated in an error.
const SHOWN_CHARS_MAX: usize = 40;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`. `+` is a plus sign: no form is read here, and times of day contain it.
    ///
    /// # Errors
    /// A parameter that is not among the `known`, or stands there twice, or is no text.
    pub(super) fn of(query: Option<&str>, known: &[&str]) -> Result<Self, Failure> {
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&&*name) {
                return Err(unknown("parameter", &name, known));
            }
            if found.iter().any(|(before, _)| *before == name) {
                return Err(Failure::usage(format!("the parameter {name} is given twice")));
            }
            found.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(found))
    }

    /// The value of a parameter, where it is there.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is set.
    ///
    /// # Errors
    /// Where it says neither `true` nor `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.value(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Failure::usage(format!("{name}={other:?} is neither true nor false"))),
        }
    }
}

/// That a body holds a JSON object, and no key in it that the question does not have. Nothing is an empty object.
///
/// # Errors
/// What is wrong with it. It repeats nothing of the body but the name of a key.
pub(super) fn check_keys(body: &[u8], known: &[&str]) -> Result<(), Failure> {
    if body.is_empty() {
        return Ok(());
    }
    let object = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(Failure::usage("the body is to be a JSON object")),
        Err(error) => return Err(Failure::usage(format!("the body is no JSON: {error}"))),
    };
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(unknown("key", key, known)),
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Failure {
    let shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    let there = match known {
        [] => "it takes none".into(),
        known => format!("there are {}", known.join(", ")),
    };
    Failure::usage(format!("this question has no {what} {shown:?}; {there}"))
}

/// Percent-decodes (RFC 3986 §2.1).
///
/// # Errors
/// Where a percent sign has no two hexadecimal digits behind it, or what comes of it is no UTF-8.
pub(super) fn decoded(text: &str) -> Result<Cow<'_, str>, Failure> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let wrong = || Failure::usage("a percent sign without two hexadecimal digits of UTF-8 behind it");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).ok_or_else(wrong);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_read_and_nothing_else() {
        assert_eq!(decoded("work").unwrap(), "work");
        assert_eq!(decoded("%77o%72k+%C3%A9").unwrap(), "work+é");
        for wrong in ["%", "%2", "%zz", "%ff", "a%C3b", "%+1"] {
            assert!(decoded(wrong).unwrap_err().message.contains("percent sign"), "{wrong}");
        }
    }

    #[test]
    fn a_body_is_an_object_with_keys_that_the_question_has() {
        let known = ["epoch", "timeout_s"];
        for fine in ["", "{}", r#"{"epoch":"not looked at here"}"#] {
            assert!(check_keys(fine.as_bytes(), &known).is_ok(), "{fine}");
        }
        for (body, says) in [
            ("[]", "a JSON object"),
            ("7", "a JSON object"),
            ("{", "no JSON"),
            ("\u{feff}{}", "no JSON"),
            (r#"{"min_validty_s":60}"#, "no key \"min_validty_s\"; there are epoch, timeout_s"),
        ] {
            let failure = check_keys(body.as_bytes(), &known).unwrap_err();
            assert!(failure.message.contains(says), "{body}: {}", failure.message);
        }
        assert!(check_keys(b"\xff", &[]).is_err());
    }

    #[test]
    fn parameters_are_known_and_stand_there_once() {
        let query = Query::of(Some("a=1&&b"), &["a", "b", "c"]).unwrap();
        assert_eq!((query.value("a"), query.value("b"), query.value("c")), (Some("1"), Some(""), None));
        assert!(Query::of(None, &[]).is_ok());
        let flags = Query::of(Some("a=true&b=false&d=1"), &["a", "b", "c", "d"]).unwrap();
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| flags.flag(name).ok()),
            [Some(true), Some(false), Some(false), None]
        );
        for (text, says) in [("d=1", "there are a, b"), ("a=1&%61=2", "twice"), ("=1", "no parameter \"\"")] {
            let failure = Query::of(Some(text), &["a", "b"]).unwrap_err();
            assert!(failure.message.contains(says), "{text}: {}", failure.message);
        }
        assert!(Query::of(Some("x"), &[]).unwrap_err().message.contains("it takes none"));
    }
}
