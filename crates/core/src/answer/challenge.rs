//! Parameters of `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 6750 §3): where an answer has no body, its code may stand
//! there.

use alloc::string::String;

use super::types::Response;

/// A longer value is no code and no sentence.
const VALUE_MAX_BYTES: usize = 512;

/// The first parameter of that name in any challenge, unquoted.
pub(super) fn parameter(response: &Response, name: &str) -> Option<String> {
    challenges(response).flat_map(|challenge| find(challenge, name)).next()
}

/// Whether a challenge of that scheme says so under that name; both in any case.
pub(super) fn says(response: &Response, scheme: &str, name: &str, value: &str) -> bool {
    challenges(response).flat_map(Parameters::of).any(|parameter| {
        parameter.scheme.eq_ignore_ascii_case(scheme)
            && parameter.name.eq_ignore_ascii_case(name)
            && parameter.value == value
    })
}

fn challenges(response: &Response) -> impl Iterator<Item = &str> {
    let named = response.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case("www-authenticate"));
    named.map(|(_, value)| value.as_str())
}

fn find(challenge: &str, name: &str) -> Option<String> {
    Parameters::of(challenge)
        .find(|parameter| parameter.name.eq_ignore_ascii_case(name))
        .map(|parameter| parameter.value)
}

/// One `name=value`, and the scheme that it belongs to; empty where none came before it.
struct Parameter<'c> {
    scheme: &'c str,
    name: &'c str,
    value: String,
}

/// The parameters of one header, which may hold several challenges. Commas that were forgotten are not missed.
struct Parameters<'c> {
    scheme: &'c str,
    rest: &'c str,
}

impl<'c> Parameters<'c> {
    fn of(challenges: &'c str) -> Self {
        Self { scheme: "", rest: challenges }
    }
}

impl<'c> Iterator for Parameters<'c> {
    type Item = Parameter<'c>;

    fn next(&mut self) -> Option<Parameter<'c>> {
        let (before, after) = self.rest.split_once('=')?;
        let mut words = before.rsplit([' ', ',', '\t']);
        let name = words.next().unwrap_or_default();
        // A word that is not followed by `=` begins a challenge.
        if let Some(scheme) = words.find(|word| !word.is_empty()) {
            self.scheme = scheme;
        }
        let (value, rest) = take_value(after);
        self.rest = rest;
        Some(Parameter { scheme: self.scheme, name, value })
    }
}

/// A token or a quoted string, and what follows it.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (cut(&text[..end]), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, character) in quoted.char_indices() {
        match character {
            '"' if !escaped => return (value, &quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            _ => {
                escaped = false;
                if value.len() < VALUE_MAX_BYTES {
                    value.push(character);
                }
            }
        }
    }
    (value, "")
}

fn cut(text: &str) -> String {
    text.chars().take(VALUE_MAX_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_quoted_or_not_after_any_other() {
        for (challenge, value) in [
            ("Bearer error=\"invalid_token\"", Some("invalid_token")),
            ("Bearer realm=\"a, error=\\\"x\\\"\", error=\"invalid_token\", x=1", Some("invalid_token")),
            ("DPoP algs=\"ES256\", ERROR=use_dpop_nonce", Some("use_dpop_nonce")),
            ("Basic realm=x,error=a,b", Some("a")),
            ("Bearer error_description=\"error=1\"", None),
            ("Bearer", None),
            ("error=\"unclosed", Some("unclosed")),
            ("", None),
        ] {
            assert_eq!(find(challenge, "error").as_deref(), value, "{challenge}");
        }
    }

    #[test]
    fn a_value_is_cut_where_it_is_too_long_to_be_one() {
        let long = "x".repeat(VALUE_MAX_BYTES * 2);
        for challenge in
            [alloc::format!("Bearer error=\"{long}\", a=1"), alloc::format!("Bearer error={long}")]
        {
            assert_eq!(find(&challenge, "error").map(|value| value.len()), Some(VALUE_MAX_BYTES));
        }
    }
}
