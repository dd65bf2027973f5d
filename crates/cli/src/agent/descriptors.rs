//! How many connections the agent may hold.
//!
//! A proxied request holds two descriptors. A login session's soft limit is usually 1 024, kept low for the sake of
//! programs that use select(2); with it the agent would fail the callers of a busy moment, of which a thousand must be
//! served. The hard limit is what the administrator means.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Where the system refuses, the agent makes do with what it has.
pub(crate) fn raise_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::debug!("the limit of open files stays as it is");
    }
}
