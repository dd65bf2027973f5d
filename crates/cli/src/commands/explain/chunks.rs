//! A body that still has its chunks (RFC 9112 §7.1), as `curl --raw` prints it.

use zeroize::Zeroizing;

use super::raw::take_line;

/// A body whose chunks were joined.
pub(super) struct Joined {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The last chunk was there.
    pub(super) whole: bool,
}

/// Joins the chunks; none where there are none: most tools joined them and left the header that said so.
pub(super) fn joined(text: &[u8]) -> Option<Joined> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut rest, mut first) = (text, true);
    loop {
        let (line, after) = take_line(rest);
        let Some(length) = size(line) else { return (!first).then_some(Joined { bytes, whole: false }) };
        if length == 0 {
            return Some(Joined { bytes, whole: true });
        }
        let Some(chunk) = after.get(..length) else {
            // Cut in a chunk: text that only looks like a first size has no line end behind it.
            bytes.extend_from_slice(after);
            return (!first || !after.is_empty()).then_some(Joined { bytes, whole: false });
        };
        bytes.extend_from_slice(chunk);
        let (end, next) = take_line(&after[length..]);
        if !end.is_empty() {
            return None;
        }
        (rest, first) = (next, false);
    }
}

/// Hexadecimal digits, and extensions that nobody looks at.
fn size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&b| b == b';').next()?.trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    usize::from_str_radix(text, 16).ok()
}
