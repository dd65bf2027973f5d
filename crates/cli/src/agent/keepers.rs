//! The credentials that the agent keeps: everything with a record or an entry in the configuration.
//!
//! Credentials may reach their servers in different ways (a CA file, a proxy), and the transport is a port of the
//! loop: those that share a way share a loop.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use renewd_core::{Loaded, Phase, Record, Status, View};
use renewd_driver::system::{SystemClock, SystemEntropy};
use renewd_driver::{CredentialName, CredentialStore, Drained, DriverHandle, Keeper, Observer, TokenError};
use renewd_signer::KeySigner;
use renewd_tokio::Renewd;
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
use tokio::task::JoinHandle;

use super::events::Hub;
use crate::commands::logout::server::{AtServer, tell_configured};
use crate::config::Config;
use crate::credential::{SEED_AWAITED, Secrets, seed, setup, store_failure, transport};
use crate::exit::Failure;
use crate::journal::What;
use crate::test_points;

/// A record is read within moments, or its disk hangs.
const LOADING_MAX: Duration = Duration::from_secs(5);

/// Between two looks at a keeper that is reading its record.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The kept credentials.
pub(crate) struct Keepers {
    store: Arc<dyn CredentialStore>,
    hub: Hub,
    /// The one in force.
    config: Mutex<Option<Arc<Config>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the way their credentials reach their servers.
    loops: HashMap<UreqOptions, Renewd>,
    kept: BTreeMap<CredentialName, Kept>,
    /// Loops that keep nothing any more, and finish what is under way.
    ending: Vec<JoinHandle<Drained>>,
    /// Credentials that wait for a seed, and what was said of each last.
    unseeded: BTreeMap<CredentialName, String>,
}

struct Kept {
    keeper: Keeper,
    way: UreqOptions,
    required: bool,
}

impl State {
    /// Lets a keeper's machine go. It finishes what is under way by itself.
    fn end(&self, name: &CredentialName, kept: &Kept) {
        if let Some(renewd) = self.loops.get(&kept.way) {
            drop(renewd.handle().remove(name));
        }
    }
}

