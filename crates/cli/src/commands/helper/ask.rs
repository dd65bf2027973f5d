//! The side of a helper that was called: it has another process of ours find the token, and keeps the time.
//!
//! At the deadline it fails, and the other one goes on: it may be waiting for an answer that brings a new refresh token.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use clap::ValueEnum as _;
use renewd_core::{Boot, Span};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName};
use zeroize::Zeroizing;

use crate::app::App;
use crate::cli::Global;
use crate::exit::{Exit, Failure};
use crate::input::file::plain;
use crate::input::host::Host;
use crate::json::TokenDocument;
use crate::obtain::Obtained;
use crate::target::Target;

use super::Wanted;

/// A program that waits for its helper longer than this believes it dead.
const ANSWER: Span = Span::from_secs(10);

/// So much earlier the other process gives up, so that why it did is still told.
const TO_TELL: Span = Span::from_secs(1);

/// Room for a line with a token; a longer one leaves a copy behind in memory, which the allocator overwrites.
const LINE_BYTES: usize = 64 << 10;

/// Schemes of tokens that are of no use alone.
const BOUND: &str = "DPoP";

/// When the answer is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Boot);

impl Deadline {
    /// From now on.
    pub(super) fn begin() -> Self {
        Self(SystemClock.now().boot + ANSWER)
    }

    /// What is left of it.
    pub(super) fn left(self) -> Span {
        self.0.since(SystemClock.now().boot)
    }
}

/// What is to be found out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'q> {
    /// A token. Where a host is named, only if it is the one of the credential's token endpoint.
    Token(Option<&'q Host>),
    /// The ID token, which must be valid.
    IdToken,
    /// The token that is at hand, without asking the server for one.
    Held(Option<&'q Host>),
    /// A newer token than this one, which was refused.
    Newer { epoch: u64, generation: u64, host: Option<&'q Host> },
}

/// A token that a client can use by itself; none where the credential is for another host, or none is at hand.
///
/// # Errors
/// Why there is none.
pub(super) fn ask(
    app: &App,
    name: &CredentialName,
    wanted: &Wanted,
    question: Question<'_>,
    deadline: Deadline,
) -> Result<Option<Obtained>, Failure> {
    wanted.target.check()?;
    let mut command = worker(app, name, wanted, question, deadline)?;
    // Where the user wants a log, it is the other's too; whoever reads it must then wait for both.
    let logs = app.global.log.is_some();
    command.stderr(if logs { Stdio::inherit() } else { Stdio::piped() });
    let mut child = command
        .spawn()
        .map_err(|error| Failure::internal(format!("renewd cannot be started: {}", plain(&error))))?;
    let (found, told) = (line_of(child.stdout.take()), all_of(child.stderr.take()));
    let late = || late(name);
    let line = found.recv_timeout(deadline.left().into()).map_err(|_| late())?;
    // It ends when everything is saved, as a rule at once. The token is good before that.
    let status = ended(child).recv_timeout(deadline.left().into()).ok();
    match status {
        Some(status) if !status.success() => {
            let words = told.recv_timeout(deadline.left().into()).unwrap_or_default();
            return Err(failure_of(status, &words));
        }
        None if line.is_empty() => return Err(late()),
        _ if line.is_empty() => return Ok(None),
        _ => {}
    }
    let document: TokenDocument = serde_json::from_slice(&line)
        .map_err(|_| Failure::internal("the process that was to find the token told something else"))?;
    let token = Obtained::from(document);
    refuse_bound(name, &token)?;
    Ok(Some(token))
}

/// The same question of a credential that is for whoever asks.
///
/// # Errors
/// Why there is none.
pub(super) fn token(
    app: &App,
    name: &CredentialName,
    wanted: &Wanted,
    question: Question<'_>,
) -> Result<Obtained, Failure> {
    ask(app, name, wanted, question, Deadline::begin())?
        .ok_or_else(|| Failure::internal(format!("{name}: neither a token nor why there is none")))
}

fn late(name: &CredentialName) -> Failure {
    Failure::new(Exit::Timeout, format!("{name}: no token within {ANSWER}"))
        .advise("the refresh goes on and is saved; ask again. An agent (renewd agent) has the token before it is asked for")
        .about(name)
}

/// In the other's words, where they did not go straight to the log.
fn failure_of(status: ExitStatus, words: &[u8]) -> Failure {
    let exit = status.code().and_then(Exit::of_code).unwrap_or(Exit::Internal);
    let words = String::from_utf8_lossy(words);
    match words.trim_end() {
        "" => Failure::silent(exit),
        words => Failure::new(exit, words.strip_prefix("renewd: ").unwrap_or(words)),
    }
}

/// A token that is bound to a key is refused wherever it comes without a proof, which none of these protocols can carry.
fn refuse_bound(name: &CredentialName, token: &Obtained) -> Result<(), Failure> {
    if !token.token_type.eq_ignore_ascii_case(BOUND) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("{name}: its tokens are bound to a key (DPoP), and no helper can prove that key"),
    )
    .advise("send the requests through renewd's proxy, which proves it: [[proxy]], or renewd run --proxy")
    .coded("dpop_bound")
    .about(name))
}

