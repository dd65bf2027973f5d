//! How many connections the agent may hold.
//!
//! A proxied request holds two descriptors. A login session's soft limit is usually 1 024, kept low for the sake of
//! programs that use select(2); with it the agent would fail the callers of a busy moment, of which a thousand must be
//! served. The hard limit is what the administrator means.

use renewd_proxy::CONNECTIONS_DEFAULT_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that no proxy gets, beside those of the socket's connections: those of the status address (128), and enough
/// to refresh, save and log. Another user who fills a proxy that is open to him must not keep tokens from being renewed.
const KEPT: u64 = 256;

/// The part of all descriptors that connections to the agent's socket may take. They are the user's own programs.
const FOR_SOCKET: u64 = 8;

/// Fewer connections to the socket than this would fail a busy moment, whatever the limit.
const SOCKET_LEAST: u64 = 384;

/// No machine has more programs of one user that ask at once; each costs some kilobytes.
const SOCKET_MOST: u64 = 16_384;

/// Descriptors of a proxy beside its requests: upstream connections that wait for one, and its listener.
const BESIDE: u64 = 72;

/// A request from the client and to the upstream.
const FOR_EACH: u64 = 2;

/// Fewer connections are no use to anybody.
const LEAST: usize = 16;

/// Raises the soft limit to the hard one. Where the system refuses, the agent makes do with what it has.
pub(crate) fn raise_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::debug!("the limit of open files stays as it is");
    }
}

/// How many connections to the socket may be served at a time.
pub(crate) fn connections_of_socket() -> usize {
    usize::try_from(of_socket(getrlimit(Resource::Nofile).current)).unwrap_or(usize::MAX)
}

/// `limit`: descriptors of the process; `None` without end.
fn of_socket(limit: Option<u64>) -> u64 {
    limit.map_or(SOCKET_MOST, |limit| (limit / FOR_SOCKET).clamp(SOCKET_LEAST, SOCKET_MOST))
}

/// How many connections each of so many proxies may serve at a time.
pub(crate) fn connections_of_each(proxies: usize) -> usize {
    share(getrlimit(Resource::Nofile).current, proxies)
}

/// `limit`: descriptors of the process; `None` without end.
fn share(limit: Option<u64>, proxies: usize) -> usize {
    let Some(limit) = limit else { return CONNECTIONS_DEFAULT_MAX };
    let each = limit.saturating_sub(KEPT + of_socket(Some(limit)))
        / u64::try_from(proxies).unwrap_or(u64::MAX).max(1);
    let connections = each.saturating_sub(BESIDE) / FOR_EACH;
    usize::try_from(connections).unwrap_or(usize::MAX).clamp(LEAST, CONNECTIONS_DEFAULT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_proxies_leave_descriptors_for_everything_else() {
        for limit in [1024, 4096, 20_000, 524_288] {
            for proxies in 1..=4 {
                let each = share(Some(limit), proxies) as u64;
                let taken = proxies as u64 * (each * FOR_EACH + BESIDE);
                let kept = KEPT + of_socket(Some(limit));
                assert!(taken + kept <= limit.max(kept + proxies as u64 * 104), "{limit} {proxies}: {each}");
            }
        }
        assert_eq!(share(Some(524_288), 4), CONNECTIONS_DEFAULT_MAX);
        assert_eq!(share(None, 1000), CONNECTIONS_DEFAULT_MAX);
        assert_eq!(share(Some(0), 0), LEAST);
    }

    #[test]
    fn the_socket_serves_as_many_as_there_are_descriptors_for_and_ten_thousand_where_there_are_plenty() {
        assert_eq!([Some(0), Some(1024)].map(of_socket), [384; 2]);
        assert_eq!(of_socket(Some(20_000)), 2_500);
        assert!([Some(524_288), Some(1 << 20), None].map(of_socket).iter().all(|most| *most == SOCKET_MOST));
    }
}
