//! The answer to an authorization request (RFC 6749 §4.1.2), as it reaches our listener.
//!
//! Anybody can make a browser ask a listener on this machine. So nothing of the request is believed, and nothing leaves
//! this machine, before `state` shows that it answers this login and `iss` that it comes from the server that was asked
//! (RFC 9207): only then there is a code.

use renewd_core::Secret;

use super::address::Issuer;
use super::denial::Denial;
use super::form::{self, Parameter};
use super::refusal::{Reason, Refusal};

/// As long as the longest line that servers take.
const TARGET_MAX_BYTES: usize = 16 * 1024;

/// What the answer to this login looks like.
#[derive(Clone, Copy)]
pub struct CallbackExpected<'a> {
    /// The path of the redirect address.
    pub path: &'a str,
    /// The `state` that was sent.
    pub state: &'a Secret,
    /// The issuer that the request was sent to, where it is known.
    pub issuer: Option<&'a Issuer>,
    /// Whether its metadata promise `iss` (RFC 9207 §3).
    pub iss_promised: bool,
}

/// What came.
#[expect(clippy::exhaustive_enums, reason = "an answer brings a code or an error, or it is none")]
pub enum Callback {
    /// The authorization code. It is used once.
    Code(Secret),
    /// An error, which ends the login.
    Denied(Denial),
    /// A request for something else (a browser asks for its icon): the listener goes on.
    Elsewhere,
    /// A request that does not show that it belongs to this login: it is refused, and the listener goes on. Any page in
    /// the person's browser can send one, and none shall end a login.
    Stranger(Refusal),
}

/// Reads the target of a request to the listener: path and query.
///
/// # Errors
/// The request carries the `state` of this login, and cannot be accepted all the same: the login is over. No refusal
/// shows what the request carried.
pub fn read_callback(target: &str, expected: &CallbackExpected<'_>) -> Result<Callback, Refusal> {
    // rfc: 8252-8.10-2 what came to another address is no answer
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path != expected.path {
        return Ok(Callback::Elsewhere);
    }
    read_query(query, expected)
}

/// Reads the address at which a browser ended, as a person copied it: for redirects that no listener of ours gets.
///
/// # Errors
/// As [`read_callback`]; [`Reason::Value`] where it is no answer at that redirect address.
pub fn read_pasted(
    text: &str,
    redirect_uri: &str,
    expected: &CallbackExpected<'_>,
) -> Result<Callback, Refusal> {
    let address = text.trim().split('#').next().unwrap_or_default();
    match address.split_once('?') {
        Some((base, query)) if base == redirect_uri => read_query(query, expected),
        _ => Err(Refusal::new(Reason::Value, "pasted address")
            .found(&format!("it does not begin with {redirect_uri}?"))),
    }
}

fn read_query(query: &str, expected: &CallbackExpected<'_>) -> Result<Callback, Refusal> {
    // rfc: 6749-10.12 8252-8.9 9700-2.1 9700-4.7.1 first of all: is it the answer to our request?
    let parameters = match parameters_of_this_login(query, expected.state) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(Callback::Stranger(refusal)),
    };
    let value = |name| once(&parameters, name);
    // rfc: 6749-4.1.2-2 unknown parameters are passed over, but none stands there twice
    for (name, _) in &parameters {
        once(&parameters, name)?;
    }
    check_issuer(value("iss")?, expected)?;
    match (value("code")?, value("error")?) {
        (Some(_), Some(_)) => Err(Refusal::new(Reason::Value, "code").found("a code and an error at once")),
        (None, Some(error)) => {
            Ok(Callback::Denied(Denial::new(error, value("error_description")?, value("error_uri")?)))
        }
        // RFC 6749 appendix A.11: visible characters and blanks.
        (Some(code), None) if !code.is_empty() && code.bytes().all(|b| (b' '..=b'~').contains(&b)) => {
            Ok(Callback::Code(Secret::from(code)))
        }
        (Some(_), None) => Err(Refusal::new(Reason::Value, "code")),
        (None, None) => Err(Refusal::new(Reason::Missing, "code")),
    }
}

