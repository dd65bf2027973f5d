//! Which addresses a secret may be sent to.

use std::net::IpAddr;

use ureq::http::Uri;
use ureq::http::uri::{Authority, Scheme};

use crate::options::ConfigurationError;

/// The longest URL that is accepted, in bytes.
const URL_MAX_BYTES: usize = 8 * 1024;

/// An address that may be used.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    /// `https`.
    pub(crate) tls: bool,
    /// Plain HTTP to this machine: never through a proxy, which would be another machine.
    pub(crate) local: bool,
    /// Host and port for messages; the path and query stay out of them.
    pub(crate) shown: String,
}

/// Reads a token endpoint's URL. RFC 6749 §3.2 demands TLS; loopback is the exception, since nothing travels.
// rfc: 6749-10.3 6749-10.4 6749-10.8 tokens and secrets travel over TLS only; plain http is for this machine
pub(crate) fn read(url: &str, allow_insecure_http: bool) -> Result<Target, ConfigurationError> {
    read_as("the token endpoint", url, allow_insecure_http)
}

/// Reads a URL that messages call `what`.
pub(crate) fn read_as(
    what: &str,
    url: &str,
    allow_insecure_http: bool,
) -> Result<Target, ConfigurationError> {
    if url.len() > URL_MAX_BYTES {
        return Err(ConfigurationError::new(format!("{what}'s URL is longer than {URL_MAX_BYTES} bytes")));
    }
    let uri: Uri = url.parse().map_err(|e| {
        ConfigurationError::new(format!("{what} is no URL ({e}); write https://HOST/PATH in ASCII"))
    })?;
    let Some(authority) = uri.authority().filter(|a| !a.host().is_empty()) else {
        return Err(ConfigurationError::new(format!("{what} names no host; write https://HOST/PATH")));
    };
    if authority.as_str().contains('@') {
        return Err(ConfigurationError::new(format!(
            "{what}'s URL holds a user or password; configure the client's credentials instead"
        )));
    }
    if has_bad_port(authority) {
        return Err(ConfigurationError::new(format!("{authority}: {what}'s port is no number up to 65535")));
    }
    let shown = authority.as_str().to_owned();
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        _ => {
            let text = format!("{shown}: {what}'s URL must begin with https://");
            return Err(ConfigurationError::new(text));
        }
    };
    let local = !tls && is_loopback(bare_host(&uri));
    if !tls && !local && !allow_insecure_http {
        let text = format!("{shown}: plain http:// would show tokens to the network; use https://");
        return Err(ConfigurationError::new(text));
    }
    // rfc: 6749-3.2-3 the address is used as it stands, with its query
    Ok(Target { uri, tls, local, shown })
}

/// The host without the brackets of an IPv6 literal.
pub(crate) fn bare_host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

/// The port, or the scheme's.
pub(crate) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 })
}

/// Whether something stands where the port should and is none. The HTTP library would take the scheme's instead.
pub(crate) fn has_bad_port(authority: &Authority) -> bool {
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    host_and_port != authority.host() && authority.port_u16().is_none()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    // rfc-test: 6749-10.3 6749-10.4 6749-10.8
    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in ["http://127.0.0.1:8/t", "http://127.9.9.9/t", "http://[::1]:8/t", "http://LocalHost/t"] {
            assert!(read(url, false).unwrap().local, "{url}");
        }
        for url in
            ["http://as.example/t", "http://127.0.0.1.example/t", "http://127.1/t", "http://10.0.0.1/t"]
        {
            assert!(read(url, false).unwrap_err().to_string().contains("plain http://"), "{url}");
            assert!(!read(url, true).unwrap().local, "{url}");
        }
        assert!(!read("https://127.0.0.1/t", false).unwrap().local);
    }

    #[test]
    fn a_url_that_cannot_be_a_token_endpoint_says_why() {
        for (url, word) in [
            ("", "no URL"),
            ("/token", "no host"),
            ("ftp://as.example/t", "https://"),
            ("https://as.example:99999/t", "port"),
            ("as.example/t", "no URL"),
            ("https://user:canary@as.example/t", "credentials"),
            ("https://bücher.example/t", "ASCII"),
        ] {
            let message = read(url, false).unwrap_err().to_string();
            assert!(message.contains(word), "{url}: {message}");
            assert!(!message.contains("canary"));
        }
        assert!(read(&format!("https://a/{}", "x".repeat(URL_MAX_BYTES)), false).is_err());
    }

    #[test]
    fn what_is_shown_is_host_and_port_only() {
        assert_eq!(read("https://as.example:8443/t?secret=1", false).unwrap().shown, "as.example:8443");
    }
}
