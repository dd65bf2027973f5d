//! What the measurements of a refresh share: rows that are measured in turn, a bare request, a keeper.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use renewd_blocking::{BlockingKeeper, CredentialName, Renewd, block_on};
use renewd_core::{
    Answer, AttemptId, Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings, Span,
    TokenRequest,
};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialStore, Expect, TokenEndpoint as _};
use renewd_testkit::AuthorizationServer;
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};

pub(crate) type Failure = Box<dyn Error>;

const ROUNDS: usize = 200;
const ROUNDS_IN_A_TEST: usize = 3;
const PATIENCE: Span = Span::from_secs(60);

/// How often each row is measured.
pub(crate) fn rounds() -> usize {
    if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { ROUNDS_IN_A_TEST }
}

/// Measures every row so often, in turn: forwards, then backwards, because one that follows a write on the disk may
/// wait for it.
pub(crate) fn measure(rows: &mut [Row], rounds: usize) -> Result<(), Failure> {
    for round in 0..rounds {
        let last = rows.len().saturating_sub(1);
        for n in 0..rows.len() {
            let n = if round % 2 == 0 { n } else { last - n };
            let took = rows[n].once()?;
            rows[n].took.push(took);
        }
    }
    Ok(())
}

/// Prints the median of each, and its ratio to the first.
pub(crate) fn show(title: &str, rows: &mut [Row]) {
    let Some(first) = rows.first_mut().map(Row::median) else { return };
    println!("{title:<46}{:>12}{:>10}", "median", "ratio");
    for row in rows {
        let median = row.median();
        let ratio = median.as_secs_f64() / first.as_secs_f64();
        println!("{:<46}{:>9.3} ms{ratio:>10.1}", row.name, median.as_secs_f64() * 1e3);
    }
}

/// What is measured.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    call: Box<dyn FnMut() -> Result<(), Failure>>,
    took: Vec<Duration>,
}

impl Row {
    pub(crate) fn new(name: &'static str, call: impl FnMut() -> Result<(), Failure> + 'static) -> Self {
        Self { name, call: Box::new(call), took: Vec::new() }
    }

    pub(crate) fn once(&mut self) -> Result<Duration, Failure> {
        let began = now();
        (self.call)()?;
        Ok(began.elapsed())
    }

    pub(crate) fn median(&mut self) -> Duration {
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
pub(crate) fn bare(server: &AuthorizationServer) -> Row {
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
pub(crate) fn kept(
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

/// What any program pays that writes a file so that it stands after a power cut: temporary file, sync, rename, sync of
/// the folder.
pub(crate) fn durable_write(name: &'static str, folder: &Path) -> Row {
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
