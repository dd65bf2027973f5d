//! The one place that requests may go to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::Uri;
use http::header::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme};

/// An upstream: scheme, host, port and an optional base path that is put before each request's path.
///
/// Fixed by configuration; nothing a client sends can change scheme, host or port (RFC 9110 §4.2), and with a base
/// path no client climbs out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    secure: bool,
    host: String,
    port: u16,
    base: String,
}

/// Why an upstream cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError(String);

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UpstreamError {}

impl FromStr for Upstream {
    type Err = UpstreamError;

    /// Reads `https://host[:port][/base]`.
    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        // The text itself is not quoted: where it holds a password, it must not reach a log.
        let wrong =
            |what: &str| UpstreamError(format!("the upstream {what}; write https://host[:port][/base]"));
        if text.contains(['?', '#']) {
            return Err(wrong("has a query or fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("is not an http or https URL")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user name in it"));
        }
        if authority.host().is_empty() {
            return Err(wrong("has no host"));
        }
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, digits)) if !digits.ends_with(']') => {
                digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| wrong("has no usable port"))?
            }
            _ if secure => 443,
            _ => 80,
        };
        let base = uri.path().trim_end_matches('/').to_owned();
        if climbs(&base) {
            return Err(wrong("has .. in its path"));
        }
        Ok(Self { secure, host: authority.host().to_ascii_lowercase(), port, base })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.base)
    }
}

impl Upstream {
    /// True for https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// True where tokens would cross a network in the clear (RFC 6750 §5.3 forbids that): worth a warning.
    pub fn exposes_tokens(&self) -> bool {
        !self.secure && !self.is_loopback()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether this is the address itself, as far as can be told without asking for names.
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        let same_host = match self.ip() {
            Some(ip) => ip == address.ip(),
            None => self.host == "localhost" && address.ip().is_loopback(),
        };
        same_host && self.port == address.port()
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.bare_host().parse().ok()
    }

    /// The host without the brackets of an IPv6 address.
    pub fn bare_host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port, that of the scheme where none was named.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The target in absolute form, as HTTP/2 wants it for `:scheme` and `:authority`.
    pub(crate) fn absolute(&self, target: &Uri) -> Uri {
        let mut parts = target.clone().into_parts();
        parts.scheme = Some(if self.secure { Scheme::HTTPS } else { Scheme::HTTP });
        // What was parsed is an authority; without one the library refuses the request.
        parts.authority = Authority::from_maybe_shared(self.authority().into_bytes()).ok();
        Uri::from_parts(parts).unwrap_or_else(|_| target.clone())
    }

    /// `host` or `host:port`, as it stands in `Host`.
    pub(crate) fn authority(&self) -> String {
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// `scheme://host[:port]`.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Whether a request to this origin and path is one to here: the origin is the same, and no reader of the path finds it
    /// outside of the base path.
    #[cfg(feature = "tower")]
    pub(crate) fn takes(&self, origin: &str, path: &str) -> bool {
        let below =
            path.strip_prefix(&self.base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.origin() == origin && (self.base.is_empty() || below && !climbs(path))
    }

    /// The value of `Host`. An authority that was parsed is a valid one.
    pub(crate) fn host_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.authority()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The request target at the upstream for a client's origin-form target; `None` when it would leave the base path.
    pub(crate) fn join(&self, target: &PathAndQuery) -> Option<Uri> {
        if self.base.is_empty() {
            return Some(Uri::from(target.clone()));
        }
        if !target.path().starts_with('/') || climbs(target.path()) {
            return None;
        }
        let joined = format!("{}{}", self.base, target.as_str());
        PathAndQuery::from_maybe_shared(joined.into_bytes()).ok().map(Uri::from)
    }
}

/// Readers one behind the other who each decode a path, beyond the first: more are not known to anybody.
const DECODED_MAX: usize = 3;

/// Whether some reader of this path could go up a level: `..` between separators, each in any of its spellings.
pub(crate) fn climbs(path: &str) -> bool {
    // Nearly every path, at the cost of a look.
    if !path.contains("..") && !path.contains('%') {
        return false;
    }
    let mut plain = path.to_ascii_lowercase();
    // Where one reader hands it to another, each may decode it once more.
    for _ in 0..DECODED_MAX {
        plain = plain.replace("%25", "%");
    }
    let plain = plain
        .replace("%00", "")
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%3b", ";")
        .replace("%5c", "/")
        .replace('\\', "/");
    plain.split('/').any(|segment| segment == ".." || segment.starts_with("..;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> Upstream {
        text.parse().unwrap()
    }

    fn joined(base: &str, target: &str) -> Option<String> {
        upstream(base).join(&target.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn the_base_path_is_put_before_the_path_and_the_query_is_kept() {
        for (base, target, expect) in [
            ("https://a.test", "/x?y=1&z", "/x?y=1&z"),
            ("https://a.test/", "//x//", "//x//"),
            ("https://a.test/v1", "/x%2Fy?q=%20", "/v1/x%2Fy?q=%20"),
            ("https://a.test/v1/", "/", "/v1/"),
        ] {
            assert_eq!(joined(base, target).as_deref(), Some(expect), "{base} {target}");
        }
    }

    #[test]
    fn no_spelling_of_two_dots_climbs_out_of_a_base_path() {
        for target in [
            "/../x",
            "/a/../../x",
            "/..",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2f..%2fx",
            "/..%5cx",
            "/..\\x",
            "/..;/x",
            "/..%3Bv=1/x",
            "/..%00/x",
            "/%252e%252e/x",
            "/a%252f..%25252Fx",
        ] {
            assert_eq!(joined("https://a.test/v1", target), None, "{target}");
        }
        assert_eq!(
            joined("https://a.test", "/a/../x").as_deref(),
            Some("/a/../x"),
            "nothing to climb out of"
        );
        assert_eq!(joined("https://a.test/v1", "/a..b/...").as_deref(), Some("/v1/a..b/..."));
    }

    #[test]
    fn host_and_port_are_read_and_the_default_port_is_not_written() {
        for (text, host, port, authority) in [
            ("https://API.test", "api.test", 443, "api.test"),
            ("https://a.test:443/x", "a.test", 443, "a.test"),
            ("http://127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"),
            ("http://[::1]:99", "::1", 99, "[::1]:99"),
            ("https://[2001:db8::1]", "2001:db8::1", 443, "[2001:db8::1]"),
        ] {
            let upstream = upstream(text);
            assert_eq!((upstream.bare_host(), upstream.port()), (host, port));
            assert_eq!(upstream.authority(), authority);
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_the_reason_and_without_quoting_it() {
        for (text, why) in [
            ("", "is not a URL"),
            ("a.test", "is not an http or https URL"),
            ("/x", "is not an http or https URL"),
            ("ftp://a.test", "is not an http or https URL"),
            ("https://user:hunter2@a.test", "user name"),
            ("https://a.test?x", "query or fragment"),
            ("https://a.test/#x", "query or fragment"),
            ("https://a.test:0", "port"),
            ("https://a.test:99999", "port"),
            ("https://a.test:", "port"),
            ("https://a.test/x/../y", ".."),
        ] {
            let error = text.parse::<Upstream>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn plain_http_beyond_loopback_is_noticed() {
        for (text, exposes) in [
            ("http://a.test", true),
            ("http://10.0.0.1", true),
            ("https://a.test", false),
            ("http://localhost:1", false),
            ("http://127.9.9.9:1", false),
            ("http://[::1]:1", false),
        ] {
            assert_eq!(upstream(text).exposes_tokens(), exposes, "{text}");
        }
    }
}
