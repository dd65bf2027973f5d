//! A program of the configuration: started without a shell, in a process group of its own, for a bounded time.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::environment::Environment;
use crate::input::file::plain;

/// The bits by which others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A program and its arguments, filled in.
pub(super) struct Program {
    pub(super) words: Vec<String>,
    pub(super) timeout: Duration,
}

/// Ends a process group when dropped, unless its leader has ended: also where the whole work is given up.
struct Group(Option<rustix::process::Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // It may have ended meanwhile, which is as well.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

impl Program {
    /// Runs it to its end. It inherits the environment but for what leads to a secret of ours, and none of our streams.
    ///
    /// # Errors
    /// Half a sentence for people: it was not started, took too long, or failed.
    pub(super) async fn run(&self, env: &Environment) -> Result<(), String> {
        let Some((program, arguments)) = self.words.split_first() else { return Ok(()) };
        trusted(Path::new(program))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/").process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for name in env.kept_from_children(true) {
            command.env_remove(name);
        }
        // What a service manager says to the agent is nothing to a program that it starts.
        for name in crate::agent::OF_SERVICE_MANAGER {
            command.env_remove(name);
        }
        let mut child =
            command.spawn().map_err(|error| format!("{program} cannot be run: {}", plain(&error)))?;
        let leader =
            child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        let mut group = Group(leader);
        match tokio::time::timeout(self.timeout, child.wait()).await {
            Err(_) => Err(format!("{program} ran for longer than {:?} and was ended", self.timeout)),
            Ok(ended) => {
                // What it left running goes on: it ended in order, and its number may be somebody else's soon.
                group.0 = None;
                match ended {
                    Ok(status) if status.success() => Ok(()),
                    Ok(status) => Err(format!("{program} ended with {status}")),
                    Err(error) => Err(format!("{program}: {}", plain(&error))),
                }
            }
        }
    }
}

/// Another user who can change the program would be run as this one.
///
/// # Errors
/// Why it is not run: half a sentence for people.
pub(super) fn trusted(program: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = program.display();
    let meta = std::fs::metadata(program).map_err(|error| format!("{shown}: {}", plain(&error)))?;
    let owner = meta.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!("{shown} belongs to another user"));
    }
    if meta.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(format!("{shown} can be changed by other users; chmod go-w {shown}"));
    }
    match renewd_store::loose_way(program) {
        None => Ok(()),
        Some(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn script(dir: &Path, text: &str, mode: u32) -> String {
        let path = dir.join("hook");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }

    fn program(words: &[&str], timeout: Duration) -> Program {
        Program { words: words.iter().map(|w| (*w).to_owned()).collect(), timeout }
    }

    const LONG: Duration = Duration::from_secs(60);

    fn env() -> Environment {
        Environment::capture()
    }

    #[tokio::test]
    async fn arguments_reach_it_as_they_are_and_no_shell_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let hook = script(dir.path(), "printf '%s|' \"$@\" > \"$1\"", 0o700);
        let out = dir.path().join("out").display().to_string();
        program(&[&hook, &out, "$(id)", "a b"], LONG).run(&env()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), format!("{out}|$(id)|a b|"));
    }

    #[tokio::test]
    async fn it_sees_nothing_that_leads_to_a_secret_and_nothing_of_our_streams() {
        let dir = tempfile::tempdir().unwrap();
        let hook = script(dir.path(), "env > \"$1\"; test -t 0 || cat >> \"$1\"", 0o700);
        let out = dir.path().join("out").display().to_string();
        let env = Environment::of(&[("RENEWD_STORE_PASSPHRASE_FD", "3"), ("PATH", "/bin")]);
        let mut command = program(&[&hook, &out], LONG);
        command.words.push("x".into());
        command.run(&env).await.unwrap();
        let seen = std::fs::read_to_string(&out).unwrap();
        assert!(!seen.contains("RENEWD_STORE"), "{seen}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let hook = script(dir.path(), "sleep 600 & echo $! > \"$1\"; wait", 0o700);
        let out = dir.path().join("out").display().to_string();
        let error = program(&[&hook, &out], Duration::from_millis(1500)).run(&env()).await.unwrap_err();
        assert!(error.contains("longer than"), "{error}");
        let sleeper: i32 = std::fs::read_to_string(&out).unwrap().trim().parse().unwrap();
        let sleeper = rustix::process::Pid::from_raw(sleeper).unwrap();
        let gone = || match std::fs::read_to_string(format!("/proc/{}/stat", sleeper.as_raw_nonzero())) {
            // A zombie waits for somebody to look at it.
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        for _ in 0..2000 {
            if gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("what the hook started lives on");
    }

    #[tokio::test]
    async fn what_others_can_change_is_not_run_and_a_failure_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let hook = script(dir.path(), "exit 3", 0o722);
        let error = program(&[&hook], LONG).run(&env()).await.unwrap_err();
        assert!(error.contains("other users"), "{error}");
        let hook = script(dir.path(), "exit 3", 0o700);
        let error = program(&[&hook], LONG).run(&env()).await.unwrap_err();
        assert!(error.contains("exit status: 3"), "{error}");
        let missing = program(&["/nowhere/hook"], LONG).run(&env()).await.unwrap_err();
        assert!(missing.contains("/nowhere/hook"), "{missing}");
    }
}
