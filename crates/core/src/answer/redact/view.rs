//! A text as it would read after one way of writing was taken off it, and where each byte of that came from.

use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Fewer characters in a row than these hide no piece of a secret behind another way of writing.
const READABLE_RUN_MIN_BYTES: usize = 10;

/// A text to search. Its bytes may be a secret's.
pub(super) struct View {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The bytes of the shown text that each byte came from: first, and one past the last.
    sources: Vec<(u32, u32)>,
    /// Made of digits of some base: a short match in it is chance.
    pub(super) decoded: bool,
}

impl View {
    /// The text as it is, but for letters that only look different: full-width and mathematical ones.
    pub(super) fn of(text: &str) -> Self {
        let mut view = Self::empty(text.len(), false);
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            match ascii_lookalike(character) {
                Some(byte) => view.push(byte, (at as u32, end as u32)),
                None => text.as_bytes()[at..end].iter().for_each(|&b| view.push(b, (at as u32, end as u32))),
            }
        }
        view
    }

    fn empty(capacity: usize, decoded: bool) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(capacity)),
            sources: Vec::with_capacity(capacity),
            decoded,
        }
    }

    fn push(&mut self, byte: u8, source: (u32, u32)) {
        // Never more than what it was read from, so the buffer does not move and leave a copy behind.
        if self.bytes.len() < self.bytes.capacity() {
            self.bytes.push(byte);
            self.sources.push(source);
        }
    }

    /// The stretch of the shown text that these bytes came from.
    pub(super) fn source(&self, first: usize, last: usize) -> core::ops::Range<usize> {
        match (self.sources.get(first), self.sources.get(last)) {
            (Some(first), Some(last)) => first.0 as usize..last.1 as usize,
            _ => 0..0,
        }
    }

    fn spanning(&self, first: usize, last: usize) -> (u32, u32) {
        (self.sources[first].0, self.sources[last].1)
    }

    /// Whether there is enough text in it to be written in yet another way. Digits of a base that were none decode to
    /// noise, and noise has no long runs of plain characters. Zero bytes stand between those of UTF-16.
    pub(super) fn is_readable(&self) -> bool {
        let mut run = 0;
        self.bytes.iter().any(|&byte| {
            run = match byte {
                b' '..=b'~' | b'\t' | b'\n' | b'\r' => run + 1,
                0 => run,
                _ => 0,
            };
            run >= READABLE_RUN_MIN_BYTES
        })
    }

    /// Escapes taken off: `%41`, `%u0041`, `\u0041`, `\x41`, `\101`, `&#65;`, `=41`, `U+0041`; tags and entities that
    /// stand between. None where there are none.
    pub(super) fn unescaped(&self) -> Option<Self> {
        let mut view = Self::empty(self.bytes.len(), self.decoded);
        let (mut at, mut changed) = (0, false);
        while at < self.bytes.len() {
            match escape(&self.bytes[at..]) {
                Some((byte, length)) => {
                    changed = true;
                    view.push(byte, self.spanning(at, at + length - 1));
                    at += length;
                }
                None => {
                    view.push(self.bytes[at], self.sources[at]);
                    at += 1;
                }
            }
        }
        changed.then_some(view)
    }

    /// The bytes that all digits of that base make in a row, whatever stands between them, the first `skip` left out.
    pub(super) fn in_digits(&self, base: Base, skip: usize) -> Self {
        let bits = base.bits();
        let mut view = Self::empty(self.bytes.len() * bits as usize / 8 + 1, true);
        let (mut held, mut count, mut at, mut skipped) = (0_u32, 0, 0, 0);
        // Where the digits that are held began.
        let mut starts = [0_usize; 8];
        let mut digits = 0_usize;
        while at < self.bytes.len() {
            if base == Base::Sixteen && prefix_of_hex(&self.bytes[at..]) {
                at += 2;
                continue;
            }
            if let Some(digit) = base.digit(self.bytes[at]) {
                skipped += 1;
                if skipped > skip {
                    starts[digits % 8] = at;
                    digits += 1;
                    held = (held << bits | digit) & 0xffff;
                    count += bits;
                    if count >= 8 {
                        count -= 8;
                        // The digits that have bits in this byte.
                        let touched = ((8 + count).div_ceil(bits) as usize).min(digits);
                        let first = starts[(digits - touched) % 8];
                        view.push((held >> count) as u8, self.spanning(first, at));
                    }
                }
            }
            at += 1;
        }
        view
    }

    /// The bytes that decimal numbers name, as lists of bytes are printed: `[104, 105]`.
    pub(super) fn in_decimals(&self) -> Self {
        let mut view = Self::empty(self.bytes.len(), true);
        let mut start = None;
        for at in 0..=self.bytes.len() {
            let digit = self.bytes.get(at).is_some_and(u8::is_ascii_digit);
            match (start, digit) {
                (None, true) => start = Some(at),
                (Some(from), false) => {
                    let number = self.bytes[from..at]
                        .iter()
                        .fold(0_u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')));
                    if let Ok(byte) = u8::try_from(number) {
                        view.push(byte, self.spanning(from, at - 1));
                    }
                    start = None;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        view
    }
}

/// A way of writing bytes with digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Sixteen,
    ThirtyTwo,
    SixtyFour,
}

impl Base {
    const fn bits(self) -> u32 {
        match self {
            Self::Sixteen => 4,
            Self::ThirtyTwo => 5,
            Self::SixtyFour => 6,
        }
    }

    /// After so many digits left out at the start every place where a byte could begin was tried.
    pub(super) const fn alignments(self) -> usize {
        match self {
            Self::Sixteen => 2,
            Self::ThirtyTwo => 8,
            Self::SixtyFour => 4,
        }
    }

    /// RFC 4648 §4 to §8, both alphabets of base64.
    const fn digit(self, byte: u8) -> Option<u32> {
        let value = match (self, byte) {
            (Self::Sixteen, b'0'..=b'9') => byte - b'0',
            (Self::Sixteen, b'a'..=b'f') => byte - b'a' + 10,
            (Self::Sixteen, b'A'..=b'F') => byte - b'A' + 10,
            (Self::ThirtyTwo, b'a'..=b'z') | (Self::SixtyFour, b'A'..=b'Z') => {
                byte - (if byte >= b'a' { b'a' } else { b'A' })
            }
            (Self::ThirtyTwo, b'A'..=b'Z') => byte - b'A',
            (Self::ThirtyTwo, b'2'..=b'7') => byte - b'2' + 26,
            (Self::SixtyFour, b'a'..=b'z') => byte - b'a' + 26,
            (Self::SixtyFour, b'0'..=b'9') => byte - b'0' + 52,
            (Self::SixtyFour, b'+' | b'-') => 62,
            (Self::SixtyFour, b'/' | b'_') => 63,
            _ => return None,
        };
        Some(value as u32)
    }
}

/// `0x` before hexadecimal digits says nothing itself.
const fn prefix_of_hex(text: &[u8]) -> bool {
    matches!(text, [b'0', b'x' | b'X', next, ..] if next.is_ascii_hexdigit())
}

/// The byte that an escape at the beginning of the text stands for, and the escape's length. What stands for no ASCII
/// character becomes a blank.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'%' | b'\\', b'u' | b'U', rest @ ..] => {
            braced_or(rest, 4, 8).map(|(byte, length)| (byte, length + 2))
        }
        [b'U', b'+', rest @ ..] => digits(rest, 16, 4, 6).map(|(byte, length)| (byte, length + 2)),
        [b'\\', b'x' | b'X', rest @ ..] => braced_or(rest, 1, 2).map(|(byte, length)| (byte, length + 2)),
        [b'%' | b'=', rest @ ..] => digits(rest, 16, 2, 2).map(|(byte, length)| (byte, length + 1)),
        [b'\\', b'0'..=b'7', ..] => digits(&text[1..], 8, 1, 3).map(|(byte, length)| (byte, length + 1)),
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => Some((b' ', 2)),
        [b'\\', escaped, ..] => Some((*escaped, 2)),
        [b'&', rest @ ..] => entity(rest).map(|(byte, length)| (byte, length + 1)),
        [b'<', b'!' | b'/' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => tag(text).map(|length| (b' ', length)),
        _ => None,
    }
}

