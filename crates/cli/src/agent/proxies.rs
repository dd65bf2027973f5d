//! The proxies that the configuration names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use renewd_core::{AccessKey, Span, Status};
use renewd_driver::{CredentialName, Keeper};
use renewd_proxy::{
    Access, BearerToken, KeeperFor, Listen, NoBearer, ObserveRequests, ProofSigner, Proxy, ProxyConfig,
    ProxyError, ProxyHandle, Rejected, RequestObserver, Route, TokenSource,
};
use renewd_signer::KeySigner;
use tokio::sync::Mutex;

use super::activation::Activation;
use super::door::{ProxyPlace, RoutePlace};
use super::keepers::Keepers;
use super::metrics::ProxyCounts;
use crate::config::{Config, ProxyEntry, RouteEntry};
use crate::exit::Failure;
use crate::json::login_command;
use crate::target::Target;

/// Requests under way end within this when the agent stops or an entry goes.
const END: Duration = Duration::from_secs(5);

/// Marks a failure that may pass once the proxies that are gone have ended.
const ADDRESS: &str = "address";

/// The running proxies, by what tells their entries apart.
#[derive(Default)]
pub(crate) struct Proxies {
    running: Mutex<BTreeMap<String, Running>>,
    /// Hears of each request, where somebody traces.
    observer: RequestObserver,
}

struct Running {
    handle: ProxyHandle,
    /// What it was configured by last.
    entry: ProxyEntry,
    connections_max: usize,
}

impl Proxies {
    /// None yet. Whoever is named here hears of each request.
    pub(crate) fn observed(observer: Option<impl ObserveRequests>) -> Self {
        Self { observer: observer.map(RequestObserver::new).unwrap_or_default(), ..Self::default() }
    }

    /// What is wrong with the entries themselves, whatever else goes on in the machine.
    pub(crate) fn check(config: &Config) -> Vec<Failure> {
        config
            .proxies()
            .iter()
            .filter_map(|entry| proxy_config(config, entry, |_| Arc::new(Nothing)).err())
            .collect()
    }

    /// Brings the proxies in line with the configuration. Those that stay change in place, those that are new begin, and
    /// only then do those end that are gone: no request is lost, and nobody waits for those who are served out.
    pub(crate) async fn reconcile(
        &self,
        config: &Config,
        keepers: &Arc<Keepers>,
        activation: &Activation,
    ) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut running = self.running.lock().await;
        let mut wanted = BTreeMap::new();
        for entry in config.proxies() {
            let mut place = place(&entry);
            while wanted.contains_key(&place) {
                place.push('+');
            }
            wanted.insert(place, entry);
        }
        let gone: Vec<String> = running.keys().filter(|k| !wanted.contains_key(*k)).cloned().collect();
        let gone: Vec<Running> = gone.iter().filter_map(|place| running.remove(place)).collect();
        let connections_max = super::descriptors::connections_of_each(wanted.len());
        let mut refused = Vec::new();
        for (place, entry) in wanted {
            let (observer, running) = (&self.observer, &mut *running);
            let mut begin = Begin { config, keepers, activation, connections_max, observer, running };
            if let Err(failure) = begin.bring(&place, &entry).await {
                refused.push((place, entry, failure));
            }
        }
        end_all(gone).await;
        for (place, entry, failure) in refused {
            // One that is gone may have had its address.
            let (observer, running) = (&self.observer, &mut *running);
            let mut begin = Begin { config, keepers, activation, connections_max, observer, running };
            if failure.code == ADDRESS {
                failures.extend(begin.bring(&place, &entry).await.err());
            } else {
                failures.push(failure);
            }
        }
        failures
    }

    /// What each has counted. Its label is what it listens on, without a secret.
    pub(crate) async fn counts(&self) -> Vec<ProxyCounts> {
        let counts = |handle: &ProxyHandle| ProxyCounts::of(handle.url(), &handle.metrics());
        self.running.lock().await.values().map(|running| counts(&running.handle)).collect()
    }

    /// The login of that credential is over: nothing is kept that its tokens were written to.
    pub(crate) async fn logged_out(&self, name: &CredentialName) {
        for Running { handle, .. } in self.running.lock().await.values() {
            if handle.serves(name) {
                handle.close_idle_connections();
            }
        }
    }

    /// Where they are. The URLs are what clients are given, path secrets included: for the person at the terminal and
    /// for private files only.
    pub(crate) async fn places(&self) -> Vec<ProxyPlace> {
        let route = |route: &RouteEntry| RoutePlace {
            prefix: route.prefix.to_string(),
            credential: route.credential.to_string(),
            upstream: route.upstream.clone(),
        };
        let place = |Running { handle, entry, .. }: &Running| ProxyPlace {
            listen: handle.url(),
            url: handle.client_url(),
            routes: entry.routes.iter().map(route).collect(),
        };
        self.running.lock().await.values().map(place).collect()
    }

    /// Lets requests end, then stops all.
    pub(crate) async fn shutdown(&self) {
        let running = std::mem::take(&mut *self.running.lock().await);
        end_all(running.into_values()).await;
    }
}

