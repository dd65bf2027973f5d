//! A disk in memory that does what disks do to programs: it forgets what was not synced, it is full, it fails, and the
//! processes that use it die in the middle.
//!
//! The real [`FileStore`](crate::FileStore) runs over it unchanged, so what is tried is the code that ships. Nothing
//! waits and nothing is random: the same calls and seeds give the same bytes.

mod chance;
mod counts;
mod cut;
mod damage;
mod fate;
mod files;
mod process;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use chance::Chance;
pub use counts::OpCounts;
pub use damage::{Damage, Snapshot};
pub use fate::Fate;
pub use process::SimProcess;

use counts::Op;
use fate::Plan;
use tree::{Ino, Tree};

/// A disk that any number of simulated processes share. A clone is the same disk.
///
/// ```
/// use renewd_driver::Expect;
/// use renewd_store::testing::{Fate, SimDisk};
/// # use renewd_core::{GrantMaterial, Identity, Loaded, Now, Record, Settings};
/// # let record = Record::new(1, Identity::default(), Settings::default(), GrantMaterial::default(), Now::default());
///
/// let disk = SimDisk::new(7);
/// let name = "work".parse().unwrap();
///
/// // A process logs in, and the power goes: what was acknowledged stays.
/// let store = disk.process().open().unwrap();
/// assert!(store.put_blocking(&name, &record, Expect::Absent).is_ok());
/// disk.power_cut(1);
/// let process = disk.process();
/// let store = process.open().unwrap();
/// assert!(matches!(store.load_blocking(&name), Loaded::Record(_)));
///
/// // The next one dies when it is about to rename the new record: the old one stands.
/// process.at_point("put.rename", 1, Fate::Kill);
/// let expect = Expect::Version { epoch: 1, generation: 0 };
/// assert!(store.put_blocking(&name, &record.tombstone(Now::default()), expect).is_err());
/// assert!(!process.is_alive());
/// match disk.process().open().unwrap().load_blocking(&name) {
///     Loaded::Record(stands) => assert_eq!(stands.version(), (1, 0)),
///     _ => unreachable!("a record was committed, and it is still there"),
/// }
/// ```
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    tree: Tree,
    opens: BTreeMap<u64, Open>,
    /// Which open file holds the lock of a file.
    locks: BTreeMap<Ino, u64>,
    processes: BTreeMap<u64, Process>,
    chance: Chance,
    weather: Weather,
    counts: OpCounts,
}

/// An open file of a process.
struct Open {
    ino: Ino,
    process: u64,
}

/// A process, dead or alive.
struct Process {
    alive: bool,
    chance: Chance,
    plans: Vec<Plan>,
    /// The points that were passed, where somebody wants to know.
    points: Option<Vec<String>>,
}

/// How the disk is.
#[derive(Default)]
struct Weather {
    capacity: Option<u64>,
    read_only: bool,
    reads_fail: bool,
    writes_fail: bool,
    failing_syncs: u64,
    unshared: Option<&'static str>,
}

