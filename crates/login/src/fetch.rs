//! Fetching documents of people whom nobody vouched for.
//!
//! The user names one address; what stands behind it names others. From there on every address is somebody else's
//! choice, so each is checked twice: as it is written, and as what it resolves to at the moment of connecting.

use std::net::IpAddr;

use renewd_core::{Answer, RequestPolicy, Response, Secret};
use renewd_driver::{Reach, WebRequest};

use crate::error::{LoginError, LoginErrorKind};
use crate::ports::Ports;
use crate::protocol::{Address, HostKind, METADATA_MAX_BYTES};

/// Redirects of one document that are followed. Moved documents move once or twice; more is a maze.
pub(crate) const REDIRECTS_MAX: usize = 3;

/// How far documents are followed: a public one leads to no private place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    is_public: fn(IpAddr) -> bool,
    /// Whether the address that the user named lies outside. Where it does not, he is at home in a network of his own,
    /// and its documents may name what lies in it.
    outside: bool,
}

impl Horizon {
    /// By the address that the user's own host turned out to have; behind a proxy only its name is known.
    pub(crate) fn seen_from(ports: &Ports, start: &Address, peer: Option<IpAddr>) -> Self {
        let outside = match peer {
            Some(peer) => (ports.is_public)(peer),
            None => start.host_kind() == HostKind::Public,
        };
        Self { is_public: ports.is_public, outside }
    }

    /// Where nothing was fetched, nothing led anywhere: every address is the user's own or a profile's.
    pub(crate) fn none(ports: &Ports) -> Self {
        Self { is_public: ports.is_public, outside: false }
    }

    /// What addresses that a document named may resolve to.
    pub(crate) fn reach(self) -> Reach {
        if self.outside { Reach::Only(self.is_public) } else { Reach::Anywhere }
    }
}

/// What was fetched.
pub(crate) struct Fetched {
    pub(crate) response: Response,
    /// Where it came from in the end.
    pub(crate) from: Address,
    /// How far what it says may lead.
    pub(crate) horizon: Horizon,
}

/// Whose choice an address is.
#[derive(Clone, Copy)]
pub(crate) enum Choice {
    /// The user's: it may be anywhere.
    Own,
    /// A document's.
    Foreign(Horizon),
}

/// Fetches it with `GET`, and follows redirects as far as the rules go. Any status but a redirect is an answer.
pub(crate) async fn fetch(
    ports: &Ports,
    address: &Address,
    choice: Choice,
    accept: &str,
    policy: &RequestPolicy,
) -> Result<Fetched, LoginError> {
    let mut from = address.clone();
    let mut known = match choice {
        Choice::Own => None,
        Choice::Foreign(horizon) => Some(horizon),
    };
    for _ in 0..=REDIRECTS_MAX {
        let reach = known.map_or(Reach::Anywhere, Horizon::reach);
        let mut request = WebRequest::get(from.as_str(), policy.timeout, policy.connect_timeout, reach);
        request.body_max_bytes = METADATA_MAX_BYTES;
        request.headers = vec![("Accept".into(), Secret::from(accept))];
        let answer = ports.web.exchange(request).await;
        let response = match answer.answer {
            Answer::Response(response) => response,
            Answer::Failed(failure) if answer.out_of_reach => return Err(LoginError::out_of_reach(&failure)),
            Answer::Failed(failure) => return Err(LoginError::no_answer(&failure)),
        };
        let horizon = known.unwrap_or_else(|| Horizon::seen_from(ports, &from, answer.peer));
        known = Some(horizon);
        match next(&from, &response)? {
            None => return Ok(Fetched { response, from, horizon }),
            Some(next) => from = next,
        }
    }
    let text = format!("{address} leads from one address to the next, more than {REDIRECTS_MAX} times");
    Err(LoginError::new(LoginErrorKind::Refused, text))
}

