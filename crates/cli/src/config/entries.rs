//! The lists of the configuration, typed for whoever serves them.

use std::net::{Ipv4Addr, SocketAddr};

use renewd_core::Span;
use renewd_driver::CredentialName;
use renewd_proxy::{Listen, REPLAY_LIMIT_DEFAULT_BYTES};

use super::Config;
use super::document::Entry;
use crate::target::Target;

/// One `[[proxy]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyEntry {
    /// Line in the file, for messages.
    pub(crate) line: usize,
    /// `127.0.0.1:8787` or `unix:PATH`.
    pub(crate) listen: Listen,
    /// The name of the socket that the service manager hands over, where `listen` says so.
    pub(crate) handed: Option<String>,
    /// Checked and normalised.
    pub(crate) upstream: String,
    /// Whose token is added.
    pub(crate) credential: CredentialName,
    /// Bytes.
    pub(crate) replay_limit: u64,
    /// `same-user`, `path-secret` or `any-local-user`, where said.
    pub(crate) access: Option<String>,
    /// How long a request without a valid token waits.
    pub(crate) demand_timeout: Option<Span>,
    /// What the token is for, where that is not what the login was made for.
    pub(crate) target: Target,
}

impl Config {
    /// Every `[[proxy]]`. Parsing made sure that all are complete.
    pub(crate) fn proxies(&self) -> Vec<ProxyEntry> {
        self.document.proxies.iter().filter_map(|entry| self.proxy(entry)).collect()
    }

    fn proxy(&self, entry: &Entry) -> Option<ProxyEntry> {
        let get = |name| entry.settings.get(&("proxy", name)).map(|at| &at.value);
        let listen = get("listen")?.as_text()?;
        Some(ProxyEntry {
            line: entry.line,
            listen: match (listen.strip_prefix("unix:"), listen.strip_prefix("fd:")) {
                (Some(path), _) => Listen::Unix(self.places.resolve(path, Some(&self.document.path))),
                // Wherever the socket of that name listens: the agent learns it when it is handed over.
                (None, Some(_)) => Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
                (None, None) => Listen::Tcp(listen.parse().ok()?),
            },
            handed: listen.strip_prefix("fd:").map(String::from),
            upstream: get("upstream")?.as_text()?.into(),
            credential: get("credential")?.as_text()?.parse().ok()?,
            replay_limit: get("replay_limit")
                .and_then(|v| v.as_number())
                .unwrap_or(REPLAY_LIMIT_DEFAULT_BYTES as u64),
            access: get("access").and_then(|v| v.as_text()).map(String::from),
            demand_timeout: get("demand_timeout")
                .and_then(|v| v.as_span())
                .or_else(|| self.span("", "demand_timeout", None)),
            target: Target {
                scope: get("scope").and_then(|v| v.as_words()).map(<[_]>::to_vec).unwrap_or_default(),
                resource: get("resource").and_then(|v| v.as_text()).map(String::from),
                audience: get("audience").and_then(|v| v.as_text()).map(String::from),
            },
        })
    }
}