/// `{41}`, or as many digits as there are.
fn braced_or(text: &[u8], least: usize, most: usize) -> Option<(u8, usize)> {
    match text {
        [b'{', rest @ ..] => {
            let (byte, length) = digits(rest, 16, 1, 8)?;
            (rest.get(length) == Some(&b'}')).then_some((byte, length + 2))
        }
        // Four of them, or eight that begin with zeros: `\u0041`, `\U00000041`.
        _ if most == 8 && text.starts_with(b"0000") => {
            digits(text, 16, 8, 8).or_else(|| digits(text, 16, 4, 4))
        }
        _ => digits(text, 16, least, most.min(4)),
    }
}

/// A number of so many digits as the character of that number.
fn digits(text: &[u8], radix: u32, least: usize, most: usize) -> Option<(u8, usize)> {
    let length = text.iter().take(most).take_while(|b| char::from(**b).is_digit(radix)).count();
    let number = text[..length]
        .iter()
        .fold(0_u32, |n, b| n.saturating_mul(radix) + char::from(*b).to_digit(radix).unwrap_or_default());
    (length >= least).then(|| (as_ascii(number), length))
}

/// `#65;`, `#x41`, `amp;`: what follows the ampersand. Names stand for characters that no piece of a token needs.
fn entity(text: &[u8]) -> Option<(u8, usize)> {
    let (value, length) = match text {
        [b'#', b'x' | b'X', rest @ ..] => digits(rest, 16, 1, 16).map(|(byte, length)| (byte, length + 2))?,
        [b'#', rest @ ..] => digits(rest, 10, 1, 16).map(|(byte, length)| (byte, length + 1))?,
        _ => {
            let length = text.iter().take(24).take_while(|b| b.is_ascii_alphanumeric()).count();
            return (length > 1 && text.get(length) == Some(&b';'))
                .then(|| (named(&text[..length]), length + 1));
        }
    };
    Some((value, length + usize::from(text.get(length) == Some(&b';'))))
}

