//! Choosing a profile: by name, or by a host that belongs to one provider alone.
//!
//! A host chooses only where exactly one profile claims it. What it chooses is how answers are read and how requests
//! are paced, never where a secret goes; but a wrong choice could take a refusal for weather, so whatever is not
//! plainly the host of an address claims nothing.

use super::{Profile, table};

impl Profile {
    /// All built-in profiles, by name.
    pub const fn built_in() -> &'static [Self] {
        table::PROFILES
    }

    /// The built-in profile of that name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let all = Self::built_in();
        let at = all.binary_search_by(|profile| (*profile.name).cmp(name)).ok()?;
        all.get(at)
    }

    /// The built-in profile that alone claims a server, by the host of its issuer or of its token endpoint.
    ///
    /// ```
    /// use renewd_core::Profile;
    ///
    /// let found = Profile::for_server(None, "https://oauth2.googleapis.com/token");
    /// assert_eq!(found.map(|profile| &*profile.name), Some("google"));
    /// assert_eq!(Profile::for_server(None, "https://oauth2.googleapis.com.example.org/token"), None);
    /// ```
    pub fn for_server(issuer: Option<&str>, token_endpoint: &str) -> Option<&'static Self> {
        Self::sole_claimant(Self::built_in(), issuer, token_endpoint)
    }

    /// The same among any profiles: the one that claims a server, where no other does.
    pub fn sole_claimant<'p>(
        profiles: impl IntoIterator<Item = &'p Self>,
        issuer: Option<&str>,
        token_endpoint: &str,
    ) -> Option<&'p Self> {
        let mut claimants = profiles.into_iter().filter(|profile| profile.claims(issuer, token_endpoint));
        let first = claimants.next()?;
        if claimants.next().is_some() { None } else { Some(first) }
    }

    /// Whether this profile claims a server: whether one of its [hosts](super::Endpoints::hosts) is the host of the
    /// issuer or of the token endpoint, in any case and at any port.
    pub fn claims(&self, issuer: Option<&str>, token_endpoint: &str) -> bool {
        [issuer, Some(token_endpoint)]
            .into_iter()
            .flatten()
            .filter_map(host_of)
            .any(|host| self.endpoints.hosts.iter().any(|claimed| covers(claimed, host)))
    }
}

/// The host of an `https` or `http` address, without a dot at its end (RFC 3986 §3.2.2). None where the address holds
/// anything that a reader could take otherwise: a user name, a backslash, an escape.
fn host_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.find(']') {
        Some(end) => authority.split_at_checked(end + 1)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let host = host.strip_suffix('.').unwrap_or(host);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let numeric = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let named = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').is_some_and(|inner| inner.bytes().all(numeric)),
        None => !host.is_empty() && host.bytes().all(plain),
    };
    (named && port.bytes().all(|b| b.is_ascii_digit())).then_some(host)
}

/// Whether a claim (`accounts.example.com`, or `*.example.com` for what lies below) covers a host.
fn covers(claim: &str, host: &str) -> bool {
    let Some(parent) = claim.strip_prefix('*') else {
        return claim.eq_ignore_ascii_case(host);
    };
    // `parent` begins with the dot, and something has to stand before it.
    let Some(at) = host.len().checked_sub(parent.len()).filter(|at| *at > 0) else { return false };
    parent.starts_with('.') && host.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(parent))
}

#[cfg(test)]
mod tests;
