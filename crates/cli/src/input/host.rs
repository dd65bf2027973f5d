//! The servers to which a helper gives a credential's token, by host.
//!
//! A token that goes to a foreign server is lost to it, so that a host is compared whole, port included, and one that is
//! incomplete or strange is nobody's: neither a part of a name nor a wildcard ever matches.

use std::fmt;
use std::str::FromStr;

use super::url::{host_and_port, is_loopback};

/// Longest text of one: no host name is longer (RFC 1035 §2.3.4), and the brackets, the colon and the port beside it.
const HOST_BYTES_MAX: usize = 253 + 8;

/// What goes without saying in `https`.
const HTTPS_PORT: u16 = 443;

/// A host and its port: `git.example`, `git.example:8443`, `[::1]:3000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// The host without its port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server that a client names by scheme and host; none where a token must not go there: over plain `http` to
    /// another machine, or by a protocol that is none of ours.
    pub(crate) fn of_server(scheme: &str, host: &str) -> Option<Self> {
        let host: Self = host.parse().ok()?;
        match scheme {
            "https" => Some(host),
            // Port 80 goes without saying there, and is written so that it is not taken for https.
            "http" if is_loopback(&host.name) => Some(Self { port: host.port.or(Some(80)), ..host }),
            _ => None,
        }
    }

    /// The host of a URL, or of a server that is named without a scheme, as registries are.
    pub(crate) fn of_url(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let host = rest.split(['/', '?', '#']).next()?;
        match scheme {
            // Whoever leaves it out means https, but on this machine.
            "" => Self::of_server("https", host),
            scheme => Self::of_server(&scheme.to_ascii_lowercase(), host),
        }
    }
}

impl FromStr for Host {
    type Err = String;

    /// # Errors
    /// Half a sentence for people, which does not repeat it.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > HOST_BYTES_MAX {
            return Err(format!("holds a host of more than {HOST_BYTES_MAX} bytes"));
        }
        if text.contains("://") || text.contains(['/', '@', '*']) {
            return Err(
                "holds what is no host: write git.example or git.example:8443, without a scheme, a user, \
                        a path or *"
                    .into(),
            );
        }
        let (name, port) = host_and_port(text)?;
        Ok(Self { name, port: port.filter(|port| *port != HTTPS_PORT) })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_whole_in_one_case_and_without_the_port_that_goes_without_saying() {
        let host = |text: &str| text.parse::<Host>().unwrap();
        assert_eq!(host("Git.Example"), host("git.example:443"));
        assert_ne!(host("git.example"), host("git.example:8443"));
        assert_ne!(host("git.example"), host("xgit.example"));
        for text in ["git.example", "git.example:8443", "[::1]:3000", "127.0.0.1:80"] {
            assert_eq!(host(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_what_one_looks_like() {
        for (text, why) in [
            ("", "names no host"),
            (":443", "names no host"),
            ("https://git.example", "without a scheme"),
            ("git.example/group", "a path"),
            ("alice@git.example", "a user"),
            ("*.example", "*"),
            ("git.example:0", "port"),
            ("git.example:", "port"),
            ("git.example\r", "characters"),
            ("g\u{456}t.example", "characters"),
            ("[::1", "unclosed"),
        ] {
            let error = text.parse::<Host>().unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
        assert!("x".repeat(HOST_BYTES_MAX + 1).parse::<Host>().is_err());
    }

    #[test]
    fn a_token_goes_over_https_or_stays_on_this_machine() {
        let at = |scheme, host| Host::of_server(scheme, host).map(|host| host.to_string());
        assert_eq!(at("https", "git.example").as_deref(), Some("git.example"));
        assert_eq!(at("http", "127.0.0.1:3000").as_deref(), Some("127.0.0.1:3000"));
        assert_eq!(at("http", "localhost").as_deref(), Some("localhost:80"));
        for (scheme, host) in [
            ("http", "git.example"),
            ("ssh", "git.example"),
            ("", "git.example"),
            ("https", ""),
            ("HTTPS", "a"),
        ] {
            assert_eq!(at(scheme, host), None, "{scheme} {host}");
        }
    }

    #[test]
    fn a_registry_is_known_with_and_without_a_scheme() {
        for text in ["ghcr.example", "https://ghcr.example", "https://GHCR.example/v2/", "ghcr.example:443"] {
            assert_eq!(Host::of_url(text).unwrap().to_string(), "ghcr.example", "{text}");
        }
        for text in ["", "http://ghcr.example", "https://", "oci://ghcr.example", "a b"] {
            assert_eq!(Host::of_url(text), None, "{text:?}");
        }
    }
}
