//! Addresses: endpoints that are filled in, documentation, and hosts that a provider has to itself.

use std::net::{IpAddr, Ipv6Addr};

use crate::keys::UrlUse;

/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// Longest host name, in bytes (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// Longest label of one, in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// Checks an address.
///
/// # Errors
/// Half a sentence for people. It repeats nothing of the text: there could be a password in it.
pub(crate) fn url(text: &str, usage: UrlUse) -> Result<(), String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("is longer than {URL_BYTES_MAX} bytes"));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("holds a space, a control character or a letter outside ASCII".into());
    }
    let filled = if usage == UrlUse::Documentation { text.to_owned() } else { filled(text)? };
    let (secure, rest) = match (filled.strip_prefix("https://"), filled.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err("does not begin with https://".into()),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("holds a user name or password; secrets never stand in a URL".into());
    }
    let host = host_of(authority)?;
    // A template in the host could be filled in with anything: then only https keeps a token from strangers.
    let fixed = text.contains(authority);
    if !secure && usage != UrlUse::Documentation && !(fixed && is_loopback(host)) {
        return Err("is plain http to another machine; tokens go over https only (RFC 6749 §3.2)".into());
    }
    if usage != UrlUse::Documentation && path.contains('#') {
        return Err("holds a fragment (#…); an endpoint has none (RFC 6749 §3.2)".into());
    }
    if usage == UrlUse::Issuer && path.contains('?') {
        return Err("holds a query; an issuer has none (RFC 8414 §2)".into());
    }
    Ok(())
}

/// With a digit in place of each `{name}`: that may stand in a host, a port and a path.
fn filled(text: &str) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        let name = from.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((_, after)) = name.filter(|(name, _)| is_template_name(name)) else {
            return Err("has braces that hold no name: write {name}, lower-case letters, digits and _".into());
        };
        filled.push_str(before);
        filled.push('1');
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_template_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The host of an authority without user information.
fn host_of(authority: &str) -> Result<&str, String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (inner, port) = inside.split_once(']').ok_or("has an unclosed [ in its host")?;
            if inner.parse::<Ipv6Addr>().is_err() {
                return Err("has no IPv6 address between [ and ]".into());
            }
            (inner, port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            if host.is_empty() {
                return Err("names no host".into());
            }
            if !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
                return Err("has a host with characters that no host name has".into());
            }
            (host, port)
        }
    };
    let digits = |d: &str| d.bytes().all(|b| b.is_ascii_digit()) && d.parse::<u16>().is_ok_and(|p| p > 0);
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some(port) if digits(port) => Ok(host),
        Some(_) => Err("has a port that is no number from 1 to 65535".into()),
        None => Err("has something behind its host".into()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Checks a host that selects a profile: `accounts.example.com`, `*.example.com`, `127.0.0.1`, `[::1]`.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn host(text: &str) -> Result<(), String> {
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return match inner.parse::<Ipv6Addr>() {
            Ok(ip) if ip.to_string() == inner => Ok(()),
            Ok(ip) => Err(format!("is not written as URLs write it: [{ip}]")),
            Err(_) => Err("has no IPv6 address between [ and ]".into()),
        };
    }
    let below = text.strip_prefix("*.");
    let name = below.unwrap_or(text);
    if name.contains(['/', ':', '@']) {
        return Err("is a URL or has a port; a host stands alone: accounts.example.com".into());
    }
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("has upper-case letters; hosts are written in lower case".into());
    }
    if name.contains('*') {
        return Err(
            "has a * elsewhere than in front: *.example.com is for what lies below example.com".into()
        );
    }
    let label = |l: &str| {
        (1..=LABEL_BYTES_MAX).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    if name.len() > HOST_BYTES_MAX || !name.split('.').all(label) {
        return Err("is no host name like accounts.example.com or *.example.com".into());
    }
    if below.is_some() && (!name.contains('.') || name.parse::<IpAddr>().is_ok()) {
        return Err("would claim too much: below * stand at least two names, as in *.example.com".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_be_a_template() {
        for good in [
            "https://as.example/token",
            "https://{shop}.as.example/oauth/{api_version}/token?x=1",
            "https://{host}:{port}/realms/{realm}/token",
            "http://localhost:8080/{realm}",
            "http://127.0.0.1/token",
            "http://[::1]:8080/token",
        ] {
            assert_eq!(url(good, UrlUse::Endpoint), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_no_token_may_go_to_is_refused_with_the_reason() {
        for (bad, why) in [
            ("", "https://"),
            ("as.example/token", "https://"),
            ("{issuer}/token", "https://"),
            ("HTTPS://as.example", "https://"),
            ("http://as.example/token", "https only"),
            ("http://{host}/token", "https only"),
            ("http://127.0.0.{x}/token", "https only"),
            ("http://127.0.0.1.evil.example/", "https only"),
            ("https://user:pw@as.example/", "user name"),
            ("https://as.example/#x", "fragment"),
            ("https://as.example/a b", "space"),
            ("https:///token", "no host"),
            ("https://as.example:0/", "port"),
            ("https://[::1/", "unclosed"),
            ("https://{}/", "braces"),
            ("https://{Shop}/", "braces"),
            ("https://{shop/", "braces"),
            ("https://shop}/", "braces"),
            ("https://{a{b}}/", "braces"),
        ] {
            let why_not = url(bad, UrlUse::Endpoint).unwrap_err();
            assert!(why_not.contains(why), "{bad}: {why_not}");
            assert!(!why_not.contains("pw"), "{why_not}");
        }
        assert!(url(&format!("https://a/{}", "x".repeat(3000)), UrlUse::Endpoint).is_err());
        assert!(url("https://as.example/?tenant=1", UrlUse::Issuer).unwrap_err().contains("query"));
    }

    #[test]
    fn documentation_may_have_a_fragment_and_is_no_template() {
        assert_eq!(url("https://docs.example/oauth#refresh?x", UrlUse::Documentation), Ok(()));
        assert_eq!(url("http://docs.example/", UrlUse::Documentation), Ok(()));
        assert!(url("docs.example", UrlUse::Documentation).is_err());
    }

    #[test]
    fn hosts_are_names_and_what_lies_below_them() {
        for good in ["as.example", "*.as.example", "localhost", "127.0.0.1", "[::1]", "xn--bcher-kva.example"]
        {
            assert_eq!(host(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "*",
            "*.",
            "*.com",
            "*.0.0.1.2.",
            "*.127.0.0.1",
            "a.*.example",
            "*as.example",
            "As.example",
            "as.example:443",
            "https://as.example",
            "a..b",
            ".a",
            "a.",
            "-a.b",
            "a b",
            "u@h",
            "[::0:1]",
            "[x]",
            "ü.example",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
