//! What it costs to spend a refresh token safely: the same request with the same transport, bare and through renewd.
//!
//! `cargo xtask bench safety` prints the time of one refresh and its ratio to the bare request, once over a store in
//! memory (what deciding costs), once over files on a disk, once over files in memory (what the disk itself costs); then
//! how often each step of writing a file is made for a refresh. The rows are measured in turn, one after the other, many
//! times over; the median counts.

mod measured;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use measured::{Failure, bare, durable_write, kept, measure, rounds, show};
use renewd_driver::CredentialStore;
use renewd_store::{FileStore, FileStoreOptions, IoHook, IoPoint, KeyChoice, MemoryStore};
use renewd_testkit::{AsClass, AsConfig, AuthorizationServer};

/// Where files lie in memory; measured where there is such a place.
const TMPFS: &str = "/dev/shm";

fn main() -> Result<(), Failure> {
    // Class P0: the bare request can be repeated as it is, and the server's work is the same for every row.
    let server = AuthorizationServer::start(AsConfig { class: AsClass::P0, ..AsConfig::default() })?;
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let memory = tempfile::tempdir_in(TMPFS).ok();

    let mut rows =
        vec![bare(&server), kept("renewd, store in memory", &server, Arc::new(MemoryStore::new()))?];
    let steps = Arc::new(Steps::default());
    rows.push(kept("renewd, files on a disk", &server, files(disk.path(), &steps)?)?);
    if let Some(memory) = &memory {
        rows.push(kept("renewd, files in memory", &server, files(memory.path(), &Arc::default())?)?);
    }
    rows.push(durable_write("one durable write on the disk", disk.path()));
    if let Some(memory) = &memory {
        rows.push(durable_write("one durable write in memory", memory.path()));
    }
    let counted = steps.during(|| rows[2].once())?;
    measure(&mut rows, rounds())?;
    show("", &mut rows);
    println!("\nsteps of writing for one refresh:");
    for (step, times) in counted {
        println!("  {step:<12}{times:>4}");
    }
    Ok(())
}

fn files(folder: &Path, steps: &Arc<Steps>) -> Result<Arc<dyn CredentialStore>, Failure> {
    let state = folder.join("state");
    let mut options = FileStoreOptions::new(&state);
    options.key = KeyChoice::key_file(&state);
    options.hook = Some(Arc::clone(steps) as Arc<dyn IoHook>);
    Ok(Arc::new(FileStore::open(options)?))
}

/// Counts the steps of writing.
#[derive(Default)]
struct Steps(Mutex<BTreeMap<String, u64>>);

impl Steps {
    /// Those that are made in `call`.
    fn during(
        &self,
        call: impl FnOnce() -> Result<Duration, Failure>,
    ) -> Result<BTreeMap<String, u64>, Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        call()?;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl IoHook for Steps {
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(format!("{:?}", point.step)).or_default() += 1;
        Ok(())
    }
}
