//! What one proxy is told, and what is wrong with it when it cannot work.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::CredentialName;

use crate::bound::ProofSigner;
use crate::observer::RequestObserver;
use crate::peer;
use crate::route::{Prefix, ROUTES_MAX, Route};
use crate::upstream::{TrustError, Upstream};

/// Bodies up to this are kept for one replay after a 401: larger uploads are rare in APIs, and each request under way
/// may hold so much memory.
pub const REPLAY_LIMIT_DEFAULT_BYTES: usize = 1024 * 1024;
/// How long a request without a valid token waits for one.
pub const DEMAND_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How long name resolution, TCP and TLS may take together.
pub const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How long an unused upstream connection is kept: below the 60 s after which common servers close theirs.
pub const IDLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// How long an upstream may be silent before its answer begins, counted from the last byte of the request. Long
/// polling and slow inference take minutes; nothing sensible takes this long. Answers that began are never cut.
pub const RESPONSE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15 * 60);
/// Connections served at a time; more wait in the system's queue. And requests: those of one HTTP/2 connection count one
/// by one, and wait. Each may hold `replay_limit` bytes and two file descriptors.
pub const CONNECTIONS_DEFAULT_MAX: usize = 4096;

/// Where a proxy listens.
#[expect(clippy::exhaustive_enums, reason = "the configuration's two forms of `listen`")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A loopback address; port 0 is any free one.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Who may use a proxy.
#[expect(clippy::exhaustive_enums, reason = "the configuration's three forms of `access`")]
#[derive(Clone)]
pub enum Access {
    /// Processes of the user that runs the proxy. Not root's either, unless root runs it.
    SameUser,
    /// Whoever knows the path prefix `/~SECRET`; without a secret here, one is made.
    PathSecret(Option<Secret>),
    /// Every user of the machine: for containers of one pod.
    AnyLocalUser,
}

impl Access {
    /// `same-user` wherever the user behind a connection can be told, else `path-secret`.
    pub fn default_for(listen: &Listen) -> Self {
        match listen {
            Listen::Tcp(_) if !peer::is_tcp_owner_known() => Self::PathSecret(None),
            Listen::Tcp(_) | Listen::Unix(_) => Self::SameUser,
        }
    }

    /// The name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SameUser => "same-user",
            Self::PathSecret(_) => "path-secret",
            Self::AnyLocalUser => "any-local-user",
        }
    }
}

/// Never shows the secret.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When HTTP/2 is spoken with an upstream.
#[expect(clippy::exhaustive_enums, reason = "the configuration's three forms of `upstream_http2`")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamHttp2 {
    /// Where both sides agree on it when TLS begins (ALPN); never without TLS.
    #[default]
    Auto,
    /// Always, without asking (RFC 9113 §3.3): for gRPC servers without TLS.
    PriorKnowledge,
    /// Never.
    Off,
}

impl UpstreamHttp2 {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::PriorKnowledge, Self::Off];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::PriorKnowledge => "prior-knowledge",
            Self::Off => "off",
        }
    }
}

/// One proxy: one listener, one upstream for one credential, and further ones by the paths below their prefixes.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Where clients connect.
    pub listen: Listen,
    /// The paths of the upstream named here: all, unless said otherwise.
    pub prefix: Prefix,
    /// Whether it gets them without that prefix.
    pub strip_prefix: bool,
    /// Where the requests go.
    pub upstream: Upstream,
    /// When HTTP/2 is spoken there.
    pub upstream_http2: UpstreamHttp2,
    /// The credential's name, for problem bodies and logs.
    pub credential: CredentialName,
    /// Who may connect.
    pub access: Access,
    /// Bytes of a request body that are kept for one replay after a 401.
    pub replay_limit: usize,
    /// How long a request without a valid token waits for one.
    pub demand_timeout: Duration,
    /// How long name resolution, TCP and TLS to the upstream may take together.
    pub connect_timeout: Duration,
    /// How long an unused upstream connection is kept.
    pub idle_timeout: Duration,
    /// How long the upstream may be silent before its answer begins; `None`: for ever.
    pub response_timeout: Option<Duration>,
    /// Makes the proofs of tokens that are bound to a key (RFC 9449).
    pub signer: ProofSigner,
    /// Hears of each request, for traces.
    pub observer: RequestObserver,
    /// PEM certificates to trust for an https upstream, instead of the compiled-in list.
    pub ca_file: Option<PathBuf>,
    /// What a person can do when a login is needed; shown in the 503's body.
    pub login_command: Option<String>,
    /// Connections served at a time, and requests.
    pub connections_max: usize,
    /// Further upstreams, each for the paths below a prefix of its own: at most [`ROUTES_MAX`].
    pub routes: Vec<Route>,
}