/// The parameters, where `state` says that they belong to this login.
fn parameters_of_this_login(query: &str, state: &Secret) -> Result<Vec<Parameter>, Refusal> {
    if query.len() > TARGET_MAX_BYTES {
        return Err(Refusal::new(Reason::TooLong, "query"));
    }
    let parameters = form::decode(query)?;
    match once(&parameters, "state")? {
        None => Err(Refusal::new(Reason::StateMissing, "state")),
        Some(given) if !state.same_as(given.as_bytes()) => Err(Refusal::new(Reason::StateMismatch, "state")),
        Some(_) => Ok(parameters),
    }
}

/// RFC 9207 §2.4, for errors as for codes.
fn check_issuer(named: Option<&str>, expected: &CallbackExpected<'_>) -> Result<(), Refusal> {
    match (named, expected.issuer) {
        // rfc: 9207-2.4 9207-2.4-2 9700-4.4.2 9700-2.1-3 another issuer's answer goes no further
        (Some(named), Some(issuer)) if !issuer.is(named) => {
            Err(Refusal::new(Reason::IssuerMismatch, "iss").found(named))
        }
        // rfc: 9207-2.4-3 a promised iss must be there
        (None, _) if expected.iss_promised => Err(Refusal::new(Reason::IssuerMissing, "iss")),
        // Where no issuer is known there is nothing to compare with, and no second server to be mixed up with.
        _ => Ok(()),
    }
}

/// The value of a parameter that stands there at most once.
fn once<'p>(parameters: &'p [Parameter], name: &str) -> Result<Option<&'p str>, Refusal> {
    let mut found = parameters.iter().filter(|(own, _)| own == name);
    let value = found.next().map(|(_, value)| value.as_str());
    match found.next() {
        Some(_) => Err(Refusal::new(Reason::Duplicate, name)),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rfc-test: 8252-8.10-2
    #[test]
    fn a_request_for_something_else_is_no_answer() {
        let state = Secret::from("s");
        let expected =
            CallbackExpected { path: "/callback", state: &state, issuer: None, iss_promised: false };
        for target in [
            "/favicon.ico",
            "/",
            "/callback/",
            "/Callback?state=s&code=c",
            "http://x/callback?state=s&code=c",
        ] {
            assert!(matches!(read_callback(target, &expected), Ok(Callback::Elsewhere)), "{target}");
        }
    }

    #[test]
    fn a_pasted_address_must_be_the_redirect_address() {
        let state = Secret::from("s");
        let expected = CallbackExpected { path: "/", state: &state, issuer: None, iss_promised: false };
        let read = |text: &str| read_pasted(text, "https://app.example/done", &expected);
        for text in
            ["https://app.example/done?code=c&state=s", "  https://app.example/done?state=s&code=c#_=_\n"]
        {
            assert!(matches!(read(text), Ok(Callback::Code(code)) if code.same_as(b"c")), "{text}");
        }
        for text in ["c", "https://evil.example/done?code=c&state=s", "https://app.example/done", ""] {
            assert_eq!(read(text).err().unwrap().reason, Reason::Value, "{text}");
        }
        let stranger = read("https://app.example/done?code=c").unwrap();
        assert!(matches!(stranger, Callback::Stranger(refusal) if refusal.reason == Reason::StateMissing));
    }

    #[test]
    fn no_refusal_shows_what_the_request_carried() {
        let state = Secret::from("s");
        let expected = CallbackExpected { path: "/", state: &state, issuer: None, iss_promised: true };
        for query in [
            "code=SECRET",
            "code=SECRET&state=SECRET",
            "code=SECRET&code=SECRET&state=s",
            "code=SECRET%&state=s",
            "code=SECRET%0a&state=s",
            "code=SECRET&state=s",
        ] {
            let (Err(refusal) | Ok(Callback::Stranger(refusal))) =
                read_callback(&format!("/?{query}"), &expected)
            else {
                panic!("{query} was taken");
            };
            assert!(!format!("{refusal} {refusal:?}").contains("SECRET"), "{refusal}");
        }
    }
}
