//! The authorization code with PKCE, in a real browser and with people of every kind of patience.

#![cfg(unix)]

use renewd_e2e::{Desktop, Person, Running, Stranger, percent, wait_for};

use crate::world::{SCOPE, World};

/// The query of an address, as pairs.
fn query(address: &str) -> Vec<(String, String)> {
    let query = address.split_once('?').expect("a query").1;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn parameter(address: &str, name: &str) -> String {
    let found = query(address).into_iter().find(|(n, _)| n == name);
    found.unwrap_or_else(|| panic!("no {name} in {address}")).1
}

// rfc-test: 7636-4.2
// rfc-test: 8252-6
// rfc-test: 8252-7.3
// rfc-test: 8252-8.12
// rfc-test: 9700-2.1.1
#[test]
fn a_login_at_oidc_provider_opens_chromium_and_clicks_lead_to_a_living_credential() {
    let Some(world) = World::with_chromium(Stranger::OidcProvider) else { return };
    let login = world.start(&[&["--client-id", "renewd", "--browser"], &SCOPE[..]].concat());
    let page = world.desktop.browser();
    page.type_into("input[name=login]", "alice");
    page.type_into("input[name=password]", "any");
    page.click("button[type=submit]");
    page.wait_text("Authorize");
    page.click("button[type=submit]");
    let said = page.wait_text("lose this tab");
    page.picture("login-at-oidc-provider");
    // Nothing of the login stays where the next page, an extension or a history could take it from.
    assert!(!said.contains("code") && page.evaluate("document.scripts.length") == 0, "{said}");
    login.finish().succeeded();

    let opened = world.desktop.opened();
    assert_eq!(opened.len(), 1, "one address, and that once");
    assert!(opened[0].starts_with(&format!("{}/auth?", world.peer.issuer())), "{opened:?}");
    assert_eq!(parameter(&opened[0], "code_challenge_method"), "S256");
    let redirect = parameter(&opened[0], "redirect_uri");
    assert!(redirect.starts_with(&percent("http://127.0.0.1:")), "an IP literal and a port: {redirect}");
    let exchange = world.peer.overheard_at("/token").pop().expect("a token request");
    assert_eq!((exchange.status, &exchange.all["verifier"]), (200, &true.into()));
    world.lives();
    assert_eq!(world.status()["login_command"], serde_json::Value::Null);
}

// rfc-test: 6749-3.2.1-2
// rfc-test: 6749-4.1.3
#[test]
fn a_login_at_canaille_opens_chromium_and_clicks_lead_to_a_living_credential() {
    let Some(world) = World::with_chromium(Stranger::Canaille) else { return };
    let clients = world.peer.clients();
    let (secret, redirect) = (&clients["secrets"]["desk"], &clients["redirect_uri"]);
    let secret = world.home.private_file("secret", secret.as_str().expect("a secret"));
    let login = world.start(&[
        "--client-id",
        "desk",
        "--client-secret-file",
        &secret.display().to_string(),
        "--client-auth",
        "basic",
        "--redirect-uri",
        redirect.as_str().expect("an address"),
        "--scope",
        "openid",
        "--scope",
        "profile",
        "--browser",
    ]);
    let page = world.desktop.browser();
    page.type_into("#login", "alice");
    page.click("#loginform button[type=submit]");
    page.type_into("#password", "correct horse");
    page.click("button.primary[type=submit]");
    page.click("#accept");
    page.wait_text("lose this tab");
    page.picture("login-at-canaille");
    login.finish().succeeded();
    world.lives();
}

#[test]
fn somebody_who_cancels_in_the_browser_is_told_so_and_nothing_is_stored() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let login = world.start(&["--client-id", "renewd", "--browser"]);
    let mut person = Person::new();
    let back = person.refuse(&world.desktop.wait_opened()).address();
    let page = person.open(&back);
    let ran = login.finish().failed(3);
    assert!(ran.stderr.contains("access_denied"), "{ran:?}");
    assert!(!page.text().contains("<script"), "{}", page.text());
    world.has_nothing();
}

#[test]
fn the_providers_profile_says_what_a_login_there_needs_besides() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let profile = ["--profile", "node-oidc-provider", "--client-id", "renewd", "--browser"];
    let (ran, _) = world.login_with_a_person(&profile);
    ran.succeeded();
    let opened = world.desktop.opened();
    assert_eq!(parameter(&opened[0], "scope"), "openid%20offline_access");
    assert_eq!(parameter(&opened[0], "prompt"), "consent");
    world.lives();
}