impl ProxyConfig {
    /// With the defaults for everything else.
    pub fn new(listen: Listen, upstream: Upstream, credential: CredentialName) -> Self {
        Self {
            access: Access::default_for(&listen),
            listen,
            prefix: Prefix::root(),
            strip_prefix: true,
            upstream,
            upstream_http2: UpstreamHttp2::default(),
            credential,
            replay_limit: REPLAY_LIMIT_DEFAULT_BYTES,
            demand_timeout: DEMAND_TIMEOUT_DEFAULT,
            connect_timeout: CONNECT_TIMEOUT_DEFAULT,
            idle_timeout: IDLE_TIMEOUT_DEFAULT,
            response_timeout: Some(RESPONSE_TIMEOUT_DEFAULT),
            signer: ProofSigner::default(),
            observer: RequestObserver::default(),
            ca_file: None,
            login_command: None,
            connections_max: CONNECTIONS_DEFAULT_MAX,
            routes: Vec::new(),
        }
    }
}

impl ProxyConfig {
    /// With this route as its own; of its source nothing is kept here, it is given where the proxy begins.
    pub fn of_route(listen: Listen, route: Route) -> Self {
        Self {
            prefix: route.prefix,
            strip_prefix: route.strip_prefix,
            upstream_http2: route.upstream_http2,
            replay_limit: route.replay_limit,
            ca_file: route.ca_file,
            login_command: route.login_command,
            ..Self::new(listen, route.upstream, route.credential)
        }
    }
}

/// Why a proxy cannot start, or cannot take a new configuration.
#[non_exhaustive]
#[derive(Debug)]
pub enum ProxyError {
    /// The address is not loopback: a proxy that adds tokens must not be reachable from a network.
    NotLoopback(SocketAddr),
    /// `same-user` on TCP, where this system cannot tell a connection's user: it is no Linux, or this process is
    /// `nobody` in a user namespace, as which every user from outside appears.
    UserUnknown,
    /// Unix sockets do not exist on this system.
    NoUnixSockets,
    /// The configured path secret is short, or holds characters that clients rewrite.
    UnfitSecret,
    /// The system gives no entropy for a path secret.
    NoEntropy,
    /// The upstream is this proxy itself.
    Loop(SocketAddr),
    /// Two routes have this prefix.
    SamePrefix(Prefix),
    /// More than [`ROUTES_MAX`] routes.
    TooManyRoutes,
    /// The trusted certificates cannot be set up.
    Trust(TrustError),
    /// The address or path cannot be listened on.
    Listen {
        /// Which.
        listen: Listen,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A running proxy keeps its address; another needs another proxy.
    ListenChanged,
    /// The proxy has stopped.
    Stopped,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => {
                write!(f, "listen = {address}: not a loopback address; use 127.0.0.1 or [::1], or unix:PATH")
            }
            Self::UserUnknown => f.write_str(
                "access = same-user: here the user behind a TCP connection cannot be told from others (another system \
                 than Linux, or nobody in a user namespace); use path-secret or a Unix socket",
            ),
            Self::NoUnixSockets => f.write_str("listen = unix:…: this system has no Unix sockets; use 127.0.0.1:PORT"),
            Self::UnfitSecret => {
                f.write_str("the path secret must be 32 to 256 characters of A-Z a-z 0-9 - _; or give none: one is made")
            }
            Self::NoEntropy => f.write_str("the system gives no entropy for a path secret"),
            Self::Loop(address) => write!(f, "the upstream is this proxy itself ({address})"),
            Self::SamePrefix(prefix) => write!(f, "two routes have the prefix {prefix}"),
            Self::TooManyRoutes => write!(f, "more than {ROUTES_MAX} routes; use a second proxy"),
            Self::Trust(error) => error.fmt(f),
            Self::Listen { listen, problem } => write!(f, "listen = {listen}: {problem}"),
            Self::ListenChanged => f.write_str("a running proxy keeps its address; start another one"),
            Self::Stopped => f.write_str("the proxy has stopped"),
        }
    }
}

impl std::error::Error for ProxyError {}

impl From<TrustError> for ProxyError {
    fn from(error: TrustError) -> Self {
        Self::Trust(error)
    }
}
