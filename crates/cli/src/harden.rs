//! What the process does for its secrets before it has any: no core file, no reading by a debugger of the same user,
//! locked memory, freed memory overwritten, and a panic message that holds nothing but a place in our own source.
//!
//! All of it is best effort: where the system refuses, the command goes on, and `renewd doctor` says so.

use std::io::Write as _;

use renewd_hardening::memory::{self, MemoryState};
use renewd_hardening::{WipingAllocator, process};

/// What HTTP, TLS and JSON held of a secret goes with their buffers.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

/// Before anything is read. On Linux not being dumpable ends with an exec, so that programs we start are as they would
/// be without us.
pub(crate) fn begin() {
    if !crate::test_points::memory_may_be_read() {
        process::harden();
    }
    memory::lock_secrets();
}

/// For commands that start no program of the user's: nothing of ours can ever raise the limit on core files again.
/// `run` gives its command the user's own limit instead.
pub(crate) fn seal() {
    process::forbid_core_files_for_good();
}

/// What stands.
pub(crate) struct Report {
    /// Whether others of the user can read this process; unknown where the system has no such switch.
    dumpable: Option<bool>,
    /// The largest core file, where there is such a limit.
    core_bytes_max: Option<u64>,
    memory: MemoryState,
}

/// Looks at this process.
pub(crate) fn report() -> Report {
    let process = process::state();
    Report { dumpable: process.dumpable, core_bytes_max: process.core_bytes_max, memory: memory::state() }
}

impl Report {
    /// As lines for people: what, how it stands, whether that is all that could be had.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String, bool)> {
        let mut lines = Vec::new();
        let none = match (self.core_bytes_max, self.dumpable) {
            (_, Some(false)) | (Some(0), _) => Some(true),
            (Some(_), _) => Some(false),
            (None, _) => None,
        };
        lines.push(match none {
            Some(true) => ("core files", "none are written of renewd".into(), true),
            Some(false) => (
                "core files",
                "may be written, and would hold tokens; `ulimit -c 0` forbids them".into(),
                false,
            ),
            None => ("core files", "error reports leave the heap out".into(), true),
        });
        if let Some(dumpable) = self.dumpable {
            let words = if dumpable {
                "other programs of the user may read renewd's memory"
            } else {
                "other programs of the user may not read renewd's memory; root may"
            };
            lines.push(("debuggers", words.into(), !dumpable));
        }
        lines.push(match &self.memory {
            MemoryState { refused: None, locked_bytes, installed: true, .. } => (
                "locked memory",
                format!("secrets lie in {} KiB that are never swapped", locked_bytes >> 10),
                true,
            ),
            MemoryState { refused: Some(why), locked_bytes: 1.., .. } => {
                ("locked memory", format!("some secrets may be swapped out: {why}"), false)
            }
            MemoryState { refused: Some(why), .. } => {
                ("locked memory", format!("secrets may be swapped out: {why}"), false)
            }
            _ => ("locked memory", "secrets may be swapped out".into(), false),
        });
        lines
    }
}

/// A panic says where, never what: its message could hold whatever a function was given.
pub(crate) fn panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "renewd: internal error at {place}\n  this is a bug in renewd {}; nothing was lost that was saved before",
            env!("CARGO_PKG_VERSION")
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_leaves_no_core_file_and_is_not_to_be_read_by_others_of_its_user() {
        begin();
        let report = report();
        assert_eq!(report.dumpable, Some(false));
        assert_eq!(report.core_bytes_max, Some(0));
        assert!(report.memory.installed);
        let lines = report.lines();
        assert!(lines.iter().any(|(what, _, good)| *what == "core files" && *good));
        assert!(lines.iter().any(|(what, _, good)| *what == "debuggers" && *good));
    }

    #[test]
    fn what_could_not_be_had_is_said_with_its_reason() {
        let mut report = report();
        report.dumpable = Some(true);
        report.core_bytes_max = Some(u64::MAX);
        report.memory.installed = true;
        report.memory.locked_bytes = 0;
        report.memory.refused = Some("memory cannot be locked".into());
        let lines = report.lines();
        assert!(lines.iter().all(|(_, _, good)| !good), "{lines:?}");
        assert!(lines.iter().any(|(_, words, _)| words.contains("memory cannot be locked")), "{lines:?}");
    }
}