#[test]
#[cfg(target_os = "linux")]
fn over_ssh_the_address_is_printed_and_the_last_address_of_the_browser_can_be_pasted() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let args = [
        &["login", "work", "--issuer", world.peer.issuer(), "--client-id", "renewd", "--no-browser"][..],
        &SCOPE,
    ]
    .concat();
    let mut terminal = renewd_e2e::Terminal::start(&world.command(&args));
    terminal.wait_for(&format!("{}/auth?", world.peer.issuer()));
    let address = wait_for("the whole address", || {
        let screen = terminal.screen();
        let from = screen.find(&format!("{}/auth?", world.peer.issuer()))?;
        let address = screen[from..].split(|c: char| c.is_whitespace() || c.is_control()).next()?;
        Some(address.to_owned()).filter(|a| screen[from + a.len()..].contains('\n'))
    });
    let back = Person::new().agree(&address).address();
    terminal.type_line(&back);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(world.desktop.opened(), Vec::<String>::new());
    world.lives();
}

#[test]
fn the_printed_address_leads_back_to_the_listener_too() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let login = world.start(&[&["--client-id", "renewd", "--no-browser", "--json"], &SCOPE[..]].concat());
    let line = wait_for("the address as JSON", || {
        login.stdout().lines().map(renewd_e2e::json).find(|line| line["event"] == "authorize")
    });
    assert_eq!((&line["schema"], &line["opened"]), (&1.into(), &false.into()), "{line}");
    let mut person = Person::new();
    let back = person.agree(line["url"].as_str().expect("an address")).address();
    assert_eq!(person.open(&back).status, 200);
    let ran = login.finish().succeeded();
    let last = renewd_e2e::json(ran.stdout.lines().last().expect("a line"));
    assert_eq!(
        (&last["event"], &last["credential"]["status"]),
        (&"done".into(), &"running".into()),
        "{last}"
    );
    world.lives();
}

#[test]
fn a_client_shows_itself_by_a_secret_a_key_or_a_document() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let clients = world.peer.clients();
    let secret = world.home.private_file("secret", clients["secrets"]["desk"].as_str().expect("a secret"));
    let key = world.home.private_file("key.pem", clients["keys"]["ES256"]["pem"].as_str().expect("a key"));
    let (secret, key) = (secret.display().to_string(), key.display().to_string());
    let document = clients["document"].as_str().expect("an address");
    for args in [
        &["--client-id", "desk", "--client-secret-file", &secret, "--client-auth", "basic"][..],
        &["--client-id", "desk-signed", "--client-key-file", &key, "--client-key-id", "key-ES256"],
        &["--client-id", document],
    ] {
        let args = [args, &["--browser", "--replace"], &SCOPE].concat();
        let (ran, page) = world.login_with_a_person(&args);
        ran.succeeded();
        assert_eq!(page.status, 200, "{}", page.text());
        world.lives();
        let seen = world.peer.overheard_at("/token").pop().expect("a token request");
        assert_eq!(seen.text("client"), args[1]);
    }
}

#[test]
fn an_interrupted_login_leaves_nothing_and_the_next_one_succeeds() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let args = [&["--client-id", "renewd", "--browser"], &SCOPE[..]].concat();
    let login = world.start(&args);
    world.desktop.wait_opened();
    login.signal(rustix::process::Signal::INT);
    let ran = login.finish();
    assert!(ran.code != Some(0), "{ran:?}");
    world.has_nothing();
    world.login_with_a_person(&args).0.succeeded();
    world.lives();
}

/// A desktop's own opener is not the only way: many set `BROWSER`.
#[test]
fn a_browser_that_the_environment_names_is_opened_instead() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let other = Desktop::without_browser();
    let args = [
        &["login", "work", "--issuer", world.peer.issuer(), "--client-id", "renewd", "--browser"][..],
        &SCOPE,
    ]
    .concat();
    let mut command = world.command(&args);
    command.env("BROWSER", other.opener());
    let login = Running::start(command, b"");
    let mut person = Person::new();
    let back = person.agree(&other.wait_opened()).address();
    person.open(&back);
    login.finish().succeeded();
    assert_eq!(world.desktop.opened(), Vec::<String>::new());
    world.lives();
}