/// The other process: the same program, with the same say about where things stand.
fn worker(
    app: &App,
    name: &CredentialName,
    wanted: &Wanted,
    question: Question<'_>,
    deadline: Deadline,
) -> Result<Command, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::internal(format!("renewd cannot find itself: {}", plain(&error))))?;
    let mut command = Command::new(program);
    // Warnings were said here already.
    command.arg("--quiet").args(places(&app.global)).args(["helper", "answer", name.as_str()]);
    let patience = deadline.left().saturating_sub(TO_TELL).max(TO_TELL);
    command.arg("--timeout").arg(patience.to_string());
    if !wanted.min_validity.is_zero() {
        command.arg("--min-validity").arg(wanted.min_validity.to_string());
    }
    let Target { scope, resource, audience } = &wanted.target;
    for (flag, values) in [
        ("--scope", scope.as_slice()),
        ("--resource", resource.as_slice()),
        ("--audience", audience.as_slice()),
    ] {
        // In one word: a value may begin with a dash.
        command.args(values.iter().map(|value| format!("{flag}={value}")));
    }
    let host = match question {
        Question::Token(host) => host,
        Question::Held(host) => {
            command.arg("--held");
            host
        }
        Question::IdToken => {
            command.arg("--id-token");
            None
        }
        Question::Newer { epoch, generation, host } => {
            command.arg("--rejected").arg(format!("{epoch}.{generation}"));
            host
        }
    };
    if let Some(host) = host {
        command.arg("--of-host").arg(host.to_string());
    }
    command.stdin(if app.config()?.reads_stdin("store", "passphrase_fd") {
        Stdio::inherit()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped());
    // What ends the caller and everything that it started must not end a refresh in the middle.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// What the flags of this call say about where things stand, and about the log.
fn places(global: &Global) -> Vec<OsString> {
    let mut args = Vec::new();
    let mut flag = |name: &str, value: &OsStr| args.extend([name.into(), value.to_owned()]);
    for (name, path) in [("--config", &global.config), ("--state-dir", &global.state_dir)] {
        path.iter().for_each(|path| flag(name, path.as_os_str()));
    }
    global.profile_file.iter().for_each(|path| flag("--profile-file", path.as_os_str()));
    global.passphrase_fd.iter().for_each(|fd| flag("--passphrase-fd", fd.to_string().as_ref()));
    if let Some(level) = global.log.and_then(|level| level.to_possible_value()) {
        flag("--log", level.get_name().as_ref());
        global
            .log_format
            .to_possible_value()
            .iter()
            .for_each(|f| flag("--log-format", f.get_name().as_ref()));
    }
    args
}

/// The first line, without its end.
fn line_of(stream: Option<impl Read + Send + 'static>) -> Receiver<Zeroizing<Vec<u8>>> {
    reading(stream, |stream, line| {
        let read = BufReader::new(stream).read_until(b'\n', line);
        line.truncate(line.trim_ascii_end().len());
        read
    })
}

/// Everything.
fn all_of(stream: Option<impl Read + Send + 'static>) -> Receiver<Zeroizing<Vec<u8>>> {
    reading(stream, |mut stream, all| stream.read_to_end(all))
}

fn reading<R: Read + Send + 'static>(
    stream: Option<R>,
    read: impl FnOnce(R, &mut Vec<u8>) -> std::io::Result<usize> + Send + 'static,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (tell, heard) = channel();
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LINE_BYTES));
        // A stream that breaks ends there; how the process ended says the rest.
        let _ = stream.map(|stream| read(stream, &mut bytes));
        // Whoever is late is not waited for.
        let _ = tell.send(bytes);
    });
    heard
}

fn ended(mut child: Child) -> Receiver<ExitStatus> {
    let (tell, heard) = channel();
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            // As above.
            let _ = tell.send(status);
        }
    });
    heard
}
