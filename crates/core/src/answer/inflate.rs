//! Undoing a compression that nobody asked for.
//!
//! We send no `Accept-Encoding`, yet bodies come compressed, with and without a header that says so. What they begin
//! with decides; what the header says does not. The output is capped, so a bomb costs one fixed buffer.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use zeroize::Zeroizing;

/// No token answer comes near it; a gzip bomb would be a thousand times larger.
pub(super) const DECODED_MAX_BYTES: usize = 256 * 1024;

/// Almost every answer fits; larger ones take a larger buffer.
const FIRST_BUFFER_BYTES: usize = 8 * 1024;

/// Decompressed bytes, and whether the stream ended where it should.
pub(super) struct Inflated {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// False when the stream is broken, cut, or over the cap: `bytes` holds what came before.
    pub(super) whole: bool,
}

/// Decompresses gzip (RFC 1952), zlib (RFC 1950), or the bare stream (RFC 1951) that some servers call deflate; `None`
/// when the bytes are none of them.
///
/// The gzip trailer is not compared: TLS has already vouched for the bytes.
pub(super) fn inflate(wire: &[u8]) -> Option<Inflated> {
    let is_gzip = wire.starts_with(&[0x1f, 0x8b]);
    let (deflated, flags) = if is_gzip {
        (gzip_payload(wire).unwrap_or_default(), 0)
    } else if is_zlib(wire) {
        (wire, TINFL_FLAG_PARSE_ZLIB_HEADER)
    } else if is_binary(wire) {
        (wire, 0)
    } else {
        return None;
    };
    let flags = flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::new(DecompressorOxide::new());
    let mut bytes = Zeroizing::new(vec![0; FIRST_BUFFER_BYTES]);
    let (mut read, mut written) = (0, 0);
    let status = loop {
        let (status, consumed, more) =
            decompress(&mut state, deflated.get(read..).unwrap_or_default(), &mut bytes, written, flags);
        read += consumed;
        written += more;
        if status != TINFLStatus::HasMoreOutput || bytes.len() >= DECODED_MAX_BYTES {
            break status;
        }
        bytes = grown(&bytes);
    };
    bytes.truncate(written);
    let whole = status == TINFLStatus::Done;
    // Two bytes make no zlib stream for certain: where the rest does not fit, it was text after all. A bare stream has no
    // mark at all: there text must come out.
    let fits = is_gzip || (whole && (flags & TINFL_FLAG_PARSE_ZLIB_HEADER != 0 || !is_binary(&bytes)));
    fits.then_some(Inflated { bytes, whole })
}

/// A buffer eight times as large with the same beginning. The old one is overwritten, which growing in place would not do.
fn grown(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut larger = Zeroizing::new(vec![0; (bytes.len() * 8).min(DECODED_MAX_BYTES)]);
    larger[..bytes.len()].copy_from_slice(bytes);
    larger
}

/// No text in ASCII or UTF-8. One in another encoding may look so too: what does not inflate is left as it is.
fn is_binary(bytes: &[u8]) -> bool {
    let controls = |b: &u8| *b < b' ' && !b.is_ascii_whitespace();
    !bytes.is_empty() && (bytes.iter().any(controls) || core::str::from_utf8(bytes).is_err())
}

/// RFC 1950 §2.2: method 8, and a header that is a multiple of 31.
fn is_zlib(wire: &[u8]) -> bool {
    match wire {
        [cmf, flg, ..] => cmf & 0x8f == 0x08 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0,
        _ => false,
    }
}

/// What follows a gzip header (RFC 1952 §2.3); `None` when the header is cut or of another method.
fn gzip_payload(wire: &[u8]) -> Option<&[u8]> {
    const FHCRC: u8 = 2;
    const FEXTRA: u8 = 4;
    const FNAME: u8 = 8;
    const FCOMMENT: u8 = 16;
    let &[_, _, 8, flags, _, _, _, _, _, _, ref rest @ ..] = wire else { return None };
    let mut rest = rest;
    if flags & FEXTRA != 0 {
        let &[low, high, ref after @ ..] = rest else { return None };
        rest = after.get(usize::from(u16::from_le_bytes([low, high]))..)?;
    }
    for flag in [FNAME, FCOMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|&b| b == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & FHCRC != 0 { rest.get(2..) } else { Some(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    fn gzip(header: &[u8], text: &[u8]) -> Vec<u8> {
        [header, &compress_to_vec(text, 6), &[0; 8]].concat()
    }

    #[test]
    fn every_optional_part_of_a_gzip_header_is_stepped_over() {
        for header in [
            &b"\x1f\x8b\x08\x00\0\0\0\0\0\x03"[..],
            b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a.json\0",
            b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x03\0xyzname\0comment\0\xab\xcd",
        ] {
            let out = inflate(&gzip(header, b"{\"a\":1}")).unwrap();
            assert!(out.whole);
            assert_eq!(&out.bytes[..], b"{\"a\":1}");
        }
    }

    #[test]
    fn zlib_is_read_and_plain_text_is_left_alone() {
        let out = inflate(&compress_to_vec_zlib(b"{}", 6)).unwrap();
        assert!(out.whole && &out.bytes[..] == b"{}");
        for plain in [
            &b"{\"a\":1}"[..],
            b"access_token=x",
            b"<html>",
            b"",
            b"x",
            b"\xef\xbb\xbf{}",
            b"hb=1&access_token=x",
        ] {
            assert!(inflate(plain).is_none());
        }
    }

    #[test]
    fn a_bare_stream_is_read_where_text_comes_out() {
        let out = inflate(&compress_to_vec(b"{\"a\":\"\xc3\xa9\"}", 6)).unwrap();
        assert!(out.whole && &out.bytes[..] == b"{\"a\":\"\xc3\xa9\"}");
        for other in [&compress_to_vec(b"\x01\x02\x03", 6)[..], b"caf\xe9", b"\xff\xfe{\0}\0", b"{\0}\0"] {
            assert!(inflate(other).is_none());
        }
    }

    #[test]
    fn what_does_not_fit_the_first_buffer_comes_out_whole() {
        for size in
            [FIRST_BUFFER_BYTES - 1, FIRST_BUFFER_BYTES, FIRST_BUFFER_BYTES + 1, 100_000, DECODED_MAX_BYTES]
        {
            let text: Vec<u8> = (0..size).map(|at| b'a' + u8::try_from(at * at % 26).unwrap()).collect();
            let out = inflate(&gzip(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03", &text)).unwrap();
            assert!(out.whole, "{size}");
            assert_eq!(&out.bytes[..], &text[..]);
        }
    }

    #[test]
    fn a_bomb_fills_one_buffer_and_no_more() {
        let bomb = gzip(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03", &vec![b' '; 8 << 20]);
        assert!(bomb.len() < 64 * 1024);
        let out = inflate(&bomb).unwrap();
        assert!(!out.whole);
        assert_eq!(out.bytes.len(), DECODED_MAX_BYTES);
    }

    #[test]
    fn a_cut_or_broken_stream_gives_what_came_before() {
        let whole = gzip(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03", b"{\"refresh_token\":\"r\"}");
        for cut in 2..whole.len() - 9 {
            assert!(!inflate(&whole[..cut]).unwrap().whole);
        }
        assert!(!inflate(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03garbage").unwrap().whole);
    }
}
