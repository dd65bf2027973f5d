//! Named points of the refresh transaction, at which a test ends, stops or fails the process.
//!
//! Whether a refresh token survives depends on what a dead process had done up to then, so a test must be able to say
//! *where* it dies. `RENEWD_TEST_POINT="commit.rename#2=kill"` ends the process when it is about to rename its second
//! commit; the names are those of the transaction's model, and [`names::POINTS`] lists them. `RENEWD_TEST_POINT_LOG` names
//! a file that is told each passing, as `PID POINT N`. `RENEWD_TEST_READABLE` lets a test look into the process's memory.
//!
//! Only builds with debug assertions have any of this: a release build takes `test_points_absent.rs` in its place, and
//! knows none of these variables.

mod names;
mod plan;
mod wrap;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use renewd_driver::{CredentialStore, TokenEndpoint};
use renewd_store::IoHook;

use crate::environment::Environment;
use crate::exit::Failure;
use plan::{Action, Plan};

const _: () = assert!(cfg!(debug_assertions), "no release build has points at which it can be killed");

/// What shall happen where.
const PLAN: &str = "RENEWD_TEST_POINT";

/// The file that is told what was passed.
const LOG: &str = "RENEWD_TEST_POINT_LOG";

/// Leaves this process dumpable, so that a test that is not root's can look for secrets in its memory.
const READABLE: &str = "RENEWD_TEST_READABLE";

/// The points of this process; none where neither variable is set.
static ARMED: OnceLock<Arc<Points>> = OnceLock::new();

/// Whether a test wants to read this process's memory.
pub(crate) fn memory_may_be_read() -> bool {
    std::env::var_os(READABLE).is_some()
}

/// Reads the variables.
///
/// # Errors
/// A usage failure that names the known points.
pub(crate) fn arm(env: &Environment) -> Result<(), Failure> {
    let (plan, log) = (env.text(PLAN), env.text(LOG));
    if plan.is_none() && log.is_none() {
        return Ok(());
    }
    let plan =
        Plan::parse(&plan.unwrap_or_default()).map_err(|why| Failure::usage(format!("{PLAN}: {why}")))?;
    // A process arms once; a second call finds the same variables.
    let _ = ARMED.set(Arc::new(Points::new(plan, log.map(PathBuf::from))));
    Ok(())
}

/// What hears of every step of writing a file.
pub(crate) fn hook() -> Option<Arc<dyn IoHook>> {
    ARMED.get().map(|points| Arc::new(wrap::Steps(Arc::clone(points))) as Arc<dyn IoHook>)
}

/// The store, with the points around its calls.
pub(crate) fn store(store: Arc<dyn CredentialStore>) -> Arc<dyn CredentialStore> {
    match ARMED.get() {
        Some(points) => Arc::new(wrap::Store::around(store, Arc::clone(points))),
        None => store,
    }
}

/// The endpoint, with the points around its call.
pub(crate) fn endpoint(endpoint: Arc<dyn TokenEndpoint>) -> Arc<dyn TokenEndpoint> {
    match ARMED.get() {
        Some(points) => Arc::new(wrap::Endpoint::around(endpoint, Arc::clone(points))),
        None => endpoint,
    }
}

/// Counts passings and does what the plan says.
struct Points {
    plan: Plan,
    log: Option<PathBuf>,
    passed: Mutex<HashMap<String, u64>>,
}

impl Points {
    fn new(plan: Plan, log: Option<PathBuf>) -> Self {
        Self { plan, log, passed: Mutex::default() }
    }

    /// Passes a point.
    ///
    /// # Errors
    /// What the plan lets the step fail with.
    fn pass(&self, point: &str) -> io::Result<()> {
        self.pass_with(point, &String::new)
    }

    /// The same with what a careless message would show there.
    fn pass_with(&self, point: &str, at_hand: &dyn Fn() -> String) -> io::Result<()> {
        let n = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            let n = passed.entry(point.to_owned()).or_default();
            *n += 1;
            *n
        };
        self.tell(point, n)?;
        match self.plan.action(point, n) {
            None => Ok(()),
            Some(Action::Kill) => raise(libc::SIGKILL),
            Some(Action::Stop) => raise(libc::SIGSTOP),
            // What a bug would do. The hook must print none of it.
            #[expect(clippy::panic, reason = "the test of what a panic shows has to panic")]
            Some(Action::Panic) => panic!("{point}: {}", at_hand()),
            Some(Action::Fail(errno)) => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Passes a point that no failure can be asked for at.
    fn pass_by(&self, point: &str) {
        // What is left is a log that cannot be written; the test that reads it will say so.
        let _ = self.pass(point);
    }

    fn tell(&self, point: &str, n: u64) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let mut file = OpenOptions::new().create(true).append(true).open(log)?;
        file.write_all(format!("{} {point} {n}\n", std::process::id()).as_bytes())
    }
}

/// A signal to this very thread: it goes not one instruction further, where one to the process might find another
/// thread first.
fn raise(signal: libc::c_int) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no safe wrapper signals the calling thread")]
    // SAFETY: `raise` takes a number and touches no memory.
    let raised = unsafe { libc::raise(signal) };
    if raised == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_point_is_wrong_usage_and_the_known_ones_are_named() {
        let env = Environment::of(&[(PLAN, "commit.renam=kill")]);
        let failure = arm(&env).unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Usage);
        assert!(failure.message.contains("commit.rename,"), "{}", failure.message);
    }

    #[test]
    fn a_passing_is_counted_told_and_acted_on_at_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let points = Points::new(Plan::parse("commit.write#2=fail:ENOSPC").unwrap(), Some(log.clone()));
        points.pass("commit.write").unwrap();
        points.pass("mark.write").unwrap();
        assert_eq!(points.pass("commit.write").unwrap_err().raw_os_error(), Some(libc::ENOSPC));
        points.pass("commit.write").unwrap();
        let pid = std::process::id();
        let told = std::fs::read_to_string(log).unwrap();
        assert_eq!(
            told,
            format!("{pid} commit.write 1\n{pid} mark.write 1\n{pid} commit.write 2\n{pid} commit.write 3\n")
        );
    }
}
