//! Where a store's key lies is chosen with the user, once, and remembered: `renewd init` at a terminal and without one.

#![cfg(target_os = "linux")]

use std::fs;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Session, Terminal};

const PASSPHRASE: &str = "correct horse battery";

fn server() -> AuthorizationServer {
    AuthorizationServer::start(AsConfig::default()).expect("a server can be started")
}

/// One that nothing was said to, without a keyring.
fn nobody() -> Session {
    Session::new("", "")
}

fn store_toml(session: &Session) -> String {
    fs::read_to_string(session.home.state().join("credentials/store.toml")).expect("there is a store")
}

fn made(session: &Session) -> bool {
    session.home.state().join("credentials/store.toml").exists()
}

#[test]
fn at_a_terminal_every_place_is_explained_and_the_one_that_was_chosen_is_remembered() {
    let (session, server) = (nobody(), server());
    let mut person = Terminal::start(&session.command(["init"]));
    person.wait_for("Which one?");
    let screen = person.screen();
    for words in ["keyring", "passphrase", "systemd:NAME", "file:PATH", "Nothing is ever stored in clear"] {
        assert!(screen.contains(words), "{words:?} is not on the screen: {screen}");
    }
    assert_eq!(screen.matches("protects:").count(), 5, "{screen}");
    assert!(!screen.contains("(recommended)"), "without a keyring nothing is recommended: {screen}");
    person.type_line("in clear");
    person.wait_for("none of them");
    person.wait_for("Which one?");
    person.type_line("1");
    person.wait_for("not usable now");
    person.wait_for("Which one?");
    person.type_line("5");
    let (code, screen) = person.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(store_toml(&session).contains("key = \"file\""));
    // Nothing more needs to be said to any command.
    session.import(&server).succeeded();
    session.token().succeeded();
    assert!(!fs::read_to_string(session.home.configuration()).unwrap().contains("[store]"));
}

#[test]
fn a_passphrase_is_typed_twice_unseen_and_asked_for_at_the_terminal_from_then_on() {
    let (session, server) = (nobody(), server());
    let mut person = Terminal::start(&session.command(["init", "--key", "passphrase"]));
    person.wait_for("New passphrase");
    person.type_line(PASSPHRASE);
    person.wait_for("once more");
    person.type_line("correct horse bakery");
    person.wait_for("not the same");
    person.wait_for("New passphrase");
    person.type_line(PASSPHRASE);
    person.wait_for("once more");
    person.type_line(PASSPHRASE);
    let (code, screen) = person.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("horse"), "what is typed is not shown: {screen}");
    assert!(store_toml(&session).contains("key = \"passphrase\""));

    // A pipe with a refresh token and a person who is asked at the terminal do not get into each other's way.
    let mut given = session.command(["status"]);
    given.env("RENEWD_STORE_KEY", "");
    let mut person = Terminal::start(&given);
    person.wait_for("Passphrase of the store");
    person.type_line("another one");
    person.wait_for("That does not open it");
    person.type_line(PASSPHRASE);
    let (code, screen) = person.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("another one") && !screen.contains("horse"), "{screen}");

    // Nobody is there to be asked.
    let import = session.import(&server).failed(5);
    for words in ["opens with a passphrase", "--passphrase-fd", "the refresh token was not read"] {
        assert!(import.stderr.contains(words), "{words:?}: {import:?}");
    }
    assert_eq!(server.totals().token_requests, 0);
}

#[test]
fn whoever_interrupts_the_question_has_made_nothing() {
    const CTRL_C: u8 = 3;
    let session = nobody();
    let mut person = Terminal::start(&session.command(["init", "--key", "passphrase"]));
    person.wait_for("New passphrase");
    person.press(CTRL_C);
    let (code, screen) = person.finish();
    assert_eq!(code, Some(5), "{screen}");
    assert!(screen.contains("nothing was done") && !made(&session), "{screen}");
}

