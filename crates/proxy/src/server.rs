//! The running proxy: accepts, hands connections to their tasks, takes new configurations, and ends in good order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::CredentialName;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::config::{Access, Listen, ProxyConfig, ProxyError};
use crate::connection;
use crate::listener::{Listener, Passed};
use crate::metrics::Metrics;
use crate::site::{Current, Site};
use crate::token::TokenSource;
use crate::upstream::Upstream;

/// When the system has no descriptor left, accepting again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Starts proxies.
pub struct Proxy(());

impl Proxy {
    /// Binds and serves, in tasks of the current tokio runtime, until the handle is shut down or dropped.
    ///
    /// # Errors
    /// [`ProxyError`] when the configuration cannot work or the address cannot be had.
    pub async fn bind(config: ProxyConfig, source: Arc<dyn TokenSource>) -> Result<ProxyHandle, ProxyError> {
        let listener = Listener::bind(&config.listen, &config.access).await?;
        Self::begin(listener, config, source)
    }

    /// Serves on a listener that somebody else bound: a service manager, which keeps it over restarts of this process.
    /// It must be what [`ProxyConfig::listen`] names; a socket file is not removed in the end.
    ///
    /// # Errors
    /// As [`bind`](Self::bind), and where the listener is another one.
    pub fn adopt(
        passed: Passed,
        config: ProxyConfig,
        source: Arc<dyn TokenSource>,
    ) -> Result<ProxyHandle, ProxyError> {
        let listener = Listener::adopt(passed, &config.listen, &config.access)?;
        Self::begin(listener, config, source)
    }

    fn begin(
        listener: Listener,
        config: ProxyConfig,
        source: Arc<dyn TokenSource>,
    ) -> Result<ProxyHandle, ProxyError> {
        let metrics = Arc::new(Metrics::default());
        let address = listener.address();
        refuse_loop(&config, address)?;
        warn_of_plain_http(&config);
        let listen = config.listen.clone();
        let site = Site::new(config, source, Arc::clone(&metrics), None, None)?;
        let current = Current::new(site);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, current.clone(), stopped));
        Ok(ProxyHandle { listen, address, current, metrics, stop: Some(stop), task })
    }
}

/// A running proxy. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets requests end.
pub struct ProxyHandle {
    listen: Listen,
    address: Option<SocketAddr>,
    current: Current,
    metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<Duration>>,
    task: JoinHandle<()>,
}

impl ProxyHandle {
    /// The bound TCP address; `None` for a Unix socket.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where it listens, fit for logs: `http://127.0.0.1:PORT` or `unix:PATH`, without a path secret.
    pub fn url(&self) -> String {
        match self.address {
            Some(address) => format!("http://{address}"),
            None => self.listen.to_string(),
        }
    }

    /// What a client must be given: the same with the path secret, where there is one.
    pub fn client_url(&self) -> Secret {
        match &self.site().secret {
            None => Secret::from_string(self.url()),
            Some(secret) => {
                let mut url = format!("{}/~", self.url()).into_bytes();
                url.extend_from_slice(secret.expose());
                Secret::new(url)
            }
        }
    }

    /// Whether it serves. One that stopped is done for good.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Its counters. They outlive it.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Takes a new configuration and source. Requests under way end under the old one; the next ones are served under
    /// the new, on the same connections, which end only where `access` has changed. A path secret that the proxy made is
    /// kept.
    ///
    /// # Errors
    /// [`ProxyError`] when the configuration cannot work, or listens elsewhere; the old one then stays in force.
    pub fn reconfigure(&self, config: ProxyConfig, source: Arc<dyn TokenSource>) -> Result<(), ProxyError> {
        if self.task.is_finished() {
            return Err(ProxyError::Stopped);
        }
        let same = config.listen == self.listen
            || matches!((&config.listen, self.address), (Listen::Tcp(new), Some(bound)) if *new == bound);
        let before = self.site();
        if !same || !same_door(&config, &before.config) {
            return Err(ProxyError::ListenChanged);
        }
        refuse_loop(&config, self.address)?;
        warn_of_plain_http(&config);
        let made = match &before.config.access {
            Access::PathSecret(None) => before.secret.clone(),
            _ => None,
        };
        let stays = same_access(&config.access, &before.config.access);
        let closing = stays.then(|| before.closing.clone());
        self.current.replace(Site::new(config, source, Arc::clone(&self.metrics), made, closing)?);
        if !stays {
            before.closing.send_replace(true);
        }
        Ok(())
    }

