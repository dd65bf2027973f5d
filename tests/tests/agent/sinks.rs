//! Token files for neighbours (`[[sink]]`): whole, fresh, of the right mode, gone when no valid token is left.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Agent, Home, QUICK_RETRY, wait_for};
use rustix::process::Signal;

/// `auth_retrying` that tries again soon.
const SOON: &str = "[auth_retrying]\ninterval = \"100ms\"\n[refresh]\nmin_interval = \"0s\"\n";

fn server(lifetime_ms: u64) -> AuthorizationServer {
    AuthorizationServer::start(AsConfig { lifetime_ms, ..AsConfig::default() })
        .expect("a server can be started")
}

fn sink(path: &Path, more: &str) -> String {
    format!("[[sink]]\ncredential = \"work\"\npath = \"{}\"\n{more}\n", path.display())
}

/// A home whose agent keeps `work`, with a folder of its own for token files.
fn home(server: &AuthorizationServer) -> (Home, PathBuf) {
    let home = Home::with(&format!("{QUICK_RETRY}{SOON}"));
    home.import("work", server);
    let folder = home.path().join("shared");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    (home, folder)
}

fn configure(home: &Home, entries: &str) {
    home.configure(&format!("{QUICK_RETRY}{SOON}{entries}"));
}

fn content(path: &Path) -> String {
    wait_for(format!("a token in {}", path.display()), || fs::read_to_string(path).ok())
}

fn state(agent: &Agent, path: &Path) -> serde_json::Value {
    let all = agent.socket().get("/v1/credentials").json();
    let sinks = all["sinks"].as_array().cloned().unwrap_or_default();
    sinks.into_iter().find(|sink| sink["path"] == *path.display().to_string()).unwrap_or_default()
}

#[test]
fn each_file_holds_the_newest_token_in_its_format_and_with_its_mode() {
    let server = server(3_600_000);
    let (home, folder) = home(&server);
    let at = |name: &str| folder.join(name);
    configure(
        &home,
        &[
            sink(&at("raw"), "mode = \"0640\""),
            sink(&at("header"), "format = \"header\""),
            sink(&at("json"), "format = \"json\"\nmode = \"0444\""),
            sink(&at("env"), "format = \"env\""),
        ]
        .concat(),
    );
    let agent = Agent::start(&home);
    for _ in 0..2 {
        let token = home.run(["token", "work"]).succeeded().line().to_owned();
        wait_for("the newest token", || (fs::read_to_string(at("raw")).ok()? == token).then_some(()));
        wait_for("the header", || {
            (fs::read_to_string(at("header")).ok()? == format!("Authorization: Bearer {token}\n"))
                .then_some(())
        });
        wait_for("the variable", || {
            (fs::read_to_string(at("env")).ok()? == format!("WORK_TOKEN='{token}'\n")).then_some(())
        });
        wait_for("the document", || {
            let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(at("json")).ok()?).ok()?;
            (json["access_token"] == *token && json["expires_at"].is_string()).then_some(())
        });
        home.run(["refresh", "work"]).succeeded();
    }
    let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("raw"), mode("header"), mode("json")), (0o640, 0o600, 0o444));
    // What is written of the last refresh stands beside them for a moment.
    let count = || fs::read_dir(&folder).unwrap().count();
    wait_for("nothing to stand beside them", || (count() == 4).then_some(()));
    assert_eq!(state(&agent, &at("raw"))["state"], "fresh");
    let told = agent.stop().succeeded();
    assert!(told.stderr.contains("stays; its token is valid until"), "{}", told.stderr);
    assert!(at("raw").exists(), "its token is valid, and the next agent goes on with it");
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn a_reader_finds_a_valid_token_all_the_time_and_over_restarts_of_the_agent() {
    let server = server(3_600_000);
    let (home, folder) = home(&server);
    let path = folder.join("token");
    configure(&home, &sink(&path, ""));
    let mut agent = Agent::start(&home);
    content(&path);
    let over = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !over.load(Ordering::Relaxed) {
                let token = fs::read_to_string(&path).expect("the file is never missing");
                assert!(server.access_facts(&token).is_some(), "whole, and of this server");
                seen.insert(token);
            }
            seen.len()
        });
        for round in 0..8 {
            home.run(["refresh", "work"]).succeeded();
            let newest = home.run(["token", "work"]).succeeded().line().to_owned();
            wait_for("the newest token", || (fs::read_to_string(&path).ok()? == newest).then_some(()));
            match round {
                2 => {
                    agent.signal(Signal::KILL);
                    drop(agent.finish());
                    agent = Agent::start(&home);
                }
                5 => {
                    agent.stop().succeeded();
                    agent = Agent::start(&home);
                }
                _ => {}
            }
        }
        agent.stop().succeeded();
        over.store(true, Ordering::Relaxed);
        reader.join().expect("the reader met nothing wrong")
    });
    assert!(read >= 5, "{read} tokens were seen");
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn a_file_is_taken_away_or_kept_once_no_valid_token_is_left_and_comes_back() {
    let server = server(2000);
    let (home, folder) = home(&server);
    let (removed, kept) = (folder.join("removed"), folder.join("kept"));
    configure(&home, &(sink(&removed, "") + &sink(&kept, "on_unavailable = \"keep\"")));
    let agent = Agent::start(&home);
    content(&removed);
    content(&kept);
    server.set_fault(Fault::WafBlock);
    agent.wait_status("work", "auth_retrying");
    wait_for("the file to go", || (!removed.exists()).then_some(()));
    wait_for("what status says", || (state(&agent, &removed)["state"] == "removed").then_some(()));
    wait_for("what status says", || (state(&agent, &kept)["state"] == "stale").then_some(()));
    assert!(kept.exists());
    assert_ne!(home.run(["history", "work"]).succeeded().stdout.find("was removed: no valid token"), None);
    server.set_fault(Fault::Ok);
    let token = content(&removed);
    assert!(server.access_facts(&token).is_some());
    wait_for("the same token in both", || {
        (fs::read_to_string(&kept).ok()? == fs::read_to_string(&removed).ok()?).then_some(())
    });
    home.run(["logout", "work"]).succeeded();
    wait_for("the file to go with the login", || (!removed.exists()).then_some(()));
}

