//! Only programs of this machine may ask, and no web page (threats: DNS rebinding, cross-site requests).
//!
//! A page on the web can make a browser send requests to loopback. Two things give it away: after rebinding, the
//! `Host` it was loaded from; otherwise the `Origin` or `Sec-Fetch-Site` that the browser adds and a page cannot
//! change.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::StatusCode;
use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request that is not served, and what to answer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// Why, for people. It names nothing that the asker did not say itself.
    pub reason: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

/// Passes a request whose fields show that a program of this machine, or a page of this very server, sent it. Serves
/// every loopback listener, not only proxies.
///
/// # Errors
/// The answer to give: 400 without exactly one `Host` (RFC 9112 §3.2), 403 for a `Host` that is not loopback, a
/// foreign `Origin`, or a browser's request from another site.
pub fn local_requests_only(headers: &HeaderMap) -> Result<(), Refusal> {
    let bad_host = Refusal::new(StatusCode::BAD_REQUEST, "exactly one Host header is needed");
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(bad_host) };
    let host = host.to_str().map_err(|_| bad_host)?;
    if !is_loopback(host) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "only loopback names are served: localhost, 127.0.0.1, [::1]",
        ));
    }
    let own = |value: &str| value.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host));
    if !headers.get_all(ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(own)) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "requests of web pages from elsewhere are not served",
        ));
    }
    let same_site = |value: &str| matches!(value, "same-origin" | "none");
    if !headers.get_all(SEC_FETCH_SITE).iter().all(|site| site.to_str().is_ok_and(same_site)) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "cross-site requests of a browser are not served"));
    }
    Ok(())
}

/// `localhost`, any of 127.0.0.0/8, or `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| {
        port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) || port.parse::<u16>().is_err()
    }) {
        return false;
    }
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(lines: &[(&'static str, &'static str)]) -> Result<(), u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        local_requests_only(&headers).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn only_loopback_hosts_are_served_on_any_port() {
        for host in [
            "localhost",
            "LocalHost:1",
            "127.0.0.1",
            "127.255.3.4:65535",
            "[::1]",
            "[::1]:8787",
            "[0:0:0:0:0:0:0:1]",
        ] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "localhost.",
            "127.0.0.1.nip.io",
            "127.1",
            "0.0.0.0",
            "128.0.0.1",
            "[::]",
            "::1",
            "[::ffff:127.0.0.1]",
            "localhost:",
            "localhost:65536",
            "localhost:+1",
            "localhost:1:2",
            "user@localhost",
            "localhost/x",
            "2130706433",
            "0x7f.0.0.1",
        ] {
            assert_eq!(check(&[("host", host)]), Err(403), "{host}");
        }
    }

    #[test]
    fn without_exactly_one_host_a_request_is_malformed() {
        assert_eq!(check(&[]), Err(400));
        assert_eq!(check(&[("host", "localhost"), ("host", "localhost")]), Err(400));
    }

    #[test]
    fn pages_from_elsewhere_are_refused_and_the_servers_own_are_not() {
        let with = |name, value| check(&[("host", "localhost:8787"), (name, value)]);
        assert_eq!(with("origin", "http://localhost:8787"), Ok(()));
        for origin in
            ["http://localhost:3000", "https://localhost:8787", "http://evil.test", "null", "file://", ""]
        {
            assert_eq!(with("origin", origin), Err(403), "{origin}");
        }
        for (site, expect) in [
            ("same-origin", Ok(())),
            ("none", Ok(())),
            ("same-site", Err(403)),
            ("cross-site", Err(403)),
            ("", Err(403)),
        ] {
            assert_eq!(with("sec-fetch-site", site), expect, "{site}");
        }
    }
}
