use std::time::Duration;

use super::*;

/// A session over an empty state folder, with a configuration that says so.
fn session(configuration: &str) -> (tempfile::TempDir, Result<Session, Error>) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    std::fs::write(&config, configuration).unwrap();
    let options = Options { config: Some(config), state_dir: Some(dir.path().join("state")) };
    (dir, Session::open(options))
}

#[test]
fn a_wrong_configuration_is_said_when_the_session_is_opened() {
    let (_dir, opened) = session("[refresh]\nwindwo = \"5m\"\n");
    let error = opened.err().unwrap();
    assert_eq!((error.exit, error.code.as_str()), (6, "configuration"));
    assert!(error.message.contains("windwo"), "{error}");
}

#[test]
fn a_credential_that_nobody_logged_in_to_needs_a_login_and_nothing_is_made_on_the_disk() {
    let (dir, opened) = session("");
    let opened = opened.unwrap();
    for error in [
        opened.token(&Wanted::new("github")).err().unwrap(),
        opened.keep("github").err().unwrap(),
        opened.refresh(&Wanted::new("github")).err().unwrap(),
        opened.rejected(&Wanted::new("github"), 1, 1).err().unwrap(),
        opened.status(Some("github")).err().unwrap(),
    ] {
        assert_eq!((error.exit, error.code.as_str()), (3, "no_grant"), "{error}");
        assert_eq!(error.about.login_command.as_deref(), Some("renewd login github"));
    }
    assert!(opened.status(None).unwrap().contains("\"credentials\":[]"));
    opened.close().unwrap();
    let late = opened.token(&Wanted::new("github")).err().unwrap();
    assert_eq!((late.exit, late.message.as_str()), (2, "the session is closed"));
    opened.close().unwrap();
    assert!(!dir.path().join("state").exists());
}

#[test]
fn what_no_question_can_hold_is_a_usage_error_that_repeats_none_of_it() {
    let (_dir, opened) = session("");
    let opened = opened.unwrap();
    let error = opened.token(&Wanted::new("ghp secret/../x")).err().unwrap();
    assert_eq!(error.exit, 2);
    assert!(!error.to_string().contains("ghp"), "{error}");
    let mut wanted = Wanted::new("github");
    wanted.timeout = Some(Duration::ZERO);
    assert_eq!(opened.token(&wanted).err().unwrap().exit, 2);
    assert!(opened.at_hand(&wanted).is_none());
}

#[test]
fn a_fork_goes_on_with_a_session_of_its_own_and_leaves_its_parents_alone() {
    let (_dir, opened) = session("");
    let mut opened = opened.unwrap();
    // As a fork finds it: opened by another process.
    opened.first.as_mut().unwrap().process = u32::MAX;
    assert_eq!(opened.token(&Wanted::new("github")).err().unwrap().exit, 3);
    let first = opened.first.as_deref().unwrap();
    assert_eq!(first.fork.get().unwrap().process, std::process::id());
    assert!(first.here.token(&Wanted::new("github").asked().unwrap()).is_err());
    let before = std::ptr::from_ref(opened.here().unwrap());
    assert!(std::ptr::eq(before, opened.here().unwrap()), "it is opened once");
    opened.close().unwrap();
}
