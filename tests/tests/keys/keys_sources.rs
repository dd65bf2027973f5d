//! Where a key can lie, end to end: a passphrase by descriptor, a systemd credential, a real keyring, and the key file of
//! a store that an earlier version made.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Running, Session, Terminal};
use renewd_keyring::testing::Desktop;

const PASSPHRASE: &str = "correct horse battery";

fn server() -> AuthorizationServer {
    AuthorizationServer::start(AsConfig::default()).expect("a server can be started")
}

#[test]
fn an_agent_that_was_given_the_passphrase_serves_commands_that_were_not() {
    let (mut session, server) = (Session::new("", "passphrase"), server());
    session.passphrase(Some(PASSPHRASE));
    session.run(["init"]).succeeded();
    session.import(&server).succeeded();
    let agent = Agent::start_at(session.command(["agent"]), &session.home.socket());
    session.passphrase(None);
    let token = session.token().succeeded().line().to_owned();
    assert!(!token.is_empty());
    assert_eq!(session.run(["helper", "api-key", "work"]).succeeded().line(), token);
    assert_eq!(session.home.status("work")["status"], "running");
    // Nothing is wrong: the agent has it open.
    let doctor = session.run(["doctor"]).succeeded().stdout;
    for words in ["its passphrase was not given here; the agent (process", "work: running, says the agent"] {
        assert!(doctor.contains(words) && !doctor.contains('✗'), "{words}: {doctor}");
    }
    agent.stop();
    let doctor = session.run(["doctor"]).failed(5).stdout;
    assert!(doctor.contains("✗ the store in"), "{doctor}");

    // Without it the words say how the passphrase is given, at once: nobody is asked.
    for args in [&["token", "work"][..], &["helper", "api-key", "work"], &["agent"], &["refresh", "work"]] {
        let ran = session.run(args).failed(5);
        assert!(ran.stderr.contains("RENEWD_STORE_PASSPHRASE_FD"), "{args:?}: {ran:?}");
    }
    let error = session.run(["token", "work", "--format", "json"]).failed(5).json();
    assert_eq!(
        (&error["error"]["code"], &error["error"]["cause"]),
        (&"store_unavailable".into(), &"store_unavailable".into())
    );
    // Who only looks still sees which logins there are, and what is wrong.
    let seen = session.run(["status", "--json"]).failed(5).json();
    assert_eq!(seen["credentials"][0]["name"], "work");
    assert_eq!(seen["credentials"][0]["cause"], "store_unavailable");
    // Nobody knows how it stands, and nobody makes an attempt.
    assert_eq!(
        (&seen["credentials"][0]["status"], &seen["credentials"][0]["next_attempt_at"]),
        (&"unknown".into(), &serde_json::Value::Null)
    );
    session.run(["status", "--check"]).failed(5);
    session.passphrase(Some("another horse"));
    let wrong = session.token().failed(5);
    assert!(!wrong.stderr.contains("another horse"), "{wrong:?}");
    session.passphrase(Some(&format!("{PASSPHRASE}\n")));
    session.token().succeeded();
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn a_pipe_with_the_passphrase_that_nobody_closes_does_not_keep_a_helper_waiting() {
    let (mut session, server) = (Session::new("", "passphrase"), server());
    session.passphrase(Some(PASSPHRASE));
    session.run(["init"]).succeeded();
    session.import(&server).succeeded();
    session.passphrase(None);
    let mut command = session.command(["helper", "api-key", "work", "--passphrase-fd", "0"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut helper = command.spawn().unwrap();
    let mut kept = helper.stdin.take().unwrap();
    kept.write_all(PASSPHRASE.as_bytes()).unwrap();
    let ended = helper.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(5), "{said}");
    assert!(said.contains("descriptor 0 ") && said.contains("nobody closed its other end"), "{said}");
    assert!(!said.contains(PASSPHRASE) && ended.stdout.is_empty(), "{said}");
    drop(kept);
}

/// The passphrase and the refresh token cannot both be standard input.
#[test]
fn two_readers_of_standard_input_are_wrong_usage() {
    let session = Session::new("", "passphrase");
    let args = ["import", "work", "--token-endpoint", "https://as.example/t", "--client-id", "c"];
    let ran =
        Running::start(session.command(args.into_iter().chain(["--passphrase-fd", "0"])), b"x").finish();
    assert!(ran.failed(2).stderr.contains("two readers of standard input"));
}

#[test]
fn a_command_that_renewd_starts_gets_neither_the_passphrase_nor_its_descriptor() {
    renewd_e2e::disclosure::intend(
        "stdout of renewd run",
        renewd_e2e::testkit::SecretKind::AccessToken,
        "its command prints its whole environment",
    );
    let (mut session, server) = (Session::new("", "passphrase"), server());
    session.passphrase(Some(PASSPHRASE));
    session.run(["init"]).succeeded();
    session.import(&server).succeeded();
    let script = "env; cat <&3 2>&1; ls -l /proc/self/fd";
    let ran = session.run(["run", "work", "--env", "T", "--", "/bin/sh", "-c", script]).succeeded();
    assert!(!ran.stdout.contains("horse") && !ran.stdout.contains("RENEWD_"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("passphrase"), "{}", ran.stdout);
}

#[test]
fn a_unit_that_systemd_gave_a_credential_opens_the_store_and_nobody_else_does() {
    let (mut session, server) = (Session::new("", ""), server());
    let folder = session.home.path().join("credentials.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("renewd-key"), "a-key-of-more-than-twenty-four-bytes\n").unwrap();
    fs::set_permissions(folder.join("renewd-key"), fs::Permissions::from_mode(0o400)).unwrap();
    let init = ["init", "--key", "systemd:renewd-key"];
    let outside = session.run(init).failed(5);
    assert!(outside.stderr.contains("renewd-key"), "{outside:?}");
    session.set("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    let choices = Terminal::start(&session.command(["init"]));
    let mut choices = choices;
    choices.wait_for("here: renewd-key");
    choices.type_line("systemd:renewd-key");
    let (code, screen) = choices.finish();
    assert_eq!(code, Some(0), "{screen}");
    session.import(&server).succeeded();
    session.token().succeeded();
    session.set("CREDENTIALS_DIRECTORY", "");
    let outside = session.token().failed(5);
    assert!(outside.stderr.contains("systemd") && outside.stderr.contains("renewd-key"), "{outside:?}");
}

#[test]
fn a_store_of_an_earlier_version_goes_on_with_its_key_file_and_no_setting() {
    let (mut session, server) = (Session::new("", "file"), server());
    session.import(&server).succeeded();
    // As earlier versions wrote it: nothing but these four lines.
    let toml = session.home.state().join("credentials/store.toml");
    let text = fs::read_to_string(&toml).unwrap();
    let key_id = text.lines().find(|line| line.starts_with("key_id")).unwrap();
    fs::write(&toml, format!("format = 1\nkind = \"file\"\nkey = \"file\"\n{key_id}\n")).unwrap();
    session.set("RENEWD_STORE_KEY", "");
    session.set("RENEWD_STORE_KIND", "");
    let token = session.token().succeeded().line().to_owned();
    assert_eq!(session.token().succeeded().line(), token);
    let agent = Agent::start_at(session.command(["agent"]), &session.home.socket());
    assert_eq!(session.token().succeeded().line(), token);
    agent.stop();
    let doctor = session.run(["doctor"]).succeeded().stdout;
    let shown = session.run(["config", "show"]).succeeded().stdout;
    let key = shown.lines().find(|line| line.starts_with("store.key ")).unwrap_or_default();
    assert!(key.contains("= file ") && key.contains("store.toml"), "{shown}");
    assert!(doctor.contains("a key file beside them") && doctor.contains("does not need it"), "{doctor}");
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn where_the_keyring_is_open_nothing_needs_to_be_said_and_a_locked_one_is_told_by_every_command() {
    let Some(desktop) = Desktop::start() else { return };
    let server = server();
    // No `init`, no configuration: the first login takes the keyring.
    let session = Session::new("", "").on_bus(&desktop.address());
    session.import(&server).succeeded();
    let token = session.token().succeeded().line().to_owned();
    let doctor = session.run(["doctor"]).succeeded().stdout;
    for words in ["in the keyring (secret-service)", "is open; an item was written, read back and removed"] {
        assert!(doctor.contains(words), "{words:?}: {doctor}");
    }
    let left = desktop.with_service(async |service| {
        let ours = std::collections::HashMap::from([("application", "renewd")]);
        service.search_items(ours).await.expect("a search").unlocked.len()
    });
    assert_eq!(left, 1, "the store's key, and nothing of the doctor's");

    desktop.lock();
    for args in [&["token", "work"][..], &["refresh", "work"], &["helper", "headers", "work"], &["agent"]] {
        let ran = session.run(args).failed(5);
        assert!(ran.stderr.contains("lock"), "{args:?}: {ran:?}");
    }
    let status = session.run(["status"]).failed(5);
    assert!(
        status.stdout.contains("work") && status.stdout.contains("store_unavailable"),
        "{}",
        status.stdout
    );
    let doctor = session.run(["doctor"]).failed(5);
    assert!(doctor.stdout.contains("keyring (secret-service): locked"), "{}", doctor.stdout);
    desktop.unlock();
    assert_eq!(session.token().succeeded().line(), token);

    // An agent that has the key goes on when the keyring is locked.
    let agent = Agent::start_at(session.command(["agent"]), &session.home.socket());
    desktop.lock();
    session.run(["refresh", "work"]).succeeded();
    agent.stop();
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn init_recommends_the_keyring_where_it_is_open_and_takes_it_unasked_where_nobody_is_there() {
    let Some(desktop) = Desktop::start() else { return };
    let at_desktop = || Session::new("", "").on_bus(&desktop.address());
    let remembered = |session: &Session| {
        fs::read_to_string(session.home.state().join("credentials/store.toml")).expect("there is a store")
    };
    let unattended = at_desktop();
    unattended.run(["init"]).succeeded();
    assert!(remembered(&unattended).contains("key = \"keyring\""), "{}", remembered(&unattended));

    let attended = at_desktop();
    let mut person = Terminal::start(&attended.command(["init"]));
    person.wait_for("(recommended)");
    person.wait_for("Which one? A number or a name [1]");
    person.type_line("");
    let (code, screen) = person.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(remembered(&attended).contains("key = \"keyring\""));

    let whole = at_desktop();
    whole.run(["init", "--kind", "keyring"]).succeeded();
    assert!(remembered(&whole).contains("kind = \"keyring\""));
    let server = server();
    whole.import(&server).succeeded();
    whole.token().succeeded();
    let records = fs::read_dir(whole.home.state().join("credentials")).unwrap().flatten();
    let in_files = records.filter(|file| file.path().extension().is_some_and(|end| end == "record")).count();
    assert_eq!(in_files, 0, "no record lies in a file");
}
