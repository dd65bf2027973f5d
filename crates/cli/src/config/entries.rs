//! The lists of the configuration, typed for whoever serves them.

use std::net::{Ipv4Addr, SocketAddr};

use renewd_core::Span;
use renewd_driver::CredentialName;
use renewd_proxy::{Listen, Prefix, REPLAY_LIMIT_DEFAULT_BYTES, UpstreamHttp2};

use super::Config;
use super::document::Entry;
use super::value::Value;
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
    /// Where requests go, by the beginning of their path: one at least. The first is the proxy's own upstream, where it
    /// has one.
    pub(crate) routes: Vec<RouteEntry>,
    /// `same-user`, `path-secret` or `any-local-user`, where said.
    pub(crate) access: Option<String>,
    /// How long a request without a valid token waits.
    pub(crate) demand_timeout: Option<Span>,
}

/// One upstream of a `[[proxy]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteEntry {
    /// Which paths.
    pub(crate) prefix: Prefix,
    /// Whether the upstream gets them without it.
    pub(crate) strip_prefix: bool,
    /// Checked and normalised.
    pub(crate) upstream: String,
    /// When HTTP/2 is spoken there.
    pub(crate) upstream_http2: UpstreamHttp2,
    /// Whose token is added.
    pub(crate) credential: CredentialName,
    /// Bytes.
    pub(crate) replay_limit: u64,
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
            routes: self.routes(entry),
            access: get("access").and_then(|v| v.as_text()).map(String::from),
            demand_timeout: get("demand_timeout")
                .and_then(|v| v.as_span())
                .or_else(|| self.span("", "demand_timeout", None)),
        })
    }

    fn routes(&self, entry: &Entry) -> Vec<RouteEntry> {
        let own = Part { table: "proxy", entry, of: None };
        let further =
            entry.routes.iter().map(|route| Part { table: "proxy.route", entry: route, of: Some(entry) });
        std::iter::once(own).chain(further).filter_map(|part| part.route()).collect()
    }
}

/// The keys of a `[[proxy]]` that concern its own upstream, or a `[[proxy.route]]` of it.
struct Part<'e> {
    table: &'static str,
    entry: &'e Entry,
    /// Whose keys hold where the route has none.
    of: Option<&'e Entry>,
}

impl Part<'_> {
    fn get(&self, name: &'static str) -> Option<&Value> {
        self.entry.settings.get(&(self.table, name)).map(|at| &at.value)
    }

    fn get_or_the_proxys(&self, name: &'static str) -> Option<&Value> {
        let proxys = || self.of?.settings.get(&("proxy", name)).map(|at| &at.value);
        self.get(name).or_else(proxys)
    }

    /// `None` where there is no upstream: the proxy has routes alone.
    fn route(&self) -> Option<RouteEntry> {
        let http2 = self.get_or_the_proxys("upstream_http2").and_then(Value::as_text);
        let known = |name| UpstreamHttp2::ALL.into_iter().find(|known| known.name() == name);
        Some(RouteEntry {
            prefix: match self.get("prefix") {
                Some(prefix) => prefix.as_text()?.parse().ok()?,
                None => Prefix::root(),
            },
            strip_prefix: self.get("strip_prefix").and_then(Value::as_flag).unwrap_or(true),
            upstream: self.get("upstream")?.as_text()?.into(),
            upstream_http2: http2.and_then(known).unwrap_or_default(),
            credential: self.get_or_the_proxys("credential")?.as_text()?.parse().ok()?,
            replay_limit: self
                .get_or_the_proxys("replay_limit")
                .and_then(Value::as_number)
                .unwrap_or(REPLAY_LIMIT_DEFAULT_BYTES as u64),
            target: Target {
                scope: self.get("scope").and_then(Value::as_words).map(<[_]>::to_vec).unwrap_or_default(),
                resource: self.get("resource").and_then(Value::as_text).map(String::from),
                audience: self.get("audience").and_then(Value::as_text).map(String::from),
            },
        })
    }
}
