//! Addresses that were checked.
//!
//! Whatever a login sends goes to an [`Address`], and nothing else makes one than the reader here: a text out of a
//! document, a header or a command line that is no https address never gets as far as a socket or a browser.

mod host;
mod well_known;

use core::fmt;

pub use host::{HostKind, is_public};
pub use well_known::{authorization_server_addresses, protected_resource_addresses};

use super::refusal::{Reason, Refusal};

/// Browsers, proxies and servers agree on about so much.
pub const ADDRESS_MAX_BYTES: usize = 2048;

/// What an address may be made of (RFC 3986 §2): the rest, `"` and `` ` `` and `\` and blanks among it, must be
/// percent-encoded. A shell and a terminal find nothing in it that they would obey in quotes.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// The address of an endpoint: https, or http to this machine; a host, no user, no fragment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// As it was written: issuers are compared so.
    text: String,
    host: String,
    port: u16,
    kind: HostKind,
    /// Where the authority ends.
    path_at: usize,
    /// Where the `?` stands, or the end.
    query_at: usize,
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    /// Says what is wrong with it; `at` is `address`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let fail = |reason| Err(Refusal::new(reason, "address").found(text));
        if text.len() > ADDRESS_MAX_BYTES {
            return fail(Reason::TooLong);
        }
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return fail(if has_scheme(text) { Reason::Scheme } else { Reason::NotAnAddress }),
        };
        if !text.bytes().all(is_allowed) || !escapes_are_whole(text) {
            return fail(Reason::Character);
        }
        if text.contains('#') {
            return fail(Reason::Fragment);
        }
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        if authority.contains('@') {
            return fail(Reason::UserInfo);
        }
        let (host, port) = split_port(authority);
        let port = match port {
            None => default_port(secure),
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
                _ => return fail(Reason::Port),
            },
        };
        let Some((host, kind)) = host::read(host) else { return fail(Reason::Host) };
        // rfc: 8628-3.1-3 9700-2.6 plain http goes to this machine alone
        if !secure && kind != HostKind::Loopback {
            return fail(Reason::Scheme);
        }
        let path_at = text.len() - rest.len() + authority.len();
        let query_at = text.find('?').unwrap_or(text.len());
        Ok(Self { text: text.to_owned(), host, port, kind, path_at, query_at })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host in lower case; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, the scheme's own where none is written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https`; else it is `http` to this machine.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Scheme, host and port, as they were written.
    pub fn origin(&self) -> &str {
        &self.text[..self.path_at]
    }

    /// Its path; empty where there is none.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..self.query_at]
    }

    /// What stands after the `?`.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.query_at + 1..)
    }

    /// What is known of its host without asking anybody.
    pub const fn host_kind(&self) -> HostKind {
        self.kind
    }

    /// Same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.is_https() == other.is_https() && self.host == other.host && self.port == other.port
    }

    /// Whether this server may send us there: a public one not to private hosts nor to this machine, a private one not
    /// to this machine. To itself always. What a name resolves to is judged when it is connected to ([`is_public`]).
    pub fn may_lead_to(&self, other: &Self) -> bool {
        other.host == self.host || other.kind >= self.kind
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({})", self.text)
    }
}

/// An issuer (RFC 8414 §2): an address without a query, known by its exact spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(Address);

impl Issuer {
    /// Reads one.
    ///
    /// # Errors
    /// As [`Address::parse`], and where there is a query.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let address = Address::parse(text).map_err(|refusal| refusal.in_member("issuer"))?;
        if address.query().is_some() {
            return Err(Refusal::new(Reason::Query, "issuer").found(text));
        }
        Ok(Self(address))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As an address.
    pub const fn address(&self) -> &Address {
        &self.0
    }

    /// Whether a server that calls itself so is this one: code point by code point, without any normalisation.
    pub fn is(&self, named: &str) -> bool {
        // rfc: 8414-4 issuers are compared code point by code point
        self.as_str() == named
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// `scheme:` of RFC 3986 §3.1, so that `javascript:` and a mistyped word get different sentences.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// Each `%` with two hexadecimal digits, and no control character behind it: they are decoded by somebody later.
fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        digits
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .is_some_and(|byte| !byte.is_ascii_control())
    })
}

/// The host, and the digits after its last colon.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let from = authority.rfind(']').unwrap_or(0);
    match authority[from..].rfind(':') {
        Some(colon) => (&authority[..from + colon], Some(&authority[from + colon + 1..])),
        None => (authority, None),
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

#[cfg(test)]
mod tests;