/// Where a redirect leads; none where the answer is none.
fn next(from: &Address, response: &Response) -> Result<Option<Address>, LoginError> {
    let location = match (response.status, response.header("location")) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => location,
        _ => return Ok(None),
    };
    let place = format!("{from} redirects");
    let to = Address::parse(&absolute(from, location.trim())).map_err(|e| LoginError::refused(&place, &e))?;
    let refuse = |why: &str| {
        Err(LoginError::new(LoginErrorKind::Refused, format!("{place} to {to}, which is refused: {why}")))
    };
    if from.is_https() && !to.is_https() {
        return refuse("from https to plain http");
    }
    if !from.may_lead_to(&to) {
        return refuse("from a public host to a private one");
    }
    Ok(Some(to))
}

/// A reference as an address (RFC 3986 §5.2), as far as redirects need it. What comes out is checked like any other.
fn absolute(from: &Address, reference: &str) -> String {
    let scheme = if from.is_https() { "https:" } else { "http:" };
    let has_scheme = reference.find(':').is_some_and(|at| {
        reference[..at].bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) && at > 0
    });
    if has_scheme {
        reference.to_owned()
    } else if reference.starts_with("//") {
        format!("{scheme}{reference}")
    } else if reference.starts_with('/') {
        format!("{}{reference}", from.origin())
    } else if reference.starts_with('?') {
        format!("{}{}{reference}", from.origin(), from.path())
    } else {
        let folder = from.path().rfind('/').map_or("/", |at| &from.path()[..=at]);
        format!("{}{folder}{reference}", from.origin())
    }
}

/// What a status that brings no document means.
pub(crate) fn unusable(from: &Address, response: &Response) -> LoginError {
    let kind = match response.status {
        429 | 500.. => LoginErrorKind::Temporary,
        _ => LoginErrorKind::Refused,
    };
    LoginError::new(kind, format!("{from} answers with HTTP {}", response.status))
}

/// The document of an answer, whole.
pub(crate) fn document(fetched: &Fetched) -> Result<&[u8], LoginError> {
    if fetched.response.truncated {
        let text = format!("the document at {} is longer than {METADATA_MAX_BYTES} bytes", fetched.from);
        return Err(LoginError::new(LoginErrorKind::Refused, text));
    }
    Ok(fetched.response.body.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirected(from: &str, status: u16, location: &str) -> Result<Option<Address>, LoginError> {
        let response = Response {
            status,
            headers: vec![("Location".into(), location.into())],
            body: Secret::from(""),
            truncated: false,
        };
        next(&Address::parse(from).unwrap(), &response)
    }

    #[test]
    fn a_redirect_is_resolved_against_where_it_stands() {
        for (location, to) in [
            ("/b", "https://as.example/b"),
            ("b?c=d", "https://as.example/x/b?c=d"),
            ("?c=d", "https://as.example/x/y?c=d"),
            ("//other.example/b", "https://other.example/b"),
            ("https://other.example:8443/b", "https://other.example:8443/b"),
        ] {
            let next = redirected("https://as.example/x/y?z", 302, location).unwrap().unwrap();
            assert_eq!(next.as_str(), to, "{location}");
        }
    }

    #[test]
    fn only_a_redirect_with_an_address_is_one() {
        assert_eq!(redirected("https://as.example/", 200, "/b"), Ok(None));
        assert_eq!(redirected("https://as.example/", 304, "/b"), Ok(None));
    }

    #[test]
    fn a_redirect_that_leaves_https_or_the_public_is_refused_with_a_reason() {
        for (location, word) in [
            ("http://127.0.0.1/b", "https to plain http"),
            ("http://as.example/b", "https://"),
            ("https://127.0.0.1/b", "private"),
            ("https://192.168.1.1/b", "private"),
            ("https://[::1]/b", "private"),
            ("https://169.254.169.254/latest", "private"),
            ("javascript:alert(1)", "https://"),
            ("file:///etc/passwd", "https://"),
            ("https://user@as.example/", "user"),
            ("https://as.example/a b", "character"),
        ] {
            let error = redirected("https://as.example/x", 307, location).unwrap_err();
            assert!(error.to_string().contains(word), "{location}: {error}");
            assert_eq!(error.kind(), LoginErrorKind::Refused);
        }
    }
}
