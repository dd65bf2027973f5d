//! From the bytes on the wire to text that the scanner can work on in place.
//!
//! What a body says about itself in headers is wrong often enough that only its own first bytes are believed.

use alloc::vec::Vec;
use zeroize::Zeroizing;

use super::inflate::{DECODED_MAX_BYTES, inflate};
use super::prelude;

/// A body may be compressed by the server and once more by what stands before it.
const COMPRESSIONS_MAX: usize = 3;

/// The most that is read of a body as it came.
pub(super) const WIRE_MAX_BYTES: usize = 64 * 1024;

/// A body as text.
pub(super) struct Text {
    /// UTF-8, but for a cut last character.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// False when something is missing: cut, broken, over a limit.
    pub(super) whole: bool,
}

/// Decodes a body: compression, byte order mark, UTF-16 and UTF-32, Latin-1; and takes away what does not belong to
/// it. Every copy is overwritten when dropped.
pub(super) fn decode(wire: &[u8], truncated: bool) -> Text {
    let cut = &wire[..wire.len().min(WIRE_MAX_BYTES)];
    let mut whole = !truncated && cut.len() == wire.len();
    let mut bytes = prelude::without_chunks(cut).unwrap_or_else(|| Zeroizing::new(cut.to_vec()));
    for _ in 0..COMPRESSIONS_MAX {
        let Some(inflated) = inflate(&bytes) else { break };
        whole &= inflated.whole;
        bytes = inflated.bytes;
    }
    let mut bytes = to_utf8(bytes);
    if let Some(decoded) = prelude::from_base64(&bytes) {
        bytes = to_utf8(decoded);
    }
    let before = prelude::length(&bytes);
    bytes.drain(..before);
    Text { bytes, whole }
}

fn to_utf8(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if let Some(order) = utf32_order(&bytes) {
        return from_utf32(&bytes, order);
    }
    match utf16_order(&bytes) {
        Some(order) => return from_utf16(&bytes, order),
        None if bytes.starts_with(b"\xef\xbb\xbf") => return Zeroizing::new(bytes[3..].to_vec()),
        None => {}
    }
    match core::str::from_utf8(&bytes) {
        // A cut in the middle of a last character is no sign of another encoding.
        Err(error) if error.error_len().is_some() => from_latin1(&bytes),
        Ok(_) | Err(_) => bytes,
    }
}

/// By the mark, or by the three zero bytes beside a first ASCII character.
fn utf32_order(bytes: &[u8]) -> Option<fn([u8; 4]) -> u32> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] => Some(u32::from_le_bytes),
        [0, 0, 0xfe, 0xff, ..] => Some(u32::from_be_bytes),
        [first, 0, 0, 0, ..] if first.is_ascii() && *first != 0 => Some(u32::from_le_bytes),
        [0, 0, 0, last, ..] if last.is_ascii() && *last != 0 => Some(u32::from_be_bytes),
        _ => None,
    }
}

fn from_utf32(bytes: &[u8], order: fn([u8; 4]) -> u32) -> Zeroizing<Vec<u8>> {
    // Four bytes become at most four: the buffer never moves.
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
    for unit in bytes.chunks_exact(4) {
        let unit = order([unit[0], unit[1], unit[2], unit[3]]);
        push_char(&mut out, char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    without_mark(out)
}

fn without_mark(mut out: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if out.starts_with(b"\xef\xbb\xbf") {
        out.drain(..3);
    }
    out.truncate(DECODED_MAX_BYTES);
    out
}

type ByteOrder = fn([u8; 2]) -> u16;

/// By the mark, or by the zero bytes beside the first two ASCII characters: one alone may be a zero that strayed.
fn utf16_order(bytes: &[u8]) -> Option<ByteOrder> {
    match bytes {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        [a, 0, b, 0, ..] if is_text(*a) && is_text(*b) => Some(u16::from_le_bytes),
        [0, a, 0, b, ..] if is_text(*a) && is_text(*b) => Some(u16::from_be_bytes),
        _ => None,
    }
}

const fn is_text(byte: u8) -> bool {
    byte.is_ascii() && byte != 0
}

fn from_utf16(bytes: &[u8], order: ByteOrder) -> Zeroizing<Vec<u8>> {
    // Two bytes become at most three: measured so, the buffer never moves.
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() / 2 * 3));
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    for unit in char::decode_utf16(units) {
        push_char(&mut out, unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    without_mark(out)
}

/// ISO 8859-1: every byte is the character of that number.
fn from_latin1(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() * 2));
    for &byte in bytes {
        push_char(&mut out, char::from(byte));
    }
    out.truncate(DECODED_MAX_BYTES);
    out
}

fn push_char(out: &mut Vec<u8>, character: char) {
    let mut buffer = [0; 4];
    out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, mark: bool, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(order).collect()
    }

    fn utf32(text: &str, mark: bool, order: fn(u32) -> [u8; 4]) -> Vec<u8> {
        mark.then_some('\u{feff}').into_iter().chain(text.chars()).map(u32::from).flat_map(order).collect()
    }

    #[test]
    fn every_encoding_that_comes_ends_as_utf_8() {
        let text = "{\"a\":\"\u{e9}\u{1f511}\"}";
        for wire in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(text, true, u16::to_le_bytes),
            utf16(text, true, u16::to_be_bytes),
            utf16(text, false, u16::to_le_bytes),
            utf16(text, false, u16::to_be_bytes),
            utf32(text, true, u32::to_le_bytes),
            utf32(text, true, u32::to_be_bytes),
            utf32(text, false, u32::to_le_bytes),
            utf32(text, false, u32::to_be_bytes),
        ] {
            let out = decode(&wire, false);
            assert!(out.whole);
            assert_eq!(core::str::from_utf8(&out.bytes).unwrap(), text);
        }
        assert_eq!(&decode(b"caf\xe9!", false).bytes[..], "caf\u{e9}!".as_bytes());
    }

    #[test]
    fn what_was_compressed_twice_is_inflated_twice_and_no_bomb_more_often() {
        let gzip = |bytes: &[u8]| {
            let payload = miniz_oxide::deflate::compress_to_vec(bytes, 6);
            [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &payload, &[0; 8]].concat()
        };
        let twice = gzip(&gzip(b"{\"a\":1}"));
        assert_eq!(&decode(&twice, false).bytes[..], b"{\"a\":1}");
        let often = (0..=COMPRESSIONS_MAX).fold(b"{}".to_vec(), |bytes, _| gzip(&bytes));
        assert_ne!(&decode(&often, false).bytes[..], b"{}");
    }

    #[test]
    fn what_does_not_belong_to_the_answer_goes_in_every_encoding() {
        for wire in [
            b")]}',\n{\"a\":1}".to_vec(),
            utf16(")]}',\n{\"a\":1}", true, u16::to_le_bytes),
            b"7\r\n{\"a\":1}\r\n0\r\n\r\n".to_vec(),
            b"eyJhIjoxfQ==".to_vec(),
        ] {
            assert_eq!(&decode(&wire, false).bytes[..], b"{\"a\":1}");
        }
    }

    #[test]
    fn a_cut_last_character_does_not_turn_the_rest_into_latin_1() {
        assert_eq!(&decode(b"\xc3\xa9\xc3", true).bytes[..], b"\xc3\xa9\xc3");
    }

    #[test]
    fn more_than_the_limit_is_cut_and_said_to_be() {
        let out = decode(&alloc::vec![b'a'; WIRE_MAX_BYTES + 1], false);
        assert!(!out.whole && out.bytes.len() == WIRE_MAX_BYTES);
        assert!(!decode(b"{}", true).whole);
    }
}
