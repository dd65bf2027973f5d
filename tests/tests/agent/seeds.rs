//! A refresh token in a file (`seed_file`): used while no record exists, and never again.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Home, QUICK_RETRY, disclosure, wait_for};

fn server() -> AuthorizationServer {
    AuthorizationServer::start(AsConfig::default()).expect("a server can be started")
}

fn configure(home: &Home, server: &AuthorizationServer, seed: &Path) {
    home.configure(&format!(
        "{QUICK_RETRY}[credential.work]\ntoken_endpoint = \"{}\"\nclient_id = \"testkit-client\"\nseed_file = \"{}\"\n",
        server.token_url(),
        seed.display()
    ));
}

fn ready(agent: &Agent) {
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
}

#[test]
fn a_seed_that_appears_later_is_taken_up_and_told_while_it_is_waited_for() {
    let server = server();
    let home = Home::new();
    let seed = home.path().join("config/renewd/seed");
    configure(&home, &server, &seed);
    let agent = Agent::start(&home);
    agent.wait_said("does not exist yet");
    agent.wait_status("work", "unauthenticated");
    let text = server.mint_grant().refresh_token;
    home.private_file("seed", "");
    agent.wait_said("is empty as yet");
    home.private_file("seed", "not a refresh token\nof one line\n");
    agent.wait_said("has more than one line");
    home.private_file("seed", &text);
    ready(&agent);
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0), "{totals:?}");
}

#[test]
fn a_seed_that_is_no_token_stops_the_start_and_says_what_it_is() {
    let server = server();
    let home = Home::new();
    for (content, words) in [
        (&b"rt\x00binary"[..], "control character"),
        (b"{\"refresh_token\":\"x\"}", "JSON document"),
        (b"one\ntwo\n", "more than one line"),
        (b"\n", "is empty"),
    ] {
        let seed = home.private_file("seed", "");
        fs::write(&seed, content).unwrap();
        configure(&home, &server, &seed);
        let said = home.run(["agent"]).failed(6).stderr;
        assert!(said.contains(words), "{said}");
    }
    let seed = home.private_file("seed", "rt");
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o666)).unwrap();
    configure(&home, &server, &seed);
    let said = home.run(["agent"]).failed(6).stderr;
    assert!(said.contains("written by others") || said.contains("chmod"), "{said}");
    assert_eq!(server.totals().token_requests, 0);
}

#[test]
fn a_secret_mount_with_its_links_is_read_and_a_seed_that_is_replaced_is_not_used() {
    let server = server();
    let home = Home::new();
    // As a kubelet lays a volume out: the name is a link through a link that is exchanged as a whole.
    let mount = home.path().join("config/renewd/secret");
    let version = |name: &str, text: &str| {
        let folder = mount.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join("rt"), text).unwrap();
        fs::set_permissions(folder.join("rt"), fs::Permissions::from_mode(0o400)).unwrap();
        disclosure::input(&folder.join("rt"));
        let _ = fs::remove_file(mount.join("..data_tmp"));
        symlink(name, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    version("..2026_11_22_1", &server.mint_grant().refresh_token);
    symlink("..data/rt", mount.join("rt")).unwrap();
    configure(&home, &server, &mount.join("rt"));
    let agent = Agent::start(&home);
    ready(&agent);
    let before = home.run(["doctor"]).stdout;
    assert!(!before.contains("seed"), "{before}");

    version("..2026_11_22_2", &server.mint_grant().refresh_token);
    home.run(["agent", "reload"]).succeeded();
    home.run(["refresh", "work"]).succeeded();
    let log = server.log();
    assert_eq!(log[1].presented, log[0].issued, "the record's token, and not the new seed");
    let doctor = home.run(["doctor"]).stdout;
    assert!(doctor.contains("the seed file has changed since it was used"), "{doctor}");
    assert!(doctor.contains("renewd import work"), "{doctor}");
    agent.stop().succeeded();

    // A tombstone is a record too.
    home.run(["logout", "work"]).succeeded();
    let agent = Agent::start(&home);
    agent.wait_status("work", "unauthenticated");
    home.run(["token", "work"]).failed(3);
    wait_for("that nothing is sent", || (server.totals().token_requests == 2).then_some(()));
    assert_eq!(agent.credential("work")["cause"], "logged_out");
}