/// Waits until the record was read. Whoever asked before would hear of a credential that runs and has nothing, which
/// is what is true of none.
async fn loaded(keeper: &Keeper) {
    let reading = async {
        while keeper.view().await.is_ok_and(|seen| is_loading(&seen.view)) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    // A store that hangs must not keep the agent from telling so.
    let _ = tokio::time::timeout(LOADING_MAX, reading).await;
}

fn is_loading(view: &View) -> bool {
    (view.phase, view.status) == (Phase::Absent, Status::Running)
}

impl Keepers {
    pub(crate) fn new(store: Arc<dyn CredentialStore>, hub: Hub) -> Self {
        Self { store, hub, config: Mutex::default(), state: Mutex::default() }
    }

    /// The configuration in force; none before there is one.
    pub(crate) fn config(&self) -> Option<Arc<Config>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The store of all of them.
    pub(crate) fn store(&self) -> &Arc<dyn CredentialStore> {
        &self.store
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper of that name.
    pub(crate) fn keeper(&self, name: &CredentialName) -> Option<Keeper> {
        self.lock().kept.get(name).map(|k| k.keeper.clone())
    }

    /// All, sorted by name, and whether each counts for readiness.
    pub(crate) fn all(&self) -> Vec<(Keeper, bool)> {
        self.lock().kept.values().map(|k| (k.keeper.clone(), k.required)).collect()
    }

    /// Brings what is kept in line with the configuration and the store. What cannot be kept is told, and the rest
    /// goes on.
    pub(crate) async fn reconcile(&self, config: &Arc<Config>, changed: bool) -> Vec<Failure> {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(config));
        let mut failures = Vec::new();
        let mut names = match self.store.list().await {
            Ok(names) => names,
            Err(fault) => {
                failures.push(store_failure(fault));
                Vec::new()
            }
        };
        let stored = names.len();
        names.extend(config.credentials().map(|(name, _)| name.clone()));
        names.sort();
        names.dedup();
        let mut begun = Vec::new();
        for name in &names {
            if changed || self.lacks(name) {
                match self.keep(config, name).await {
                    Ok(new) => begun.extend(new),
                    Err(failure) => failures.push(failure),
                }
            }
        }
        // All load at once; then each is waited for.
        for new in begun {
            loaded(&new.keeper).await;
            self.hold(new);
        }
        // A store that cannot be listed must not end what is kept.
        if changed && (stored > 0 || failures.is_empty()) {
            let gone: Vec<_> = self.lock().kept.keys().filter(|n| !names.contains(n)).cloned().collect();
            for name in gone {
                self.forget(&name);
            }
        }
        self.end_idle_loops();
        failures
    }

    /// Ends the loops that keep nothing any more: a way to the server that no credential takes. What is under way there is
    /// finished and saved first.
    fn end_idle_loops(&self) {
        let mut state = self.lock();
        let used: HashSet<UreqOptions> = state.kept.values().map(|kept| kept.way.clone()).collect();
        let idle: Vec<UreqOptions> = state.loops.keys().filter(|way| !used.contains(*way)).cloned().collect();
        for way in idle {
            if let Some(renewd) = state.loops.remove(&way) {
                state.ending.retain(|end| !end.is_finished());
                state.ending.push(tokio::spawn(renewd.shutdown()));
            }
        }
    }

    /// It is not kept yet, or waits for a seed.
    fn lacks(&self, name: &CredentialName) -> bool {
        let state = self.lock();
        !state.kept.contains_key(name) || state.unseeded.contains_key(name)
    }

    /// A login took the place of what stood: its client, secret and profile hold from now on, and no reload is needed.
    ///
    /// # Errors
    /// Why the credential cannot be kept so; what held before goes on.
    pub(crate) async fn logged_in(&self, name: &CredentialName) -> Result<(), Failure> {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(config) = config else { return Ok(()) };
        if let Some(new) = self.keep(&config, name).await? {
            loaded(&new.keeper).await;
            self.hold(new);
        }
        Ok(())
    }

    /// Tells the server that a login is over.
    pub(crate) async fn end_at_server(&self, name: &CredentialName, record: &Record) -> AtServer {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let told = match &config {
            Some(config) => tell_configured(config, name, record).await,
            None => Err("the agent has no configuration yet".into()),
        };
        told.unwrap_or_else(|why| AtServer { refresh_token: Some(Err(why)), ..AtServer::default() })
    }

    /// Begins to keep a credential; none where one that is kept only changes.
    async fn keep(&self, config: &Config, name: &CredentialName) -> Result<Option<Kept>, Failure> {
        let seeded = self.seed(config, name)?;
        let record = self.record(name).await;
        let setup = setup(config, name, record.as_ref(), Secrets::Read)?;
        let way = transport(config, name);
        let required = config
            .lookup("credential", "required", Some(name))
            .and_then(|e| e.value.as_flag())
            .unwrap_or(false);
        if let Some(kept) = self.lock().kept.get_mut(name)
            && kept.way == way
        {
            kept.required = required;
            kept.keeper.policy_changed(setup);
            if seeded {
                kept.keeper.store_changed();
            }
            return Ok(None);
        }
        let handle = self.handle(&way).map_err(|f| f.about(name))?;
        let keeper = handle.add(name.clone(), setup, SystemEntropy.seed());
        Ok(Some(Kept { keeper, way, required }))
    }

    /// Begins a record from the credential's seed, where it has one. One that is not there yet is waited for, and so is
    /// one that is no good while the credential is kept already; each is told once.
    fn seed(&self, config: &Config, name: &CredentialName) -> Result<bool, Failure> {
        let failure = match seed(config, self.store.as_ref(), name) {
            Ok(seeded) => {
                self.lock().unseeded.remove(name);
                if seeded && config.path("credential", "seed_file", Some(name)).is_some() {
                    self.hub.note(Some(name), What::Imported { epoch: 1 });
                }
                return Ok(seeded);
            }
            Err(failure) => failure,
        };
        let mut state = self.lock();
        let waits = failure.code == SEED_AWAITED || state.unseeded.contains_key(name);
        if !waits {
            return Err(failure);
        }
        let said = failure.message.clone();
        if state.unseeded.insert(name.clone(), said.clone()) != Some(said) {
            drop(state);
            let text = failure.message.strip_prefix(&format!("{name}: ")).unwrap_or(&failure.message);
            self.hub.note(Some(name), What::Advice { text: text.to_owned() });
        }
        Ok(false)
    }

    /// Takes a keeper in, in the place of one that reached its server another way.
    fn hold(&self, new: Kept) {
        let mut state = self.lock();
        let name = new.keeper.name().clone();
        match state.kept.insert(name.clone(), new) {
            Some(old) => state.end(&name, &old),
            None => {
                drop(state);
                self.hub.kept(&name, true);
            }
        }
    }

    async fn record(&self, name: &CredentialName) -> Option<Record> {
        match self.store.load(name).await {
            Loaded::Record(record) | Loaded::RolledBack { record, .. } => Some(*record),
            Loaded::Absent | Loaded::Fault(_) => None,
        }
    }

    fn forget(&self, name: &CredentialName) {
        let mut state = self.lock();
        if let Some(kept) = state.kept.remove(name) {
            state.unseeded.remove(name);
            state.end(name, &kept);
            drop(state);
            self.hub.kept(name, false);
        }
    }

    fn handle(&self, way: &UreqOptions) -> Result<DriverHandle, Failure> {
        let mut state = self.lock();
        if let Some(renewd) = state.loops.get(way) {
            return Ok(renewd.handle().clone());
        }
        let endpoint = UreqEndpoint::new(way.clone(), Workers::default(), Arc::new(SystemClock));
        endpoint.check().map_err(|e| Failure::configuration(e.to_string()))?;
        let renewd = Renewd::builder(test_points::endpoint(Arc::new(endpoint)), Arc::clone(&self.store))
            .signer(Arc::new(KeySigner::new()))
            .observer(Arc::new(self.hub.clone()) as Arc<dyn Observer>)
            .spawn_thread()
            .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
        let handle = renewd.handle().clone();
        state.loops.insert(way.clone(), renewd);
        Ok(handle)
    }

    /// Whether every loop answers in that time. One that is overloaded lives.
    pub(super) async fn answer_within(&self, patience: Duration) -> bool {
        let mut seen = HashSet::new();
        let of_each: Vec<Keeper> = {
            let state = self.lock();
            state.kept.values().filter(|kept| seen.insert(&kept.way)).map(|k| k.keeper.clone()).collect()
        };
        let answers = of_each.iter().map(|keeper| async {
            match tokio::time::timeout(patience, keeper.view()).await {
                Ok(Ok(_) | Err(TokenError::Overloaded { .. })) => true,
                // It was exchanged or let go a moment ago.
                Ok(Err(_)) => self.keeper(keeper.name()).is_none_or(|now| !now.is_same(keeper)),
                Err(_) => false,
            }
        });
        futures_util::future::join_all(answers).await.into_iter().all(|lives| lives)
    }

    /// Finishes what is under way, saves it, and keeps nothing any more. Tells what could not be saved.
    pub(crate) async fn shutdown(&self) -> Vec<(CredentialName, String)> {
        let (loops, ending) = {
            let mut state = self.lock();
            state.kept.clear();
            (std::mem::take(&mut state.loops), std::mem::take(&mut state.ending))
        };
        // All begin at once; then each is waited for.
        let ends: Vec<_> = loops.into_values().map(Renewd::shutdown).collect();
        let mut lost = Vec::new();
        for end in ends {
            lost.extend(end.await.lost);
        }
        for end in ending {
            lost.extend(end.await.map(|drained| drained.lost).unwrap_or_default());
        }
        lost
    }
}
