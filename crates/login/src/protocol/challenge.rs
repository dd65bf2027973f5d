//! What a resource says when it refuses a request without a token: `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 6750 §3,
//! RFC 9728 §5.1).

use renewd_core::plain_line;

use super::address::Address;
use super::refusal::{Reason, Refusal};

const HEADER: &str = "WWW-Authenticate";

/// All values of the header together. Servers send some hundred bytes; proxies take eight thousand.
const HEADER_MAX_BYTES: usize = 8 * 1024;

/// Challenges with their parameters are counted together.
const PARTS_MAX: usize = 100;

/// `error_description` is for people, who read so much.
const DESCRIPTION_MAX_BYTES: usize = 300;

/// A challenge for a bearer or a DPoP token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Where the resource's metadata lie (RFC 9728 §5.1).
    pub resource_metadata: Option<Address>,
    /// The scope that the request needs (RFC 6750 §3).
    pub scope: Option<String>,
    /// The error's code, where a token was refused.
    pub error: Option<String>,
    /// What the resource says about it, cleaned.
    pub error_description: Option<String>,
}

impl Challenge {
    /// The challenge among these values of the header; none where there is none for bearer or DPoP tokens. Of several,
    /// the first that says where the metadata lie.
    ///
    /// # Errors
    /// Where the header cannot be read in one way only, or names an address that this resource may not name.
    pub fn read(headers: &[&str], asked: &Address) -> Result<Option<Self>, Refusal> {
        if headers.iter().map(|value| value.len()).sum::<usize>() > HEADER_MAX_BYTES {
            return Err(Refusal::new(Reason::TooLong, HEADER));
        }
        let mut first = None;
        for header in headers {
            for challenge in parse(header)? {
                if !challenge.is_for_tokens() {
                    continue;
                }
                let read = challenge.read(asked)?;
                if read.resource_metadata.is_some() {
                    return Ok(Some(read));
                }
                first.get_or_insert(read);
            }
        }
        Ok(first)
    }
}

