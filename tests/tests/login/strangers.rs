//! Another user of the machine at the listener of a login.
//!
//! Needs root, to be somebody else for a moment.

#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use renewd_e2e::{Home, Impostor, Running, Says, wait_for};
use serde_json::Value;

/// The user `nobody`, by convention; it need not exist.
const STRANGER: u32 = 65_534;

#[test]
fn another_user_who_comes_to_the_listener_of_a_login_is_hung_up_on_and_told_of() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can connect as another user");
        return;
    }
    let place =
        tempfile::Builder::new().prefix("renewd-e2e-public-").tempdir().expect("a folder can be made");
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("its mode can be set");
    let program = place.path().join("stranger");
    fs::copy(env!("CARGO_BIN_EXE_stranger"), &program).expect("the program can be copied");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode can be set");

    let (server, home) = (Impostor::start(), Home::with(""));
    server.announce(Says::Json(server.metadata()));
    let url = server.url();
    let args = ["login", "work", "--issuer", &url, "--client-id", "c", "--no-browser", "--json"];
    let login = Running::start(home.command(args), b"");
    let port = wait_for("the login to listen", || {
        let said = login.stdout();
        let event = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let at = event.into_iter().find_map(|event| event["redirect_uri"].as_str().map(str::to_owned))?;
        Some(at.strip_prefix("http://127.0.0.1:")?.strip_suffix("/callback")?.to_owned())
    });
    let ask = |user: u32| {
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(&program);
        let command = command.args(["tcp", &address]).uid(user).gid(user).current_dir("/");
        String::from_utf8_lossy(&command.output().expect("the program can be run").stdout).trim().to_owned()
    };
    assert_eq!(ask(STRANGER), "closed");
    // The same program as one's own user is answered: for another host's name, here.
    assert_eq!(ask(0), "HTTP/1.1 421 Misdirected Request");
    wait_for("the person to be told", || login.stderr().contains("another user").then_some(()));
}
