//! `renewd run` at a terminal: the job is the shell's as it would be without us.

use std::process::Command;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi};
use renewd_e2e::{Home, Terminal, renewd};

/// What a terminal sends for Ctrl-Z.
const CTRL_Z: u8 = 0x1a;

#[test]
fn a_job_is_stopped_and_goes_on_from_the_keyboard() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::new();
    home.import("work", &server);
    let mut shell = Command::new("sh");
    shell.arg("-i").env("PS1", "$ ").env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let theirs = home.command(["status"]);
    shell.envs(theirs.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let mut terminal = Terminal::start(&shell);
    // Written so that what is typed is not what is waited for.
    let script = "echo be\"\"gun; read x; echo got-$x; exit 5";
    terminal.type_line(&format!("'{}' -q run work --env T -- sh -c '{script}'", renewd().display()));
    terminal.wait_for("begun");
    terminal.press(CTRL_Z);
    terminal.wait_for("Stopped");
    terminal.type_line("fg");
    terminal.type_line("on");
    terminal.wait_for("got-on");
    terminal.type_line("echo ended-$?");
    terminal.wait_for("ended-5");
    terminal.type_line("exit");
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn every_form_at_once_serves_one_command() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let (api, other) = (ProtectedApi::start(&server).unwrap(), ProtectedApi::start(&server).unwrap());
    let home = Home::new();
    home.import("work", &server);
    let (one, two) = (format!("ONE={}/a", api.url()), format!("TWO={}/b", other.url()));
    let script = "[ \"$TOKEN\" = \"$(cat \"$FILE\")\" ] && [ \"$FILE\" = \"$SAME\" ] && [ \"$ONE\" != \"$TWO\" ] && echo \"$ONE $TWO\"";
    let ran = home
        .run([
            "run", "work", "--proxy", &one, "--proxy", &two, "--env", "TOKEN", "--file", "FILE", "--file",
            "SAME", "--", "sh", "-c", script,
        ])
        .succeeded();
    let urls: Vec<&str> = ran.line().split(' ').collect();
    assert!(
        urls.len() == 2 && urls.iter().all(|url| url.starts_with("http://127.0.0.1:")),
        "two private URLs"
    );
    assert_eq!(server.totals().token_requests, 1, "one credential, however it is given");
}
