//! Non-disclosure: with `RENEWD_TEST_DISCLOSURE=1` every test is one of it too.
//!
//! Then every process that the harness starts logs at trace level and shows backtraces, and everything that comes out of
//! it is searched for every secret known by then: output, arguments and environment (its own and its children's), files,
//! answers to requests. What is meant to hold a secret stands in [`INTENDED`], by place; everything else is a leak, and the
//! test fails and says which kind of secret stood where.

mod stream;
mod watch;

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use renewd_testkit::{Canaries, Found, SecretKind};

pub(crate) use stream::Overheard;
pub(crate) use watch::Watch;

/// The variable that turns it on.
const VARIABLE: &str = "RENEWD_TEST_DISCLOSURE";

/// Names a file that is told every leak, whether or not its test passes when it is tried again.
const LEAKS_VARIABLE: &str = "RENEWD_TEST_LEAKS";

/// What begins every binary of Linux: copies of the product are not searched for secrets.
const ELF: &[u8] = b"\x7fELF";

/// Fewer different bytes than this and a file is no key but what a test put in its place.
const KEY_DIFFERENT_BYTES_MIN: usize = 16;

/// So much of one output is kept for secrets that become known later, in bytes: no log of a login is longer.
const HEARD_BYTES_MAX: usize = 1024 * 1024;

/// A place that is meant to hold a secret.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests declare their own")]
pub struct Intended {
    /// Where: as a report names it. One `*` stands for anything.
    pub place: &'static str,
    /// What may stand there.
    pub secret: SecretKind,
    /// Why.
    pub why: &'static str,
}

const fn intended(place: &'static str, secret: SecretKind, why: &'static str) -> Intended {
    Intended { place, secret, why }
}

/// Every output that is meant to hold a secret, whoever tests it.
pub const INTENDED: &[Intended] = &[
    intended("stdout of renewd token", SecretKind::AccessToken, "it is what was asked for"),
    intended("stdout of renewd helper api-key", SecretKind::AccessToken, "the protocol's only line"),
    intended("stdout of renewd helper headers", SecretKind::AccessToken, "the header that was asked for"),
    intended("stdout of renewd helper git", SecretKind::AccessToken, "git's password line"),
    intended("stdout of renewd helper kubectl", SecretKind::AccessToken, "the object that was asked for"),
    intended("stdout of renewd helper docker", SecretKind::AccessToken, "docker's secret"),
    intended("stdout of docker-credential-renewd", SecretKind::AccessToken, "docker's secret"),
    intended("answer to POST /v1/credentials/*/token", SecretKind::AccessToken, "it is what was asked for"),
    intended(
        "answer to POST /v1/credentials/*/rejected",
        SecretKind::AccessToken,
        "the one that replaces it",
    ),
    intended("environment of a child of renewd run --env", SecretKind::AccessToken, "the variable asked for"),
    intended("environment of a child of renewd run --proxy", SecretKind::PathSecret, "the URL asked for"),
    intended("file *agent.json", SecretKind::PathSecret, "the private description is where the URL stands"),
    intended("file state/renewd/key", SecretKind::StoreKey, "the key file is the key source"),
];

static INSISTED: AtomicBool = AtomicBool::new(false);
static PROVOKED: AtomicBool = AtomicBool::new(false);

/// Whether everything is searched.
pub fn is_on() -> bool {
    INSISTED.load(Ordering::SeqCst) || std::env::var_os(VARIABLE).is_some_and(|value| value == "1")
}

/// Turns it on for this test process, whatever the environment says: for tests that are about this and nothing else.
pub fn insist() {
    INSISTED.store(true, Ordering::SeqCst);
}

/// The same, for a test that leaks on purpose: what is found fails it, and is told nobody else.
pub fn provoke() {
    insist();
    PROVOKED.store(true, Ordering::SeqCst);
}

#[derive(Default)]
struct Known {
    canaries: Canaries,
    declared: Vec<Intended>,
    /// Files that a test wrote itself, as input.
    inputs: HashSet<PathBuf>,
    /// What came out so far, by its places: a secret may be known only afterwards.
    heard: Vec<(Vec<String>, Vec<u8>)>,
}

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

fn with<R>(act: impl FnOnce(&mut Known) -> R) -> R {
    let mut known: MutexGuard<'_, Option<Known>> = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    act(known.get_or_insert_default())
}

/// Declares another intended output, for this test process alone.
pub fn intend(place: &'static str, secret: SecretKind, why: &'static str) {
    with(|known| known.declared.push(intended(place, secret, why)));
}

/// A secret to look for from now on. The test servers' own are known without.
///
/// # Panics
/// When it is too short to be looked for.
pub fn learn(kind: SecretKind, secret: impl AsRef<[u8]>) {
    with(|known| known.canaries.learn(kind, secret.as_ref()));
}

