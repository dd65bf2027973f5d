//! URLs that secrets are sent to.
//!
//! Only what is needed is accepted: RFC 6749 §3.2 wants TLS and forbids a fragment; a user name or password in a URL
//! would end up in logs. Plain `http` is for loopback alone, where tests and local servers live.

use std::fmt;
use std::net::IpAddr;

/// Longest URL, in bytes. Nothing longer is an endpoint; the limit keeps records and messages small.
const URL_BYTES_MAX: usize = 2048;

/// What a URL is for, which decides what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlUse {
    /// A token, revocation or issuer endpoint: TLS, or loopback.
    Endpoint,
    /// The API behind a local proxy: TLS, or loopback; no query.
    Upstream,
    /// A forward proxy on the way to the token endpoint: plain HTTP is usual there (TLS runs through it). A password
    /// for it does not stand in the configuration.
    ForwardProxy,
}

/// A URL that was checked. Scheme and host are lower-case and a port that goes without saying is left out, so that
/// equal places are equal texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    text: String,
}

impl Url {
    /// Checks and normalises.
    ///
    /// # Errors
    /// Half a sentence for people. It repeats nothing of the text: there could be a password in it.
    pub(crate) fn parse(text: &str, usage: UrlUse) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; it must be a URL like https://as.example/token".into());
        }
        if text.len() > URL_BYTES_MAX {
            return Err(format!("is longer than {URL_BYTES_MAX} bytes"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("holds a space, a control character or a letter outside ASCII".into());
        }
        if text.contains('#') {
            return Err("holds a fragment (#…); an endpoint has none (RFC 6749 §3.2)".into());
        }
        if text.contains(['{', '}']) {
            return Err(braces(text));
        }
        let (scheme, rest) = text.split_once("://").ok_or("is not a URL like https://as.example/token")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "https" && scheme != "http" {
            return Err("is neither https nor http".into());
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("holds a user name or password; secrets never stand in a URL".into());
        }
        let (host, port) = host_and_port(authority)?;
        if scheme == "http" && usage != UrlUse::ForwardProxy && !is_loopback(&host) {
            return Err("is plain http to another machine; tokens go over https only (RFC 6749 §3.2)".into());
        }
        if usage == UrlUse::Upstream && path.contains('?') {
            return Err("holds a query; an upstream has none".into());
        }
        if usage == UrlUse::ForwardProxy && !matches!(path, "" | "/") {
            return Err("holds a path; a forward proxy is SCHEME://HOST:PORT".into());
        }
        let usual = if scheme == "https" { 443 } else { 80 };
        let port = port.filter(|p| *p != usual).map(|p| format!(":{p}")).unwrap_or_default();
        let path = match (usage, path) {
            (UrlUse::ForwardProxy, _) => "",
            (_, "") => "/",
            (_, path) => path,
        };
        Ok(Self { text: format!("{scheme}://{host}{port}{path}") })
    }
}

/// What is wrong with a URL in braces: mostly a profile's template that was taken as it stands.
fn braces(text: &str) -> String {
    let part = text.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(part, _)| part);
    let name = |part: &&str| part.len() <= 32 && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match part.filter(name) {
        Some(part) => format!("holds {{{part}}}, which is to be filled in: put your own in its place"),
        None => "holds a brace, which no URL has (RFC 3986 §2)".into(),
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether two URLs name the same place.
pub(crate) fn same_place(a: &str, b: &str) -> bool {
    let normal = |t: &str| Url::parse(t, UrlUse::Endpoint);
    a == b || matches!((normal(a), normal(b)), (Ok(a), Ok(b)) if a == b)
}

pub(super) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.split_once(']').ok_or("has an unclosed [ in its host")?;
            if inner.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("has no IPv6 address between [ and ]".into());
            }
            (format!("[{}]", inner.to_ascii_lowercase()), after)
        }
        None => {
            let (host, after) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            if host.is_empty() {
                return Err("names no host".into());
            }
            if !host.bytes().all(good) {
                return Err("has a host with characters that no host name has".into());
            }
            (host.to_ascii_lowercase(), after)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        Some(digits) => match digits.parse::<u16>() {
            Ok(p) if p > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok((host, Some(p))),
            _ => Err("has a port that is no number from 1 to 65535".into()),
        },
        None => Err("has something behind its host".into()),
    }
}

/// As the transport and the proxy see it. Names below `localhost` are none: not every resolver keeps them here.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_places_are_equal_texts() {
        for (text, normal) in [
            ("HTTPS://AS.Example:443/Token", "https://as.example/Token"),
            ("https://as.example", "https://as.example/"),
            ("http://127.0.0.1:8080/t?x=1", "http://127.0.0.1:8080/t?x=1"),
            ("http://[::1]:80/t", "http://[::1]/t"),
            ("http://localhost/t", "http://localhost/t"),
        ] {
            assert_eq!(Url::parse(text, UrlUse::Endpoint).unwrap().to_string(), normal);
        }
        assert!(same_place("https://AS.example", "https://as.example/"));
        assert!(!same_place("https://as.example/a", "https://as.example/b"));
    }

    #[test]
    fn what_no_secret_may_be_sent_to_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "is empty"),
            ("as.example/token", "not a URL"),
            ("ftp://as.example/token", "neither https nor http"),
            ("http://as.example/token", "https only"),
            ("http://127.0.0.1.evil.example/token", "https only"),
            ("http://as.localhost/token", "https only"),
            ("https://user:pw@as.example/token", "user name or password"),
            ("https://as.example/token#x", "fragment"),
            ("https://as.example/to ken", "space"),
            ("https://as.example/\u{7f}", "control character"),
            ("https:///token", "names no host"),
            ("https://{host}/realms/{realm}", "holds {host}, which is to be filled in"),
            ("https://as.example/}{PW", "holds a brace"),
            ("https://as.example:0/", "no number from 1"),
            ("https://as.example:70000/", "no number from 1"),
            ("https://as.example:+80/", "no number from 1"),
            ("https://[::1/", "unclosed"),
            ("https://[zz]/", "no IPv6 address"),
            ("https://a%2f/", "no host name has"),
        ] {
            let error = Url::parse(text, UrlUse::Endpoint).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
        assert!(Url::parse(&format!("https://a/{}", "x".repeat(3000)), UrlUse::Endpoint).is_err());
        assert!(Url::parse("http://proxy.example/x", UrlUse::ForwardProxy).is_err());
        assert!(Url::parse("http://u:p@proxy.example", UrlUse::ForwardProxy).is_err());
        assert!(Url::parse("https://api.example/?a=b", UrlUse::Upstream).is_err());
    }
}
