//! A look at a credential without doing anything: its record is fed to a machine of its own, whose commands are
//! dropped. Nothing is sent. A claim is only tried, and given back at once, where an announced attempt stands: whoever
//! holds it lives, and nothing else tells.

use renewd_blocking::block_on;
use renewd_core::{
    AccessKey, Command, Input, Intent, Lifecycle, Loaded, Now, Record, Serve, Span, Status, View,
};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, CredentialStore};

use super::setup::{Secrets, setup};
use super::store::store_failure;
use crate::config::Config;
use crate::exit::Failure;

/// The jitter of a machine that never sends does not matter.
const SEED: u64 = 0;

/// What a look showed.
pub(crate) struct Glance {
    machine: Lifecycle,
    now: Now,
    /// The store's answer.
    pub(crate) record: Option<Record>,
    /// That record is older than one that was written before, of this epoch and generation.
    pub(crate) greatest: Option<(u64, u64)>,
}

/// An attempt that a process announced and did not end yet.
pub(crate) struct Announced {
    /// What it wrote.
    pub(crate) intent: Intent,
    /// Whether it lives; none where the claim cannot be asked.
    pub(crate) lives: Option<bool>,
}

impl Announced {
    /// Nobody is known to be at it: its outcome is in doubt until the next attempt.
    pub(crate) fn is_left(&self) -> bool {
        self.lives != Some(true)
    }
}

/// Looks at a credential.
///
/// # Errors
/// A configuration failure, where the configuration contradicts the record.
pub(crate) fn glance(
    config: &Config,
    store: &dyn CredentialStore,
    name: &CredentialName,
) -> Result<Glance, Failure> {
    let loaded = block_on(store.load(name));
    let record = match &loaded {
        Loaded::Record(record) => Some((**record).clone()),
        Loaded::RolledBack { record, .. } => Some((**record).clone()),
        Loaded::Absent | Loaded::Fault(_) => None,
    };
    let greatest = match &loaded {
        Loaded::RolledBack { greatest, .. } => Some(*greatest),
        Loaded::Record(_) | Loaded::Absent | Loaded::Fault(_) => None,
    };
    let setup = setup(config, name, record.as_ref(), Secrets::Leave)?;
    let now = SystemClock.now();
    let mut machine = Lifecycle::new(setup, SEED);
    machine.handle(now, Input::Loaded(loaded));
    drain(&mut machine);
    Ok(Glance { machine, now, record, greatest })
}

/// Everything that has a record or an entry in the configuration, sorted.
///
/// # Errors
/// A store failure.
pub(crate) fn names(
    config: &Config,
    store: Option<&dyn CredentialStore>,
) -> Result<Vec<CredentialName>, Failure> {
    let mut names = match store {
        Some(store) => block_on(store.list()).map_err(store_failure)?,
        None => Vec::new(),
    };
    names.extend(config.credentials().map(|(name, _)| name.clone()));
    names.sort();
    names.dedup();
    Ok(names)
}

/// The attempt that the record announces, where it may still be under way. One that somebody else waits out already
/// is in doubt by what the record says itself.
fn announced_in(record: &Record) -> Option<&Intent> {
    let intent = record.intent.as_ref()?;
    let open = intent.generation == record.generation && !intent.settled && intent.orphaned.is_none();
    open.then_some(intent)
}

impl Glance {
    /// An attempt of another process that may be under way. The kernel's lock alone tells whether that lives.
    pub(crate) fn announced(&self, store: &dyn CredentialStore, name: &CredentialName) -> Option<Announced> {
        let intent = announced_in(self.record.as_ref()?)?.clone();
        let lives = match block_on(store.try_claim(name)) {
            Ok(None) => Some(true),
            // It may have ended between the first look and the claim.
            Ok(Some(_claim)) => match block_on(store.load(name)) {
                Loaded::Record(now) | Loaded::RolledBack { record: now, .. } => {
                    announced_in(&now).filter(|still| still.attempt == intent.attempt)?;
                    Some(false)
                }
                Loaded::Absent | Loaded::Fault(_) => None,
            },
            Err(_) => None,
        };
        Some(Announced { intent, lives })
    }

    /// What can be seen, and when it was seen.
    pub(crate) fn view(&self) -> (View, Now) {
        let mut view = self.machine.view(self.now);
        if view.status == Status::Running {
            // This machine has run since a moment ago, which says nothing about the credential.
            view.since = None;
        }
        (view, self.now)
    }

    /// The valid token that a caller gets without any transaction, where there is one that lives long enough.
    pub(crate) fn token(
        &mut self,
        key: &AccessKey,
        min_validity: Span,
    ) -> Option<(renewd_core::Access, u64, u64)> {
        self.machine.handle(self.now, Input::DemandFor { key: key.clone(), min_validity });
        drain(&mut self.machine);
        match self.machine.serve_for(key, self.now, min_validity) {
            Serve::Token { access, epoch, generation, short: false, .. } => {
                Some((access.clone(), epoch, generation))
            }
            Serve::Token { .. } | Serve::Wait | Serve::Unavailable(_) => None,
        }
    }
}

fn drain(machine: &mut Lifecycle) {
    while let Some(command) = machine.poll_command() {
        // Dropped on purpose: whoever looks does nothing.
        let _: Command = command;
    }
}
