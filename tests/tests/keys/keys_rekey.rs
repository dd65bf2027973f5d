//! Another key for records that stand: while others use them, and killed at every step.

#![cfg(target_os = "linux")]

use std::fs;

use renewd_e2e::testkit::{AsClass, AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Running, Session, at_point, finish_all, points};
use renewd_keyring::testing::Desktop;

fn server() -> AuthorizationServer {
    let config = AsConfig { class: AsClass::P2, ..AsConfig::default() };
    AuthorizationServer::start(config).expect("a server can be started")
}

/// A login whose key lies in the default file, and nothing that says so but the store.
fn lived_in(server: &AuthorizationServer) -> Session {
    let mut session = Session::new("", "file");
    session.import(server).succeeded();
    session.token().succeeded();
    session.set("RENEWD_STORE_KEY", "");
    session
}

fn store_toml(session: &Session) -> String {
    fs::read_to_string(session.home.state().join("credentials/store.toml")).expect("there is a store")
}

fn key(session: &Session) -> String {
    fs::read_to_string(session.home.state().join("key")).expect("there is a key file")
}

#[test]
fn under_an_agent_and_among_commands_no_token_is_missed_and_none_is_lost() {
    let server = server();
    let session = lived_in(&server);
    let agent = Agent::start_at(session.command(["agent"]), &session.home.socket());
    let mut alone = session.home.command(["refresh", "work"]);
    // One that finds no agent, and so spends the refresh token itself.
    alone.env("RENEWD_STORE_KEY", "").env("RENEWD_AGENT_SOCKET", session.home.path().join("none"));
    alone.env("RENEWD_REFRESH_MIN_INTERVAL", "0s");
    let again = |command: &std::process::Command| {
        let mut copy = std::process::Command::new(command.get_program());
        copy.args(command.get_args()).env_clear();
        copy.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        copy
    };
    for round in 0..4 {
        let before = key(&session);
        let mut all: Vec<Running> = (0..3).map(|_| Running::start(again(&alone), b"")).collect();
        all.push(Running::start(session.command(["refresh", "work"]), b""));
        let rekey = Running::start(session.command(["rekey"]), b"").finish().succeeded();
        assert!(rekey.stderr.contains("sealed anew"), "{rekey:?}");
        for ran in finish_all(all) {
            ran.succeeded();
        }
        assert_ne!(key(&session), before, "round {round}");
        session.token().succeeded();
        session.run(["refresh", "work"]).succeeded();
    }
    agent.stop();
    // Nobody needs the old keys, and no request spent a token twice.
    assert_eq!(session.run(["token", "work"]).succeeded().code, Some(0));
    assert_eq!(server.totals().reuse_trips, 0);
    let doctor = session.run(["doctor"]).succeeded().stdout;
    assert!(!doctor.contains("was begun and not ended"), "{doctor}");
}

/// Where a change of the key can die, from the file of the new key to the last `store.toml`.
fn steps(session: &Session) -> Vec<String> {
    let mut all = points(session.command(["status"]));
    all.retain(|point| point.starts_with("rekey.") || point.starts_with("open.key."));
    all
}

#[test]
fn killed_at_any_step_the_store_opens_and_the_same_command_goes_on() {
    let server = server();
    let session = lived_in(&server);
    let mut met = 0;
    let mut untouched = Vec::new();
    for step in steps(&session) {
        // store.toml is written three times: both keys, the new one and the old one, the new one.
        for n in 1..=3 {
            let killed =
                Running::start(at_point(session.command(["rekey"]), &format!("{step}#{n}=kill")), b"")
                    .finish();
            if killed.code.is_some() {
                killed.succeeded();
                if n == 1 {
                    untouched.push(step.clone());
                }
                break;
            }
            met += 1;
            // Whoever comes first finds the store whole, and spends as ever.
            session.token().succeeded();
            session.run(["refresh", "work"]).succeeded();
            let again = session.run(["rekey"]).succeeded();
            assert!(again.stderr.contains("the key: file"), "{step}#{n}: {again:?}");
            assert!(!store_toml(&session).contains("next"), "{step}#{n}: {}", store_toml(&session));
            session.token().succeeded();
        }
    }
    assert!(untouched.is_empty(), "no change of the key comes by {untouched:?}");
    assert!(met >= 18, "{met} kills");
    assert_eq!(server.totals().reuse_trips, 0);
    println!("{met} kills, each healed");
}