#[test]
fn an_agent_that_starts_without_a_valid_token_takes_the_old_file_away() {
    let server = server(1500);
    let (home, folder) = home(&server);
    let path = folder.join("token");
    configure(&home, &sink(&path, ""));
    let agent = Agent::start(&home);
    content(&path);
    server.set_fault(Fault::WafBlock);
    agent.signal(Signal::KILL);
    drop(agent.finish());
    assert!(path.exists(), "nobody was there to take it away");
    wait_for("the token to expire", || (home.status("work")["token_valid"] == false).then_some(()));
    let agent = Agent::start(&home);
    wait_for("the old file to go", || (!path.exists()).then_some(()));
    drop(agent);
}

#[test]
fn a_write_that_fails_is_told_once_harms_no_refresh_and_is_made_up_for() {
    let server = server(3_600_000);
    let (home, folder) = home(&server);
    let path = folder.join("token");
    configure(&home, &format!("[agent]\nstatus = \"127.0.0.1:0\"\n{}", sink(&path, "")));
    fs::create_dir(&path).unwrap();
    let agent = Agent::start(&home);
    agent.wait_said("something else than a file");
    wait_for("what status says", || (state(&agent, &path)["state"] == "failing").then_some(()));
    let before = agent.credential("work")["generation"].as_u64();
    home.run(["refresh", "work"]).succeeded();
    assert!(agent.credential("work")["generation"].as_u64() > before, "the refresh went on");
    let metrics = agent.status_address().get("/metrics").text();
    assert!(metrics.contains("renewd_sink_fresh{credential=\"work\","), "{metrics}");
    fs::remove_dir(&path).unwrap();
    let token = home.run(["token", "work"]).succeeded().line().to_owned();
    wait_for("the newest token", || (fs::read_to_string(&path).ok()? == token).then_some(()));
    agent.wait_said("is written again");
    let said = agent.said();
    assert_eq!(said.matches("something else than a file").count(), 1, "{said}");
    let history = home.run(["history", "work"]).succeeded().stdout;
    assert!(history.contains("something else than a file") && history.contains("written again"), "{history}");
}

#[test]
fn a_place_that_others_can_change_is_refused_and_a_link_is_not_followed() {
    let server = server(3_600_000);
    let (home, folder) = home(&server);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let path = folder.join("token");
    configure(&home, &sink(&path, ""));
    let said = home.run(["agent"]).failed(6).stderr;
    assert!(said.contains("no safe place") && said.contains("folder = \"any\""), "{said}");
    // On purpose it may be: the volume of a pod.
    configure(&home, &sink(&path, "folder = \"any\""));
    let agent = Agent::start(&home);
    content(&path);
    let doctor = home.run(["doctor"]).stdout;
    assert!(doctor.contains("others can put another file"), "{doctor}");
    agent.stop().succeeded();

    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let precious = home.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&precious, &path).unwrap();
    configure(&home, &sink(&path, ""));
    let agent = Agent::start(&home);
    agent.wait_said("is a symbolic link");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
}

#[test]
fn a_reload_exchanges_the_files_in_place() {
    let server = server(3_600_000);
    let (home, folder) = home(&server);
    let (first, second) = (folder.join("first"), folder.join("second"));
    configure(&home, &sink(&first, ""));
    let agent = Agent::start(&home);
    let token = content(&first);
    configure(&home, &(sink(&first, "format = \"header\"\nmode = \"0644\"") + &sink(&second, "")));
    home.run(["agent", "reload"]).succeeded();
    assert_eq!(content(&second), token);
    wait_for("the other format", || {
        (fs::read_to_string(&first).ok()? == format!("Authorization: Bearer {token}\n")).then_some(())
    });
    assert_eq!(fs::metadata(&first).unwrap().mode() & 0o777, 0o644);
    configure(&home, &sink(&second, ""));
    home.run(["agent", "reload"]).succeeded();
    wait_for("the file whose entry is gone to go", || (!first.exists()).then_some(()));
    assert_eq!(state(&agent, &first), serde_json::Value::Null);
    // Two files in one place are refused, and change nothing.
    configure(&home, &(sink(&second, "") + &sink(&second, "")));
    let said = home.run(["agent", "reload"]).failed(6).stderr;
    assert!(said.contains("two token files"), "{said}");
    assert_eq!(content(&second), token);
}