/// A token of a server that nobody here wrote. Of a signed one (RFC 7515) only the signature is a secret of its own: every
/// other token begins in the same way.
///
/// # Panics
/// As [`learn`].
pub fn learn_token(kind: SecretKind, token: &str) {
    learn(kind, token.rsplit('.').next().unwrap_or(token));
}

/// Secrets that passed between others, and are known only after things were said: all of that is searched once more.
///
/// # Panics
/// As [`learn`], and when one of them stood in something that came out before.
#[track_caller]
pub fn learn_late(secrets: impl IntoIterator<Item = (SecretKind, String)>) {
    for (kind, secret) in secrets {
        learn_token(kind, &secret);
    }
    let heard = with(|known| std::mem::take(&mut known.heard));
    for (places, text) in heard {
        check(&places.iter().map(String::as_str).collect::<Vec<_>>(), &text);
    }
}

/// The key in that state folder, where there is one that is a key: as it stands there, and decoded.
pub fn learn_key(state: &Path) {
    let line = fs::read(state.join("key")).unwrap_or_default();
    let line = line.trim_ascii();
    for key in [Some(line.to_vec()), STANDARD.decode(line).ok()].into_iter().flatten() {
        if key.iter().collect::<HashSet<_>>().len() >= KEY_DIFFERENT_BYTES_MIN {
            learn(SecretKind::StoreKey, key);
        }
    }
}

/// A file that the test wrote itself, as input: what stands there is no output.
pub fn input(path: &Path) {
    with(|known| known.inputs.insert(path.to_owned()));
}

/// Every secret that a text gives away, whatever was intended.
pub fn search(text: &[u8]) -> Vec<Found> {
    with(|known| {
        known.canaries.learn_issued();
        known.canaries.found_in(text)
    })
}

/// Every secret in a text that is not meant to stand in any of these places, a name for each place that it is.
pub fn leaks_in(places: &[&str], text: &[u8]) -> Vec<Found> {
    let mut found = search(text);
    if found.is_empty() {
        return found;
    }
    let declared = with(|known| known.declared.clone());
    let meant = |one: &Found| {
        let all = INTENDED.iter().chain(&declared);
        let mut here = all.filter(|entry| places.iter().any(|place| matches(entry.place, place)));
        here.any(|entry| entry.secret == one.kind)
    };
    found.retain(|one| !meant(one));
    found
}

fn matches(pattern: &str, place: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            place.len() >= before.len() + after.len() && place.starts_with(before) && place.ends_with(after)
        }
        None => pattern == place,
    }
}

/// Fails the test where a text gives a secret away. Does nothing where the search is off, or the test is failing anyway.
///
/// # Panics
/// When there is a leak.
#[track_caller]
pub fn check(places: &[&str], text: &[u8]) {
    if !is_on() || std::thread::panicking() {
        return;
    }
    let leaks: Vec<String> = leaks_in(places, text).iter().map(ToString::to_string).collect();
    fail(&places.join(", "), &leaks);
    if text.len() <= HEARD_BYTES_MAX {
        let places = places.iter().map(|place| (*place).to_owned()).collect();
        with(|known| known.heard.push((places, text.to_owned())));
    }
}

/// Fails the test where there are leaks.
#[track_caller]
fn fail(place: &str, leaks: &[String]) {
    if leaks.is_empty() {
        return;
    }
    let report = format!("LEAK: a secret in {place}\n  {}", leaks.join("\n  "));
    let told = std::env::var_os(LEAKS_VARIABLE).filter(|_| !PROVOKED.load(Ordering::SeqCst));
    if let Some(file) = told.and_then(|path| fs::File::options().create(true).append(true).open(path).ok()) {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // What cannot be told is in the test's own failure.
        let _ = (&file).write_all(format!("{test}: {report}\n").as_bytes());
    }
    panic!("{report}");
}

/// Every file below a folder, and its name, is searched; inputs, sockets and programs are not. Gives the places of leaks.
pub fn leaks_below(root: &Path) -> Vec<String> {
    let mut leaks = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that a test closed or took away holds nothing that can be read.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let place = format!("file {}", path.strip_prefix(root).unwrap_or(&path).display());
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
                folders.push(path);
                continue;
            }
            if with(|known| known.inputs.contains(&path)) {
                continue;
            }
            let is_file = kind.is_ok_and(|kind| kind.is_file());
            let content = if is_file { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            let mut found = leaks_in(&["a file's name"], place.as_bytes());
            if !content.starts_with(ELF) {
                found.extend(leaks_in(&[&place], &content));
            }
            leaks.extend(found.iter().map(|one| format!("{place}: {one}")));
        }
    }
    leaks
}

/// [`check`] for every file below a folder.
///
/// # Panics
/// When there is a leak.
#[track_caller]
pub fn check_below(root: &Path) {
    if !is_on() || std::thread::panicking() {
        return;
    }
    fail("files", &leaks_below(root));
}