impl SimDisk {
    /// An empty disk. The seed gives processes their random bytes.
    pub fn new(seed: u64) -> Self {
        let state = State {
            tree: Tree::default(),
            opens: BTreeMap::new(),
            locks: BTreeMap::new(),
            processes: BTreeMap::new(),
            chance: Chance::new(seed),
            weather: Weather::default(),
            counts: OpCounts::default(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A new process on this machine.
    pub fn process(&self) -> SimProcess {
        let mut state = self.state();
        let id = state.tree.number();
        let chance = Chance::new(state.chance.next_u64());
        state.processes.insert(id, Process { alive: true, chance, plans: Vec::new(), points: None });
        SimProcess::new(self.clone(), id)
    }

    /// Another disk with the same files, as synced as here, and no process: for trying several ends of one story.
    #[must_use]
    pub fn clone_of_now(&self) -> Self {
        let other = Self::new(self.state().chance.clone().next_u64());
        other.state().tree = self.state().tree.clone();
        other
    }

    /// The machine crashes and comes up again. All processes are dead, all locks are free; of what was not synced the
    /// seed says what is left.
    pub fn power_cut(&self, seed: u64) {
        let mut state = self.state();
        state.processes.clear();
        state.opens.clear();
        state.locks.clear();
        cut::cut(&mut state.tree, seed);
        state.tree.forget(&BTreeSet::new());
    }

    /// All files together take at most so many bytes; `None`: the disk is never full.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().weather.capacity = bytes;
    }

    /// How many bytes the files take now.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// The file system is mounted read-only, or writable again.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().weather.read_only = read_only;
    }

    /// Reading fails (EIO), or works again.
    pub fn set_reads_fail(&self, fail: bool) {
        self.state().weather.reads_fail = fail;
    }

    /// Whatever changes the disk fails (EIO), or works again.
    pub fn set_writes_fail(&self, fail: bool) {
        self.state().weather.writes_fail = fail;
    }

    /// The next so many syncs fail. What they should have made durable counts as clean then, as on Linux: a further
    /// sync of it succeeds and does nothing.
    pub fn fail_syncs(&self, times: u64) {
        self.state().weather.failing_syncs = times;
    }

    /// The file system is one whose locks are not known to be shared (`Some("NFS")`), or a local one again.
    pub fn set_unshared(&self, file_system: Option<&'static str>) {
        self.state().weather.unshared = file_system;
    }

    /// The operations so far, of all processes.
    pub fn counts(&self) -> OpCounts {
        self.state().counts
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub fn names(&self, folder: &Path) -> Vec<String> {
        let state = self.state();
        let folder = state.tree.folder_at(folder).and_then(|ino| state.tree.folder(ino));
        folder.map(|folder| folder.entries.keys().cloned().collect()).unwrap_or_default()
    }

    /// What a file holds; `None` where there is no such file.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let ino = state.tree.file_at(path).ok()?;
        state.tree.file(ino).ok().map(|file| file.bytes.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through with an operation of a process: counts it, does what was planned for it, and gives the disk as it
    /// is then, where the operation can go on.
    fn enter(&self, process: u64, op: Op) -> io::Result<MutexGuard<'_, State>> {
        let fate = {
            let mut state = self.state();
            state.alive(process)?;
            state.counts.add(op);
            state.due(process, &fate::Event::Operation)
        };
        if let Some(fate) = fate {
            self.meet(process, fate)?;
        }
        let mut state = self.state();
        state.alive(process)?;
        state.weather.check(op)?;
        Ok(state)
    }

    /// What was planned happens.
    fn meet(&self, process: u64, fate: Fate) -> io::Result<()> {
        match fate {
            Fate::Kill => self.state().kill(process),
            Fate::PowerCut(seed) => self.power_cut(seed),
            Fate::Fail(kind) => return Err(kind.into()),
            Fate::Meanwhile(others) => others(),
        }
        self.state().alive(process).map(|_| ())
    }
}

impl State {
    fn alive(&mut self, process: u64) -> io::Result<&mut Process> {
        let found = self.processes.get_mut(&process).filter(|process| process.alive);
        found.ok_or_else(|| io::Error::other("this simulated process is dead"))
    }

    fn kill(&mut self, process: u64) {
        if let Some(process) = self.processes.get_mut(&process) {
            process.alive = false;
            process.plans.clear();
        }
        self.opens.retain(|_, open| open.process != process);
        let opens = &self.opens;
        self.locks.retain(|_, holder| opens.contains_key(holder));
        self.forget();
    }

    fn close(&mut self, open: u64) {
        self.opens.remove(&open);
        self.locks.retain(|_, holder| *holder != open);
    }

    fn open_files(&self) -> BTreeSet<Ino> {
        self.opens.values().map(|open| open.ino).collect()
    }

    fn used(&self) -> u64 {
        self.tree.used(&self.open_files())
    }

    fn forget(&mut self) {
        let open = self.open_files();
        self.tree.forget(&open);
    }

    /// Whether a file may take `now` bytes instead of `before`.
    fn fits(&self, before: u64, now: u64) -> io::Result<()> {
        match self.weather.capacity {
            Some(capacity) if now > before && self.used() - before.min(self.used()) + now > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl Weather {
    fn check(&self, op: Op) -> io::Result<()> {
        if self.read_only && op.changes() {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let fails = (self.reads_fail && op.reads()) || (self.writes_fail && (op.changes() || op.syncs()));
        if fails { Err(input_output_error()) } else { Ok(()) }
    }
}

/// EIO has no name in std.
fn input_output_error() -> io::Error {
    io::Error::other("input/output error (simulated)")
}