#[test]
fn without_a_terminal_and_a_keyring_nothing_is_chosen_and_every_choice_is_named() {
    let (session, server) = (nobody(), server());
    for args in [&["init"][..], &["init", "--yes"]] {
        let ran = session.run(args).failed(2);
        for key in ["keyring", "passphrase", "systemd:NAME", "file:PATH", "file"] {
            assert!(ran.stderr.contains(&format!("renewd init --key {key}")), "{key}: {ran:?}");
        }
        assert!(!made(&session));
    }
    // A first login is told the same, and the token that was piped in is still its owner's.
    let import = session.import(&server).failed(5);
    for words in ["renewd init", "store.key", "RENEWD_STORE_KEY", "the refresh token was not read"] {
        assert!(import.stderr.contains(words), "{words:?}: {import:?}");
    }
    assert!(!made(&session));
    let error = session.run(["token", "work", "--format", "json"]).failed(3).json();
    assert_eq!(error["error"]["code"], "no_grant", "a store that could not be made is none: {error}");
    let doctor = session.run(["doctor"]).succeeded();
    assert!(doctor.stdout.contains("none yet; `renewd init` makes it"), "{}", doctor.stdout);
    session.run(["init", "--key", "file"]).succeeded();
    session.import(&server).succeeded();
    session.token().succeeded();
}

#[test]
fn there_is_no_way_to_ask_for_clear_text_and_what_was_asked_for_is_not_repeated() {
    let session = nobody();
    for key in ["clear", "none", "plaintext", "hunter2", "passphrase:hunter2", "file:", "systemd:"] {
        let ran = session.run(["init", "--key", key]).failed(2);
        assert!(ran.stderr.contains("none of keyring") && !ran.stderr.contains("hunter2"), "{key}: {ran:?}");
    }
    let ran = session.run(["init", "--kind", "plain"]).failed(2);
    assert!(!made(&session), "{ran:?}");
    let help = session.run(["init", "--help"]).succeeded();
    assert!(!help.stdout.contains("clear") && !help.stdout.contains("plain"), "{}", help.stdout);
}

#[test]
fn a_store_that_stands_is_shown_and_not_changed() {
    let session = nobody();
    session.run(["init", "--key", "file"]).succeeded();
    let before = store_toml(&session);
    let shown = session.run(["init"]).succeeded();
    assert!(
        shown.stderr.contains("kind file, key file") && shown.stderr.contains("renewd rekey"),
        "{shown:?}"
    );
    let refused = session.run(["init", "--key", "passphrase"]).failed(2);
    assert!(refused.stderr.contains("renewd rekey --key passphrase"), "{refused:?}");
    session.run(["init", "--kind", "keyring"]).failed(2);
    assert_eq!(store_toml(&session), before);
}

#[test]
fn records_whose_store_toml_is_gone_are_a_store_and_nothing_is_chosen_for_them() {
    let (session, server) = (nobody(), server());
    session.run(["init", "--key", "file"]).succeeded();
    session.import(&server).succeeded();
    fs::remove_file(session.home.state().join("credentials/store.toml")).expect("it was there");
    let refused = session.run(["init", "--key", "passphrase"]).failed(2);
    assert!(refused.stderr.contains("already: kind file, key file"), "{refused:?}");
    assert!(store_toml(&session).contains("key = \"file\""));
    session.token().succeeded();
}

#[test]
fn what_the_configuration_says_is_taken_as_said_and_never_contradicted_or_rewritten() {
    let mut session = nobody();
    session.home.configure("[store]\nkey = \"file:own-key\"\n");
    let refused = session.run(["init", "--key", "file"]).failed(6);
    assert!(refused.stderr.contains("config.toml:2: store.key") && !made(&session), "{refused:?}");
    session.run(["init"]).succeeded();
    let own = session.home.configuration().with_file_name("own-key");
    assert!(own.exists(), "a path in the file stands beside the file");
    assert_eq!(
        fs::read_to_string(session.home.configuration()).unwrap(),
        "[store]\nkey = \"file:own-key\"\n"
    );
    // And a variable of this shell would be forgotten by the next one.
    let other = nobody();
    session.set("RENEWD_STORE_KEY", "file");
    let refused = session.run(["status"]).failed(6);
    assert!(refused.stderr.contains("renewd rekey --key"), "{refused:?}");
    drop(other);
}
