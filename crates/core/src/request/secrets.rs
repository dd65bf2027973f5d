//! What a request shows of secrets, for whoever must keep them out of words that an answer brings back.
//!
//! Core knows what it put in itself; what the driver's signer added stands nowhere but in the request. It is read from
//! there, so that no signer has to be trusted to tell.

use alloc::vec::Vec;

use super::TokenRequest;
use crate::secret::Secret;

/// Parameters that hold a secret, or something that can be used like one for a while.
const PARAMETERS: [&str; 10] = [
    "refresh_token",
    "client_secret",
    "client_assertion",
    "assertion",
    "subject_token",
    "actor_token",
    "code",
    "code_verifier",
    "device_code",
    "token",
];

/// Headers that do.
const HEADERS: [&str; 2] = ["authorization", "dpop"];

impl TokenRequest {
    /// The secrets in it: parameters by their standard names, and headers. Asked after the signer, it names what that has
    /// added as well.
    pub fn secrets(&self) -> Vec<Secret> {
        let body = self.body.expose();
        let pairs = if body.first() == Some(&b'{') { from_object(body) } else { from_form(body) };
        let parameters =
            pairs.into_iter().filter(|(name, _)| PARAMETERS.iter().any(|p| name.same_as(p.as_bytes())));
        let headers =
            self.headers.iter().filter(|(name, _)| HEADERS.iter().any(|h| h.eq_ignore_ascii_case(name)));
        parameters.map(|(_, value)| value).chain(headers.map(|(_, value)| value.clone())).collect()
    }
}

type Pair = (Secret, Secret);

fn from_form(body: &[u8]) -> Vec<Pair> {
    let fields = body.split(|byte| *byte == b'&');
    let pairs = fields.filter_map(|field| {
        let at = field.iter().position(|byte| *byte == b'=')?;
        Some((form_decoded(&field[..at]), form_decoded(&field[at + 1..])))
    });
    pairs.collect()
}

fn form_decoded(text: &[u8]) -> Secret {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (*first, after) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, behind @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                out.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                rest = behind;
            }
            (byte, _) => out.push(byte),
        }
    }
    Secret::new(out)
}

/// The members of an object whose values are strings. A string is followed by a colon where it is a name.
fn from_object(body: &[u8]) -> Vec<Pair> {
    let (mut pairs, mut name, mut rest) = (Vec::new(), None, body);
    while let Some(quote) = rest.iter().position(|byte| *byte == b'"') {
        let (text, behind) = json_string(&rest[quote + 1..]);
        rest = behind;
        match (rest.trim_ascii_start().first(), name.take()) {
            (Some(b':'), _) => name = Some(text),
            (_, Some(name)) => pairs.push((name, text)),
            (_, None) => {}
        }
    }
    pairs
}

/// A string without its first quote, and what stands behind its last. Of `\u` escapes only those of ASCII are undone:
/// no secret that stands here holds another.
fn json_string(text: &[u8]) -> (Secret, &[u8]) {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => break,
            [b'"', behind @ ..] => return (Secret::new(out), behind),
            [b'\\', b'u', b'0', b'0', high, low, behind @ ..] => {
                let hex =
                    core::str::from_utf8(&[*high, *low]).ok().and_then(|h| u8::from_str_radix(h, 16).ok());
                out.extend(hex);
                rest = behind;
            }
            [b'\\', escaped, behind @ ..] => {
                out.push(*escaped);
                rest = behind;
            }
            [byte, behind @ ..] => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    (Secret::new(out), rest)
}
