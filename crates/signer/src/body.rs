//! Adds parameters to a request that core has written: to a form or to a JSON object, as its `Content-Type` says.
//!
//! The new body is measured before it is written, so that nothing is moved and no copy of a secret stays behind.

use renewd_core::{Secret, TokenRequest};

/// Appends a parameter.
///
/// # Errors
/// When the body is JSON and not an object.
pub(crate) fn add_parameter(request: &mut TokenRequest, name: &str, value: &[u8]) -> Result<(), String> {
    let old = request.body.expose();
    let (kept, begin, end): (&[u8], &[u8], &[u8]) = if is_json(request) {
        let open = old.strip_suffix(b"}").filter(|rest| rest.starts_with(b"{"));
        let open = open.ok_or("the request's body is no JSON object")?;
        (open, if open.len() > 1 { b",\"" } else { b"\"" }, b"\"}")
    } else {
        (old, if old.is_empty() { b"" } else { b"&" }, b"")
    };
    let (escape, join): (Escape, &[u8]) =
        if is_json(request) { (json_escaped, b"\":\"") } else { (form_escaped, b"=") };
    let parts = |put: &mut dyn FnMut(&[u8])| {
        put(kept);
        put(begin);
        escape(name.as_bytes(), put);
        put(join);
        escape(value, put);
        put(end);
    };
    let mut length = 0;
    parts(&mut |bytes| length += bytes.len());
    let mut body = Vec::with_capacity(length);
    parts(&mut |bytes| body.extend_from_slice(bytes));
    request.body = Secret::new(body);
    Ok(())
}

type Escape = fn(&[u8], &mut dyn FnMut(&[u8]));

fn is_json(request: &TokenRequest) -> bool {
    let kind = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    kind.is_some_and(|(_, value)| value.expose().starts_with(b"application/json"))
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// RFC 6749 appendix B. Only what every decoder reads alike stays as it is.
fn form_escaped(text: &[u8], put: &mut dyn FnMut(&[u8])) {
    for &byte in text {
        match byte {
            b' ' => put(b"+"),
            b'-' | b'.' | b'_' | b'~' => put(&[byte]),
            byte if byte.is_ascii_alphanumeric() => put(&[byte]),
            byte => put(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
}

/// RFC 8259 §7.
fn json_escaped(text: &[u8], put: &mut dyn FnMut(&[u8])) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => put(&[b'\\', byte]),
            0..b' ' => {
                put(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]])
            }
            byte => put(&[byte]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Span;

    fn request(content_type: &str, body: &str) -> TokenRequest {
        TokenRequest {
            url: "https://as.example/token".into(),
            headers: vec![("Content-Type".into(), Secret::from(content_type))],
            body: Secret::from(body),
            proofs: Vec::new(),
            timeout: Span::from_secs(30),
            connect_timeout: Span::from_secs(10),
        }
    }

    #[test]
    fn a_parameter_goes_into_the_form_or_into_the_object() {
        for (kind, body, expected) in [
            ("application/x-www-form-urlencoded", "a=1", r"a=1&sub+t=x%22%5C%2By"),
            ("application/x-www-form-urlencoded", "", r"sub+t=x%22%5C%2By"),
            ("application/json", r#"{"a":"1"}"#, r#"{"a":"1","sub t":"x\"\\+y"}"#),
            ("application/json", "{}", r#"{"sub t":"x\"\\+y"}"#),
        ] {
            let mut request = request(kind, body);
            add_parameter(&mut request, "sub t", b"x\"\\+y").unwrap();
            assert_eq!(request.body.expose_str(), Some(expected));
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_refused_and_left_alone() {
        let mut request = request("application/json", "[1]");
        assert!(add_parameter(&mut request, "a", b"b").is_err());
        assert_eq!(request.body.expose_str(), Some("[1]"));
    }
}
