//! Writing secrets into a request without leaving copies behind: every buffer is measured first, so that it never
//! grows and is never moved.

use alloc::vec::Vec;
use zeroize::Zeroizing;

/// One form field, name and value unencoded.
pub(super) type Field<'a> = (&'a [u8], &'a [u8]);

/// The fields as `application/x-www-form-urlencoded` (RFC 6749 appendix B).
pub(super) fn form(fields: &[Field<'_>]) -> Vec<u8> {
    let length =
        fields.iter().map(|(name, value)| encoded_length(name) + encoded_length(value) + 2).sum::<usize>();
    let mut out = Vec::with_capacity(length.saturating_sub(1));
    for (name, value) in fields {
        if !out.is_empty() {
            out.push(b'&');
        }
        push_encoded(&mut out, name);
        out.push(b'=');
        push_encoded(&mut out, value);
    }
    out
}

/// The value of an `Authorization` header for a client and its secret: both form-encoded, then joined, then base64
/// (RFC 6749 §2.3.1, RFC 7617).
pub(super) fn basic(id: &[u8], secret: &[u8]) -> Vec<u8> {
    const SCHEME: &[u8] = b"Basic ";
    let length = encoded_length(id) + encoded_length(secret) + 1;
    let mut pair = Zeroizing::new(Vec::with_capacity(length));
    // rfc: 6749-2.3.1 both are form-encoded before they are joined
    push_encoded(&mut pair, id);
    pair.push(b':');
    push_encoded(&mut pair, secret);

    let mut out = Vec::with_capacity(SCHEME.len() + length.div_ceil(3) * 4);
    out.extend_from_slice(SCHEME);
    push_base64(&mut out, &pair);
    out
}

/// Appends standard base64 with padding (RFC 4648 §4).
pub(crate) fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            if at <= group.len() {
                out.push(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]);
            } else {
                out.push(b'=');
            }
        }
    }
}

// rfc: 6749-B texts are UTF-8 before they are encoded
/// Appends form-encoded bytes. Only what every decoder reads alike stays as it is.
pub(crate) fn push_encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        match byte {
            b' ' => out.push(b'+'),
            byte if is_plain(byte) => out.push(byte),
            byte => out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
}

fn encoded_length(bytes: &[u8]) -> usize {
    bytes.iter().map(|&byte| if byte == b' ' || is_plain(byte) { 1 } else { 3 }).sum()
}

/// RFC 3986 §2.3: unreserved.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn base64_pads_as_in_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            let mut out = Vec::new();
            push_base64(&mut out, plain.as_bytes());
            assert_eq!(out, coded.as_bytes());
        }
    }

    #[test]
    fn buffers_are_measured_so_that_they_never_move() {
        let hostile: Vec<u8> = (0..=255).collect();
        let body = form(&[(b"refresh_token", &hostile), (b"a", b""), (&hostile, b" ")]);
        assert_eq!(body.len(), body.capacity());
        let header = basic(&hostile, &hostile);
        assert_eq!(header.len(), header.capacity());
    }
}
