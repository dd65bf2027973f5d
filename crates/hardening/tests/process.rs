//! What `harden` does to a process, and what the programs that it starts have of it. A file of its own: it does it to
//! the process it runs in.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::process::Command;

use renewd_hardening::process;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn core_limit_of_a_child(of_the_user: bool) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c"]);
    if of_the_user {
        process::start_as_the_user_would(&mut command);
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn no_core_file_may_be_written_of_us_and_a_program_that_is_ours_to_run_has_its_users_own_limit() {
    let hard = getrlimit(Resource::Core).maximum;
    // In blocks of 512 bytes, as `ulimit` counts them in dash, or of 1024, as in bash; more than nothing in both.
    let raised = Rlimit { current: Some(hard.map_or(1 << 20, |hard| hard.min(1 << 20))), maximum: hard };
    setrlimit(Resource::Core, raised).unwrap();
    let users = core_limit_of_a_child(false);

    process::harden();
    let state = process::state();
    assert_eq!(state.dumpable, Some(false));
    assert_eq!(state.core_bytes_max, Some(0));
    assert_eq!(core_limit_of_a_child(false), "0");
    assert_eq!(core_limit_of_a_child(true), users);

    process::forbid_core_files_for_good();
    assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
}
