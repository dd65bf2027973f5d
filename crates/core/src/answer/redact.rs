//! Removing secrets from words that go to people and logs.
//!
//! Servers echo what they were sent: `Refresh token invalid: 1//0g…`. They cut it, escape it and encode it, so a plain
//! search does not do. Every stretch that shares a few characters in a row with any encoding of a secret goes, with
//! the rest of its word; and so does whatever is long and opaque enough to be a token of any origin.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroizing;

use crate::request::{push_base64, push_encoded};

/// So many characters of a secret in a row are an echo of it.
const ECHO_MIN_BYTES: usize = 8;

/// An echo of a short secret may be shorter, but not so short that every word becomes one.
const SHORT_ECHO_MIN_BYTES: usize = 4;

/// A word of so many letters and digits mixed is a token, not a word.
const OPAQUE_MIN_BYTES: usize = 24;

/// What is written in place of a secret.
const REMOVED: &str = "[removed]";

/// So much of a secret is looked for. Tokens are shorter; what is longer is opaque anyway.
const SECRET_MAX_BYTES: usize = 4096;

/// Knows the secrets of one request. Their encodings are made when a text has to be searched, which a success never
/// asks for.
#[derive(Default)]
pub(super) struct Redactor<'a> {
    secrets: Vec<&'a [u8]>,
}

impl<'a> Redactor<'a> {
    /// Adds a secret.
    pub(super) fn add(&mut self, secret: &'a [u8]) {
        let secret = &secret[..secret.len().min(SECRET_MAX_BYTES)];
        if !secret.is_empty() && !self.secrets.contains(&secret) {
            self.secrets.push(secret);
        }
    }

    /// Does the text show a part of a secret?
    pub(super) fn finds_in(&self, text: &str) -> bool {
        self.marks(text.as_bytes()).contains(&true)
    }

    /// The text without echoes and opaque words.
    pub(super) fn clean(&self, text: &str) -> String {
        let marks = self.marks(text.as_bytes());
        let mut out = String::with_capacity(text.len());
        let mut inside = false;
        for (at, character) in text.char_indices() {
            if !marks[at] {
                out.push(character);
            } else if !inside {
                out.push_str(REMOVED);
            }
            inside = marks[at];
        }
        out
    }

    fn marks(&self, text: &[u8]) -> Vec<bool> {
        let mut marks = vec![false; text.len()];
        for secret in &self.secrets {
            each_encoding(secret, |echo| mark_echoes(text, echo, &mut marks));
        }
        for word in words(text, is_token_byte) {
            let echoed = marks[word.clone()].contains(&true);
            marks[word].iter_mut().for_each(|mark| *mark |= echoed);
        }
        for word in words(text, is_opaque_byte) {
            let opaque = is_opaque(&text[word.clone()]);
            marks[word].iter_mut().for_each(|mark| *mark |= opaque);
        }
        // A mark must cover whole characters.
        for at in 1..text.len() {
            if text[at] & 0xc0 == 0x80 {
                marks[at] = marks[at - 1];
            }
        }
        marks
    }
}

/// Every form in which a secret comes back.
fn each_encoding(secret: &[u8], mut found: impl FnMut(&[u8])) {
    match core::str::from_utf8(secret) {
        // As the cleaned text would show it.
        Ok(text) => found(&super::evidence::plain_text(text, secret.len())),
        Err(_) => found(secret),
    }
    let mut percent = Zeroizing::new(Vec::with_capacity(secret.len() * 3));
    push_encoded(&mut percent, secret);
    if *percent != secret {
        found(&percent);
    }
    for before in 0..3 {
        found(&inner_base64(secret, before));
    }
    let mut hex = Zeroizing::new(Vec::with_capacity(secret.len() * 2));
    for byte in secret {
        hex.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    found(&hex);
}

/// Marks every stretch of the text that stands in the secret too. In any case, and with both base64 alphabets taken
/// for one: removing too much is no harm.
fn mark_echoes(text: &[u8], secret: &[u8], marks: &mut [bool]) {
    let least = match secret.len() {
        short @ 0..SHORT_ECHO_MIN_BYTES => short,
        length => (length / 2).clamp(SHORT_ECHO_MIN_BYTES, ECHO_MIN_BYTES),
    };
    if secret.is_empty() || text.len() < least {
        return;
    }
    // The length of the common stretch that ends at each byte of the secret, for the text up to here.
    let mut stretches = vec![0_usize; secret.len() + 1];
    for (at, byte) in text.iter().enumerate() {
        for place in (1..=secret.len()).rev() {
            stretches[place] =
                if folded(secret[place - 1]) == folded(*byte) { stretches[place - 1] + 1 } else { 0 };
        }
        let longest = stretches[1..].iter().copied().max().unwrap_or(0);
        if longest >= least && (least >= SHORT_ECHO_MIN_BYTES || stands_alone(text, at + 1 - longest..at + 1))
        {
            marks[at + 1 - longest..=at].fill(true);
        }
    }
}

fn stands_alone(text: &[u8], range: core::ops::Range<usize>) -> bool {
    let outside = |byte: Option<&u8>| !byte.is_some_and(|&b| is_token_byte(b));
    outside(range.start.checked_sub(1).and_then(|at| text.get(at))) && outside(text.get(range.end))
}

const fn folded(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte.to_ascii_lowercase(),
    }
}