/// All at once: each may have a request that takes its time.
async fn end_all(running: impl IntoIterator<Item = Running>) {
    let ends = running.into_iter().map(|running| running.handle.shutdown(END));
    futures_util::future::join_all(ends).await;
}

/// What one entry is brought into being with.
struct Begin<'a> {
    config: &'a Config,
    keepers: &'a Arc<Keepers>,
    activation: &'a Activation,
    connections_max: usize,
    observer: &'a RequestObserver,
    running: &'a mut BTreeMap<String, Running>,
}

impl Begin<'_> {
    /// Begins the proxy of that entry, or changes the one that runs there. Where some of its credentials are not known
    /// the others are served all the same.
    async fn bring(&mut self, place: &str, entry: &ProxyEntry) -> Result<(), Failure> {
        let credentials = entry.routes.iter().map(|route| &route.credential);
        let mut unknown = credentials.filter(|name| self.keepers.keeper(name).is_none());
        let first = unknown.next();
        if first.is_none() || 1 + unknown.count() < entry.routes.len() {
            self.serve(place, entry).await?;
        }
        first.map_or(Ok(()), |name| Err(not_known(self.config, entry, name)))
    }

    async fn serve(&mut self, place: &str, entry: &ProxyEntry) -> Result<(), Failure> {
        let (config, connections_max) = (self.config, self.connections_max);
        let source = |route: &RouteEntry| source(self.keepers, &route.credential, &route.target);
        let (mut ready, source) = proxy_config(config, entry, source)?;
        ready.connections_max = connections_max;
        ready.observer = self.observer.clone();
        let any_user = matches!(ready.access, Access::AnyLocalUser);
        let handed = self.activation.proxy(entry.handed.as_deref(), &ready.listen, any_user);
        let passed = handed.map_err(|why| at(config, entry, &why))?.map(|(passed, listen)| {
            ready.listen = listen;
            passed
        });
        let refused = |error: ProxyError| {
            let failure = at(config, entry, &error.to_string());
            if matches!(error, ProxyError::Listen { .. }) { failure.coded(ADDRESS) } else { failure }
        };
        if let Some(old) = self.running.get_mut(place) {
            let same = is_same(&old.entry, entry) && old.connections_max == connections_max;
            if same && old.handle.is_running() {
                old.entry = entry.clone();
                return Ok(());
            }
            match old.handle.reconfigure(ready.clone(), source.clone()) {
                Err(ProxyError::ListenChanged | ProxyError::Stopped) => {}
                Err(error) => return Err(refused(error)),
                Ok(()) => {
                    (old.entry, old.connections_max) = (entry.clone(), connections_max);
                    return Ok(());
                }
            }
            // Its socket gets another mode, which takes another socket.
            end_all(self.running.remove(place)).await;
        }
        let begun = match passed {
            Some(passed) => Proxy::adopt(passed, ready, source),
            None => Proxy::bind(ready, source).await,
        };
        let handle = begun.map_err(refused)?;
        self.running.insert(place.into(), Running { handle, entry: entry.clone(), connections_max });
        Ok(())
    }
}

/// By what an entry is known again: where it listens. Several may ask for any free port; those are told apart by their
/// credentials, so that no client ever gets to another one's upstream.
fn place(entry: &ProxyEntry) -> String {
    match (&entry.handed, &entry.listen) {
        (Some(name), _) => format!("fd:{name}"),
        (None, Listen::Tcp(address)) if address.port() == 0 => {
            let credential = entry.routes.first().map(|route| route.credential.as_str());
            format!("{address} {}", credential.unwrap_or_default())
        }
        (None, listen) => listen.to_string(),
    }
}

/// The line in the file says nothing of the proxy.
fn is_same(old: &ProxyEntry, new: &ProxyEntry) -> bool {
    ProxyEntry { line: old.line, ..new.clone() } == *old
}

/// Where the tokens of a credential come from. It is asked for by its name at each request: a keeper may be exchanged for
/// another under the proxy, by a login or a reload that changes how the server is reached.
pub(crate) fn source(
    keepers: &Arc<Keepers>,
    credential: &CredentialName,
    target: &Target,
) -> Arc<dyn TokenSource> {
    Arc::new(ByName { keepers: Arc::clone(keepers), name: credential.clone(), key: target.key() })
}

struct ByName {
    keepers: Arc<Keepers>,
    name: CredentialName,
    key: AccessKey,
}

