//! Tokens that somebody else keeps fresh in a file (a projected service account token, say).
//!
//! The file is read anew for each request. That happens on threads of its own, with a deadline: a file on a network
//! share that is gone would otherwise stop the loop that serves every credential.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use renewd_core::Secret;
use zeroize::Zeroizing;

/// Longest token in a file. Those of clusters are below 2 KiB, SAML assertions below 20.
const TOKEN_BYTES_MAX: usize = 64 << 10;

/// How long a file may take to be read. It is local in every sensible setting.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// Reads at the same time. As many as there are hanging ones, no more are begun: each holds two threads.
const READS_MAX: usize = 64;

static READS: AtomicUsize = AtomicUsize::new(0);

/// The token in this file.
///
/// # Errors
/// A sentence for people that names the file.
pub(crate) async fn read(path: &str) -> Result<Secret, String> {
    let failed = |why: &str| format!("{path}: {why}");
    let slot = Slot::take().ok_or_else(|| failed("too many files are being read that do not answer"))?;
    let (tell, told) = oneshot::channel();
    let file = path.to_owned();
    let waiter = move || {
        // Nobody waits any more where this fails.
        let _ = tell.send(read_in_time(file, slot));
    };
    spawn(waiter).map_err(|error| failed(&plain(&error)))?;
    match told.await {
        Ok(outcome) => outcome.map_err(|why| failed(&why)),
        Err(_) => Err(failed("could not be read")),
    }
}

/// One of the reads that may go on.
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        let more = |reads| (reads < READS_MAX).then_some(reads + 1);
        READS.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok().map(|_| Self)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        READS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The reading thread has the slot: one that hangs holds it until it comes back.
fn read_in_time(path: String, slot: Slot) -> Result<Secret, String> {
    let (answer, answered) = channel();
    let reader = move || {
        let _slot = slot;
        // Nobody waits any more where this fails.
        let _ = answer.send(read_now(Path::new(&path)));
    };
    spawn(reader).map_err(|error| plain(&error))?;
    answered
        .recv_timeout(READ_DEADLINE)
        .unwrap_or_else(|_| Err(format!("did not answer within {} s", READ_DEADLINE.as_secs())))
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("renewd-token-file".into()).stack_size(128 << 10).spawn(work).map(drop)
}

fn read_now(path: &Path) -> Result<Secret, String> {
    let file = open(path).map_err(|error| plain(&error))?;
    // Room for everything at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_BYTES_MAX + 1));
    file.take(TOKEN_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(format!("is longer than {TOKEN_BYTES_MAX} bytes: it holds no token"));
    }
    let token = bytes.trim_ascii();
    if token.is_empty() {
        return Err("is empty: it should hold a token".into());
    }
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err("holds spaces or characters that no token has".into());
    }
    Ok(Secret::copy_of(token))
}

/// Opens it without waiting (a pipe would wait for its writer), and takes nothing but a file that only its owner and
/// group can write.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let about = regular(&file)?;
    if about.mode() & 0o002 != 0 {
        return Err(io::Error::other("can be written by everybody: `chmod o-w` it"));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    regular(&file)?;
    Ok(file)
}

fn regular(file: &File) -> io::Result<std::fs::Metadata> {
    let about = file.metadata()?;
    if about.is_file() { Ok(about) } else { Err(io::Error::other("is no regular file")) }
}

/// The system's words, as half a sentence behind the path.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".into(),
        io::ErrorKind::Other => error.to_string(),
        kind => format!("cannot be read: {kind}"),
    }
}
