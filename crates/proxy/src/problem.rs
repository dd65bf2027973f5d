//! Answers of the proxy's own, as RFC 9457 problem documents.
//!
//! A client must be able to tell "the upstream said no" from "the proxy has no token": the former comes through
//! untouched, the latter has a `type` of ours (a gRPC client is told in gRPC's own way). 503 rather than 401, so that no client starts an OAuth flow of its own.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use renewd_core::{LastAttempt, Status, plain_line};
use serde_json::{Value, json};

use crate::exchange::ResponseBody;
use crate::rfc3339::{utc, utc_not_before};
use crate::token::NoBearer;

/// No token now; there is a known way back. Comes with `Retry-After`.
pub const AUTH_RETRYING: &str = "urn:renewd:auth-retrying";
/// No token until somebody logs in. Comes without `Retry-After`.
pub const LOGIN_REQUIRED: &str = "urn:renewd:login-required";
/// The upstream cannot be reached, or answered nothing usable.
pub const UPSTREAM_UNREACHABLE: &str = "urn:renewd:upstream-unreachable";
/// The upstream took too long.
pub const UPSTREAM_TIMEOUT: &str = "urn:renewd:upstream-timeout";
/// The access token cannot stand in a header.
pub const TOKEN_UNUSABLE: &str = "urn:renewd:token-unusable";
/// The proxy does not serve such requests.
pub const REQUEST_REFUSED: &str = "urn:renewd:request-refused";

/// What `Retry-After` says where an attempt is under way but nobody knows when the next one is due. Also its least
/// value: a zero would invite a busy loop.
const RETRY_AFTER_MIN_SECS: u64 = 1;

/// Longest `detail`, in bytes: it may quote what an authorization server said.
const DETAIL_BYTES_MAX: usize = 1024;

/// Who the answer is about.
pub(crate) struct About<'a> {
    pub(crate) credential: &'a str,
    pub(crate) login_command: Option<&'a str>,
}

/// What the proxy has to say, before it is said in the client's way.
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    /// One line, for people.
    pub(crate) detail: String,
    /// What `Retry-After` says.
    pub(crate) retry_after_secs: Option<u64>,
    body: Value,
}

/// No token: 503, with everything that is known.
pub(crate) fn no_token(about: &About<'_>, why: &NoBearer) -> Problem {
    let login_needed = why.status == Status::Unauthenticated;
    let (kind, title) = if login_needed {
        (LOGIN_REQUIRED, "Login required")
    } else {
        (AUTH_RETRYING, "No valid access token at the moment")
    };
    let detail = one_line(&why.detail);
    let body = json!({
        "type": kind,
        "title": title,
        "status": 503,
        "detail": detail,
        "credential": about.credential,
        "cause": why.cause.map(renewd_core::Cause::name),
        "since": why.since.map(utc),
        "next_attempt_at": why.next_attempt_at.filter(|_| !login_needed).map(utc_not_before),
        "login_command": about.login_command.filter(|_| login_needed),
        "last_attempt": why.last_attempt.as_deref().map(seen),
    });
    let secs = why.retry_after.map_or(RETRY_AFTER_MIN_SECS, |wait| wait.as_secs_ceil());
    let retry_after_secs = (!login_needed).then_some(secs.max(RETRY_AFTER_MIN_SECS));
    Problem { status: StatusCode::SERVICE_UNAVAILABLE, kind, detail, retry_after_secs, body }
}

/// 502: nothing usable came from the upstream.
pub(crate) fn upstream_unreachable(about: &About<'_>, detail: &str) -> Problem {
    let title = "The upstream cannot be reached";
    upstream(StatusCode::BAD_GATEWAY, UPSTREAM_UNREACHABLE, title, about, detail)
}

/// 504: the upstream took too long.
pub(crate) fn upstream_timeout(about: &About<'_>, detail: &str) -> Problem {
    let title = "The upstream took too long";
    upstream(StatusCode::GATEWAY_TIMEOUT, UPSTREAM_TIMEOUT, title, about, detail)
}

/// 502: the authorization server issued a token that no header can carry.
pub(crate) fn token_unusable(about: &About<'_>) -> Problem {
    let detail = "the access token holds bytes that may not stand in an Authorization header";
    upstream(StatusCode::BAD_GATEWAY, TOKEN_UNUSABLE, "The access token cannot be sent", about, detail)
}

/// 502: the token is bound to a key, and no proof could be made with it.
pub(crate) fn no_proof(about: &About<'_>, detail: &str) -> Problem {
    upstream(StatusCode::BAD_GATEWAY, TOKEN_UNUSABLE, "The access token cannot be sent", about, detail)
}

/// A 4xx of ours. It names neither credential nor upstream: whoever asked may not be entitled to know them.
pub(crate) fn refused(status: StatusCode, detail: &str) -> Problem {
    let title = status.canonical_reason().unwrap_or("Refused");
    let body = json!({"type": REQUEST_REFUSED, "title": title, "status": status.as_u16(), "detail": detail});
    Problem { status, kind: REQUEST_REFUSED, detail: detail.to_owned(), retry_after_secs: None, body }
}

/// A bare 404: a wrong secret learns nothing, not even that there is one.
pub(crate) fn nothing_here() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn upstream(status: StatusCode, kind: &'static str, title: &str, about: &About<'_>, detail: &str) -> Problem {
    let detail = one_line(detail);
    let body = json!({
        "type": kind,
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
        "credential": about.credential,
    });
    Problem { status, kind, detail, retry_after_secs: None, body }
}

impl Problem {
    /// As RFC 9457 has it.
    pub(crate) fn into_document(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::whole(Bytes::from(self.body.to_string())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 §15.5.6 wants the list; every other method is forwarded.
            let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            headers.insert(ALLOW, methods);
        }
        response
    }
}

/// What the last attempt looked like: no secret, no control or direction characters.
fn seen(attempt: &LastAttempt) -> Value {
    let evidence = &attempt.evidence;
    json!({
        "at": utc(attempt.at),
        "verdict": attempt.verdict.name(),
        "http_status": evidence.http_status,
        "content_type": evidence.content_type,
        "oauth_error": evidence.oauth_error,
        "message": evidence.message.as_deref().map(one_line),
        "rule": evidence.rule,
    })
}

/// Nothing that controls, turns or hides, and it ends somewhere: the text may come from far away.
fn one_line(text: &str) -> String {
    plain_line(text, DETAIL_BYTES_MAX)
}
