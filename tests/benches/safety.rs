//! What it costs to spend a refresh token safely: the same request with the same transport, bare and through renewd.
//!
//! `cargo xtask bench safety` prints the time of one refresh and its ratio to the bare request, once over a store in
//! memory (what deciding costs), once over files on a disk, once over files in memory (what the disk itself costs); then
//! how often each step of writing a file is made for a refresh. The rows are measured in turn, one after the other, many
//! times over; the median counts.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use renewd_blocking::{BlockingKeeper, CredentialName, Renewd, block_on};
use renewd_core::{
    Answer, AttemptId, Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings, Span,
    TokenRequest,
};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialStore, Expect, TokenEndpoint as _};
use renewd_store::{FileStore, FileStoreOptions, IoHook, IoPoint, KeyChoice, MemoryStore};
use renewd_testkit::{AsClass, AsConfig, AuthorizationServer};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};

type Failure = Box<dyn Error>;

const ROUNDS: usize = 200;
const ROUNDS_IN_A_TEST: usize = 3;
const PATIENCE: Span = Span::from_secs(60);

/// Where files lie in memory; measured where there is such a place.
const TMPFS: &str = "/dev/shm";

fn main() -> Result<(), Failure> {
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { ROUNDS_IN_A_TEST };
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
    for round in 0..rounds {
        // Forwards, then backwards: a row that follows a write on the disk may wait for it.
        let last = rows.len() - 1;
        for n in 0..=last {
            let n = if round % 2 == 0 { n } else { last - n };
            let took = rows[n].once()?;
            rows[n].took.push(took);
        }
    }
    let bare = rows[0].median();
    println!("{:<34}{:>12}{:>10}", "", "median", "ratio");
    for row in &mut rows {
        let median = row.median();
        let ratio = median.as_secs_f64() / bare.as_secs_f64();
        println!("{:<34}{:>9.2} ms{:>10.1}", row.name, median.as_secs_f64() * 1e3, ratio);
    }
    println!("\nsteps of writing for one refresh:");
    for (step, times) in counted {
        println!("  {step:<12}{times:>4}");
    }
    Ok(())
}

/// What is measured.
struct Row {
    name: &'static str,
    call: Box<dyn FnMut() -> Result<(), Failure>>,
    took: Vec<Duration>,
}

impl Row {
    fn new(name: &'static str, call: impl FnMut() -> Result<(), Failure> + 'static) -> Self {
        Self { name, call: Box::new(call), took: Vec::new() }
    }

    fn once(&mut self) -> Result<Duration, Failure> {
        let began = now();
        (self.call)()?;
        Ok(began.elapsed())
    }

    fn median(&mut self) -> Duration {
        self.took.sort_unstable();
        self.took.get(self.took.len() / 2).copied().unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures with a real clock; it decides nothing")]
fn now() -> Instant {
    Instant::now()
}

fn endpoint() -> UreqEndpoint {
    UreqEndpoint::new(UreqOptions::default(), Workers::default(), Arc::new(SystemClock))
}

/// The request alone: what a program without any store would send, over the same transport.
fn bare(server: &AuthorizationServer) -> Row {
    let (endpoint, url) = (endpoint(), server.token_url());
    let form = format!(
        "grant_type=refresh_token&refresh_token={}&client_id=testkit-client",
        server.mint_grant().refresh_token
    );
    let mut attempt = 0;
    Row::new("a bare request", move || {
        attempt += 1;
        let request = TokenRequest {
            url: url.clone(),
            headers: vec![(
                "Content-Type".to_owned(),
                Secret::new(b"application/x-www-form-urlencoded".to_vec()),
            )],
            body: Secret::new(form.clone().into_bytes()),
            proofs: Vec::new(),
            timeout: PATIENCE,
            connect_timeout: PATIENCE,
        };
        match block_on(endpoint.send(AttemptId(attempt), request)) {
            Answer::Response(response) if response.status == 200 => Ok(()),
            _ => Err("the bare request was not granted".into()),
        }
    })
}

/// A whole refresh, as `renewd refresh` or an agent makes it.
fn kept(
    name: &'static str,
    server: &AuthorizationServer,
    store: Arc<dyn CredentialStore>,
) -> Result<Row, Failure> {
    let keeper = keeper(server, store)?;
    Ok(Row::new(name, move || Ok(keeper.1.refresh(PATIENCE).map(drop)?)))
}

fn keeper(
    server: &AuthorizationServer,
    store: Arc<dyn CredentialStore>,
) -> Result<(Renewd, BlockingKeeper), Failure> {
    let name: CredentialName = "measured".parse()?;
    let identity = Identity {
        token_endpoint: server.token_url(),
        client_id: "testkit-client".into(),
        ..Identity::default()
    };
    let grant = GrantMaterial {
        refresh_token: Some(Secret::new(server.mint_grant().refresh_token.into_bytes())),
        ..GrantMaterial::default()
    };
    let login = Record::new(1, identity, Settings::default(), grant, SystemClock.now());
    block_on(store.put(&name, &login, Expect::Absent)).map_err(|_| "the store did not take the login")?;
    let renewd = Renewd::builder(Arc::new(endpoint()), store).spawn()?;
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("testkit-client"));
    let keeper = renewd.keep(name, setup);
    keeper.refresh(PATIENCE)?;
    Ok((renewd, keeper))
}

fn files(folder: &Path, steps: &Arc<Steps>) -> Result<Arc<dyn CredentialStore>, Failure> {
    let state = folder.join("state");
    let mut options = FileStoreOptions::new(&state);
    options.key = KeyChoice::key_file(&state);
    options.hook = Some(Arc::clone(steps) as Arc<dyn IoHook>);
    Ok(Arc::new(FileStore::open(options)?))
}

/// What any program pays that writes a file so that it stands after a power cut: temporary file, sync, rename, sync of
/// the folder.
fn durable_write(name: &'static str, folder: &Path) -> Row {
    let folder: PathBuf = folder.to_owned();
    Row::new(name, move || {
        let temp = folder.join("temp");
        let mut file = File::create(&temp)?;
        file.write_all(&[7; 1024])?;
        file.sync_all()?;
        std::fs::rename(&temp, folder.join("file"))?;
        Ok(File::open(&folder)?.sync_all()?)
    })
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
