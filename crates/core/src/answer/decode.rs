//! From the bytes on the wire to text that the scanner can work on in place.
//!
//! What a body says about itself in headers is wrong often enough that only its own first bytes are believed.

use alloc::vec::Vec;
use zeroize::Zeroizing;

use super::inflate::{DECODED_MAX_BYTES, inflate};

/// The most that is read of a body as it came.
pub(super) const WIRE_MAX_BYTES: usize = 64 * 1024;

/// A body as text.
pub(super) struct Text {
    /// UTF-8, but for a cut last character.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// False when something is missing: cut, broken, over a limit.
    pub(super) whole: bool,
}

/// Decodes a body: compression, byte order mark, UTF-16, Latin-1. Every copy is overwritten when dropped.
pub(super) fn decode(wire: &[u8], truncated: bool) -> Text {
    let cut = &wire[..wire.len().min(WIRE_MAX_BYTES)];
    let mut whole = !truncated && cut.len() == wire.len();
    let bytes = match inflate(cut) {
        Some(inflated) => {
            whole &= inflated.whole;
            inflated.bytes
        }
        None => Zeroizing::new(cut.to_vec()),
    };
    Text { bytes: to_utf8(bytes), whole }
}

fn to_utf8(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
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

type ByteOrder = fn([u8; 2]) -> u16;

/// By the mark, or by the zero byte beside a first ASCII character.
fn utf16_order(bytes: &[u8]) -> Option<ByteOrder> {
    match bytes {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        [first, 0, ..] if first.is_ascii() && *first != 0 => Some(u16::from_le_bytes),
        [0, second, ..] if second.is_ascii() && *second != 0 => Some(u16::from_be_bytes),
        _ => None,
    }
}

fn from_utf16(bytes: &[u8], order: ByteOrder) -> Zeroizing<Vec<u8>> {
    // Two bytes become at most three: measured so, the buffer never moves.
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() / 2 * 3));
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    for unit in char::decode_utf16(units) {
        push_char(&mut out, unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if out.starts_with(b"\xef\xbb\xbf") {
        out.drain(..3);
    }
    out.truncate(DECODED_MAX_BYTES);
    out
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
        ] {
            let out = decode(&wire, false);
            assert!(out.whole);
            assert_eq!(core::str::from_utf8(&out.bytes).unwrap(), text);
        }
        assert_eq!(&decode(b"caf\xe9!", false).bytes[..], "caf\u{e9}!".as_bytes());
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
