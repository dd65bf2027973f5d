//! The last look for a refresh token in a success that could not be used.
//!
//! Servers put answers into strings, behind warnings of their runtime, into pages, and break them half-way. The grant in
//! one of those is not believed, but the refresh token in it may be the only one that still works. It is taken from
//! anywhere in the text, though only beside an access token: an echo of the request has none, and an echo must not
//! displace what it repeats.

use core::ops::Range;

use super::form::unescape_token;
use super::scanner::{Scanner, Value};
use super::watch::Watch;

/// So many places that look like the member are tried.
const TRIES_MAX: usize = 64;

/// A longer one is no token.
const TOKEN_MAX_BYTES: usize = 16 * 1024;

/// Where the new refresh token stands. `whole`: the text has its end, so that what ends there ends rightly.
pub(super) fn refresh_token(
    text: &mut [u8],
    whole: bool,
    is_sent: impl Fn(&[u8]) -> bool,
) -> Option<Range<usize>> {
    value_of(text, 0, whole, [b"access_token".as_slice(), b"accessToken"], |_| true)?;
    refresh_token_behind(text, 0, whole, is_sent)
}

/// The same behind `start`, where an access token was read before it.
pub(super) fn refresh_token_behind(
    text: &mut [u8],
    start: usize,
    whole: bool,
    is_sent: impl Fn(&[u8]) -> bool,
) -> Option<Range<usize>> {
    value_of(text, start, whole, [b"refresh_token".as_slice(), b"refreshToken"], |token| !is_sent(token))
}

fn value_of(
    text: &mut [u8],
    start: usize,
    whole: bool,
    names: [&[u8]; 2],
    fits: impl Fn(&[u8]) -> bool,
) -> Option<Range<usize>> {
    let mut tries = 0;
    let mut at = start;
    while at < text.len() && tries < TRIES_MAX {
        let name = names
            .iter()
            .find(|name| text[at..].get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name)))
            .filter(|_| at == 0 || !is_part_of_name(text[at - 1]));
        let Some(name) = name else {
            at += 1;
            continue;
        };
        tries += 1;
        at += name.len();
        if let Some(value) = value_after(text, at, whole).filter(|value| fits(&text[value.clone()])) {
            return Some(value);
        }
    }
    None
}

const fn is_part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The value behind a name that ends here: `": "…"`, escaped or not, or `=…`.
fn value_after(text: &mut [u8], name_end: usize, whole: bool) -> Option<Range<usize>> {
    let mut at = skip(text, name_end, |b| b <= b' ' || matches!(b, b'\\' | b'"' | b'\''));
    let separator = *text.get(at)?;
    at = skip(text, at + 1, |b| b <= b' ');
    match separator {
        b':' => quoted(text, at),
        b'=' => {
            let range = bare(text, at, whole)?;
            Some(unescape_token(text, range))
        }
        _ => None,
    }
    .filter(|range| (1..=TOKEN_MAX_BYTES).contains(&range.len()))
}

fn quoted(text: &mut [u8], at: usize) -> Option<Range<usize>> {
    let open = skip(text, at, |b| b == b'\\');
    let quote = *text.get(open).filter(|b| matches!(b, b'"' | b'\''))?;
    let start = open + 1;
    if quote == b'"' && open == at {
        return json_string(text, open);
    }
    let end = skip(text, start, is_token_byte);
    let close = skip(text, end, |b| b == b'\\');
    // Ended by anything else it is not the whole token, and a part of one is worse than none.
    (text.get(close) == Some(&quote)).then_some(start..end)
}

