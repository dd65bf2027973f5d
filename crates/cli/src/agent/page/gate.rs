//! Who may see more of the status address than health.
//!
//! Names of credentials, servers and failures are no secrets, and nobody else's business either. On loopback the kernel is
//! asked whose connection it is, before a byte of it is read; where it cannot say, or where a port is forwarded by somebody
//! else's program, a path that cannot be guessed stands in the address instead.

use http::Uri;
use http::uri::PathAndQuery;
use renewd_core::Secret;
use renewd_driver::Entropy as _;
use renewd_driver::system::SystemEntropy;
use tokio::net::TcpStream;

use crate::agent::api::Side;

/// How a visitor shows that the page is for him.
pub(crate) enum Gate {
    /// By whose connection it is.
    SameUser,
    /// By the path `/~SECRET/` before everything that he asks for.
    PathSecret(Secret),
}

impl Gate {
    /// By the user where that is wanted and the system can tell, else by a path that is made now.
    pub(crate) fn new(by_user: bool) -> Self {
        if by_user && renewd_proxy::is_tcp_owner_known() {
            return Self::SameUser;
        }
        let [a, b] = [SystemEntropy.attempt_id().0, SystemEntropy.attempt_id().0];
        Self::PathSecret(Secret::from(format!("{a:032x}{b:032x}").as_str()))
    }

    /// Whose connection it is. Not a byte of it has been read.
    pub(crate) async fn side(&self, stream: &TcpStream, side: Side) -> Side {
        match (self, side) {
            (Self::SameUser, Side::Loopback) if renewd_proxy::is_same_user_tcp(stream).await => {
                Side::Loopback
            }
            // Until he names the path.
            (_, Side::Loopback) => Side::Stranger,
            (_, side) => side,
        }
    }

    /// The path that a request asks for, and whose it is: whoever names the secret is the user itself.
    pub(crate) fn admit(&self, uri: &Uri, side: Side) -> (PathAndQuery, Side) {
        let asked = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        match (self, side) {
            (Self::PathSecret(secret), Side::Stranger) => match below(&asked, secret) {
                Some(rest) => (rest, Side::Loopback),
                None => (asked, side),
            },
            _ => (asked, side),
        }
    }

    /// The page's address.
    pub(crate) fn url(&self, address: &str) -> Secret {
        match self {
            Self::SameUser => Secret::from(format!("http://{address}/").as_str()),
            Self::PathSecret(secret) => {
                let path = secret.expose_str().unwrap_or_default();
                Secret::from(format!("http://{address}/~{path}/").as_str())
            }
        }
    }

    /// Whether the address is for nobody else to read.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::PathSecret(_))
    }

    /// What a stranger is told.
    pub(crate) fn refusal(&self) -> &'static str {
        match self {
            Self::SameUser => {
                "this page is for the user who runs the agent; other users of the machine get /healthz, /readyz and /metrics"
            }
            Self::PathSecret(_) => {
                "the address of this page has a secret path, new at each start of the agent: renewd status prints it; \
                 without it there are /healthz, /readyz and /metrics"
            }
        }
    }
}

/// The target without `/~SECRET`; nothing where another path stands there. Compared in a time that tells nothing.
fn below(target: &PathAndQuery, secret: &Secret) -> Option<PathAndQuery> {
    let rest = target.as_str().strip_prefix("/~")?;
    let (given, rest) = rest.split_at(rest.find('/')?);
    secret.same_as(given.as_bytes()).then(|| rest.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_names_the_path_is_the_user_and_sees_the_rest_of_it() {
        let gate = Gate::PathSecret(Secret::from("abc"));
        for (target, rest, side) in [
            ("/~abc/", "/", Side::Loopback),
            ("/~abc/v1/events?x=/~abc/", "/v1/events?x=/~abc/", Side::Loopback),
            ("/~abc//v1", "//v1", Side::Loopback),
            // Its files would be looked for beside it, without the secret.
            ("/~abc", "/~abc", Side::Stranger),
            ("/~abcd/", "/~abcd/", Side::Stranger),
            ("/~ab/", "/~ab/", Side::Stranger),
            ("/~/", "/~/", Side::Stranger),
            ("/abc/", "/abc/", Side::Stranger),
            ("/v1/~abc/", "/v1/~abc/", Side::Stranger),
        ] {
            let (asked, of) = gate.admit(&target.parse().unwrap(), Side::Stranger);
            assert_eq!((asked.as_str(), of), (rest, side), "{target}");
        }
        // From a network it opens nothing, and the user of the socket needs none.
        for side in [Side::Network, Side::Socket] {
            assert_eq!(gate.admit(&"/~abc/".parse().unwrap(), side).1, side);
        }
        assert_eq!(Gate::SameUser.admit(&"/~abc/".parse().unwrap(), Side::Stranger).1, Side::Stranger);
    }

    #[test]
    fn a_path_is_new_for_each_agent_and_cannot_be_guessed() {
        let (one, other) = (Gate::new(false), Gate::new(false));
        assert!(one.is_secret() && !one.url("a").same_as(other.url("a").expose()));
        assert_eq!(one.url("127.0.0.1:1").len(), "http://127.0.0.1:1/~/".len() + 64);
        assert_eq!(Gate::SameUser.url("[::1]:9").expose_str(), Some("http://[::1]:9/"));
    }
}
