//! What stands where a new refresh token belongs and is none: the one that was sent, in whatever spelling or half
//! hidden, and the words that templates and loggers put in a token's place.
//!
//! A firewall that answers with what it was sent, a gateway that leaves out what it takes for a secret: each would
//! displace the only refresh token that works.

use crate::secret::Secret;

/// What stands for nothing, or for something that was taken out, with or without brackets around it.
const STAND_INS: [&[u8]; 11] = [
    b"null",
    b"undefined",
    b"none",
    b"nil",
    b"n/a",
    b"redacted",
    b"removed",
    b"filtered",
    b"masked",
    b"hidden",
    b"secret",
];

/// Brackets around such a word.
const BRACKETS: [(u8, u8); 4] = [(b'[', b']'), (b'<', b'>'), (b'(', b')'), (b'{', b'}')];

/// What the middle of a secret is hidden behind: so many of one of these in a row, or one ellipsis.
const MASKS: [&str; 5] = ["***", "...", "\u{2026}", "\u{2022}\u{2022}\u{2022}", "xxx"];

/// Whether this is anything but a new refresh token.
pub(super) fn is_no_new_token(sent: Option<&Secret>, found: &[u8]) -> bool {
    let found = found.trim_ascii();
    is_stand_in(found) || sent.is_some_and(|sent| is_old(sent, found))
}

fn is_stand_in(found: &[u8]) -> bool {
    let inside = BRACKETS.iter().find_map(|(open, close)| match found {
        [first, inside @ .., last] if first == open && last == close => Some(inside),
        _ => None,
    });
    let word = inside.unwrap_or(found);
    STAND_INS.iter().any(|stand_in| stand_in.eq_ignore_ascii_case(word))
}

fn is_old(sent: &Secret, found: &[u8]) -> bool {
    let old = sent.expose().trim_ascii();
    let reads_as_old = || {
        let plain = |byte: u8| if byte == b'+' { b' ' } else { byte };
        let same = decoded(found).zip(old).fold(true, |same, (a, b)| same & (plain(a) == plain(*b)));
        same && decoded(found).count() == old.len()
    };
    sent.same_as(found) || reads_as_old() || is_masked(old, found)
}

/// `%2B` as what it stands for.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut rest = text;
    core::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', &rest[1..]),
            },
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

/// `rt-1…9f`, `****`: what is left in front and behind is the old one's.
fn is_masked(old: &[u8], found: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(found) else { return false };
    MASKS.iter().any(|mask| {
        let Some((before, after)) = text.split_once(mask) else { return false };
        let after = after.trim_start_matches(|c| mask.contains(c));
        before.len() + after.len() < old.len()
            && old.starts_with(before.as_bytes())
            && old.ends_with(after.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_token_is_known_in_every_spelling() {
        let old = Secret::from("ab+c/d==9f%");
        for found in
            ["ab+c/d==9f%", " ab+c/d==9f%\r\n", "ab c/d==9f%", "ab%2Bc%2fd%3D%3D9f%25", "ab%2Bc/d==9f%"]
        {
            assert!(is_no_new_token(Some(&old), found.as_bytes()), "{found}");
        }
        for found in ["ab+c/d==9f", "ab+c/d==9f%%", "ab-c/d==9f%", "AB+c/d==9f%", "", "%"] {
            assert!(!is_no_new_token(Some(&old), found.as_bytes()), "{found}");
        }
    }

    #[test]
    fn what_stands_in_a_tokens_place_is_none() {
        let old = Secret::from("rt-1234567890-9f");
        for found in [
            "null",
            "undefined",
            "None",
            "[REDACTED]",
            "<redacted>",
            "[Filtered]",
            "****",
            "...",
            "xxxxxxxx",
            "rt-1****",
            "****-9f",
            "rt-1\u{2026}9f",
            "rt-1...",
            "\u{2022}\u{2022}\u{2022}\u{2022}",
        ] {
            assert!(is_no_new_token(Some(&old), found.as_bytes()), "{found}");
        }
        for found in ["rt-2***", "***-9e", "M.C5_***!x", "<RT_NEW>", "x", "*", "rt-1", "nullable", "rt-1xx9f"]
        {
            assert!(!is_no_new_token(Some(&old), found.as_bytes()), "{found}");
        }
    }
}