/// A string of JSON, unescaped where it stands: many servers write `\/` for a slash.
fn json_string(text: &mut [u8], open: usize) -> Option<Range<usize>> {
    let (mut escaped, start) = (false, open + 1);
    let written = skip(text, start, |b| {
        let inside = b.is_ascii_graphic() && (escaped || b != b'"');
        escaped = b == b'\\' && !escaped;
        inside
    });
    if written - start > TOKEN_MAX_BYTES || text.get(written) != Some(&b'"') {
        return None;
    }
    let mut scanner = Scanner::new(text.get_mut(open..=written)?, Watch::default());
    let Ok(Value::Text(within)) = scanner.value() else { return None };
    let range = open + within.start..open + within.end;
    text.get(range.clone())?.iter().all(u8::is_ascii_graphic).then_some(range)
}

fn bare(text: &[u8], start: usize, whole: bool) -> Option<Range<usize>> {
    let end = skip(text, start, is_token_byte);
    let ends_rightly = match text.get(end) {
        None => whole,
        Some(byte) => matches!(byte, b'&' | b'"' | b'\'' | b'\\' | b'<') || byte.is_ascii_whitespace(),
    };
    ends_rightly.then_some(start..end)
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'&')
}

fn skip(text: &[u8], from: usize, mut belongs: impl FnMut(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().position(|&b| !belongs(b)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn found(text: &str, whole: bool) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        let range = refresh_token(&mut bytes, whole, |token| token == b"OLD")?;
        Some(String::from_utf8_lossy(&bytes[range]).into_owned())
    }

    #[test]
    fn a_refresh_token_is_seen_beside_an_access_token_wherever_it_stands() {
        for text in [
            r#"<br />Notice: x{"access_token":"A","refresh_token":"NEW"}"#,
            r#"{\"access_token\":\"A\",\"refresh_token\" : \"NEW\"}"#,
            r#"{"body":"{\\\"access_token\\\":\\\"A\\\",\\\"refresh_token\\\":\\\"NEW\\\"}"}"#,
            "{'access_token': 'A', 'refresh_token': 'NEW'}",
            r#"{"data":"access_token=A&refresh_token=NEW"}"#,
            "a\naccess_token=A&refresh_token=N%45W",
            r#"{"accessToken":"A", x, "refreshToken":"NEW"}"#,
            r#"{"access_token":"A", x, "refresh_token":"N\u0045W"}"#,
            "{ \"access_token\"\n:\r\n\"A\", x, \"refresh_token\"\t:\t\"NEW\" }",
            r#")]}',{"access_token":"&","refresh_token":"NEW"}"#,
            r#"{"refresh_token":"OLD","old_refresh_token":"x","refresh_token_expires_in":"1","refresh_token":"NEW","access_token":"A"#,
        ] {
            let expected = (!text.ends_with("\"A")).then_some("NEW");
            assert_eq!(found(text, true).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_string_of_json_is_unescaped() {
        let text = r#"{"access_token":"A", x, "refresh_token":"1\/\/0a\u002Bb\"'<>&="}"#;
        assert_eq!(found(text, true).as_deref(), Some("1//0a+b\"'<>&="));
    }

    #[test]
    fn an_echo_a_part_and_a_page_without_an_access_token_are_no_new_token() {
        for text in [
            "grant_type=refresh_token&refresh_token=abc\n",
            r#"{"refresh_token":"NEW"}"#,
            r#"{"access_token":"A","refresh_token":"OLD"}"#,
            r#"{"access_token":"A","refresh_token":"NE"#,
            r#"{"access_token":"A","refresh_token":"N\u000aEW"}"#,
            "{\"access_token\":\"A\",\"refresh_token\":\"N\nEW\"}",
            r#"{"access_token":"A","refresh_token":""}"#,
            r#"{"access_token":"A","refresh_token":null}"#,
            "",
        ] {
            assert_eq!(found(text, true), None, "{text}");
        }
        assert_eq!(found("x\naccess_token=A&refresh_token=NE", false), None);
    }

    #[test]
    fn the_search_is_bounded() {
        let text = "refresh_token=OLD&".repeat(20_000) + "access_token=A&refresh_token=NEW";
        assert_eq!(found(&text, true), None);
    }
}
