//! What stands around renewd's memory: no core file of it, no other program of the user in it, nothing in the
//! environment of what it starts that leads to a secret.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};

use renewd_e2e::disclosure::intend;
use renewd_e2e::testkit::SecretKind;
use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Home, Running, Session, wait_for};
use rustix::process::{Pid, Signal, kill_process};

/// The same command, with the limit on core files as high as it goes.
fn with_core_files(command: &Command) -> Command {
    let mut wrapped = Command::new("/bin/sh");
    wrapped.args(["-c", "ulimit -Sc \"$(ulimit -Hc)\"; exec \"$0\" \"$@\""]);
    wrapped.arg(command.get_program()).args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

fn end_by(mut child: Child, signal: Signal) -> ExitStatus {
    wait_for("its end", || {
        // More than once: at the first fault that nobody committed Rust's runtime only steps out of the way.
        let _ = kill_process(Pid::from_child(&child), signal);
        child.try_wait().expect("a child can be waited for")
    })
}

/// Soft and hard limit on core files, as the kernel shows them.
fn core_limits(pid: u32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits can be read");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("it is listed");
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    (words.next().expect("a soft limit"), words.next().expect("a hard limit"))
}

fn core_files_below(home: &Home) -> Vec<String> {
    let folder = home.path().join("home");
    let names = fs::read_dir(folder).expect("it is there").flatten().map(|e| e.file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.contains("core")).collect()
}

/// Whether the same death of a program that does nothing against it leaves a core file here: only then can its absence
/// show something.
fn core_files_arise_here() -> bool {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut plain = Command::new("/bin/sh");
    plain.args(["-c", "ulimit -Sc \"$(ulimit -Hc)\"; kill -ABRT $$"]).current_dir(folder.path());
    plain.stderr(Stdio::null()).status().expect("a shell can be started").core_dumped()
}

#[test]
fn no_core_file_arises_however_the_agent_dies_and_whatever_the_limit_was() {
    if !core_files_arise_here() {
        eprintln!(
            "skipped in part: no core file arises here of any program, so only limits and owner are looked at"
        );
    }
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    for signal in [Signal::ABORT, Signal::SEGV, Signal::BUS] {
        let home = Home::new();
        home.import("work", &server);
        let child = with_core_files(&home.command(["agent"]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        let pid = child.id();
        let description = home.socket().with_file_name("agent.json");
        wait_for("the agent", || fs::metadata(&description).ok());

        assert_eq!(core_limits(pid), ("0".into(), "0".into()));
        // The kernel gives what is not dumpable to root, whoever runs it.
        let owner =
            fs::metadata(format!("/proc/{pid}/maps")).map(|meta| std::os::unix::fs::MetadataExt::uid(&meta));
        assert_eq!(owner.expect("it lives"), 0);

        let ended = end_by(child, signal);
        assert_eq!(ended.signal(), Some(signal.as_raw()));
        assert!(!ended.core_dumped(), "{signal:?}: {ended:?}");
        assert_eq!(core_files_below(&home), [""; 0], "{signal:?}");
    }
}

/// What a command that `run` starts sees of limits and environment.
fn seen_by_the_command(home: &Home, script: &str, environment: &[(&str, &str)]) -> String {
    let mut command = home.command(["run", "work", "--env", "TOKEN", "--", "/bin/sh", "-c", script]);
    command.env("PATH", "/usr/bin:/bin").envs(environment.iter().copied());
    Running::start(with_core_files(&command), b"").finish().succeeded().stdout
}

#[test]
fn a_command_that_run_starts_has_its_users_own_limit_on_core_files() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::new();
    home.import("work", &server);
    let own =
        Command::new("/bin/sh").args(["-c", "ulimit -Sc \"$(ulimit -Hc)\"; ulimit -Sc; ulimit -Hc"]).output();
    let own = String::from_utf8(own.expect("a shell can be started").stdout).unwrap();
    assert_eq!(seen_by_the_command(&home, "ulimit -Sc; ulimit -Hc", &[]), own);
    // And renewd itself, its parent, has none.
    let parents = seen_by_the_command(&home, "grep 'core file' /proc/$PPID/limits", &[]);
    let soft =
        parents.strip_prefix("Max core file size").and_then(|rest| rest.split_ascii_whitespace().next());
    assert_eq!(soft, Some("0"), "{parents}");
}

#[test]
fn a_command_that_run_starts_inherits_no_variable_that_leads_to_a_secret() {
    intend("stdout of renewd run", SecretKind::AccessToken, "its command prints its whole environment");
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::new();
    home.import("work", &server);
    let environment =
        [("RENEWD_STORE_PASSPHRASE_FD", "9"), ("RENEWD_DEMAND_TIMEOUT", "30s"), ("OTHER", "kept")];
    let seen = seen_by_the_command(&home, "env | cut -d= -f1", &environment);
    let names: Vec<_> = seen.lines().collect();
    assert!(names.contains(&"TOKEN") && names.contains(&"OTHER"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("RENEWD_")), "{names:?}");
}

#[test]
fn the_descriptor_of_a_passphrase_that_nobody_had_to_read_is_not_inherited_by_a_command_that_run_starts() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let mut session = Session::new("file", "file");
    session.passphrase(Some("of another store"));
    session.import(&server).succeeded();
    let script = "/bin/cat <&3 2>/dev/null; echo end";
    let ran = session.run(["run", "work", "--env", "TOKEN", "--", "/bin/sh", "-c", script]).succeeded();
    assert_eq!(ran.stdout, "end\n");
}
