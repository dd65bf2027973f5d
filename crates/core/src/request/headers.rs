//! Which headers a token request carries.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::encode;
use crate::client::{Client, ClientAuth};
use crate::secret::Secret;

/// Headers that no profile, configuration or client may add to a token request, in lower case: they are the request's or
/// the transport's own, would carry a secret, or would have the answer come in a form that nobody reads, and a new
/// refresh token lost in it. `Accept` is not among them: a configured one replaces the default.
pub const RESERVED_HEADERS: [&str; 16] = [
    "authorization",
    "proxy-authorization",
    "dpop",
    "cookie",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "host",
    "expect",
    "accept-encoding",
    "range",
];

/// Whether a header of that name, in any case, is one of [`RESERVED_HEADERS`].
pub fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// All headers of a request but those that its proofs add.
pub(super) fn headers(client: &Client, content_type: &str) -> Vec<(String, Secret)> {
    let mut headers = vec![
        (String::from("Accept"), Secret::from("application/json")),
        (String::from("Content-Type"), Secret::from(content_type)),
    ];
    if let ClientAuth::Basic(secret) = &client.auth {
        let value = encode::basic(client.id.as_bytes(), secret.expose());
        headers.push((String::from("Authorization"), Secret::new(value)));
    }
    for (name, value) in &client.extra_headers {
        if name.eq_ignore_ascii_case("accept") {
            if is_header_value(value) {
                headers[0].1 = Secret::from(value.as_str());
            }
        } else if is_header_name(name) && is_header_value(value) && !is_reserved_header(name) {
            headers.push((name.clone(), Secret::from(value.as_str())));
        }
    }
    headers
}

/// RFC 9110 §5.1: a token.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// RFC 9110 §5.5, without its obsolete parts: nothing that could end the header.
fn is_header_value(value: &str) -> bool {
    value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
}