    /// Whether it adds tokens of this credential, on any of its routes.
    pub fn serves(&self, credential: &CredentialName) -> bool {
        self.site().ways().iter().any(|way| way.route.credential == *credential)
    }

    /// Whose tokens it adds, where no route of its own says otherwise.
    pub fn credential(&self) -> CredentialName {
        self.site().config.credential.clone()
    }

    /// Closes the connections to the upstream that serve nothing at the moment. What the HTTP library wrote to one last
    /// stands in its buffer, a token among it, for as long as the connection waits for its next request: say this when
    /// the login is over.
    pub fn close_idle_connections(&self) {
        self.site().ways().iter().for_each(|way| way.pool.close_idle());
    }

    /// Connections of HTTP/1.1 to the upstreams that wait for a request and can take one.
    pub fn idle_connections(&self) -> usize {
        self.site().ways().iter().map(|way| way.pool.waiting()).sum()
    }

    /// Accepts nothing more, lets requests under way end for at most `grace`, then cuts what is left.
    pub async fn shutdown(mut self, grace: Duration) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(grace);
        }
        let _ = (&mut self.task).await;
    }

    fn site(&self) -> Arc<Site> {
        self.current.site()
    }
}

impl Drop for ProxyHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the socket file's mode, or what TCP can tell of a user, still suits the access asked for.
fn same_door(new: &ProxyConfig, old: &ProxyConfig) -> bool {
    match &new.listen {
        Listen::Unix(_) => {
            matches!(new.access, Access::AnyLocalUser) == matches!(old.access, Access::AnyLocalUser)
        }
        Listen::Tcp(_) => !matches!(new.access, Access::SameUser) || crate::peer::is_tcp_owner_known(),
    }
}

/// Whether whoever may connect under the one may under the other.
fn same_access(new: &Access, old: &Access) -> bool {
    match (new, old) {
        (Access::PathSecret(Some(new)), Access::PathSecret(Some(old))) => new.same_as(old.expose()),
        (Access::PathSecret(new), Access::PathSecret(old)) => new.is_none() && old.is_none(),
        (new, old) => new.name() == old.name(),
    }
}

fn upstreams(config: &ProxyConfig) -> impl Iterator<Item = (&Upstream, &CredentialName)> {
    let routes = config.routes.iter().map(|route| (&route.upstream, &route.credential));
    std::iter::once((&config.upstream, &config.credential)).chain(routes)
}

fn refuse_loop(config: &ProxyConfig, bound: Option<SocketAddr>) -> Result<(), ProxyError> {
    match bound {
        Some(bound) if upstreams(config).any(|(upstream, _)| upstream.is_at(bound)) => {
            Err(ProxyError::Loop(bound))
        }
        _ => Ok(()),
    }
}

fn warn_of_plain_http(config: &ProxyConfig) {
    for (upstream, credential) in upstreams(config).filter(|(upstream, _)| upstream.exposes_tokens()) {
        tracing::warn!(
            credential = credential.as_str(),
            %upstream,
            "tokens cross the network in the clear: the upstream is plain http"
        );
    }
}

async fn serve(listener: Listener, current: Current, mut stop: oneshot::Receiver<Duration>) {
    let mut connections = JoinSet::new();
    let grace = loop {
        let site = current.site();
        tokio::select! {
            grace = &mut stop => break grace.unwrap_or_default(),
            Some(ended) = connections.join_next() => note(ended),
            accepted = listener.accept(), if connections.len() < site.config.connections_max => match accepted {
                // The site is asked for anew: it may have changed while this waited.
                Ok(accepted) => {
                    connections.spawn(connection::serve(accepted, current.site(), current.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    };
    drop(listener);
    current.site().closing.send_replace(true);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    let _ = timeout(grace, drained).await;
    connections.shutdown().await;
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked; the others go on");
    }
}