#[test]
fn a_change_that_was_left_is_told_and_ended_on_the_way_to_another_place() {
    let server = server();
    let session = lived_in(&server);
    let plan = "rekey.create-temp=kill";
    let killed = Running::start(at_point(session.command(["rekey"]), plan), b"").finish();
    assert_eq!(killed.code, None, "{killed:?}");
    let doctor = session.run(["doctor"]).succeeded().stdout;
    assert!(
        doctor.contains("a change of its key was begun and not ended; `renewd rekey` goes on"),
        "{doctor}"
    );
    let own = session.home.private_file("elsewhere", "a key of more than twenty-four bytes\n");
    let to = format!("file:{}", own.display());
    let done = session.run(["rekey", "--key", &to]).succeeded();
    assert!(done.stderr.contains("what was begun before is ended"), "{done:?}");
    assert!(store_toml(&session).contains(&to), "{}", store_toml(&session));
    assert!(
        !session.home.state().join("key").exists(),
        "a key that renewd made is removed with its last use"
    );
    session.token().succeeded();
}

#[test]
fn a_setting_that_says_otherwise_is_exit_6_and_names_the_command_that_takes_the_key_there() {
    let server = server();
    let mut session = lived_in(&server);
    session.home.configure("[store]\nkey = \"file:own-key\"\n");
    let own = session.home.configuration().with_file_name("own-key");
    let to = format!("file:{}", own.display());
    for args in [&["token", "work"][..], &["status"], &["agent"], &["doctor"]] {
        let ran = session.run(args).failed(6);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("renewd rekey --key"), "{args:?}: {said}");
    }
    // The other way round the setting is in the way.
    let refused = session.run(["rekey", "--key", "file"]).failed(6);
    assert!(refused.stderr.contains("config.toml:2: store.key"), "{refused:?}");
    session.run(["rekey", "--key", &to]).succeeded();
    assert!(own.exists());
    session.token().succeeded();
    session.set("RENEWD_STORE_KEY", "file");
    session.token().failed(6);
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn from_one_passphrase_to_another_both_come_by_descriptor() {
    let why = "a shell asks for the token, in words of its own";
    renewd_e2e::disclosure::intend("stdout of renewd", renewd_e2e::testkit::SecretKind::AccessToken, why);
    let server = server();
    let session = lived_in(&server);
    let (old, new) = ("the first passphrase", "the second passphrase");
    let (one, two) = (session.home.private_file("one", old), session.home.private_file("two", new));
    let shell = |line: &str| {
        let rekey = session.command(["rekey"]);
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", line, "sh"]).arg(rekey.get_program()).arg(&one).arg(&two);
        shell.env_clear().envs(rekey.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Running::start(shell, b"").finish()
    };
    shell("exec \"$1\" rekey --key passphrase --passphrase-fd 3 3<\"$2\"").succeeded();
    session.token().failed(5);
    shell("exec \"$1\" token work --passphrase-fd 3 3<\"$2\"").succeeded();
    let lone = shell("exec \"$1\" rekey --key passphrase --passphrase-fd 3 3<\"$2\"").failed(5);
    assert!(lone.stderr.contains("--new-passphrase-fd"), "{lone:?}");
    assert!(lone.stderr.contains("no change of the key is under way"), "{lone:?}");
    shell("exec \"$1\" rekey --key passphrase --passphrase-fd 3 --new-passphrase-fd 4 3<\"$2\" 4<\"$3\"")
        .succeeded();
    shell("exec \"$1\" token work --passphrase-fd 3 3<\"$2\"").failed(5);
    shell("exec \"$1\" token work --passphrase-fd 3 3<\"$3\"").succeeded();
    // And back into a file.
    shell("exec \"$1\" rekey --key file --passphrase-fd 3 3<\"$3\"").succeeded();
    session.token().succeeded();
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn without_a_store_there_is_nothing_to_seal() {
    let session = Session::new("", "");
    let ran = session.run(["rekey"]).failed(2);
    assert!(ran.stderr.contains("renewd init"), "{ran:?}");
}

#[test]
fn from_a_file_into_the_keyring_and_back_the_old_key_is_removed_each_time() {
    let Some(desktop) = Desktop::start() else { return };
    let server = server();
    let session = lived_in(&server).on_bus(&desktop.address());
    let ours = || {
        desktop.with_service(async |service| {
            let ours = std::collections::HashMap::from([("application", "renewd")]);
            service.search_items(ours).await.expect("a search").unlocked.len()
        })
    };
    session.run(["rekey", "--key", "keyring"]).succeeded();
    assert!(!session.home.state().join("key").exists() && ours() == 1);
    session.token().succeeded();
    session.run(["rekey"]).succeeded();
    assert_eq!(ours(), 1, "another key in the place of the one before");
    desktop.lock();
    // The key cannot be had, so nothing is sealed with another one.
    session.run(["rekey", "--key", "file"]).failed(5);
    desktop.unlock();
    session.run(["rekey", "--key", "file"]).succeeded();
    assert!(session.home.state().join("key").exists() && ours() == 0);
    desktop.lock();
    session.token().succeeded();
    assert_eq!(server.totals().reuse_trips, 0);
}
