//! The proxies that the configuration names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use renewd_driver::CredentialName;
use renewd_proxy::{
    Access, KeeperFor, Listen, ProofSigner, Proxy, ProxyConfig, ProxyError, ProxyHandle, TokenSource,
};
use renewd_signer::KeySigner;
use tokio::sync::Mutex;

use super::door::ProxyPlace;
use super::keepers::Keepers;
use crate::config::{Config, ProxyEntry};
use crate::exit::Failure;
use crate::json::login_command;

/// Requests under way end within this when the agent stops or an entry goes.
const END: Duration = Duration::from_secs(5);

/// The running proxies, by where the configuration has them listen.
#[derive(Default)]
pub(crate) struct Proxies {
    running: Mutex<BTreeMap<String, ProxyHandle>>,
}

impl Proxies {
    /// Brings the proxies in line with the configuration: those that stay change without losing a request.
    pub(crate) async fn reconcile(&self, config: &Config, keepers: &Keepers) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut running = self.running.lock().await;
        let mut wanted = BTreeMap::new();
        for entry in config.proxies() {
            match proxy_config(config, &entry) {
                Ok(ready) => {
                    // Several may ask for any free port.
                    let mut place = ready.listen.to_string();
                    while wanted.contains_key(&place) {
                        place.push('+');
                    }
                    wanted.insert(place, (ready, entry));
                }
                Err(failure) => failures.push(failure),
            }
        }
        let gone: Vec<String> = running.keys().filter(|k| !wanted.contains_key(*k)).cloned().collect();
        for listen in gone {
            if let Some(handle) = running.remove(&listen) {
                handle.shutdown(END).await;
            }
        }
        let connections_max = super::descriptors::connections_of_each(wanted.len());
        for (listen, (mut ready, entry)) in wanted {
            ready.connections_max = connections_max;
            let Some(keeper) = keepers.keeper(&entry.credential) else {
                failures.push(unknown(config, &entry));
                continue;
            };
            let source: Arc<dyn TokenSource> = match entry.target.key() {
                key if key.is_own() => Arc::new(keeper),
                key => Arc::new(KeeperFor::new(keeper, key)),
            };
            let outcome = match running.get(&listen) {
                Some(handle) => match handle.reconfigure(ready.clone(), source.clone()) {
                    Err(ProxyError::ListenChanged | ProxyError::Stopped) => {
                        if let Some(old) = running.remove(&listen) {
                            old.shutdown(END).await;
                        }
                        Proxy::bind(ready, source).await.map(Some)
                    }
                    Ok(()) => Ok(None),
                    Err(error) => Err(error),
                },
                None => Proxy::bind(ready, source).await.map(Some),
            };
            match outcome {
                Ok(Some(handle)) => {
                    running.insert(listen, handle);
                }
                Ok(None) => {}
                Err(error) => failures.push(at(config, &entry, &error.to_string())),
            }
        }
        failures
    }

    /// Requests that were sent again after a 401, by all of them.
    pub(crate) async fn replays(&self) -> u64 {
        self.running.lock().await.values().map(|handle| handle.metrics().replays()).sum()
    }

    /// The login of that credential is over: nothing is kept that its tokens were written to.
    pub(crate) async fn logged_out(&self, name: &CredentialName) {
        for handle in self.running.lock().await.values().filter(|handle| handle.credential() == *name) {
            handle.close_idle_connections();
        }
    }

    /// Where they are. The URLs are what clients are given, path secrets included: for the person at the terminal and
    /// for private files only.
    pub(crate) async fn places(&self) -> Vec<ProxyPlace> {
        let place = |handle: &ProxyHandle| ProxyPlace { listen: handle.url(), url: handle.client_url() };
        self.running.lock().await.values().map(place).collect()
    }

    /// Lets requests end, then stops all.
    pub(crate) async fn shutdown(&self) {
        let running = std::mem::take(&mut *self.running.lock().await);
        for handle in running.into_values() {
            handle.shutdown(END).await;
        }
    }
}

fn at(config: &Config, entry: &ProxyEntry, what: &str) -> Failure {
    let file = config.file().map_or_else(|| "configuration".into(), |f| f.display().to_string());
    Failure::configuration(format!("{file}:{}: [[proxy]]: {what}", entry.line))
}

fn unknown(config: &Config, entry: &ProxyEntry) -> Failure {
    let name = &entry.credential;
    at(config, entry, &format!("no credential is called {name}")).advise(format!(
        "renewd import {name} …; the proxy begins when the agent is started again or reloaded"
    ))
}

/// A proxy as the proxy crate wants it.
///
/// # Errors
/// A configuration failure that names the line.
pub(crate) fn proxy_config(config: &Config, entry: &ProxyEntry) -> Result<ProxyConfig, Failure> {
    entry.target.check().map_err(|wrong| at(config, entry, &wrong.message))?;
    let upstream = entry.upstream.parse().map_err(|e| at(config, entry, &format!("upstream: {e}")))?;
    if let Listen::Unix(socket) = &entry.listen
        && let Some(why) = renewd_store::loose_way(socket)
    {
        return Err(at(config, entry, &format!("{} is in no safe place: {why}", socket.display())));
    }
    let mut ready = ProxyConfig::new(entry.listen.clone(), upstream, entry.credential.clone());
    ready.access = match entry.access.as_deref() {
        Some("same-user") => Access::SameUser,
        Some("path-secret") => Access::PathSecret(None),
        Some("any-local-user") => Access::AnyLocalUser,
        _ => Access::default_for(&ready.listen),
    };
    ready.replay_limit = usize::try_from(entry.replay_limit).unwrap_or(usize::MAX);
    if let Some(span) = entry.demand_timeout {
        ready.demand_timeout = span.into();
    }
    ready.login_command = Some(login_command(entry.credential.as_str()));
    ready.signer = ProofSigner::new(KeySigner::new());
    Ok(ready)
}