/// A challenge as it stands in the header.
struct Raw {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Raw {
    fn is_for_tokens(&self) -> bool {
        self.scheme == "bearer" || self.scheme == "dpop"
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn read(&self, asked: &Address) -> Result<Challenge, Refusal> {
        let metadata = self.value("resource_metadata").map(|text| {
            let address = Address::parse(text).map_err(|refusal| refusal.in_member("resource_metadata"))?;
            if asked.may_lead_to(&address) {
                Ok(address)
            } else {
                Err(Refusal::new(Reason::PrivateHost, "resource_metadata").found(text))
            }
        });
        let scope = self.value("scope").filter(|scope| !scope.trim().is_empty());
        if scope.is_some_and(|scope| !is_scope(scope)) {
            return Err(Refusal::new(Reason::Value, "scope").found(scope.unwrap_or_default()));
        }
        let plain = |name| self.value(name).map(|text| plain_line(text, DESCRIPTION_MAX_BYTES));
        Ok(Challenge {
            resource_metadata: metadata.transpose()?,
            scope: scope.map(str::to_owned),
            error: plain("error"),
            error_description: plain("error_description"),
        })
    }
}

/// RFC 6749 §3.3: visible characters but for `"` and `\`, and single blanks between them.
pub(super) fn is_scope(scope: &str) -> bool {
    scope.bytes().all(|b| matches!(b, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))
}

/// The challenges of one header: a scheme, then parameters with commas between them, or one token68.
fn parse(header: &str) -> Result<Vec<Raw>, Refusal> {
    let malformed = || Refusal::new(Reason::Value, HEADER).found(header);
    let mut challenges: Vec<Raw> = Vec::new();
    let mut rest = header.trim_start_matches(BLANK_OR_COMMA);
    let mut parts = 0;
    while !rest.is_empty() {
        parts += 1;
        if parts > PARTS_MAX {
            return Err(Refusal::new(Reason::TooMany, HEADER));
        }
        let (word, after) = take_token(rest).ok_or_else(malformed)?;
        let behind = after.trim_start_matches(BLANK);
        let parameter = behind.strip_prefix('=').map(|value| value.trim_start_matches(BLANK));
        rest = match (parameter, challenges.last_mut()) {
            (Some(value), Some(challenge)) if !value.starts_with('=') => {
                let (value, after) = take_value(value).ok_or_else(malformed)?;
                let name = word.to_ascii_lowercase();
                if challenge.value(&name).is_some() {
                    return Err(Refusal::new(Reason::Duplicate, name));
                }
                challenge.parameters.push((name, value));
                end_of_part(after).ok_or_else(malformed)?
            }
            (Some(_), _) => return Err(malformed()),
            (None, _) => {
                challenges.push(Raw { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                behind_scheme(after).ok_or_else(malformed)?
            }
        };
    }
    Ok(challenges)
}

const BLANK: [char; 2] = [' ', '\t'];
const BLANK_OR_COMMA: [char; 3] = [' ', '\t', ','];

/// What follows a scheme: nothing, the next challenge, a parameter, or a token68, which is skipped.
fn behind_scheme(after: &str) -> Option<&str> {
    let behind = after.trim_start_matches(BLANK);
    if behind.is_empty() || behind.starts_with(',') {
        return Some(behind.trim_start_matches(BLANK_OR_COMMA));
    }
    if behind.len() == after.len() {
        return None;
    }
    let end = behind.find([' ', '\t', ',']).unwrap_or(behind.len());
    let (word, next) = behind.split_at(end);
    let core = word.trim_end_matches('=');
    let token68 =
        !core.is_empty() && core.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    let alone = next.trim_start_matches(BLANK).is_empty() || next.trim_start_matches(BLANK).starts_with(',');
    if token68 && alone {
        return end_of_part(next);
    }
    Some(behind)
}

/// What follows a parameter: the end, or a comma and more.
fn end_of_part(after: &str) -> Option<&str> {
    let behind = after.trim_start_matches(BLANK);
    (behind.is_empty() || behind.starts_with(',')).then(|| behind.trim_start_matches(BLANK_OR_COMMA))
}

/// RFC 9110 §5.6.2.
fn take_token(text: &str) -> Option<(&str, &str)> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let end = text.bytes().position(|b| !is_token(b)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A token or a quoted string. Servers in the field forget the quotes around addresses: what ends at a blank or a comma
/// has one reading.
fn take_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        let visible = !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        return visible.then(|| (value.to_owned(), rest));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, character) in quoted.char_indices() {
        match character {
            '"' if !escaped => return Some((value, &quoted[at + 1..])),
            '\\' if !escaped => escaped = true,
            _ => {
                escaped = false;
                value.push(character);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[&str]) -> Result<Option<Challenge>, Reason> {
        let asked = Address::parse("https://mcp.example/mcp").unwrap();
        Challenge::read(headers, &asked).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn the_challenge_that_names_the_metadata_is_found_among_others() {
        let metadata = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
        let quoted =
            format!("Bearer realm=\"a, b=\\\"c\\\"\", resource_metadata=\"{metadata}\", scope=\"a b\"");
        let bare = format!("bearer resource_metadata={metadata} , error=invalid_token");
        let behind = format!(
            "Negotiate abc==, Basic realm=\"x\", DPoP algs=\"ES256\", resource_metadata=\"{metadata}\""
        );
        for headers in [
            vec![quoted.as_str()],
            vec![bare.as_str()],
            vec![behind.as_str()],
            vec!["Negotiate", "Bearer", "Basic realm=x", quoted.as_str()],
        ] {
            let found = read(&headers).unwrap().unwrap();
            assert_eq!(found.resource_metadata.unwrap().as_str(), metadata, "{headers:?}");
        }
        assert_eq!(read(&[&quoted]).unwrap().unwrap().scope.as_deref(), Some("a b"));
        assert_eq!(read(&[&bare]).unwrap().unwrap().error.as_deref(), Some("invalid_token"));
    }

    #[test]
    fn a_header_without_a_challenge_for_tokens_says_nothing() {
        for headers in [vec![], vec![""], vec!["Basic realm=\"x\""], vec!["Negotiate"], vec![", ,"]] {
            assert_eq!(read(&headers), Ok(None), "{headers:?}");
        }
        assert_eq!(read(&["Bearer"]), Ok(Some(Challenge::default())));
    }

    #[test]
    fn a_header_with_two_readings_has_none() {
        for (header, why) in [
            (
                "Bearer resource_metadata=\"https://a.example/\", resource_metadata=\"https://b.example/\"",
                Reason::Duplicate,
            ),
            ("Bearer resource_metadata=\"https://a.example/", Reason::Value),
            ("resource_metadata=\"https://a.example/\"", Reason::Value),
            ("Bearer resource_metadata=\"https://a.example/\" scope=x", Reason::Value),
            ("Bearer resource_metadata=\"javascript:alert(1)\"", Reason::Scheme),
            ("Bearer resource_metadata=\"http://mcp.example/x\"", Reason::Scheme),
            ("Bearer resource_metadata=\"https://169.254.169.254/\"", Reason::PrivateHost),
            ("Bearer resource_metadata=\"http://127.0.0.1/\"", Reason::PrivateHost),
            ("Bearer scope=\"a\u{1b}[2J\"", Reason::Value),
            ("Bearer scope=\"a\\\"b\"", Reason::Value),
        ] {
            assert_eq!(read(&[header]), Err(why), "{header}");
        }
        assert_eq!(read(&[&"x".repeat(HEADER_MAX_BYTES + 1)]), Err(Reason::TooLong));
        assert_eq!(read(&[&"Basic,".repeat(PARTS_MAX + 1)]), Err(Reason::TooMany));
    }
}
