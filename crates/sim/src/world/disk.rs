//! The disk that the processes share: the real file store over a simulated disk that forgets what was not synced.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_channel::mpsc;
use futures_util::stream::StreamExt as _;
use renewd_core::{CommitFailure, Fence, Loaded, RECORD_FORMAT, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{
    Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor, StoreChange, StoreWatch,
};
use renewd_store::testing::{Chance, Damage as Harm, SimDisk, SimProcess, Snapshot};
use renewd_store::{FileStore, IoHook, IoPoint};
use sha2::{Digest as _, Sha256};

use super::life::Life;
use super::triggers::Triggers;
use crate::scenario::{Damage, Flaw, StoreMode};

/// Where the store lies.
const STATE_DIR: &str = "/state";
const RECORDS_DIR: &str = "/state/credentials";
/// Another credential in the same store: what a record is swapped with.
pub(super) const OTHER: &str = "another";
/// How the bytes begin that say which format and key a sealed file has; their own check comes last.
const PREFIX_BYTES: usize = 32;
const FORMAT_AT: usize = 8;
const CHECK_AT: usize = 28;

/// Clones are the same disk.
#[derive(Clone)]
pub(super) struct Disk {
    sim: SimDisk,
    name: CredentialName,
    state: Arc<Mutex<State>>,
    flaw: Option<Flaw>,
    /// Whether processes hear of what others write.
    watched: bool,
}

struct State {
    backup: Option<Snapshot>,
    /// What there was before the damage.
    before_damage: Option<Snapshot>,
    /// The bits that say "a newer version", to be turned back.
    newer: Vec<usize>,
    seen: Option<(u64, Loaded)>,
    changes: u64,
    bells: Vec<mpsc::UnboundedSender<()>>,
    /// A seed with which a power cut leaves nothing that was not synced.
    merciless: u64,
}

impl Disk {
    pub(super) fn new(name: &CredentialName, seed: u64, flaw: Option<Flaw>, watched: bool) -> Self {
        let state = State {
            backup: None,
            before_damage: None,
            newer: Vec::new(),
            seen: None,
            changes: 0,
            bells: Vec::new(),
            merciless: (0..).find(|seed| Chance::new(*seed).below(8) == 0).unwrap_or_default(),
        };
        Self {
            sim: SimDisk::new(seed),
            name: name.clone(),
            state: Arc::new(Mutex::new(state)),
            flaw,
            watched,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_path(&self) -> PathBuf {
        Path::new(RECORDS_DIR).join(format!("{}.record", self.name))
    }

    /// The store as this process opens it.
    pub(super) fn handle(&self, life: &Life, triggers: &Triggers) -> Arc<dyn CredentialStore> {
        let process = self.sim.process();
        life.holds(&process);
        let (disk, life, triggers) = (self.clone(), life.clone(), triggers.clone());
        Arc::new(Handle { disk, process, life, triggers, store: Mutex::new(None) })
    }

    /// Changes how it behaves, or what lies on it. True where what lies on it is not what was written.
    pub(super) fn set(&self, mode: StoreMode) -> bool {
        self.changed();
        match mode {
            StoreMode::Ok => self.mend(),
            StoreMode::Full => self.sim.set_capacity(Some(self.sim.used())),
            StoreMode::ReadOnly => self.sim.set_read_only(true),
            StoreMode::Io => {
                self.sim.set_reads_fail(true);
                self.sim.set_writes_fail(true);
            }
            StoreMode::FsyncOnce => self.sim.fail_syncs(1),
            StoreMode::Backup => self.lock().backup = Some(self.sim.snapshot()),
            StoreMode::Restore => return self.restore(),
            StoreMode::Damage(damage) => return self.damage(damage),
            StoreMode::Newer => self.turn_newer(),
        }
        false
    }

    fn mend(&self) {
        self.sim.set_capacity(None);
        self.sim.set_read_only(false);
        self.sim.set_reads_fail(false);
        self.sim.set_writes_fail(false);
        self.sim.fail_syncs(0);
        let bits = std::mem::take(&mut self.lock().newer);
        self.flip(&bits);
    }

    fn restore(&self) -> bool {
        let Some(backup) = self.lock().backup.clone() else { return false };
        let record = self.record_path();
        // A backup without a record in it brings nothing back.
        let _ = self.sim.restore_only(&backup, |path| path == record);
        self.changed();
        self.ring();
        true
    }

    /// The record's file is put back as it was before it was damaged; false where it never was.
    pub(super) fn repair(&self) -> bool {
        let Some(before) = self.lock().before_damage.take() else { return false };
        let record = self.record_path();
        let repaired = self.sim.restore_only(&before, |path| path == record).is_ok();
        self.changed();
        self.ring();
        repaired
    }

    fn damage(&self, damage: Damage) -> bool {
        let path = self.record_path();
        let Some(bytes) = self.sim.read(&path) else { return false };
        let harm = match damage {
            Damage::Torn => Harm::Torn(bytes.len() / 2),
            Damage::Truncated => Harm::Truncated(bytes.len() / 2),
            Damage::Flipped => Harm::Flipped(bytes.len() * 4),
            Damage::Empty => Harm::Empty,
            Damage::Swapped => Harm::Swapped(Path::new(RECORDS_DIR).join(format!("{OTHER}.record"))),
        };
        self.lock().before_damage = Some(self.sim.snapshot());
        let harmed = self.sim.damage(&path, &harm).is_ok();
        self.changed();
        self.ring();
        harmed
    }

    /// The record's format becomes one of a newer version, and the check of its first bytes fits.
    fn turn_newer(&self) {
        let Some(bytes) = self.sim.read(&self.record_path()).filter(|b| b.len() >= PREFIX_BYTES) else {
            return;
        };
        let mut newer = bytes[..PREFIX_BYTES].to_vec();
        newer[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&(RECORD_FORMAT + 1).to_le_bytes());
        let sum = Sha256::digest(&newer[..CHECK_AT]);
        newer[CHECK_AT..].copy_from_slice(&sum[..PREFIX_BYTES - CHECK_AT]);
        let differs = |bit: &usize| (bytes[bit / 8] ^ newer[bit / 8]) & (1 << (bit % 8)) != 0;
        let bits: Vec<usize> = (0..PREFIX_BYTES * 8).filter(differs).collect();
        self.flip(&bits);
        self.lock().newer = bits;
    }

    fn flip(&self, bits: &[usize]) {
        for bit in bits {
            // Where the record is gone there is nothing to turn.
            let _ = self.sim.damage(&self.record_path(), &Harm::Flipped(*bit));
        }
        if !bits.is_empty() {
            self.changed();
            self.ring();
        }
    }

    /// The power fails: the seed says what is left of what was not synced.
    pub(super) fn power_cut(&self, seed: u64) {
        self.sim.power_cut(seed);
        self.changed();
    }

    /// What anybody would read now.
    pub(super) fn visible(&self) -> Loaded {
        let now = self.lock().changes;
        if let Some((when, seen)) = &self.lock().seen
            && *when == now
        {
            return seen.clone();
        }
        let loaded = self.read_in(&self.sim.clone_of_now());
        self.lock().seen = Some((now, loaded.clone()));
        loaded
    }

    /// The least that would be read after a power cut now.
    pub(super) fn durable(&self) -> Loaded {
        let merciless = self.lock().merciless;
        let after = self.sim.clone_of_now();
        after.power_cut(merciless);
        self.read_in(&after)
    }

    /// Read with a disk of its own: reading may repair what it finds.
    fn read_in(&self, disk: &SimDisk) -> Loaded {
        match disk.process().open() {
            Ok(store) => store.load_blocking(&self.name),
            Err(error) => Loaded::Fault(StoreFault { kind: StoreFaultKind::Io, message: error.to_string() }),
        }
    }

    fn changed(&self) {
        self.lock().changes += 1;
    }

    /// Whoever watches hears it.
    fn ring(&self) {
        self.lock().bells.retain(|bell| bell.unbounded_send(()).is_ok());
    }
}

/// The store of one process, opened when it is first used.
struct Handle {
    disk: Disk,
    process: SimProcess,
    life: Life,
    triggers: Triggers,
    store: Mutex<Option<FileStore>>,
}

impl Handle {
    fn store(&self) -> Result<FileStore, StoreFault> {
        let mut slot = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*slot {
            return Ok(store.clone());
        }
        let mut options = self.process.options(STATE_DIR);
        options.hook = Some(Arc::new(Hook {
            disk: self.disk.clone(),
            life: self.life.clone(),
            triggers: self.triggers.clone(),
        }));
        let opened = FileStore::open(options)
            .map_err(|error| StoreFault { kind: StoreFaultKind::Io, message: error.to_string() })?;
        self.disk.changed();
        Ok(slot.insert(opened).clone())
    }

    fn write(&self, write: impl FnOnce(FileStore) -> Result<(), CommitFailure>) -> Result<(), CommitFailure> {
        let store = self.store().map_err(CommitFailure::Fault)?;
        self.disk.changed();
        let written = write(store);
        self.disk.changed();
        self.disk.ring();
        written
    }
}

#[async_trait]
impl CredentialStore for Handle {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.store()?.list_blocking()
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        let loaded = match self.store() {
            Ok(store) => store.load_blocking(name),
            Err(fault) => Loaded::Fault(fault),
        };
        // A damaged record is set aside, a mark repaired.
        if !matches!(loaded, Loaded::Record(_)) {
            self.disk.changed();
        }
        loaded
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        if self.disk.flaw == Some(Flaw::ClaimForAll) {
            self.store()?;
            return Ok(Some(Box::new(NoClaim)));
        }
        self.store()?.try_claim_blocking(name)
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        if self.disk.flaw == Some(Flaw::NoMark) {
            return Ok(());
        }
        self.write(|store| store.mark_blocking(name, record, fence))
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        let fence =
            if self.disk.flaw == Some(Flaw::NoMark) { Fence { attempt: None, ..*fence } } else { *fence };
        self.write(|store| store.commit_blocking(name, record, &fence))
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.write(|store| store.put_blocking(name, record, expect))
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        self.store()?.holder_of_blocking(refresh_token, except)
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        self.store()?.prepared_blocking(name, server)
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        let kept = self.store()?.prepare_blocking(name, prepared);
        self.disk.changed();
        kept
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        let forgotten = self.store()?.forget_prepared_blocking(name, server);
        self.disk.changed();
        forgotten
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        // A store that cannot be opened just now has other users all the same.
        Some(self.store().map_or(0, |store| store.fingerprint_blocking(name)))
    }

    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        if !self.disk.watched {
            return Ok(None);
        }
        let (bell, heard) = mpsc::unbounded();
        self.disk.lock().bells.push(bell);
        Ok(Some(Box::new(Watch { heard, name: self.disk.name.clone() })))
    }
}

/// A claim that claims nothing.
struct NoClaim;

impl Claim for NoClaim {}

/// Hears the disk's bell.
struct Watch {
    heard: mpsc::UnboundedReceiver<()>,
    name: CredentialName,
}

impl StoreWatch for Watch {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Result<StoreChange, StoreFault>> {
        match self.heard.poll_next_unpin(cx) {
            Poll::Ready(Some(())) => Poll::Ready(Ok(StoreChange::Record(self.name.clone()))),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Tells the triggers of every step of writing, and cuts what a flaw leaves out.
struct Hook {
    disk: Disk,
    life: Life,
    triggers: Triggers,
}

impl IoHook for Hook {
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()> {
        self.disk.changed();
        if self.triggers.reach(&self.life, &point.to_string()) {
            return Err(io::Error::other("this simulated process is dead"));
        }
        Ok(())
    }
}
