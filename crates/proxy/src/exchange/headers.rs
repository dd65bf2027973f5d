//! What of a message's header fields goes on, and what stays on this hop.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};
use renewd_core::Secret;

use crate::bound::DPOP;
use crate::locality::Refusal;

/// Fields that concern one connection only (RFC 9110 §7.6.1), with those that older software sends.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// How a request's body is delimited on the wire (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Neither length nor chunks: no body.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`, or an HTTP/2 stream without a length.
    Chunked,
}

impl Framing {
    /// Of a request whose head hyper accepted: contradictions were refused or resolved there. `has_body`: whether
    /// HTTP/2 left the stream open, which says so without a field.
    pub(crate) fn of(headers: &HeaderMap, has_body: bool) -> Self {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Self::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        match length {
            Some(length) => Self::Length(length),
            None if has_body => Self::Chunked,
            None => Self::None,
        }
    }

    /// The length, where it is known beforehand.
    pub(crate) fn length(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunked => None,
        }
    }
}

/// Brings a head of HTTP/2 into the form that one of HTTP/1.1 has (RFC 9113 §8.3.1, §8.2.3), in which it is looked at.
///
/// # Errors
/// Where `:authority` and `Host` differ: some upstream might go by the other one.
pub(crate) fn from_http2(head: &mut Parts) -> Result<(), Refusal> {
    let uri = std::mem::take(&mut head.uri).into_parts();
    if let Some(authority) = uri.authority {
        let differs =
            |host: &HeaderValue| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
        let bad = Refusal::new(StatusCode::BAD_REQUEST, ":authority and Host must be the same");
        if head.headers.get_all(HOST).iter().any(differs) {
            return Err(bad);
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad)?;
        head.headers.insert(HOST, host);
    }
    // Of CONNECT there is no path; it is refused by its method.
    head.uri = uri.path_and_query.map(Uri::from).unwrap_or_default();
    if head.headers.get_all(COOKIE).iter().nth(1).is_some() {
        let crumbs: Vec<&[u8]> = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
            head.headers.insert(COOKIE, whole);
        }
    }
    Ok(())
}

/// Takes out what HTTP/2 says in another way, or not at all (RFC 9113 §8.2.2). `TE: trailers` may stay.
pub(crate) fn for_http2(headers: &mut HeaderMap) {
    for name in [HOST, CONNECTION, TRANSFER_ENCODING, EXPECT, UPGRADE] {
        headers.remove(name);
    }
}

