//! The device grant (RFC 8628): a code on this machine, a browser on any.

#![cfg(unix)]

use renewd_e2e::{Desktop, Person, Running, Stranger, json, wait_for};
use serde_json::Value;

use crate::world::{SCOPE, World};

/// The line that says where to go.
fn told(login: &Running) -> Value {
    let line = wait_for("the code as JSON", || login.stdout().lines().next().map(json));
    assert_eq!((&line["schema"], &line["event"]), (&1.into(), &"device".into()), "{line}");
    line
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_else(|| panic!("no {key} in {line}"))
}

// rfc-test: 8628-3.1
#[test]
fn a_device_login_at_oidc_provider_is_agreed_to_in_chromium_by_typing_its_code() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let Some(elsewhere) = Desktop::with_chromium() else { return };
    let login = world.start(&[&["--client-id", "renewd", "--device", "--json"], &SCOPE[..]].concat());
    let line = told(&login);
    let page = elsewhere.visit(text(&line, "verification_uri"));
    page.type_into("input[name=user_code]", text(&line, "user_code"));
    page.click("button[type=submit]");
    page.wait_text("Confirm Device");
    assert!(page.text().contains(text(&line, "user_code")), "the same code on both");
    page.click("button[autofocus]");
    page.type_into("input[name=login]", "alice");
    page.type_into("input[name=password]", "any");
    page.click("button[type=submit]");
    page.wait_text("Authorize");
    page.click("button[type=submit]");
    page.wait_text("Sign-in Success");
    page.picture("device-at-oidc-provider");
    let ran = login.finish().succeeded();
    let last = json(ran.stdout.lines().last().expect("a line"));
    assert_eq!(
        (&last["event"], &last["credential"]["status"]),
        (&"done".into(), &"running".into()),
        "{last}"
    );
    assert_eq!(world.desktop.opened(), Vec::<String>::new(), "nothing is opened here");
    world.lives();
}

// rfc-test: 8628-3.3.1
#[test]
#[cfg(target_os = "linux")]
fn a_person_reads_the_code_the_address_and_a_picture_of_it() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let args = [
        &[
            "login",
            "work",
            "--issuer",
            world.peer.issuer(),
            "--client-id",
            "renewd",
            "--device",
            "--color",
            "never",
        ][..],
        &SCOPE,
    ]
    .concat();
    let mut terminal = renewd_e2e::Terminal::start(&world.command(&args));
    terminal.wait_for(&format!("{}/device", world.peer.issuer()));
    let screen = wait_for("the code and its picture", || {
        Some(terminal.screen()).filter(|screen| screen.contains('█') && user_code(screen).is_some())
    });
    let code = user_code(&screen).expect("a code");
    let address = format!("{}/device?user_code={code}", world.peer.issuer());
    let page = Person::new().agree(&address).page();
    assert!(page.text().contains("Sign-in Success"), "{}", page.text());
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    world.lives();
}

/// oidc-provider's codes are two groups of four letters; they may be shown with blanks between.
#[cfg(target_os = "linux")]
fn user_code(screen: &str) -> Option<String> {
    let is_code = |line: &str| {
        let letters: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let groups: Vec<&str> = letters.split('-').collect();
        let fits = |group: &&str| group.len() == 4 && group.chars().all(|c| c.is_ascii_uppercase());
        (groups.len() == 2 && groups.iter().all(fits)).then_some(letters.clone())
    };
    screen.lines().find_map(is_code)
}

// rfc-test: 8628-3.5-4
#[test]
fn a_device_login_that_is_aborted_at_the_other_device_is_told_and_stores_nothing() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let login = world.start(&[&["--client-id", "renewd", "--device", "--json"], &SCOPE[..]].concat());
    let line = told(&login);
    let polled = || world.peer.overheard_at("/token");
    wait_for("a look that came too early", || {
        polled().iter().any(|seen| seen.text("error") == "authorization_pending").then_some(())
    });
    let page = Person::new().refuse(text(&line, "verification_uri_complete")).page();
    assert!(page.text().contains("interrupted"), "{}", page.text());
    let ran = login.finish().failed(3);
    let error = json(ran.stdout.lines().last().expect("a line"));
    assert!(error["error"]["message"].as_str().is_some_and(|m| m.contains("access_denied")), "{error}");
    world.has_nothing();
    assert_eq!(polled().len(), 2, "it looks again, and then it knows");
}
