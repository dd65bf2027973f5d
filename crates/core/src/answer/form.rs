//! Answers that came as a form, which the first providers sent and some still do.

use core::ops::Range;

use super::fields::Fields;

/// Reads `name=value&…` in place; `None` when the text is no such thing or holds nothing that means something.
///
/// Where the text was cut, its last pair is left out: half a token is worse than none.
pub(super) fn read(text: &mut [u8], whole: bool) -> Option<Fields> {
    let trimmed = text.trim_ascii_end().len();
    let (mut at, mut known, mut fields) = (0, false, Fields::default());
    while at < trimmed {
        let end = text[at..trimmed].iter().position(|&b| b == b'&').map_or(trimmed, |n| at + n);
        if end == trimmed && !whole {
            break;
        }
        if let Some(equals) = text[at..end].iter().position(|&b| b == b'=') {
            let name = unescape(text, at..at + equals);
            let value = unescape(text, at + equals + 1..end);
            known |= fields.put_pair(&text[name], value);
        } else if at == 0 {
            return None;
        }
        at = end + 1;
    }
    known.then_some(fields)
}

/// Undoes `+` and `%XX` where they stand; a percent sign that is no escape stands for itself.
fn unescape(text: &mut [u8], range: Range<usize>) -> Range<usize> {
    let (mut from, mut to) = (range.start, range.start);
    while from < range.end {
        let (byte, length) = match text[from] {
            b'+' => (b' ', 1),
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
