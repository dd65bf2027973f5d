//! Looks host names up, within the attempt's deadlines.
//!
//! The system's resolver cannot be interrupted, so it runs on a thread of its own, which is left behind when it hangs;
//! how many may hang is bounded.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use renewd_core::FailureKind;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::attempt::{Attempt, Phase, TICK};
use crate::failure::Ended;
use crate::target;

/// The most lookups that may run or hang in this process. Each costs a thread.
const LOOKUPS_MAX: usize = 64;
/// The most addresses of one host that are tried: as many as ureq carries.
const ADDRESSES_MAX: usize = 16;

static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// Asks the system. A trait so that tests can have a resolver that hangs.
pub(crate) trait Lookup: Send + Sync + 'static {
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// `getaddrinfo`.
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.take(ADDRESSES_MAX).collect())
    }
}

/// The resolver of one attempt.
pub(crate) struct Names {
    pub(crate) attempt: Arc<Attempt>,
    pub(crate) lookup: Arc<dyn Lookup>,
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.addresses(uri).map_err(|ended| self.attempt.fail(ended))?;
        let mut addresses = self.empty();
        for address in found.into_iter().take(ADDRESSES_MAX) {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

impl Names {
    fn addresses(&self, uri: &Uri) -> Result<Vec<SocketAddr>, Ended> {
        self.attempt.enter(Phase::Resolving);
        self.attempt.left()?;
        let host = target::bare_host(uri);
        let port = target::port(uri);
        if let Some(addresses) = known(host) {
            return Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
        }
        // RFC 6761 §6.4: `invalid` never resolves, and nobody need be asked.
        if host.eq_ignore_ascii_case("invalid") || host.to_ascii_lowercase().ends_with(".invalid") {
            return Err(Ended::new(FailureKind::Dns, format!("{host}: names under `invalid` never resolve")));
        }
        self.ask(host, port)
    }

    /// Asks on a thread of its own, for as long as the attempt may take.
    fn ask(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Ended> {
        let slot = Slot::take().ok_or_else(|| {
            let text = format!("{LOOKUPS_MAX} name lookups hang; the system's resolver does not answer");
            Ended::new(FailureKind::Overloaded, text)
        })?;
        let (sender, answer) = sync_channel(1);
        let (lookup, name) = (Arc::clone(&self.lookup), host.to_owned());
        std::thread::Builder::new()
            .name("renewd-lookup".into())
            .spawn(move || {
                // The attempt may be over by now; then nobody listens.
                let _gone = sender.send(lookup.lookup(&name, port));
                drop(slot);
            })
            .map_err(|e| Ended::new(FailureKind::Overloaded, format!("no thread for a name lookup: {e}")))?;
        loop {
            let left = self.attempt.left()?;
            match answer.recv_timeout(TICK.min(Duration::from(left))) {
                Ok(Ok(addresses)) if addresses.is_empty() => {
                    return Err(Ended::new(FailureKind::Dns, format!("{host}: the name has no address")));
                }
                Ok(Ok(addresses)) => return Ok(addresses),
                Ok(Err(error)) => return Err(Ended::new(FailureKind::Dns, format!("{host}: {error}"))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Ended::new(FailureKind::Dns, format!("{host}: the lookup broke off")));
                }
            }
        }
    }
}

/// Addresses that need no lookup: literals, and `localhost`, which RFC 6761 §6.3 pins to this machine. The rule that
/// lets plain HTTP only to this machine relies on that.
fn known(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = host.parse() {
        return Some(vec![address]);
    }
    host.eq_ignore_ascii_case("localhost")
        .then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

/// The right to run one lookup, given back when it ends.
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        let taken = LOOKUPS.fetch_add(1, Ordering::AcqRel);
        let slot = Self;
        (taken < LOOKUPS_MAX).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        LOOKUPS.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HandClock, request};
    use renewd_core::Span;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Hangs until the test lets go of it, and says that it was asked.
    struct Hanging {
        asked: Mutex<Sender<()>>,
        end: Mutex<Receiver<()>>,
    }

    impl Lookup for Hanging {
        fn lookup(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            let _asked = self.asked.lock().unwrap().send(());
            let _over = self.end.lock().unwrap().recv();
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    fn names(lookup: impl Lookup) -> (Arc<HandClock>, Names) {
        let clock = HandClock::new();
        let attempt = Arc::new(Attempt::new(clock.clone(), &request("https://as.example/token")));
        (clock, Names { attempt, lookup: Arc::new(lookup) })
    }

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn localhost_and_literals_are_known_without_asking() {
        let (_, names) = names(SystemLookup);
        for (url, expected) in [
            ("http://LOCALHOST:81/", vec!["127.0.0.1:81", "[::1]:81"]),
            ("https://[::1]/", vec!["[::1]:443"]),
            ("http://127.0.0.9/", vec!["127.0.0.9:80"]),
        ] {
            let found: Vec<String> =
                names.addresses(&uri(url)).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_resolver_that_hangs_ends_with_the_connect_deadline() {
        let (asked, was_asked) = channel();
        let (end, ended) = channel();
        let (clock, names) = names(Hanging { asked: Mutex::new(asked), end: Mutex::new(ended) });
        let handle = std::thread::spawn(move || names.addresses(&uri("https://as.example/token")));
        was_asked.recv().unwrap();
        clock.advance(Span::from_secs(10));
        assert_eq!(handle.join().unwrap().unwrap_err().kind, FailureKind::Dns);
        drop(end);
    }

    #[test]
    fn an_abort_ends_a_lookup_that_hangs() {
        let (asked, was_asked) = channel();
        let (end, ended) = channel();
        let (_, names) = names(Hanging { asked: Mutex::new(asked), end: Mutex::new(ended) });
        let attempt = Arc::clone(&names.attempt);
        let handle = std::thread::spawn(move || names.addresses(&uri("https://as.example/token")));
        was_asked.recv().unwrap();
        attempt.abort();
        assert_eq!(handle.join().unwrap().unwrap_err().kind, FailureKind::Aborted);
        drop(end);
    }
}
