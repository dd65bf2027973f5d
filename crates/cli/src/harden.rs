//! What the process does for its secrets before it has any: no core file, no reading by a debugger of the same user,
//! and a panic message that holds nothing but a place in our own source.
//!
//! All of it is best effort: where the system refuses, the command goes on.

use std::io::Write as _;

/// Not dumpable. On Linux that forbids core files too, and ends with an exec, so that programs we start are as they
/// would be without us; elsewhere the limit on core files is lowered, in a way that a program can take back.
pub(crate) fn process() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Core);
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: limit.maximum });
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
    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_leaves_no_core_file_and_is_not_to_be_read_by_others_of_its_user() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        super::process();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