impl ByName {
    fn keeper(&self) -> Result<Keeper, NoBearer> {
        self.keepers.keeper(&self.name).ok_or_else(|| {
            NoBearer::new(Status::Stopped, format!("the agent does not keep {} any more", self.name))
        })
    }

    /// Asks the keeper of the moment; where that one was exchanged meanwhile, its successor.
    async fn ask<T, F: Future<Output = Result<T, NoBearer>>>(
        &self,
        question: impl Fn(Arc<dyn TokenSource>) -> F,
    ) -> Result<T, NoBearer> {
        let keeper = self.keeper()?;
        match question(self.of(keeper.clone())).await {
            Err(why) if why.status == Status::Stopped => {
                let successor = self.keeper()?;
                if successor.is_same(&keeper) { Err(why) } else { question(self.of(successor)).await }
            }
            answer => answer,
        }
    }

    fn of(&self, keeper: Keeper) -> Arc<dyn TokenSource> {
        match self.key.is_own() {
            true => Arc::new(keeper),
            false => Arc::new(KeeperFor::new(keeper, self.key.clone())),
        }
    }
}

#[async_trait]
impl TokenSource for ByName {
    fn at_hand(&self) -> Option<BearerToken> {
        if !self.key.is_own() {
            return None;
        }
        self.keepers.keeper(&self.name)?.at_hand()
    }

    async fn token(&self, patience: Span) -> Result<BearerToken, NoBearer> {
        self.ask(|source| async move { source.token(patience).await }).await
    }

    async fn rejected(&self, epoch: u64, generation: u64, patience: Span) -> Result<Rejected, NoBearer> {
        self.ask(|source| async move { source.rejected(epoch, generation, patience).await }).await
    }
}

fn at(config: &Config, entry: &ProxyEntry, what: &str) -> Failure {
    let file = config.file().map_or_else(|| "configuration".into(), |f| f.display().to_string());
    Failure::configuration(format!("{file}:{}: [[proxy]]: {what}", entry.line))
}

fn not_known(config: &Config, entry: &ProxyEntry, name: &CredentialName) -> Failure {
    at(config, entry, &format!("no credential is called {name}")).advise(format!(
        "renewd import {name} …; the proxy begins when the agent is started again or reloaded"
    ))
}

/// A proxy as the proxy crate wants it: each of its routes with tokens from `source`. The first route's come beside it.
///
/// # Errors
/// A configuration failure that names the line.
pub(crate) fn proxy_config(
    config: &Config,
    entry: &ProxyEntry,
    source: impl Fn(&RouteEntry) -> Arc<dyn TokenSource>,
) -> Result<(ProxyConfig, Arc<dyn TokenSource>), Failure> {
    if let Listen::Unix(socket) = &entry.listen
        && let Some(why) = renewd_store::loose_way(socket)
    {
        return Err(at(config, entry, &format!("{} is in no safe place: {why}", socket.display())));
    }
    let mut routes = Vec::with_capacity(entry.routes.len());
    for route in &entry.routes {
        route.target.check().map_err(|wrong| at(config, entry, &wrong.message))?;
        let upstream = route.upstream.parse().map_err(|e| at(config, entry, &format!("upstream: {e}")))?;
        let mut ready = Route::new(route.prefix.clone(), upstream, route.credential.clone(), source(route));
        ready.strip_prefix = route.strip_prefix;
        ready.upstream_http2 = route.upstream_http2;
        ready.replay_limit = usize::try_from(route.replay_limit).unwrap_or(usize::MAX);
        ready.login_command = Some(login_command(route.credential.as_str()));
        routes.push(ready);
    }
    let mut routes = routes.into_iter();
    let first = routes.next().ok_or_else(|| at(config, entry, "it has no upstream"))?;
    let source = Arc::clone(&first.source);
    let mut ready = ProxyConfig::of_route(entry.listen.clone(), first);
    ready.routes = routes.collect();
    ready.access = match entry.access.as_deref() {
        Some("same-user") => Access::SameUser,
        Some("path-secret") => Access::PathSecret(None),
        Some("any-local-user") => Access::AnyLocalUser,
        _ => Access::default_for(&ready.listen),
    };
    if let Some(span) = entry.demand_timeout {
        ready.demand_timeout = span.into();
    }
    ready.signer = ProofSigner::new(KeySigner::new());
    Ok((ready, source))
}

/// Stands for the tokens where only the configuration is looked at.
struct Nothing;

#[async_trait]
impl TokenSource for Nothing {
    fn at_hand(&self) -> Option<BearerToken> {
        None
    }

    async fn token(&self, _patience: Span) -> Result<BearerToken, NoBearer> {
        Err(NoBearer::new(Status::Stopped, "nothing is served here"))
    }

    async fn rejected(&self, _epoch: u64, _generation: u64, _patience: Span) -> Result<Rejected, NoBearer> {
        Ok(Rejected::Passed)
    }
}
