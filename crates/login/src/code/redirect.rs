//! Where the server sends the browser with the code (RFC 8252 §7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use renewd_core::plain_line;

use crate::error::{LoginError, LoginErrorKind};
use crate::protocol::{Address, HostKind};

/// The path where nothing else is said.
const PATH: &str = "/callback";
/// The longest redirect address.
const REDIRECT_MAX_BYTES: usize = 2048;

/// A redirect address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Loopback(Loopback),
    /// Not ours to listen on: a page of somebody's, or a scheme of another program. The person pastes what the browser
    /// ends at.
    Elsewhere(String),
}

/// A listener's address on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loopback {
    /// As it is written in the redirect address.
    host: Host,
    /// None: whatever is free.
    port: Option<u16>,
    /// As it is written: servers compare redirect addresses as texts, and `http://localhost` is not
    /// `http://localhost/`.
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    V4,
    V6,
    /// Only where a provider takes nothing else: a name may resolve to another machine (RFC 8252 §8.3).
    Name,
}

impl Default for Redirect {
    /// `http://127.0.0.1:PORT/callback`, with a port that is free.
    fn default() -> Self {
        // rfc: 8252-7.3 loopback redirect uses the IP literal
        Self(Kind::Loopback(Loopback { host: Host::V4, port: None, path: PATH.into() }))
    }
}

impl Redirect {
    /// Reads one as a user or a registration writes it. A loopback address without a port gets one that is free.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, LoginError> {
        if text.len() > REDIRECT_MAX_BYTES {
            return Err(mistaken(text, "it is too long"));
        }
        match text.split_once(':') {
            Some(("http" | "https", _)) => Self::read_web(text),
            // RFC 8252 §7.1: a scheme of the app's own has a dot, and nothing that a shell or a terminal would obey.
            Some((scheme, rest)) if is_scheme(scheme) && is_plain(rest) && !rest.is_empty() => {
                if ["javascript", "data", "file", "vbscript", "blob", "about"]
                    .iter()
                    .any(|bad| scheme.eq_ignore_ascii_case(bad))
                {
                    return Err(mistaken(text, "this scheme runs or opens something"));
                }
                Ok(Self(Kind::Elsewhere(text.to_owned())))
            }
            _ => Err(mistaken(text, "write http://127.0.0.1/PATH, or the address that is registered")),
        }
    }

    fn read_web(text: &str) -> Result<Self, LoginError> {
        // rfc: 9700-2.6 an answer comes over https or stays on this machine
        let address = Address::parse(text).map_err(|e| LoginError::mistaken("the redirect address", &e))?;
        if address.is_https() || address.host_kind() != HostKind::Loopback {
            return Ok(Self(Kind::Elsewhere(text.to_owned())));
        }
        if address.query().is_some() {
            return Err(mistaken(text, "a listener's address has no query"));
        }
        let host = match address.host().parse() {
            Ok(IpAddr::V4(ip)) if ip == Ipv4Addr::LOCALHOST => Host::V4,
            Ok(IpAddr::V6(ip)) if ip == Ipv6Addr::LOCALHOST => Host::V6,
            Err(_) if address.host() == "localhost" => Host::Name,
            _ => return Err(mistaken(text, "listen on 127.0.0.1, [::1] or localhost")),
        };
        let written = address.origin().rsplit_once(':').is_some_and(|(_, tail)| tail.parse::<u16>().is_ok());
        let port = written.then(|| address.port());
        Ok(Self(Kind::Loopback(Loopback { host, port, path: address.path().to_owned() })))
    }

    /// What to register at the provider: the address without a port where any will do (RFC 8252 §7.3).
    pub fn registered(&self) -> String {
        match &self.0 {
            Kind::Loopback(loopback) => loopback.uri(loopback.port),
            Kind::Elsewhere(text) => text.clone(),
        }
    }

    /// Whether a listener of ours can take it.
    pub fn is_loopback(&self) -> bool {
        matches!(self.0, Kind::Loopback(_))
    }

    pub(crate) fn loopback(&self) -> Option<&Loopback> {
        match &self.0 {
            Kind::Loopback(loopback) => Some(loopback),
            Kind::Elsewhere(_) => None,
        }
    }
}

