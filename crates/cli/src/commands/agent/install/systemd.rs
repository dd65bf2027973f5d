//! Units for the user's own service manager.
//!
//! What they forbid is what such a manager can forbid without privileges and without a mount namespace, and what no
//! hook, no key's program and no keyring needs: those inherit it. The unit for a server, in `packaging/systemd`, has
//! more.

use std::fmt::Write as _;

use super::service::{STOP_S, Service};
use super::written::SEAL;
use crate::exit::Failure;

/// The file's name, and the unit's.
pub(super) const SERVICE: &str = "renewd.service";
/// The file's name, and the unit's.
pub(super) const SOCKET: &str = "renewd.socket";

/// Where the agent listens if nothing else is configured: `%t` is `$XDG_RUNTIME_DIR`.
const USUAL_SOCKET: &str = "%t/renewd/agent.sock";

/// The socket: it is there before the agent and while that starts anew, and who asks then waits rather than fails.
pub(super) fn socket(service: &Service) -> String {
    let listen = service.socket.as_deref().map_or_else(|| USUAL_SOCKET.to_owned(), percent);
    format!(
        "# Written by `renewd agent install`, {SEAL}
# Change it by `systemctl --user edit {SOCKET}`.
[Unit]
Description=Where renewd's agent is asked for tokens
Documentation=man:renewd-agent(1)

[Socket]
ListenStream={listen}
FileDescriptorName=agent
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target
"
    )
}

/// What systemd does not have in the path of a program, however it is written.
const NOT_IN_A_PROGRAM: [char; 3] = ['"', '\'', '\\'];

/// Whether systemd starts a program of that path.
///
/// # Errors
/// Where it does not.
pub(super) fn check(service: &Service) -> Result<(), Failure> {
    if service.program.contains(NOT_IN_A_PROGRAM) {
        return Err(Failure::usage(format!(
            "systemd starts no program with a quote or a backslash in its path: {}",
            service.program
        ))
        .advise("move renewd, or put a link to it on the search path"));
    }
    Ok(())
}

/// The service.
pub(super) fn service(service: &Service) -> String {
    let start = exec(&service.command(&["agent"]));
    let reload = exec(&service.command(&["agent", "reload"]));
    let mut environment = String::new();
    for (name, value) in &service.environment {
        // Writing to a string cannot fail.
        let _ = writeln!(environment, "Environment={}", quoted(&format!("{name}={value}")));
    }
    format!(
        "# Written by `renewd agent install`, {SEAL}
# Change it by `systemctl --user edit {SERVICE}`.
[Unit]
Description=renewd keeps access tokens valid
Documentation=man:renewd-agent(1)
# A keyring that is locked for an hour after the login is no reason to give up.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={start}
ExecReload={reload}
{environment}Restart=on-failure
RestartSec=5
# Wrong usage and a wrong configuration do not mend themselves.
RestartPreventExitStatus=2 6
# What is under way is finished and saved: longer than shutdown.grace.
TimeoutStopSec={STOP_S}
WatchdogSec=60
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=default.target
Also={SOCKET}
"
    )
}

/// A command line. The colon has no dollar sign be read as a variable.
fn exec(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|w| quoted(w)).collect();
    format!(":{}", words.join(" "))
}

/// A word in quotes, if it needs them: the specifiers of units (`%`) and the escapes of C are written out.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/-_.:=@+,".contains(c);
    let escaped = percent(word);
    if word.chars().all(plain) {
        return escaped;
    }
    format!("\"{}\"", escaped.replace('\\', r"\\").replace('"', "\\\""))
}

fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Service {
        Service { program: "/usr/bin/renewd".into(), flags: vec![], environment: vec![], socket: None }
    }

    #[test]
    fn the_units_run_this_program_and_listen_where_clients_look() {
        let text = service(&plain());
        assert!(text.contains("\nExecStart=:/usr/bin/renewd agent\n"), "{text}");
        assert!(text.contains("\nExecReload=:/usr/bin/renewd agent reload\n"), "{text}");
        assert!(socket(&plain()).contains("\nListenStream=%t/renewd/agent.sock\n"));
    }

    #[test]
    fn paths_come_through_the_rules_of_units() {
        let odd = Service {
            program: "/opt/my $tools/100%/renewd".into(),
            flags: vec!["--config".into(), "/a \"$HOME\"\\/c.toml".into()],
            environment: vec![("XDG_STATE_HOME".into(), "/s 1".into())],
            socket: Some("/run/50% off/agent.sock".into()),
        };
        let text = service(&odd);
        let start = r#"ExecStart=:"/opt/my $tools/100%%/renewd" --config "/a \"$HOME\"\\/c.toml" agent"#;
        assert!(text.contains(start), "{text}");
        assert!(text.contains("\nEnvironment=\"XDG_STATE_HOME=/s 1\"\nRestart="), "{text}");
        assert!(socket(&odd).contains("\nListenStream=/run/50%% off/agent.sock\n"));
    }

    #[test]
    fn a_program_that_systemd_would_not_start_is_not_installed() {
        assert!(check(&plain()).is_ok());
        for path in ["/a\"b", "/a'b", "/a\\b"] {
            let failure = check(&Service { program: path.into(), ..plain() }).unwrap_err();
            assert!(failure.message.contains(path), "{failure}");
        }
    }

    /// Without the two lines that say who wrote it.
    fn body(text: &str) -> String {
        text.lines().skip_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn the_units_of_packages_are_the_same() {
        let packaged = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
            std::fs::read_to_string(path.join(name)).unwrap()
        };
        assert_eq!(body(&service(&plain())), packaged(&format!("user/{SERVICE}")));
        assert_eq!(body(&socket(&plain())), packaged(&format!("user/{SOCKET}")));
        let server = packaged("renewd@.service");
        for line in service(&plain()).lines() {
            let same = ["Restart", "TimeoutStopSec=", "WatchdogSec=", "UMask=", "LimitCORE=", "StartLimit"];
            if same.iter().any(|key| line.starts_with(key)) {
                assert!(server.lines().any(|l| l == line), "the unit for servers has no {line}");
            }
        }
    }
}