/// The named characters of HTML that tokens and form bodies are made of.
fn named(name: &[u8]) -> u8 {
    match name {
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"quot" => b'"',
        b"apos" => b'\'',
        b"plus" => b'+',
        b"sol" => b'/',
        b"equals" => b'=',
        b"period" => b'.',
        b"lowbar" | b"UnderBar" => b'_',
        b"percnt" => b'%',
        b"num" => b'#',
        b"bsol" => b'\\',
        b"colon" => b':',
        _ => b' ',
    }
}

/// A tag of a page: longer ones are text.
fn tag(text: &[u8]) -> Option<usize> {
    const TAG_MAX_BYTES: usize = 64;
    text.iter().take(TAG_MAX_BYTES).position(|&b| b == b'>').map(|end| end + 1)
}

fn as_ascii(number: u32) -> u8 {
    u8::try_from(number)
        .ok()
        .filter(u8::is_ascii)
        .or_else(|| ascii_lookalike(char::from_u32(number)?))
        .unwrap_or(b' ')
}

/// Full-width forms (U+FF01 to U+FF5E) and mathematical letters and digits (U+1D400 to U+1D7FF) as what they show.
fn ascii_lookalike(character: char) -> Option<u8> {
    let number = u32::from(character);
    let byte = match number {
        0xff01..=0xff5e => number - 0xff01 + 0x21,
        0x1d400..=0x1d6a3 => match (number - 0x1d400) % 52 {
            upper @ 0..=25 => upper + 0x41,
            lower => lower - 26 + 0x61,
        },
        0x1d7ce..=0x1d7ff => (number - 0x1d7ce) % 10 + 0x30,
        _ => return None,
    };
    u8::try_from(byte).ok()
}
