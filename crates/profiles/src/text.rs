//! Texts that people and logs will see.

/// Whether a text can be shown as it is: one line, nothing that turns the reading direction around.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || is_unseen(c))
}

/// Marks and overrides of the reading direction, line and paragraph separators, the byte order mark.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Checks a text of one line.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn line(text: &str, least: usize, most: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    if text.len() < least {
        return Err(format!("is shorter than {least} bytes; it would be found in anything"));
    }
    if text.len() > most {
        return Err(format!("is longer than {most} bytes"));
    }
    if !is_plain(text) {
        return Err("holds a line break or a character that cannot be seen".into());
    }
    Ok(())
}

/// Longest name, in bytes: it stands in rules, paths and tables.
const SLUG_BYTES_MAX: usize = 64;

/// Checks a kebab-case name.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn slug(text: &str) -> Result<(), String> {
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if text.len() <= SLUG_BYTES_MAX && text.split('-').all(word) {
        return Ok(());
    }
    Err(format!(
        "is no kebab-case name: lower-case letters and digits with single hyphens between, at most {SLUG_BYTES_MAX} bytes"
    ))
}

/// Parameters that neither a profile nor a credential's entry may set: the request's own, the client's, and what has a
/// key of its own.
pub const OWN_PARAMETERS: [&str; 14] = [
    "grant_type",
    "refresh_token",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "client_assertion",
    "client_assertion_type",
    "code",
    "code_verifier",
    "device_code",
    "assertion",
    "subject_token",
    "actor_token",
];

/// Checks a header that every refresh carries (RFC 9110 §5).
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn header(name: &str, value: &str) -> Result<(), String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err("is no header name (RFC 9110 §5.1)".into());
    }
    if renewd_core::is_reserved_header(name) {
        return Err("cannot be set by a profile: renewd sets it itself".into());
    }
    if !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) || value.trim() != value {
        return Err("must be visible ASCII with no space around it".into());
    }
    Ok(())
}

/// Checks a parameter that every refresh carries.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn parameter(name: &str, value: &str) -> Result<(), String> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("is no parameter name: visible ASCII".into());
    }
    match name.to_ascii_lowercase().as_str() {
        "scope" => {
            return Err("has a key of its own: refresh.scope = true names the grant's scope again".into());
        }
        own if OWN_PARAMETERS.contains(&own) => {
            return Err("cannot be set by a profile: renewd sets it from the credential's own keys".into());
        }
        _ => {}
    }
    if !is_plain(value) {
        return Err("holds a line break or a character that cannot be seen".into());
    }
    Ok(())
}

/// Checks a parameter of an authorization request.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn login_parameter(name: &str, value: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if lower == "scope" {
        return Err("has a key of its own: login.scope".into());
    }
    if renewd_core::RESERVED_LOGIN_PARAMETERS.contains(&lower.as_str()) {
        return Err("cannot be set by a profile: each login makes its own".into());
    }
    parameter(name, value)
}

/// Parameters that a provider may call otherwise. The others belong to extensions, whose servers know their names.
pub(crate) const RENAMED: [&str; 5] = ["grant_type", "refresh_token", "client_id", "client_secret", "scope"];

/// Longest name of a parameter, in bytes: many times what any provider has.
pub(crate) const PARAMETER_NAME_BYTES_MAX: usize = 64;

/// Checks what a provider calls one of RFC 6749's parameters.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn renamed(usual: &str, name: &str) -> Result<(), String> {
    if !RENAMED.contains(&usual) {
        let all = RENAMED.join(", ");
        return Err(match crate::problem::nearest(usual, RENAMED) {
            Some(near) => format!("is no parameter that can have another name; did you mean {near}?"),
            None => format!("is no parameter that can have another name: {all}"),
        });
    }
    // RFC 6749 §8.2.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if name.is_empty() || name.len() > PARAMETER_NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(format!(
            "is no parameter name: letters, digits, '-', '.' and '_' (RFC 6749 §8.2), at most {PARAMETER_NAME_BYTES_MAX}"
        ));
    }
    if name == usual {
        return Err("is its usual name; leave it out".into());
    }
    if OWN_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("cannot be {name}, which has a meaning of its own"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kebab_case() {
        for good in ["okta", "x-twitter", "atlassian-3lo", "3"] {
            assert_eq!(slug(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "Okta", "a_b", "a.b", "é", &"a".repeat(65)] {
            assert!(slug(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_request_cannot_be_made_another_by_its_headers_and_parameters() {
        assert_eq!(header("Accept", "application/json"), Ok(()));
        for (name, value) in [
            ("authorization", "x"),
            ("Host", "x"),
            ("Content-Type", "x"),
            ("DPoP", "x"),
            ("Accept-Encoding", "br"),
            ("Range", "bytes=0-1"),
            ("Cookie", "x"),
            ("Expect", "100-continue"),
            ("Accept-Encoding", "br"),
            ("Range", "bytes=0-1"),
            ("a b", "x"),
            ("a:", "x"),
            ("", "x"),
            ("X-A", "a\r\nHost: b"),
            ("X-A", " a"),
            ("X-A", "é"),
        ] {
            assert!(header(name, value).is_err(), "{name}: {value}");
        }
        assert_eq!(parameter("audience", "https://api.example"), Ok(()));
        for (name, value) in [
            ("grant_type", "x"),
            ("Refresh_Token", "x"),
            ("scope", "x"),
            ("resource", "x"),
            ("code", "x"),
            ("client_secret", "x"),
            ("client_assertion", "x"),
            ("client_assertion_type", "x"),
            ("", "x"),
            ("a b", "x"),
            ("a", "x\n"),
        ] {
            assert!(parameter(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn a_parameter_of_the_standard_may_have_another_name_and_no_others() {
        for (usual, name) in [("client_id", "client_key"), ("client_secret", "appSecret"), ("scope", "a.b-c")]
        {
            assert_eq!(renamed(usual, name), Ok(()), "{usual}: {name}");
        }
        for (usual, name, why) in [
            ("clientid", "x", "did you mean client_id"),
            ("audience", "x", "grant_type, refresh_token"),
            ("client_assertion", "x", "can have another name"),
            ("client_id", "", "no parameter name"),
            ("client_id", "a b", "no parameter name"),
            ("client_id", "a&b", "no parameter name"),
            ("client_id", "é", "no parameter name"),
            ("client_id", &"a".repeat(65), "no parameter name"),
            ("client_id", "client_id", "leave it out"),
            ("client_id", "refresh_token", "meaning of its own"),
            ("client_id", "Client_Secret", "meaning of its own"),
            ("scope", "resource", "meaning of its own"),
        ] {
            let said = renamed(usual, name).unwrap_err();
            assert!(said.contains(why), "{usual}: {name}: {said}");
        }
    }

    #[test]
    fn a_text_that_hides_something_is_refused() {
        assert_eq!(line("über 9000 公司", 1, 80), Ok(()));
        for bad in ["", "  ", "a\nb", "a\u{202e}b", "a\u{200b}b", "\u{feff}a", "a\u{1b}[0m"] {
            assert!(line(bad, 1, 80).is_err(), "{bad:?}");
        }
        assert!(line("ab", 3, 80).is_err());
        assert!(line(&"a".repeat(81), 1, 80).is_err());
    }
}
