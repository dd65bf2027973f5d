//! Tells the service manager how it goes (sd_notify(3): one datagram to the socket in `NOTIFY_SOCKET`), and that the
//! agent really lives (`WatchdogSec=`).

use std::time::Duration;

use renewd_core::Status;
use tokio::time::Instant;

use super::keepers::Keepers;

/// The agent listens and keeps.
pub(crate) const READY: &str = "READY=1";
/// The agent is stopping.
pub(crate) const STOPPING: &str = "STOPPING=1";
/// The agent lives.
const WATCHDOG: &str = "WATCHDOG=1";

/// Pings in the time after which a service manager gives the agent up: one may be late.
const PINGS: u32 = 3;

/// Work of the agent's own loop that takes longer than this hangs. A reload lets requests end for seconds and may wait for a
/// slow disk.
const BUSY_MAX: Duration = Duration::from_secs(120);

/// The configuration is read anew from now on. With `Type=notify-reload` a service manager believes it only with the
/// time beside it, by which it knows that this is the answer to its signal.
pub(crate) fn reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
    say(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// One line for `systemctl status`: how many credentials, and what is wrong with which.
pub(crate) fn status_line(statuses: &[(String, Status)]) -> String {
    let count = match statuses.len() {
        1 => "1 credential".into(),
        n => format!("{n} credentials"),
    };
    let wrong: Vec<String> = statuses
        .iter()
        .filter(|(_, status)| *status != Status::Running)
        .map(|(name, status)| format!("{name} {}", status.name()))
        .collect();
    let wrong = if wrong.is_empty() { String::new() } else { format!("; {}", wrong.join(", ")) };
    format!("STATUS=keeping {count}{wrong}")
}

/// Since when the agent's own loop is at work; nothing while it waits.
#[derive(Debug, Default)]
pub(crate) struct Beat(std::sync::Mutex<Option<Instant>>);

impl Beat {
    /// Its work begins, or is done.
    pub(crate) fn at_work(&self, works: bool) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = works.then(Instant::now);
    }

    fn lives(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        since.is_none_or(|since| since.elapsed() < BUSY_MAX)
    }
}

/// Says at each third of the time that the manager waits that the agent lives, where that is so: its own loop is not
/// stuck, and each loop that keeps credentials answers. Never ends; nothing where no manager waits for it.
pub(crate) async fn watchdog(keepers: &Keepers, beat: &Beat) {
    let Some(patience) = patience(|name| std::env::var(name).ok()) else { return };
    let interval = patience / PINGS;
    loop {
        match (beat.lives(), keepers.answer_within(interval).await) {
            (true, true) => say(WATCHDOG),
            (own, loops) => tracing::warn!(
                own,
                loops,
                "a loop does not answer; the service manager is not told that it lives"
            ),
        }
        tokio::time::sleep(interval).await;
    }
}

/// After what time without a ping this process is given up.
fn patience(variable: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let number = |name| variable(name).and_then(|text| text.parse::<u64>().ok());
    let for_us =
        variable("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(std::process::id().into());
    number("WATCHDOG_USEC").filter(|micros| for_us && *micros > 0).map(Duration::from_micros)
}

/// Says it, where somebody listens. A service manager that cannot be reached must not stop the agent.
#[cfg(target_os = "linux")]
pub(crate) fn say(state: &str) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(&path),
        _ => return,
    };
    let said = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read must not hold the agent.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = said {
        tracing::warn!(kind = ?error.kind(), "the service manager cannot be told");
    }
}

/// There is no such service manager here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn say(_state: &str) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_names_what_is_wrong() {
        let all = |pairs: &[(&str, Status)]| {
            status_line(&pairs.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect::<Vec<_>>())
        };
        assert_eq!(all(&[("a", Status::Running)]), "STATUS=keeping 1 credential");
        assert_eq!(
            all(&[("a", Status::Running), ("b", Status::AuthRetrying), ("c", Status::Unauthenticated)]),
            "STATUS=keeping 3 credentials; b auth_retrying, c unauthenticated"
        );
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let me = std::process::id().to_string();
        let of = |usec: Option<&str>, pid: Option<&str>| {
            patience(|name| if name == "WATCHDOG_PID" { pid } else { usec }.map(str::to_owned))
        };
        assert_eq!(of(Some("3000000"), None), Some(Duration::from_secs(3)));
        assert_eq!(of(Some("3000000"), Some(&me)), Some(Duration::from_secs(3)));
        for none in [of(Some("3000000"), Some("1")), of(None, None), of(Some("0"), None), of(Some("x"), None)]
        {
            assert_eq!(none, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_at_work_for_too_long_does_not_live() {
        let beat = Beat::default();
        assert!(beat.lives());
        beat.at_work(true);
        tokio::time::advance(BUSY_MAX / 2).await;
        assert!(beat.lives());
        tokio::time::advance(BUSY_MAX).await;
        assert!(!beat.lives());
        beat.at_work(false);
        assert!(beat.lives());
    }
}
