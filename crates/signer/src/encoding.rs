//! base64url without padding (RFC 7515 §2), into buffers that are measured first.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::{Zeroize as _, Zeroizing};

/// How long so many bytes become.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// As text. Not for private parts of keys: see [`push_encoded`].
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends; where the buffer has room for [`encoded_len`] more, nothing is moved.
pub(crate) fn push_encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + encoded_len(bytes.len()), 0);
    // The room is exactly what the encoding takes.
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

/// The bytes behind base64url text.
pub(crate) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode_with(text.as_bytes(), |text, out| URL_SAFE_NO_PAD.decode_slice(text, out).ok())
}

/// The bytes behind standard base64 with padding, as PEM has it.
pub(crate) fn decode_standard(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    decode_with(text, |text, out| STANDARD.decode_slice(text, out).ok())
}

fn decode_with(
    text: &[u8],
    decode: impl Fn(&[u8], &mut [u8]) -> Option<usize>,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; text.len().div_ceil(4) * 3]);
    let length = decode(text, &mut out)?;
    out[length..].zeroize();
    out.truncate(length);
    Some(out)
}