/// RFC 6750 §2.1, and the percent sign of an encoded one.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'%')
}

/// Without the dots and slashes of addresses.
const fn is_opaque_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'+' | b'=' | b'%')
}

fn is_opaque(word: &[u8]) -> bool {
    word.len() >= OPAQUE_MIN_BYTES
        && word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_alphabetic)
        && !is_uuid(word)
}

/// Correlation ids are what a provider's support asks for.
fn is_uuid(word: &[u8]) -> bool {
    word.len() == 36
        && word.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The longest ranges of bytes that belong together.
fn words(text: &[u8], belongs: fn(u8) -> bool) -> Vec<core::ops::Range<usize>> {
    let (mut words, mut start) = (Vec::new(), None);
    for (at, &byte) in text.iter().enumerate() {
        match (belongs(byte), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

/// The base64 of a secret with so many bytes before it, less the characters that those bytes and the end touch.
fn inner_base64(secret: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(before + secret.len()));
    padded.resize(before, 0);
    padded.extend_from_slice(secret);
    let mut coded = Zeroizing::new(Vec::with_capacity(padded.len().div_ceil(3) * 4));
    push_base64(&mut coded, &padded);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    Zeroizing::new(coded.get(first..last).unwrap_or_default().to_vec())
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(secret: &str, text: &str) -> String {
        let mut redactor = Redactor::default();
        redactor.add(secret.as_bytes());
        redactor.clean(text)
    }

    #[test]
    fn an_echo_is_removed_whole_cut_encoded_or_inside_a_word() {
        let secret = "1//0gAbC+dEf/gHi=x~y";
        for text in [
            "bad token 1//0gAbC+dEf/gHi=x~y.",
            "bad token 1//0gAbC+d....",
            "bad token ...Ef/gHi=x~y",
            "bad token prefix_1//0gAbC+dEf/gHi=x~y_suffix",
            "bad token 1%2F%2F0gAbC%2BdEf%2FgHi%3Dx~y",
            "bad token 1%2f%2f0gabc%2bdef%2fgHi%3dx~y",
            "bad token MS8vMGdBYkMrZEVmL2dIaT14fnk=",
            "bad token MS8vMGdBYkMrZEVmL2dIaT14fnk",
            "bad token YXBwOjEvLzBnQWJDK2RFZi9nSGk9eH55",
            "bad token 312f2f30674162432b6445662f6748693d787e79",
        ] {
            let cleaned = clean(secret, text);
            assert!(cleaned.starts_with("bad token "), "{text} became {cleaned}");
            assert!(cleaned.contains(REMOVED), "{text} became {cleaned}");
            assert!(
                cleaned.len() < 40 && !cleaned.to_ascii_lowercase().contains("gabc"),
                "{text} became {cleaned}"
            );
        }
    }

    #[test]
    fn base64_is_found_wherever_in_it_the_secret_begins() {
        for before in ["", "a", "ab", "abc"] {
            let mut coded = Vec::new();
            push_base64(&mut coded, [before, "Zq!Wu!Kd!Tt"].concat().as_bytes());
            let text = core::str::from_utf8(&coded).unwrap();
            assert!(text.len() < OPAQUE_MIN_BYTES);
            assert_eq!(clean("Zq!Wu!Kd!Tt", text), REMOVED, "{text}");
        }
    }

    #[test]
    fn short_secrets_go_and_the_words_around_them_stay() {
        assert_eq!(
            clean("<RT_OLD>", "no such token: rt_<RT_OLD>. Sorry"),
            "no such token: rt_[removed]. Sorry"
        );
        assert_eq!(clean("<RT_OLD>", "no such token: &lt;RT_OLD&gt;"), "no such token: &lt;[removed]&gt;");
        assert_eq!(clean("s", "secret 's' is wrong"), "secret '[removed]' is wrong");
        assert_eq!(clean("p@ss word", "the secret p@ss word is wrong"), "the secret [removed] is wrong");
    }

    #[test]
    fn words_addresses_and_correlation_ids_stay() {
        let text = "temporarily_unavailable: see https://example.com/docs/oauth2/errors#invalid, \
                    trace 0c6a3f8e-1b1d-4d4f-9f55-9f1f6f0b7d11 at 2026-01-09 02:02:12Z, caf\u{e9}";
        assert_eq!(clean("unrelated-secret-1", text), text);
    }

    #[test]
    fn what_looks_like_any_token_goes() {
        assert_eq!(
            clean("x1", "got eyJhbGciOiJIUzI1NiJ9abcdefg.eyJzdWIiOiIxMjM0NTY3ODkwIn0 back"),
            "got [removed].[removed] back"
        );
    }
}
