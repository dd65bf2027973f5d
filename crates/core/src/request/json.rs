//! A request body as a JSON object, for the few token endpoints that take no form. Measured before it is written, as
//! every body is, so that no copy of a secret is left behind.

use alloc::vec::Vec;

use super::encode::Field;

/// The fields as an object of strings, in order. Of a name that stands twice (only `resource` may) the values become an
/// array: a name counts once in an object (RFC 8259 §4).
pub(super) fn object(fields: &[Field<'_>]) -> Vec<u8> {
    let mut length = 0;
    write(fields, &mut |bytes| length += bytes.len());
    let mut out = Vec::with_capacity(length);
    write(fields, &mut |bytes| out.extend_from_slice(bytes));
    out
}

fn write(fields: &[Field<'_>], put: &mut impl FnMut(&[u8])) {
    put(b"{");
    for (at, (name, value)) in fields.iter().enumerate() {
        if fields[..at].iter().any(|(earlier, _)| earlier == name) {
            continue;
        }
        if at > 0 {
            put(b",");
        }
        string(name, put);
        put(b":");
        let mut further = fields[at + 1..].iter().filter(|(later, _)| later == name).peekable();
        if further.peek().is_none() {
            string(value, put);
            continue;
        }
        put(b"[");
        string(value, put);
        for (_, value) in further {
            put(b",");
            string(value, put);
        }
        put(b"]");
    }
    put(b"}");
}

/// RFC 8259 §7: the quote, the backslash and control characters are escaped, all else stands as it is.
fn string(text: &[u8], put: &mut impl FnMut(&[u8])) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    put(b"\"");
    for part in text.chunk_by(|&a, &b| is_plain(a) && is_plain(b)) {
        match part {
            [byte @ (b'"' | b'\\')] => put(&[b'\\', *byte]),
            [byte] if !is_plain(*byte) => {
                put(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            plain => put(plain),
        }
    }
    put(b"\"");
}

const fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use alloc::string::String;

    #[test]
    fn every_text_comes_back_as_it_was() {
        let hostile: String =
            (0_u8..128).map(char::from).chain("\u{e9}\u{1f511}\u{2028}\\u0041".chars()).collect();
        let body = object(&[(b"refresh_token", hostile.as_bytes()), (hostile.as_bytes(), b""), (b"a", b"b")]);
        assert_eq!(body.len(), body.capacity());
        let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(read["refresh_token"], hostile.as_str());
        assert_eq!(read[hostile.as_str()], "");
        assert_eq!(read["a"], "b");
    }

    #[test]
    fn a_name_that_stands_twice_becomes_an_array() {
        let fields: [Field<'_>; 4] =
            [(b"resource", b"x"), (b"a", b"1"), (b"resource", b"y"), (b"resource", b"z")];
        assert_eq!(object(&fields), br#"{"resource":["x","y","z"],"a":"1"}"#);
        assert_eq!(object(&[]), b"{}");
    }
}
