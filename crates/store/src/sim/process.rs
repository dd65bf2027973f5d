//! A process on a simulated machine.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::fate::{Event, Plan, Trigger};
use super::{Fate, SimDisk};
use crate::error::StoreError;
use crate::file::{FileStore, FileStoreOptions};
use crate::key::KeyChoice;
use crate::point::{IoHook, IoPoint, IoStep};

/// Where [`SimProcess::open`] keeps its store.
const STATE_DIR: &str = "/state";

/// A process that uses a [`SimDisk`]. A clone is the same process.
///
/// It lives until it is killed, or the power goes: from then on every call through it fails and has no effect. Whoever
/// simulates it must stop polling it then; what it would send no longer leaves the machine.
#[derive(Clone)]
pub struct SimProcess {
    pub(super) disk: SimDisk,
    pub(super) id: u64,
}

impl SimProcess {
    pub(super) fn new(disk: SimDisk, id: u64) -> Self {
        Self { disk, id }
    }

    /// The disk.
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Options for a store of this process on its disk, its key in the file `key` there. It hears of the steps of writing itself: leave `hook` as it is
    /// where [`at`](Self::at) and [`at_point`](Self::at_point) shall work.
    pub fn options(&self, state_dir: impl AsRef<Path>) -> FileStoreOptions {
        let mut options = FileStoreOptions::new(state_dir.as_ref());
        options.key = KeyChoice::key_file(state_dir.as_ref());
        options.machine = Arc::new(self.clone());
        options.hook = Some(Arc::new(self.clone()));
        options
    }

    /// Opens the store in `/state`.
    ///
    /// # Errors
    /// As [`FileStore::open`].
    pub fn open(&self) -> Result<FileStore, StoreError> {
        FileStore::open(self.options(STATE_DIR))
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        self.disk.state().alive(self.id).is_ok()
    }

    /// It dies now: its locks are free, what it wrote is still in the machine's memory.
    pub fn kill(&self) {
        self.disk.state().kill(self.id);
    }

    /// At the n-th such step from now on (1 is the next), before it is made.
    pub fn at(&self, step: IoStep, n: u64, fate: Fate) {
        self.plan(Trigger::Step(step), n, fate);
    }

    /// At the n-th passing of a point from now on, as [`IoPoint`] names them: `mark.sync-dir`,
    /// `commit.mark-file.rename`.
    pub fn at_point(&self, point: &str, n: u64, fate: Fate) {
        self.plan(Trigger::Point(point.to_owned()), n, fate);
    }

    /// At its n-th operation of any kind from now on, reading and locking included, before it is made.
    pub fn at_operation(&self, n: u64, fate: Fate) {
        self.plan(Trigger::Operation, n, fate);
    }

    /// Nothing that was planned happens any more; says whether something was still to happen.
    pub fn forget_plans(&self) -> bool {
        let mut state = self.disk.state();
        state.alive(self.id).is_ok_and(|process| !std::mem::take(&mut process.plans).is_empty())
    }

    /// From now on it remembers the points that it passes.
    pub fn remember_points(&self) {
        if let Ok(process) = self.disk.state().alive(self.id) {
            process.points = Some(Vec::new());
        }
    }

    /// The points that it passed since this was last asked.
    pub fn take_points(&self) -> Vec<String> {
        let mut state = self.disk.state();
        let process = state.processes.get_mut(&self.id);
        process.and_then(|process| process.points.as_mut()).map(std::mem::take).unwrap_or_default()
    }

    fn plan(&self, trigger: Trigger, n: u64, fate: Fate) {
        if let Ok(process) = self.disk.state().alive(self.id) {
            process.plans.push(Plan { trigger, left: n.max(1), fate });
        }
    }
}

impl IoHook for SimProcess {
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()> {
        let (name, step) = (point.to_string(), point.step);
        let fate = {
            let mut state = self.disk.state();
            if let Some(points) = &mut state.alive(self.id)?.points {
                points.push(name.clone());
            }
            state.due(self.id, &Event::Point(&name, step))
        };
        fate.map_or(Ok(()), |fate| self.disk.meet(self.id, fate))
    }
}
