//! The clocks, the entropy and the identity of the machine and process we run on.
//!
//! The boot clock must count suspend, or a laptop that slept would believe its tokens young; which clock does, each
//! platform answers differently. Timers may stop during suspend; the loop copes.

#[cfg(target_vendor = "apple")]
#[path = "apple.rs"]
mod platform;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod platform;
#[cfg(windows)]
#[path = "windows.rs"]
mod platform;
#[cfg(not(any(target_vendor = "apple", target_os = "linux", target_os = "android", windows)))]
#[path = "other.rs"]
mod platform;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

use renewd_core::{AttemptId, BootId, Client, Now, Owner, Policy, Profile, Setup, Span, Wall};

use crate::ports::{Clock, Entropy};

/// Reading both clocks may be interrupted in between; so far apart they are read again, at most so often.
const APART_MAX: Span = Span::from_millis(5);
const READS_MAX: usize = 3;

/// The clocks of this machine. On Linux, macOS and Windows the boot clock counts suspend; elsewhere it is the
/// monotonic clock, and whether that does is up to the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mut before = platform::boot();
        let mut wall = platform::wall();
        for _ in 1..READS_MAX {
            let after = platform::boot();
            if after.since(before) <= APART_MAX {
                break;
            }
            (before, wall) = (after, platform::wall());
        }
        Now { boot: before, wall }
    }

    fn boot_id(&self) -> BootId {
        boot_id()
    }

    #[inline]
    fn coarse_wall(&self) -> Wall {
        platform::coarse_wall()
    }

    fn awake(&self) -> Option<Span> {
        platform::awake()
    }
}

/// Which boot of this machine this is. Where the system does not say, a number of this process alone: a time of
/// another process is then taken for one of another boot, which costs a wait and risks nothing.
pub fn boot_id() -> BootId {
    static BOOT: OnceLock<BootId> = OnceLock::new();
    *BOOT.get_or_init(|| platform::boot_id().unwrap_or_else(|| BootId(SystemEntropy.bits())))
}

/// This process, as it is written into intents.
pub fn owner() -> Owner {
    Owner {
        host: platform::host().unwrap_or_else(|| "unknown".to_owned()),
        boot_id: boot_id(),
        pid: std::process::id(),
        start_time: platform::start_time().unwrap_or_default(),
    }
}

/// What a machine of this process is set up with. [`Policy::for_profile`] gives the policy that goes with a profile.
pub fn setup(policy: Policy, profile: Profile, client: Client) -> Setup {
    Setup {
        policy: Arc::new(policy),
        profile: Arc::new(profile),
        client: Arc::new(client),
        owner: Arc::new(owner()),
    }
}

/// The system's entropy.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl SystemEntropy {
    /// A seed for the jitter of a credential.
    pub fn seed(&self) -> u64 {
        self.bits() as u64
    }

    fn bits(&self) -> u128 {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => u128::from_ne_bytes(bytes),
            // It can fail before the system's pool is ready. An id must only be unlike all others.
            Err(_) => u128::from(keyed_by_the_process()) << 64 | u128::from(keyed_by_the_process()),
        }
    }
}

fn keyed_by_the_process() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(platform::boot().as_millis());
    hasher.write_i64(platform::wall().as_unix_millis());
    hasher.write_u32(std::process::id());
    hasher.finish()
}

impl Entropy for SystemEntropy {
    fn attempt_id(&self) -> AttemptId {
        AttemptId(self.bits())
    }
}

/// A UUID as text, with or without hyphens, as a number.
#[cfg(any(target_vendor = "apple", target_os = "linux", target_os = "android", test))]
fn uuid(text: &str) -> Option<u128> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run_and_the_coarse_one_is_near_the_fine_one() {
        let clock = SystemClock;
        let now = clock.now();
        assert!(now.boot.as_millis() > 0);
        // After 2020: a machine without a set clock could not check a certificate either.
        assert!(now.wall.as_unix_millis() > 1_577_836_800_000);
        let coarse = clock.coarse_wall().as_unix_millis();
        let fine = clock.now().wall.as_unix_millis();
        assert!(fine.abs_diff(coarse) < 60_000, "coarse {coarse}, fine {fine}");
    }

    #[test]
    fn awake_time_is_never_ahead_of_boot_time() {
        if let Some(awake) = SystemClock.awake() {
            assert!(awake.as_millis() <= SystemClock.now().boot.as_millis() + 1);
        }
    }

    #[test]
    fn the_process_is_named_the_same_each_time_and_attempts_never() {
        assert_eq!(owner(), owner());
        assert_eq!(owner().pid, std::process::id());
        assert_eq!(owner().boot_id, SystemClock.boot_id());
        assert_ne!(SystemEntropy.attempt_id(), SystemEntropy.attempt_id());
        assert_ne!(keyed_by_the_process(), keyed_by_the_process());
    }

    #[test]
    fn a_boot_id_is_read_with_its_hyphens_and_newline() {
        assert_eq!(uuid("00000000-0000-0000-0000-0000000000ff\n"), Some(255));
        assert_eq!(uuid("no uuid"), None);
        assert_eq!(uuid(""), None);
    }
}
