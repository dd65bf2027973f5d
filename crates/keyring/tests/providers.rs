//! The Secret Service backend and providers that hang, ask, refuse, forget: fakes, as no real one can be told to.

#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};
use renewd_keyring::testing::{Behaviour, Desktop, FakeService, Prompted, Provider};
use renewd_keyring::{Interaction, KeyringOptions};

/// Of a call that has to succeed, on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);
/// Of a call that hangs.
const SHORT: Duration = Duration::from_millis(300);

/// A session with a fake provider, which holds one item.
struct Scene {
    fake: FakeService,
    desktop: Desktop,
}

impl Scene {
    fn start() -> Option<Self> {
        let desktop = Desktop::start_with(Provider::None)?;
        let scene = Self { fake: desktop.fake(), desktop };
        scene.patient().set(&item(), &Secret::from("old")).expect("it takes the first value");
        Some(scene)
    }

    fn keyring(&self, deadline: Duration, interaction: Interaction) -> Arc<dyn Keyring> {
        self.desktop.keyring(KeyringOptions::new(deadline, interaction))
    }

    fn patient(&self) -> Arc<dyn Keyring> {
        self.keyring(LONG, Interaction::Never)
    }

    fn asking(&self) -> Arc<dyn Keyring> {
        self.keyring(LONG, Interaction::Allowed)
    }

    fn holds(&self, value: &[u8]) {
        assert!(self.patient().get(&item()).expect("it answers").expect("it is there").same_as(value));
    }
}

fn item() -> ItemName {
    "3f9c0a/key-1".parse().expect("a name")
}

fn new() -> Secret {
    Secret::from("new")
}

fn failure<T>(outcome: Result<T, KeyringError>) -> KeyringError {
    outcome.err().expect("it fails")
}

fn kind<T>(outcome: Result<T, KeyringError>) -> KeyringErrorKind {
    failure(outcome).kind
}

#[test]
fn a_provider_that_hangs_anywhere_is_given_up_at_the_deadline_and_used_again_when_it_goes_on() {
    let Some(scene) = Scene::start() else { return };
    for method in ["OpenSession", "ReadAlias", "Locked", "SearchItems", "GetSecret"] {
        scene.fake.behave(Behaviour::HangsAt(method));
        let keyring = scene.keyring(SHORT, Interaction::Never);
        // Once with more calls than threads may be left behind.
        for _ in 0..if method == "GetSecret" { 6 } else { 1 } {
            let error = failure(keyring.get(&item()));
            assert_eq!(error.kind, KeyringErrorKind::TimedOut, "{method}: {error}");
            assert!(!error.message.contains("earlier calls"), "{method} left threads behind: {error}");
        }
        scene.fake.behave(Behaviour::Sound);
        scene.holds(b"old");
    }
}

#[test]
fn a_write_that_hangs_leaves_the_old_value_or_the_new() {
    let Some(scene) = Scene::start() else { return };
    scene.fake.behave(Behaviour::HangsAt("SetSecret"));
    assert_eq!(
        kind(scene.keyring(SHORT, Interaction::Never).set(&item(), &new())),
        KeyringErrorKind::TimedOut
    );
    scene.fake.behave(Behaviour::Sound);
    let found = scene.patient().get(&item()).unwrap().expect("it is there");
    assert!(found.same_as(b"old") || found.same_as(b"new"));
}

#[test]
fn a_provider_that_refuses_is_denied() {
    let Some(scene) = Scene::start() else { return };
    let keyring = scene.patient();
    for method in ["OpenSession", "ReadAlias", "SearchItems", "GetSecret"] {
        scene.fake.behave(Behaviour::DeniesAt(method));
        let error = failure(scene.patient().get(&item()));
        assert_eq!(error.kind, KeyringErrorKind::Denied, "{method}: {error}");
        assert!(error.message.contains("refuses"), "{error}");
    }
    scene.fake.behave(Behaviour::DeniesAt("SetSecret"));
    assert_eq!(kind(keyring.set(&item(), &new())), KeyringErrorKind::Denied);
    scene.fake.behave(Behaviour::DeniesAt("Delete"));
    assert_eq!(kind(keyring.delete(&item())), KeyringErrorKind::Denied);
    scene.fake.behave(Behaviour::Sound);
    scene.holds(b"old");
}

#[test]
fn an_old_value_after_a_write_is_read_once_more_and_then_an_error() {
    let Some(scene) = Scene::start() else { return };
    let keyring = scene.patient();
    scene.fake.behave(Behaviour::AnswersOld(1));
    keyring.set(&item(), &new()).expect("the second look finds it");
    scene.holds(b"new");
    scene.fake.behave(Behaviour::AnswersOld(u32::MAX));
    let error = failure(keyring.set(&item(), &Secret::from("newer")));
    assert_eq!(error.kind, KeyringErrorKind::Changed, "{error}");
    assert!(error.message.contains("3f9c0a/key-1"), "{error}");
}

