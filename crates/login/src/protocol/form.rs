//! `application/x-www-form-urlencoded`, written so that every decoder reads it alike, and read so that nothing has two
//! readings.

use zeroize::Zeroizing;

use super::refusal::{Reason, Refusal};

/// A redirect carries a handful of parameters; servers add some of their own.
const PARAMETERS_MAX: usize = 64;

/// Appends `name=value`, with what separates it from what is there already.
pub(super) fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() && !out.ends_with(['?', '&']) {
        out.push('&');
    }
    encode(out, name);
    out.push('=');
    encode(out, value);
}

/// Only what is unreserved (RFC 3986 §2.3) stays. A blank becomes `%20`: some servers do not read `+` in an address.
fn encode(out: &mut String, text: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// A name and its value, which may be a code.
pub(super) type Parameter = (String, Zeroizing<String>);

/// The parameters of a query, in order.
///
/// # Errors
/// [`Reason::Encoding`] where an escape is broken, or where what it says is no UTF-8; [`Reason::TooMany`]. Neither
/// shows what was found: it may be a code.
pub(super) fn decode(query: &str) -> Result<Vec<Parameter>, Refusal> {
    let mut parameters = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        if parameters.len() >= PARAMETERS_MAX {
            return Err(Refusal::new(Reason::TooMany, "query"));
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let both = decoded(name).and_then(|name| Some((name, Zeroizing::new(decoded(value)?))));
        parameters.push(both.ok_or_else(|| Refusal::new(Reason::Encoding, "query"))?);
    }
    Ok(parameters)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str) -> Vec<(String, String)> {
        let parameters = decode(query).unwrap().into_iter();
        parameters.map(|(name, value)| (name, value.as_str().to_owned())).collect()
    }

    #[test]
    fn broken_escapes_have_no_reading() {
        for query in ["a=%", "a=%4", "a=%zz", "%ff=1", "a=%c3%28", "a=%+1"] {
            assert_eq!(decode(query).unwrap_err().reason, Reason::Encoding, "{query}");
        }
        assert_eq!(decode(&"a&".repeat(PARAMETERS_MAX + 1)).unwrap_err().reason, Reason::TooMany);
        assert_eq!(
            read("&a&b=&=c&d=e=f+g%2b&"),
            [
                ("a".to_owned(), String::new()),
                ("b".to_owned(), String::new()),
                (String::new(), "c".to_owned()),
                ("d".to_owned(), "e=f g+".to_owned()),
            ]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs in prop::collection::vec((".{1,9}", ".{0,9}"), 0..9)) {
            let mut query = String::new();
            for (name, value) in &pairs {
                push(&mut query, name, value);
            }
            prop_assert!(query.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%=&".contains(&b)));
            prop_assert_eq!(read(&query), pairs);
        }
    }
}
