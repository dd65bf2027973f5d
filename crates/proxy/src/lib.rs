//! A local proxy that adds `Authorization: Bearer …` to requests (or `DPoP …` with a proof, where the token is bound to
//! a key), and replays a request once when its token was refused.
//!
//! For programs that cannot or should not hold a token: they talk plain HTTP to a loopback address or a Unix socket,
//! and the proxy forwards to a fixed upstream, or to several by the beginning of the path. It streams both ways, so event streams and uploads of any size pass;
//! it follows no redirect, and it serves only processes of the same user (or whoever knows a secret path).
//!
//! ```no_run
//! # async fn example(keeper: renewd_driver::Keeper) -> Result<(), Box<dyn std::error::Error>> {
//! use renewd_proxy::{Listen, Proxy, ProxyConfig};
//! use std::sync::Arc;
//!
//! let listen = Listen::Tcp(([127, 0, 0, 1], 8787).into());
//! let config = ProxyConfig::new(listen, "https://api.github.com".parse()?, keeper.name().clone());
//! let proxy = Proxy::bind(config, Arc::new(keeper)).await?;
//! println!("ask {} instead", proxy.url());
//! # proxy.shutdown(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # What a client sees
//!
//! The upstream's answers, untouched but for hop-by-hop fields. Answers of the proxy's own are problem documents
//! (RFC 9457) whose `type` begins with `urn:renewd:`: see [`problem`].
//!
//! # Without a proxy
//!
//! A program that makes its own requests puts the layer over its HTTP client: see `layer`, with the feature
//! `tower`.
//!
//! # What is spoken
//!
//! HTTP/1.1 and HTTP/2 on both sides, in any combination, each with the other's rules translated; WebSocket over
//! HTTP/1.1; gRPC and ConnectRPC, whose unary calls are repeated like other requests. `Via` and `Forwarded` are not
//! added: some upstreams turn compression off for them.

mod bound;
mod config;
mod connection;
mod ear;
mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod keeper;
#[cfg(feature = "tower")]
pub mod layer;
mod listener;
mod locality;
mod metrics;
mod observer;
mod offspring;
mod peer;
pub mod problem;
mod replay;
mod rfc3339;
mod route;
mod secret_path;
mod server;
mod site;
mod token;
mod tunnel;
#[cfg(unix)]
mod unix_socket;
mod upstream;

pub use bound::ProofSigner;
pub use config::{
    Access, CONNECT_TIMEOUT_DEFAULT, CONNECTIONS_DEFAULT_MAX, DEMAND_TIMEOUT_DEFAULT, IDLE_TIMEOUT_DEFAULT,
    Listen, ProxyConfig, ProxyError, REPLAY_LIMIT_DEFAULT_BYTES, RESPONSE_TIMEOUT_DEFAULT, UpstreamHttp2,
};
pub use keeper::KeeperFor;
pub use listener::Passed;
pub use locality::{Refusal, local_requests_only};
pub use metrics::{Metrics, Outcome};
pub use observer::{Begun, ObserveRequests, ObservedRequest, RequestObserver};
#[cfg(unix)]
pub use peer::is_same_user_unix;
pub use peer::{is_same_user_tcp, is_strangers_tcp, is_tcp_owner_known};
pub use route::{Prefix, PrefixError, ROUTES_MAX, Route};
pub use server::{Proxy, ProxyHandle};
pub use token::{BearerToken, NoBearer, Rejected, TokenSource};
#[cfg(unix)]
pub use unix_socket::{SocketGuard, bind_unix};
pub use upstream::{TrustError, Upstream, UpstreamError};
