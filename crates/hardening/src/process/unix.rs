//! Unix: `PR_SET_DUMPABLE`, `RLIMIT_CORE`, `PT_DENY_ATTACH`.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::ProcessState;

/// The limit that the user gave us.
static GIVEN: OnceLock<(Option<u64>, Option<u64>)> = OnceLock::new();

pub(super) fn harden() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
    let given = getrlimit(Resource::Core);
    let _ = GIVEN.set((given.current, given.maximum));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: given.maximum });
    #[cfg(target_vendor = "apple")]
    deny_attach();
}

pub(super) fn forbid_core_files_for_good() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

pub(super) fn state() -> ProcessState {
    #[cfg(target_os = "linux")]
    let dumpable = {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        dumpable_behavior().ok().map(|behavior| !matches!(behavior, DumpableBehavior::NotDumpable))
    };
    #[cfg(not(target_os = "linux"))]
    let dumpable = None;
    let core_bytes_max = Some(getrlimit(Resource::Core).current.unwrap_or(u64::MAX));
    ProcessState { dumpable, core_bytes_max }
}

/// Gives the program the limit on core files that the user gave us: what it does with its memory is between the two.
/// (It is dumpable by itself: that ends with the exec.)
pub fn start_as_the_user_would(command: &mut Command) {
    let Some(&(current, maximum)) = GIVEN.get() else { return };
    #[expect(unsafe_code, reason = "there is no other way to do something between fork and exec")]
    // SAFETY: the closure calls `setrlimit` alone, which POSIX lets a forked child call, and allocates nothing. A limit
    // that cannot be set keeps no program from starting.
    unsafe {
        command.pre_exec(move || {
            let _ = setrlimit(Resource::Core, Rlimit { current, maximum });
            Ok(())
        });
    }
}

/// Builds with debug assertions are there to be debugged: there a debugger that is attached already would end them.
#[cfg(target_vendor = "apple")]
fn deny_attach() {
    if cfg!(debug_assertions) {
        return;
    }
    #[expect(unsafe_code, reason = "no safe wrapper has this request")]
    // SAFETY: this request takes no address and no data.
    unsafe {
        libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0);
    }
}
