//! Answers that came as a form, which the first providers sent and some still do.

use core::ops::Range;

use super::fields::Fields;
use super::watch::Watch;
use super::xml;

/// Reads `name=value&…` in place, or the elements of XML, which are pairs as well; `None` when the text is no such thing or holds nothing that means something.
///
/// A page may well hold `&error=…` in some address: a form is one from its first byte to its last. Where the text was
/// cut, its last pair is left out: half a token is worse than none.
pub(super) fn read(text: &mut [u8], whole: bool, watch: &mut Watch<'_>) -> Option<Fields> {
    // Separators with nothing between them are no pairs, at its beginning neither; nor is what sets it apart in an address. Control characters count as blanks, as
    // in JSON: some servers end a text with the zero byte that ends it in their own memory.
    let start = text.iter().position(|&b| !matches!(b, b'&' | b'?' | b'#') && b > b' ').unwrap_or(text.len());
    let trimmed = text.iter().rposition(|&b| b > b' ').map_or(0, |last| last + 1);
    let inside = text.get(start..trimmed)?;
    if inside.first() == Some(&b'<') {
        return xml::read(text, watch);
    }
    if !is_form(inside) {
        return None;
    }
    let (mut at, mut known, mut fields) = (start, false, Fields::default());
    while at < trimmed {
        let end = text[at..trimmed].iter().position(|&b| b == b'&').map_or(trimmed, |n| at + n);
        if end == trimmed && !whole {
            break;
        }
        if let Some(equals) = text[at..end].iter().position(|&b| b == b'=') {
            let name = unescape(text, at..at + equals);
            let value = at + equals + 1..end;
            let value = if is_token(&text[name.clone()]) {
                unescape_token(text, value)
            } else {
                unescape(text, value)
            };
            known |= fields.put_pair(text, name, value, watch);
        }
        at = end + 1;
    }
    fields.settle(watch);
    known.then_some(fields)
}

/// One line of pairs, of which the first has a value and each a name that could be one.
fn is_form(text: &[u8]) -> bool {
    let part_of_name = |&b: &u8| b.is_ascii_alphanumeric() || b"_-.~%+[]".contains(&b);
    let name_of = |pair: &[u8]| pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
    let mut pairs = text.split(|&b| b == b'&').map(|pair| (pair, name_of(pair)));
    text.iter().find(|&&b| matches!(b, b'=' | b'&')) == Some(&b'=')
        && !text.contains(&b'\n')
        && pairs.all(|(pair, end)| pair[..end].iter().all(part_of_name))
}

/// Is what has this name a token?
fn is_token(name: &[u8]) -> bool {
    let ends =
        |end: &[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
    ends(b"token")
}

/// Undoes `+` and `%XX` where they stand; a percent sign that is no escape stands for itself.
fn unescape(text: &mut [u8], range: Range<usize>) -> Range<usize> {
    for byte in &mut text[range.clone()] {
        if *byte == b'+' {
            *byte = b' ';
        }
    }
    unescape_token(text, range)
}

/// Undoes `%XX` where it stands. No token has a blank in it, but many are base64, and servers that write them down as
/// they are leave the `+`.
pub(super) fn unescape_token(text: &mut [u8], range: Range<usize>) -> Range<usize> {
    let (mut from, mut to) = (range.start, range.start);
    while from < range.end {
        let (byte, length) = match text[from] {
            b'%' if from + 2 < range.end => match (hex(text[from + 1]), hex(text[from + 2])) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            byte => (byte, 1),
        };
        text[to] = byte;
        to += 1;
        from += length;
    }
    range.start..to
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::super::fields::Slot;
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn code(text: &str) -> Option<String> {
        let mut bytes: Vec<u8> = text.into();
        let fields = read(&mut bytes, true, &mut Watch::default())?;
        let range = fields.codes().find_map(|slot| match slot {
            Slot::Text(range) => Some(range.clone()),
            Slot::Absent | Slot::Number(_) | Slot::Other => None,
        })?;
        Some(String::from_utf8_lossy(&bytes[range]).into_owned())
    }

    #[test]
    fn a_form_is_one_from_its_first_byte_to_its_last() {
        for (text, found) in [
            ("error=invalid_grant", Some("invalid_grant")),
            (" a=1&flag&error=invalid+grant%21%zz&\r\n", Some("invalid grant!%zz")),
            ("\u{1}error=x\0\0", Some("x")),
            ("%65rror=x", Some("x")),
            ("a=1&b=2", None),
            ("see https://as.example/?a=1&error=invalid_grant", None),
            ("<a href='/?a=1&error=invalid_grant&b=2'>", None),
            ("a=1\n&error=invalid_grant", None),
            ("flag&error=invalid_grant", None),
            ("&error=x&&", Some("x")),
            ("?error=x&a=1", Some("x")),
            ("#error=x", Some("x")),
            ("", None),
            ("&", None),
            ("& &", None),
            ("&&=&", None),
        ] {
            assert_eq!(code(text).as_deref(), found, "{text}");
        }
    }
}