/// Says on the next hop that the connection is to become a WebSocket (RFC 6455 §4.1).
pub(crate) fn ask_for_websocket(headers: &mut HeaderMap) {
    headers.remove(TE);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Whether a request wants its connection to become a WebSocket. Other protocols stay on the client's side.
pub(crate) fn wants_websocket(head: &Parts) -> bool {
    head.method == Method::GET && head.version == Version::HTTP_11 && switches_to_websocket(&head.headers)
}

/// Whether these fields switch to that protocol, and to no other.
pub(crate) fn switches_to_websocket(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(UPGRADE).iter();
    let only = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket");
    protocols.next().is_some_and(only)
        && protocols.next().is_none()
        && named_by_connection(headers).contains(&UPGRADE)
}

/// The request's fields for the upstream, without `Authorization`, which each try adds. `kept_secret` is the proxy's
/// own path secret: a `Referer` or the like that repeats it stays here.
pub(crate) fn to_upstream(
    from: &HeaderMap,
    host: HeaderValue,
    framing: Framing,
    kept_secret: Option<&Secret>,
) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(from.len() + 3);
    to.insert(HOST, host);
    // A place of its own, filled by each try.
    to.insert(AUTHORIZATION, HeaderValue::from_static(""));
    let dropped = named_by_connection(from);
    for (name, value) in from {
        // A proof is for the token that stood beside it, which does not go on either.
        let ours = matches!(*name, HOST | AUTHORIZATION | CONTENT_LENGTH | EXPECT) || *name == DPOP;
        let repeats_secret = kept_secret.is_some_and(|secret| contains(value.as_bytes(), secret.expose()));
        if !ours && !stays_here(name, &dropped) && !repeats_secret {
            to.append(name.clone(), value.clone());
        }
    }
    match framing {
        Framing::None => {}
        Framing::Length(length) => {
            to.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        // Written out, for hyper takes a GET of unknown length to have no body at all.
        Framing::Chunked => {
            to.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    if wants_trailers(from) {
        // TE is about this hop, so it is said anew on the next one (RFC 9110 §10.1.4).
        to.insert(TE, HeaderValue::from_static("trailers"));
        to.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    to
}

/// Takes the fields of the upstream's hop out of its answer.
pub(crate) fn to_client(headers: &mut HeaderMap) {
    let dropped = named_by_connection(headers);
    if headers.contains_key(TRANSFER_ENCODING) {
        // Beside chunks a length counts for nothing, and is not passed on (RFC 9112 §6.3): it would cut the body that
        // the chunks made, or leave the client waiting.
        headers.remove(CONTENT_LENGTH);
    }
    for name in HOP_BY_HOP.iter().chain(&dropped) {
        // Framing is the body's business; hyper needs the length of a HEAD's answer.
        if name != CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}

/// Whether the client waits for `100 Continue` before it sends the body.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().any(|value| {
        let codings = value.to_str().unwrap_or("").split(',');
        codings.into_iter().any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
    })
}

fn stays_here(name: &HeaderName, dropped: &[HeaderName]) -> bool {
    HOP_BY_HOP.contains(name) || dropped.contains(name)
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn forwarded(lines: &[(&'static str, &'static str)]) -> Vec<String> {
        let from = lines.iter().fold(HeaderMap::new(), |mut all, (n, v)| {
            all.append(HeaderName::from_static(n), HeaderValue::from_static(v));
            all
        });
        let secret = Secret::from("s3cr3t");
        let to =
            to_upstream(&from, HeaderValue::from_static("up.test"), Framing::of(&from, false), Some(&secret));
        let mut lines: Vec<_> =
            to.iter().map(|(n, v)| format!("{n}: {}", String::from_utf8_lossy(v.as_bytes()))).collect();
        lines.retain(|line| line != "host: up.test" && line != "authorization: ");
        lines
    }

    #[test]
    fn what_belongs_to_the_clients_hop_stays_there() {
        let lines = forwarded(&[
            ("host", "localhost"),
            ("authorization", "Bearer of-the-client"),
            ("dpop", "proof-of-the-client"),
            ("connection", "close, x-private ,Keep-Alive"),
            ("connection", "x-other"),
            ("x-private", "1"),
            ("x-other", "2"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic Zm9v"),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("x-kept", "a"),
            ("x-kept", "b"),
        ]);
        assert_eq!(lines, ["x-kept: a", "x-kept: b"]);
    }

    #[test]
    fn a_connection_field_cannot_take_host_authorization_or_the_framing_away() {
        let lines = forwarded(&[
            ("connection", "host, authorization, content-length"),
            ("content-length", "5"),
            ("host", "localhost"),
        ]);
        assert_eq!(lines, ["content-length: 5"]);
    }

    #[test]
    fn te_trailers_is_said_anew_and_other_codings_are_not() {
        let lines = forwarded(&[("te", "gzip;q=0.5, trailers"), ("connection", "te")]);
        assert_eq!(lines, ["te: trailers", "connection: te"]);
        assert!(forwarded(&[("te", "gzip"), ("connection", "te")]).is_empty());
    }

    #[test]
    fn a_field_that_repeats_the_path_secret_does_not_leave() {
        let lines = forwarded(&[("referer", "http://127.0.0.1:1/~s3cr3t/page"), ("x", "y")]);
        assert_eq!(lines, ["x: y"]);
    }

    #[test]
    fn chunked_framing_is_written_out() {
        assert_eq!(forwarded(&[("transfer-encoding", "chunked")]), ["transfer-encoding: chunked"]);
        assert_eq!(Framing::of(&map(&[("content-length", "7")]), true), Framing::Length(7));
        assert_eq!(Framing::of(&map(&[]), false), Framing::None);
    }

    #[test]
    fn an_answer_keeps_its_length_and_loses_its_hop() {
        let mut headers = map(&[
            ("connection", "x-hop, content-length, keep-alive"),
            ("x-hop", "1"),
            ("content-length", "5"),
            ("keep-alive", "timeout=5"),
            ("www-authenticate", "Bearer"),
        ]);
        to_client(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "www-authenticate"]);
    }

    #[test]
    fn a_length_beside_chunks_is_not_passed_on() {
        let mut headers =
            map(&[("content-length", "200"), ("transfer-encoding", "chunked"), ("x-kept", "1")]);
        to_client(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}
