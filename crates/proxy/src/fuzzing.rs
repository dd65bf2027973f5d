//! What must hold of any request that a local program can send: the body of the fuzz target `local_request`, and of a
//! property that is tested everywhere.

use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use http::header::{AUTHORIZATION, CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::request::Parts;
use renewd_core::{Secret, Span, Status};

use crate::config::{Access, Listen, ProxyConfig};
use crate::exchange::fields_of;
use crate::locality::local_requests_only;
use crate::metrics::Metrics;
use crate::route::Route;
use crate::site::{Site, Way};
use crate::token::{BearerToken, NoBearer, Rejected, TokenSource};
use crate::upstream::climbs;

/// As many header fields as the server's own parser takes.
const HEADERS_MAX: usize = 100;

/// The base path of the upstream: nothing may climb out of it.
const BASE: &str = "/base/v1";

/// The prefix of the other route, and the base path there.
const PREFIX: &str = "/routed/";
const ROUTED_BASE: &str = "/elsewhere";

/// The path secret of the proxy: nothing may carry it on.
const PATH_SECRET: &str = "fuzzed-secret-fuzzed-secret-fuzzed";

/// Reads the bytes as a request head, as the server would, and checks that the proxy either refuses it or sends it
/// to its own upstream, under its base path, without what belongs to this hop.
///
/// # Panics
/// Where that does not hold.
pub fn local_request(bytes: &[u8]) {
    let Some(head) = head_of(bytes) else { return };
    let Some(site) = site() else { panic!("the site of this check cannot be set up") };
    let admitted = site.admit(&head);
    let again = site.admit(&head);
    assert_eq!(
        admitted.as_ref().map(|(_, target)| target).map_err(|turned| *turned),
        again.as_ref().map(|(_, target)| target).map_err(|turned| *turned),
        "the same request, another answer"
    );
    let Ok((way, target)) = admitted else { return };
    check_route(way, &head, &target);
    assert!(local_requests_only(&head.headers).is_ok(), "a request from elsewhere was admitted");
    assert!(target.authority().is_none() && target.scheme().is_none(), "{target} leads elsewhere");
    assert!(!target.to_string().contains(&format!("/~{PATH_SECRET}/~{PATH_SECRET}")));
    let fields = fields_of(&site, way, &head);
    assert_eq!(fields.get_all(HOST).iter().count(), 1);
    assert_eq!(fields.get(HOST).map(|host| host.as_bytes()), Some(&way.origin.as_bytes()["http://".len()..]));
    assert_eq!(
        fields.get(AUTHORIZATION).map(|value| value.is_empty()),
        Some(true),
        "a client's own credential"
    );
    assert!(!fields.contains_key("dpop"), "a client's own proof");
    for (name, value) in &fields {
        let secret = PATH_SECRET.as_bytes();
        assert!(
            !value.as_bytes().windows(secret.len()).any(|w| w == secret),
            "{name} carries the path secret"
        );
        let hop = ["keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "http2-settings"];
        assert!(!hop.contains(&name.as_str()), "{name} belongs to the client's hop");
    }
    let only = |name, allowed: &[u8]| fields.get_all(name).iter().all(|value| value.as_bytes() == allowed);
    assert!(only(TE, b"trailers") && only(CONNECTION, b"te") && only(TRANSFER_ENCODING, b"chunked"));
}

/// Whoever comes in by a prefix arrives at its upstream, below its base path, and nobody else does.
fn check_route(way: &Way, head: &Parts, target: &Uri) {
    let is_routed = way.route.prefix.to_string() == PREFIX;
    assert_eq!(way.origin, if is_routed { "http://routed.test" } else { "http://upstream.test" });
    let base = if is_routed { ROUTED_BASE } else { BASE };
    assert!(target.path().starts_with(base), "{target} leaves the base path");
    assert!(!climbs(target.path()), "{target} goes up a level");
    let path = head.uri.path();
    let behind_secret = path.find(PATH_SECRET).map(|at| &path[at + PATH_SECRET.len()..]).unwrap_or_default();
    let behind_secret = if behind_secret.is_empty() { "/" } else { behind_secret };
    let named = format!("{behind_secret}/").starts_with(PREFIX);
    assert_eq!(is_routed, named, "{path} went to {}", way.origin);
}

/// A head as the server's parser would accept it.
fn head_of(bytes: &[u8]) -> Option<Parts> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(bytes).ok()?.is_complete() {
        return None;
    }
    let mut request = http::Request::builder().method(parsed.method?).uri(parsed.path?);
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    Some(request.body(()).ok()?.into_parts().0)
}

fn site() -> Option<Arc<Site>> {
    let listen = Listen::Tcp(([127, 0, 0, 1], 1).into());
    let upstream = format!("http://upstream.test{BASE}").parse().ok()?;
    let mut config = ProxyConfig::new(listen, upstream, "fuzzed".parse().ok()?);
    config.access = Access::PathSecret(Some(Secret::from(PATH_SECRET)));
    let routed = format!("http://routed.test{ROUTED_BASE}").parse().ok()?;
    let route = Route::new(PREFIX.parse().ok()?, routed, "fuzzed".parse().ok()?, Arc::new(NoTokens));
    config.routes.push(route);
    Site::new(config, Arc::new(NoTokens), Arc::new(Metrics::default()), None, None).ok()
}

/// Is never asked: no request gets so far here.
struct NoTokens;

#[async_trait]
impl TokenSource for NoTokens {
    fn at_hand(&self) -> Option<BearerToken> {
        None
    }

    async fn token(&self, _patience: Span) -> Result<BearerToken, NoBearer> {
        Err(NoBearer::new(Status::Unauthenticated, "there are no tokens here"))
    }

    async fn rejected(&self, _epoch: u64, _generation: u64, _patience: Span) -> Result<Rejected, NoBearer> {
        Ok(Rejected::Passed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request that is nearly right, so that most of what is drawn gets past the parser.
    fn nearly_a_request() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "/~",
            PATH_SECRET,
            "..",
            "%2e%2e",
            "/",
            "\\",
            "//",
            "?",
            "x",
            ";",
            "%2f",
            "/routed",
            "/routed/",
            "http://evil.test",
            "@",
            ":80",
        ]);
        let target = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
        let name = prop::sample::select(vec![
            "Host",
            "Connection",
            "TE",
            "Transfer-Encoding",
            "Upgrade",
            "Referer",
            "Authorization",
            "Origin",
            "X-Any",
            "Content-Length",
            "Sec-Fetch-Site",
            "Proxy-Authorization",
            "Keep-Alive",
        ]);
        let value = prop_oneof![
            prop::sample::select(vec![
                "localhost",
                "127.0.0.1:1",
                "evil.test",
                "trailers, gzip",
                "chunked",
                "x-any, host",
                "h2c",
                "Bearer x",
                "7",
                "same-origin",
                "cross-site",
                "http://localhost",
                PATH_SECRET,
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,20}",
        ];
        let fields = prop::collection::vec((name, value), 0..6);
        let method = prop::sample::select(vec!["GET", "POST", "CONNECT", "TRACE", "OPTIONS"]);
        (method, any::<bool>(), target, fields).prop_map(|(method, fit, target, fields)| {
            let prefix = if fit { format!("/~{PATH_SECRET}/") } else { String::new() };
            let host = if fit { "Host: localhost\r\n" } else { "" };
            let fields: String = fields.into_iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
            format!("{method} {prefix}{target} HTTP/1.1\r\n{host}{fields}\r\n").into_bytes()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_request_is_refused_or_goes_to_the_upstream_without_what_is_of_this_hop(bytes in nearly_a_request()) {
            local_request(&bytes);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            local_request(&bytes);
        }
    }

    #[test]
    fn a_good_request_gets_past_all_of_it() {
        let good = format!("GET /~{PATH_SECRET}/x?y=1 HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\n\r\n");
        let head = head_of(good.as_bytes()).unwrap();
        let site = site().unwrap();
        let Ok((_, target)) = site.admit(&head) else { panic!("it is refused") };
        assert_eq!(target.to_string(), format!("{BASE}/x?y=1"));
        local_request(good.as_bytes());
    }
}
