//! What gRPC says where HTTP has a status: in `grpc-status`, in the answer's trailers.
//!
//! A gRPC server that refuses a token answers 200 with `grpc-status: 16`. Seen as any other 200 it would go back, and
//! the caller's channel would be told that its credentials are wrong, although a refresh is all that is missing. And an
//! answer of the proxy's own must be one that a gRPC client can read: a bare 503 becomes some text of the library's.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::bodies::ResponseBody;
use crate::problem::{self, Problem};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// When a client that retries may do so, in milliseconds; negative: not at all (gRFC A6).
const RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
/// The problem's `type`, for programs.
const PROBLEM_TYPE: HeaderName = HeaderName::from_static("renewd-problem");

/// The codes that are used here.
mod code {
    pub(super) const PERMISSION_DENIED: u16 = 7;
    pub(super) const RESOURCE_EXHAUSTED: u16 = 8;
    pub(super) const UNIMPLEMENTED: u16 = 12;
    pub(super) const INTERNAL: u16 = 13;
    pub(super) const UNAVAILABLE: u16 = 14;
    pub(super) const UNAUTHENTICATED: &[u8] = b"16";
}

/// A gRPC call, or a gRPC-Web one.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    content_type: HeaderValue,
}

impl Call {
    /// By the request's content type: `application/grpc`, `application/grpc+proto`, `application/grpc-web`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        const GRPC: &[u8] = b"application/grpc";
        let content_type = headers.get(CONTENT_TYPE)?;
        let (name, rest) = content_type.as_bytes().split_at_checked(GRPC.len())?;
        let ends_there = matches!(rest.first(), None | Some(b'+' | b';' | b'-' | b' '));
        let is_grpc = name.eq_ignore_ascii_case(GRPC) && ends_there;
        is_grpc.then(|| Self { content_type: content_type.clone() })
    }

    /// The proxy's own answer: a status without a message, which the specification calls "Trailers-Only". UNAVAILABLE
    /// is what 503 is in HTTP, a missing login included: UNAUTHENTICATED would send a client to renew credentials that
    /// it does not have.
    pub(crate) fn answer(self, problem: &Problem) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::empty());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type);
        headers.insert(GRPC_STATUS, HeaderValue::from(code_of(problem)));
        headers.insert(PROBLEM_TYPE, HeaderValue::from_static(problem.kind));
        if let Ok(message) = HeaderValue::from_str(&encoded(&problem.detail)) {
            headers.insert(GRPC_MESSAGE, message);
        }
        match problem.retry_after_secs {
            Some(secs) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(secs));
                headers.insert(RETRY_PUSHBACK, HeaderValue::from(secs.saturating_mul(1000)));
            }
            None if problem.kind == problem::LOGIN_REQUIRED => {
                headers.insert(RETRY_PUSHBACK, HeaderValue::from_static("-1"));
            }
            None => {}
        }
        response
    }
}

/// Whether these fields, of a head or of trailers, say UNAUTHENTICATED.
pub(crate) fn says_unauthenticated(fields: &HeaderMap) -> bool {
    fields.get(GRPC_STATUS).is_some_and(|status| status.as_bytes() == code::UNAUTHENTICATED)
}

/// Whether the head says how the call ended: nothing follows it.
pub(crate) fn has_ended(head: &HeaderMap) -> bool {
    head.contains_key(GRPC_STATUS)
}

fn code_of(problem: &Problem) -> u16 {
    match problem.kind {
        problem::TOKEN_UNUSABLE => code::INTERNAL,
        problem::REQUEST_REFUSED => match problem.status {
            StatusCode::FORBIDDEN => code::PERMISSION_DENIED,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                code::UNIMPLEMENTED
            }
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => code::RESOURCE_EXHAUSTED,
            _ => code::INTERNAL,
        },
        _ => code::UNAVAILABLE,
    }
}

/// As the gRPC specification has `grpc-message`: visible ASCII but for `%`, everything else by its bytes.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | ..0x20 | 0x7f.. => encoded.push_str(&format!("%{byte:02X}")),
            _ => encoded.push(char::from(byte)),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &'static str) -> Option<Call> {
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Call::of(&headers.into_iter().collect())
    }

    #[test]
    fn a_call_is_known_by_its_content_type() {
        for yes in [
            "application/grpc",
            "application/grpc+proto",
            "Application/gRPC;x=y",
            "application/grpc-web+proto",
        ] {
            assert!(of(yes).is_some(), "{yes}");
        }
        for no in
            ["application/grpcish", "application/json", "application/connect+proto", "", "application/gr"]
        {
            assert!(of(no).is_none(), "{no}");
        }
        assert!(Call::of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn an_answer_of_our_own_says_in_the_head_what_trailers_would() {
        let problem = problem::refused(StatusCode::NOT_FOUND, "50 % é\u{1}");
        let response = of("application/grpc+proto").unwrap().answer(&problem);
        assert_eq!(response.status(), 200);
        let field = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(field("content-type"), Some("application/grpc+proto"));
        assert_eq!(field("grpc-status"), Some("12"));
        assert_eq!(field("grpc-message"), Some("50 %25 %C3%A9%01"));
        assert_eq!(field("renewd-problem"), Some(problem::REQUEST_REFUSED));
        assert_eq!(field("grpc-retry-pushback-ms"), None);
    }
}
