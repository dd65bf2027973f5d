//! What a host is, as far as it shows: public, private, or this machine.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// DNS has no longer name (RFC 1035 §2.3.4).
const NAME_MAX_BYTES: usize = 253;
const LABEL_MAX_BYTES: usize = 63;

/// Names that the public DNS does not have: RFC 6762 (`local`), RFC 8375 (`home.arpa`), ICANN's `internal`, and what
/// routers and offices use.
const PRIVATE_SUFFIXES: [&str; 9] =
    ["internal", "local", "home.arpa", "lan", "home", "corp", "intranet", "private", "localdomain"];

/// Where a host lies; a greater one is more public.
#[expect(clippy::exhaustive_enums, reason = "an address is on this machine, in this network, or anywhere")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostKind {
    /// This machine.
    Loopback,
    /// A network that the public cannot reach.
    Private,
    /// Anything else: of a name it is not known before it is resolved.
    Public,
}

impl HostKind {
    /// Of an address to connect to. An IPv4 address in IPv6 clothes is what it wraps.
    pub fn of_ip(ip: IpAddr) -> Self {
        let ip = unwrapped(ip);
        if ip.is_loopback() {
            Self::Loopback
        } else if is_public(ip) {
            Self::Public
        } else {
            Self::Private
        }
    }

    /// Of a host name, by its ending alone.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let ends_in = |suffix: &str| {
            name.strip_suffix(suffix).is_some_and(|head| head.is_empty() || head.ends_with('.'))
        };
        if ends_in("localhost") {
            Self::Loopback
        } else if !name.contains('.') || PRIVATE_SUFFIXES.iter().any(|suffix| ends_in(suffix)) {
            Self::Private
        } else {
            Self::Public
        }
    }
}

/// Whether anybody on the internet could be reached there. Not: loopback, private networks (RFC 1918, RFC 4193),
/// carrier networks (RFC 6598), link-local addresses, where clouds answer with a machine's credentials
/// (169.254.169.254), and what is reserved (RFC 6890), also where IPv6 wraps it.
pub fn is_public(ip: IpAddr) -> bool {
    match unwrapped(ip) {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240 // reserved, and the broadcast address
        || (a == 100 && b & 0xc0 == 64) // RFC 6598
        || (a == 192 && b == 0 && c == 0) // RFC 6890
        || (a == 192 && b == 88 && c == 99) // RFC 7526
        || (a == 198 && b & 0xfe == 18)) // RFC 2544
}

const fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // Only 2000::/3 is given out to the public (RFC 4291 §2.4).
    first & 0xe000 == 0x2000
        && !(first == 0x2001 && second < 0x0200) // Teredo and other special uses (RFC 6890)
        && !(first == 0x2001 && second == 0x0db8) // documentation
        && !(first == 0x3fff && second < 0x1000) // documentation (RFC 9637)
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => v4(g, h),
        [0, 0, 0, 0, 0, 0] if !(g == 0 && h <= 1) => v4(g, h),
        [0x2002, ..] => v4(b, c),
        _ => ip,
    }
}

/// The host of an authority in lower case, and what it is; none where it is no host. Numbers that some parsers take
/// for an address and others for a name (decimal, octal, hexadecimal, with parts left out) are none.
pub(super) fn read(host: &str) -> Option<(String, HostKind)> {
    if let Some(literal) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let ip: Ipv6Addr = literal.parse().ok()?;
        return Some((literal.to_ascii_lowercase(), HostKind::of_ip(ip.into())));
    }
    let name = host.to_ascii_lowercase();
    if let Ok(ip) = name.parse::<Ipv4Addr>() {
        return Some((name, HostKind::of_ip(ip.into())));
    }
    let labels_fit = name.split('.').all(is_label);
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if name.len() > NAME_MAX_BYTES || !labels_fit || numeric {
        return None;
    }
    let kind = HostKind::of_name(&name);
    // RFC 6761 §6.3 lets resolvers ask the DNS for names under it: only the name itself is surely this machine.
    let kind = if kind == HostKind::Loopback && name != "localhost" { HostKind::Private } else { kind };
    Some((name, kind))
}

/// A label of a name. The underscore stands in names of containers.
fn is_label(label: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !label.is_empty() && label.len() <= LABEL_MAX_BYTES && label.bytes().all(fits) && !label.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_public_reaches_is_public() {
        for (ip, public) in [
            ("8.8.8.8", true),
            ("93.184.216.34", true),
            ("2606:4700::1111", true),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("240.0.0.1", false),
            ("224.0.0.1", false),
            ("192.0.0.8", false),
            ("198.18.0.1", false),
            ("203.0.113.7", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b::8.8.8.8", true),
            ("2002:7f00:1::", false),
        ] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(is_public(ip), public, "{ip}");
            assert_eq!(HostKind::of_ip(ip) == HostKind::Public, public, "{ip}");
        }
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(HostKind::of_ip(loopback.parse().unwrap()), HostKind::Loopback, "{loopback}");
        }
    }

    #[test]
    fn names_are_known_by_their_ending() {
        for (name, kind) in [
            ("localhost", HostKind::Loopback),
            ("LOCALHOST", HostKind::Loopback),
            ("a.localhost", HostKind::Loopback),
            ("notlocalhost", HostKind::Private),
            ("metadata.google.internal", HostKind::Private),
            ("printer.local", HostKind::Private),
            ("intranet", HostKind::Private),
            ("as.example", HostKind::Public),
            ("internal.example", HostKind::Public),
            ("myinternal.example", HostKind::Public),
        ] {
            assert_eq!(HostKind::of_name(name), kind, "{name}");
        }
    }

    #[test]
    fn a_number_in_disguise_is_no_host() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "127.1",
            "0177.0.0.1",
            "127.0.0.01",
            "127.0.0.1.",
            "1.2.3.4.5",
            "256.1.1.1",
            "",
            ".",
            "a..b",
            "a.",
            "-a.example",
            "[::1",
            "[::1%25eth0]",
            "[v1.x]",
            "a b",
            "a%41.example",
        ] {
            assert!(read(host).is_none(), "{host}");
        }
        assert_eq!(read("a.LOCALHOST"), Some(("a.localhost".to_owned(), HostKind::Private)));
        assert_eq!(read("[::1]"), Some(("::1".to_owned(), HostKind::Loopback)));
    }
}