impl Loopback {
    /// The addresses to listen on; the second must take the port of the first.
    pub(crate) fn addresses(&self) -> &'static [IpAddr] {
        const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
        const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
        match self.host {
            Host::V4 => &[V4],
            Host::V6 => &[V6],
            Host::Name => &[V4, V6],
        }
    }

    /// Whether the name may be only one of the two families: a machine without IPv6 still has `localhost`.
    pub(crate) fn one_is_enough(&self) -> bool {
        self.host == Host::Name
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path that a browser then asks for.
    pub(crate) fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The redirect address with this port.
    pub(crate) fn uri(&self, port: Option<u16>) -> String {
        let host = match self.host {
            Host::V4 => "127.0.0.1",
            Host::V6 => "[::1]",
            Host::Name => "localhost",
        };
        match port {
            Some(port) => format!("http://{host}:{port}{}", self.path),
            None => format!("http://{host}{}", self.path),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b))
}

fn mistaken(text: &str, why: &str) -> LoginError {
    let shown = plain_line(text, 120);
    LoginError::new(LoginErrorKind::Configuration, format!("{shown} cannot be a redirect address: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // rfc-test: 8252-7.3
    #[test]
    fn the_usual_redirect_is_an_address_literal_with_any_port() {
        let usual = Redirect::default();
        assert_eq!(usual.registered(), "http://127.0.0.1/callback");
        let loopback = usual.loopback().unwrap();
        assert_eq!((loopback.port(), loopback.addresses().len()), (None, 1));
        assert_eq!(loopback.uri(Some(8)), "http://127.0.0.1:8/callback");
    }

    #[test]
    fn a_registered_redirect_keeps_its_host_port_and_path() {
        for (text, port, path, listens) in [
            ("http://127.0.0.1:8400/cb", Some(8400), "/cb", 1),
            ("http://localhost", None, "/", 2),
            ("http://localhost:80/x/y", Some(80), "/x/y", 2),
            ("http://[::1]:9/", Some(9), "/", 1),
            ("http://[::1]/", None, "/", 1),
        ] {
            let redirect = Redirect::parse(text).unwrap();
            let loopback = redirect.loopback().unwrap();
            assert_eq!(
                (loopback.port(), loopback.path(), loopback.addresses().len()),
                (port, path, listens),
                "{text}"
            );
        }
    }

    #[test]
    fn a_redirect_is_sent_as_it_was_registered() {
        for text in ["http://localhost", "http://localhost/", "http://127.0.0.1:8400", "http://[::1]/cb"] {
            let redirect = Redirect::parse(text).unwrap();
            assert_eq!(redirect.registered(), text);
            let with_port = redirect.loopback().unwrap().uri(Some(8400));
            assert_eq!(with_port.ends_with('/'), text.ends_with('/'), "{with_port}");
        }
    }

    #[test]
    fn what_nothing_here_can_listen_on_is_pasted() {
        for text in [
            "https://app.example/cb",
            "com.example.app:/cb",
            "https://127.0.0.1/cb",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            let redirect = Redirect::parse(text).unwrap();
            assert!(!redirect.is_loopback());
            assert_eq!(redirect.registered(), text);
        }
    }

    // rfc-test: 9700-2.6
    #[test]
    fn what_can_be_no_redirect_says_why() {
        for text in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "file:///etc/passwd",
            "http://192.168.0.1/cb",
            "http://as.example/cb",
            "http://127.0.0.9/cb",
            "http://127.0.0.1/cb?a=b",
            "x",
            "app:$(reboot) &",
            "",
        ] {
            let error = Redirect::parse(text).unwrap_err();
            assert_eq!(error.kind(), LoginErrorKind::Configuration, "{text}");
        }
    }
}