#[test]
fn a_write_that_a_provider_loses_is_an_error() {
    let Some(scene) = Scene::start() else { return };
    let keyring = scene.patient();
    scene.fake.behave(Behaviour::LosesWrites);
    assert_eq!(kind(keyring.set(&item(), &new())), KeyringErrorKind::Changed);
    assert_eq!(kind(keyring.set(&"another".parse().unwrap(), &new())), KeyringErrorKind::Changed);
}

#[test]
fn where_nobody_may_be_asked_no_prompt_is_opened() {
    let Some(scene) = Scene::start() else { return };
    for behaviour in [Behaviour::Locked(Prompted::Consents), Behaviour::AsksToWrite(Prompted::Consents)] {
        scene.fake.behave(behaviour);
        let keyring = scene.patient();
        assert_eq!(
            kind(keyring.set(&"another".parse().unwrap(), &new())),
            KeyringErrorKind::Locked,
            "{behaviour:?}"
        );
        assert_eq!(kind(keyring.delete(&item())), KeyringErrorKind::Locked, "{behaviour:?}");
    }
    scene.fake.behave(Behaviour::Locked(Prompted::Consents));
    assert_eq!(kind(scene.patient().get(&item())), KeyringErrorKind::Locked);
    assert_eq!(kind(scene.asking().probe()), KeyringErrorKind::Locked, "a probe asks nobody");
    assert_eq!((scene.fake.prompts(), scene.fake.calls("Prompt")), (0, 0));
    assert_eq!(scene.fake.items(), 1);
    scene.fake.behave(Behaviour::Sound);
    scene.holds(b"old");
}

#[test]
fn a_person_who_consents_unlocks_it_and_lets_items_be_made_and_removed() {
    let Some(scene) = Scene::start() else { return };
    scene.fake.behave(Behaviour::Locked(Prompted::Consents));
    assert!(scene.asking().get(&item()).unwrap().expect("it is there").same_as(b"old"));
    scene.fake.behave(Behaviour::AsksToWrite(Prompted::Consents));
    let keyring = scene.asking();
    keyring.set(&"another".parse().unwrap(), &new()).unwrap();
    assert!(keyring.delete(&item()).unwrap());
    assert_eq!((scene.fake.prompts(), scene.fake.items()), (3, 1));
}

#[test]
fn a_person_who_dismisses_the_prompt_is_told_so() {
    let Some(scene) = Scene::start() else { return };
    scene.fake.behave(Behaviour::Locked(Prompted::Dismisses));
    let error = failure(scene.asking().get(&item()));
    assert_eq!(error.kind, KeyringErrorKind::Dismissed, "{error}");
    assert!(error.message.contains("dismissed") && error.message.contains("unlock it"), "{error}");
    scene.fake.behave(Behaviour::AsksToWrite(Prompted::Dismisses));
    assert_eq!(kind(scene.asking().delete(&item())), KeyringErrorKind::Dismissed);
    assert_eq!(scene.fake.items(), 1);
}

#[test]
fn a_prompt_that_never_ends_ends_at_the_deadline() {
    let Some(scene) = Scene::start() else { return };
    // More calls than threads may be left behind.
    for (behaviour, calls) in
        [(Behaviour::Locked(Prompted::Never), 6), (Behaviour::AsksToWrite(Prompted::Never), 1)]
    {
        scene.fake.behave(behaviour);
        let keyring = scene.keyring(SHORT, Interaction::Allowed);
        for _ in 0..calls {
            let error = failure(keyring.delete(&item()));
            assert_eq!(error.kind, KeyringErrorKind::TimedOut, "{behaviour:?}: {error}");
            assert!(!error.message.contains("earlier calls"), "threads were left behind: {error}");
        }
    }
    assert!(scene.fake.prompts() > 0, "nobody was asked");
    scene.fake.behave(Behaviour::Sound);
    scene.holds(b"old");
}

#[test]
fn a_provider_that_changes_hands_is_served_by_the_next_one() {
    let Some(scene) = Scene::start() else { return };
    let keyring = scene.patient();
    keyring.probe().unwrap();
    let Scene { fake, desktop } = scene;
    drop(fake);
    assert_eq!(kind(keyring.probe()), KeyringErrorKind::Absent);
    let _next = desktop.fake();
    assert!(keyring.get(&item()).unwrap().is_none(), "the next one holds nothing yet");
    keyring.set(&item(), &new()).unwrap();
}
