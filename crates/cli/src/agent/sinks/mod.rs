//! The token files that the configuration names (`[[sink]]`), for neighbours that can read nothing else.
//!
//! Each has a task of its own: a folder that hangs holds up no other file, and nothing here can hold up a refresh. What
//! it does stands in [`Board`], for `status` and the metrics; what goes wrong, and that it goes right again, is told
//! once, in the journal, on stderr and to whoever listens.

mod board;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use renewd_core::Wall;
use renewd_driver::CredentialName;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::events::Hub;
use super::keepers::Keepers;
use crate::agent::metrics::Family;
use crate::config::{Config, SinkEntry};
use crate::exit::Failure;
use crate::json::SinkStatus;
use board::Board;
use writer::Writer;

/// A write under way ends within this when the agent stops or an entry goes; a folder that hangs is left alone.
const END: Duration = Duration::from_secs(3);

/// The token files, by where they stand.
pub(crate) struct Sinks {
    keepers: Arc<Keepers>,
    hub: Hub,
    board: Arc<Board>,
    running: Mutex<BTreeMap<PathBuf, Running>>,
}

struct Running {
    entry: SinkEntry,
    stop: watch::Sender<Ending>,
    task: JoinHandle<Option<Wall>>,
}

/// What a writer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// To go on.
    No,
    /// To leave the file as it is: the agent stops, or another writer takes over.
    Leave,
    /// To take the file away, where the entry wants that: nobody keeps it fresh any more.
    Clear,
}

impl Running {
    /// Ends it. When the token expires that the file goes on holding.
    async fn end(self, how: Ending) -> Option<Wall> {
        let _ = self.stop.send(how);
        let abort = self.task.abort_handle();
        match tokio::time::timeout(END, self.task).await {
            Ok(ended) => ended.ok().flatten(),
            Err(_) => {
                abort.abort();
                None
            }
        }
    }
}

impl Sinks {
    pub(crate) fn new(keepers: Arc<Keepers>, hub: Hub) -> Self {
        Self { keepers, hub, board: Arc::default(), running: Mutex::default() }
    }

    /// What is wrong with the entries themselves; files that cannot be written now are told by their writers.
    pub(crate) fn check(config: &Config) -> Vec<Failure> {
        config.sinks().iter().filter_map(|entry| misplaced(config, entry)).collect()
    }

    /// Brings the files in line with the configuration. One whose entry is as it was goes on undisturbed; one whose
    /// entry is gone is taken away, where it was to be taken away without a valid token.
    pub(crate) async fn reconcile(&self, config: &Config) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut running = self.running.lock().await;
        let mut wanted: BTreeMap<PathBuf, SinkEntry> = BTreeMap::new();
        for entry in config.sinks() {
            match misplaced(config, &entry) {
                // What stands there from before is written no longer; it is not touched in a place like that.
                Some(failure) => failures.push(failure),
                None => drop(wanted.insert(entry.path.clone(), entry)),
            }
        }
        let ending: Vec<PathBuf> = running
            .iter()
            .filter(|(path, old)| wanted.get(*path).is_none_or(|new| !is_same(new, &old.entry)))
            .map(|(path, _)| path.clone())
            .collect();
        for path in ending {
            let how = if wanted.contains_key(&path) { Ending::Leave } else { Ending::Clear };
            if let Some(old) = running.remove(&path) {
                old.end(how).await;
            }
            if how == Ending::Clear {
                self.board.forget(&path);
            }
        }
        for (path, entry) in wanted {
            running.entry(path).or_insert_with(|| self.begin(entry));
        }
        failures
    }

    fn begin(&self, entry: SinkEntry) -> Running {
        let (stop, told) = watch::channel(Ending::No);
        let writer =
            Writer::new(entry.clone(), Arc::clone(&self.keepers), self.hub.clone(), Arc::clone(&self.board));
        Running { entry, stop, task: tokio::spawn(writer.keep(told)) }
    }

    /// What each file holds, by path.
    pub(crate) fn status(&self) -> Vec<SinkStatus> {
        self.board.status()
    }

    /// The same in numbers; nothing where there are no token files.
    pub(crate) fn metrics(&self) -> Vec<Family> {
        self.board.metrics()
    }

    /// Lets writes end. The files stay while their tokens live: the next agent goes on with them, and neighbours do not
    /// notice. Tells of each until when it may be used.
    pub(crate) async fn shutdown(&self) -> Vec<(PathBuf, CredentialName, Wall)> {
        let running = std::mem::take(&mut *self.running.lock().await);
        for sink in running.values() {
            let _ = sink.stop.send(Ending::Leave);
        }
        let mut left = Vec::new();
        for (path, sink) in running {
            let name = sink.entry.credential.clone();
            if let Some(until) = sink.end(Ending::Leave).await {
                left.push((path, name, until));
            }
        }
        left
    }
}

/// The line in the file says nothing of the sink.
fn is_same(new: &SinkEntry, old: &SinkEntry) -> bool {
    SinkEntry { line: old.line, ..new.clone() } == *old
}

fn misplaced(config: &Config, entry: &SinkEntry) -> Option<Failure> {
    let why = entry.loose().filter(|_| !entry.any_folder)?;
    let file = config.file().map_or_else(|| "configuration".into(), |f| f.display().to_string());
    let shown = entry.path.display();
    Some(
        Failure::configuration(format!(
            "{file}:{}: [[sink]]: {shown} is in no safe place: {why}",
            entry.line
        ))
        .advise("or say folder = \"any\", where others may write on purpose: a volume of one pod, say"),
    )
}
