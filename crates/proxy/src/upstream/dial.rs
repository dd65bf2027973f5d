//! Opens connections to the upstream: name, TCP, TLS, all within one time limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::failure::SendFailure;
use super::half_deaf::HalfDeaf;
use super::target::Upstream;
use super::tls::Tls;
use crate::config::UpstreamHttp2;

/// A quiet event stream is probed this often, so that one whose upstream is gone (a laptop on another network) ends
/// instead of hanging for ever.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(45);
/// Between probes once one went unanswered.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Bytes unacknowledged for so long mean that the network is gone. Generous: an upstream that stops reading an upload
/// for a while looks the same.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(180);

/// What an upstream connection is made of.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Opens connections to one upstream.
pub(crate) struct Dialer {
    pub(crate) upstream: Upstream,
    pub(crate) tls: Option<Tls>,
    pub(crate) http2: UpstreamHttp2,
    pub(crate) connect_timeout: Duration,
}

/// A connection on which HTTP may begin.
pub(crate) struct Dialed {
    pub(crate) stream: Box<dyn Duplex>,
    /// Whether it is HTTP/2 that begins.
    pub(crate) is_http2: bool,
}

impl Dialer {
    /// A connection, within the time that is left. No proxy of the environment is used: the token goes to the upstream
    /// only. With `only_http1` it is HTTP/1.1 whatever else the upstream speaks.
    pub(crate) async fn dial(&self, only_http1: bool, deadline: Instant) -> Result<Dialed, SendFailure> {
        let tcp = self.open_tcp(deadline).await?;
        // Without these a connection still works, only less well.
        let _ = tcp.set_nodelay(true);
        notice_dead_peers(&tcp);
        let tcp = HalfDeaf::new(tcp);
        let known = self.http2 == UpstreamHttp2::PriorKnowledge && !only_http1;
        let Some(tls) = &self.tls else { return Ok(Dialed { stream: Box::new(tcp), is_http2: known }) };
        let tls = if only_http1 { &tls.http1 } else { &tls.any };
        let host = self.upstream.bare_host().to_owned();
        let name = ServerName::try_from(host)
            .map_err(|_| self.unreachable("its name cannot stand in a certificate"))?;
        match TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await {
            Ok(stream) => {
                let is_http2 = known || stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Ok(Dialed { stream: Box::new(stream), is_http2 })
            }
            Err(error) => Err(self.unreachable(&format!("TLS: {error}"))),
        }
    }

    /// Bounds name, TCP, TLS and the beginning of HTTP together.
    pub(crate) async fn in_time<T>(
        &self,
        open: impl AsyncFnOnce(Instant) -> Result<T, SendFailure>,
    ) -> Result<T, SendFailure> {
        let deadline = Instant::now() + self.connect_timeout;
        match timeout_at(deadline, open(deadline)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendFailure::timed_out(format!(
                "no connection to {} within {:?}",
                self.upstream.authority(),
                self.connect_timeout
            ))),
        }
    }

    /// Tries each address in turn; a silent one gets its share of the time, so that one dead address family does not
    /// hide a living one.
    async fn open_tcp(&self, deadline: Instant) -> Result<TcpStream, SendFailure> {
        let addresses = self.resolve().await?;
        let mut last = self.unreachable("its name has no address");
        for (tried, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => last = self.unreachable(&format!("{address}: {}", error.kind())),
                Err(_) => {
                    last = SendFailure::timed_out(format!(
                        "{} did not answer at {address} in time",
                        self.upstream.authority()
                    ));
                }
            }
        }
        Err(last)
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, SendFailure> {
        let port = self.upstream.port();
        if let Some(ip) = self.upstream.ip() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        match tokio::net::lookup_host((self.upstream.bare_host(), port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(self.unreachable(&format!("its name cannot be resolved: {error}"))),
        }
    }

    fn unreachable(&self, problem: &str) -> SendFailure {
        SendFailure::unreachable(format!("cannot connect to {}: {problem}", self.upstream.authority()))
    }
}

fn notice_dead_peers(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
}
