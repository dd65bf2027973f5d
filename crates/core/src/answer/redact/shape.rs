//! What looks like a token, whoever's it is: an answer may show one that nobody here sent.

use core::ops::Range;

use alloc::vec::Vec;

/// A word of so many letters and digits mixed is a token, not a word.
pub(super) const OPAQUE_MIN_BYTES: usize = 24;

/// Behind a name that says what follows, a shorter word is one too.
const NAMED_MIN_BYTES: usize = 6;

/// What follows these names is a secret.
const NAMES: [&[u8]; 6] = [b"token", b"secret", b"password", b"assertion", b"bearer", b"basic"];

/// Between a name and its value: `token": "…`, `token=…`, `token: '…`.
const BETWEEN_MAX_BYTES: usize = 6;

/// Finds every word that looks like a token.
pub(super) fn tokens_of_any_origin(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    words(text, is_opaque_byte)
        .into_iter()
        .filter(|word| is_opaque(&text[word.clone()]))
        .for_each(&mut found);
    // RFC 7519: three words of base64 with dots between, the first of which begins a JSON object.
    words(text, is_token_byte).into_iter().filter(|word| is_jwt(&text[word.clone()])).for_each(&mut found);
    for name in NAMES {
        for at in 0..text.len().saturating_sub(name.len()) {
            if text[at..at + name.len()].eq_ignore_ascii_case(name)
                && let Some(value) = named_value(text, at + name.len())
            {
                found(value);
            }
        }
    }
}

/// The value that stands behind a name, where it is no word of a sentence: `invalid token: expired` names none.
fn named_value(text: &[u8], from: usize) -> Option<Range<usize>> {
    let between = |b: &u8| matches!(b, b' ' | b'"' | b'\'' | b'\\' | b'=' | b':' | b'<' | b'`');
    let start = from + text[from..].iter().take(BETWEEN_MAX_BYTES).take_while(|b| between(b)).count();
    let length = text[start..].iter().take_while(|b| is_token_byte(**b)).count();
    let value = &text[start..start + length];
    let mixed = value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
    (start > from && length >= NAMED_MIN_BYTES && mixed && !is_uuid(value)).then_some(start..start + length)
}

fn is_jwt(word: &[u8]) -> bool {
    let begins = word.windows(3).position(|w| w == b"eyJ");
    begins.is_some_and(|at| word[at..].len() >= JWT_MIN_BYTES)
}

/// `eyJhbGciOi`: no shorter one says anything.
const JWT_MIN_BYTES: usize = 10;

/// RFC 6750 §2.1, and the percent sign of an encoded one.
pub(super) const fn is_token_byte(byte: u8) -> bool {
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
pub(super) fn words(text: &[u8], belongs: fn(u8) -> bool) -> Vec<Range<usize>> {
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
