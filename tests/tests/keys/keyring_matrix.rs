//! Every place a key or a record may lie in, met by everything that is known to go wrong there, through the built
//! binary: what a person sees is `docs/keyrings.md`, which this writes, and holds to what was seen.

#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use renewd_e2e::testkit::{AsClass, AsConfig, AuthorizationServer};
use renewd_e2e::{KEYRING_TIMEOUT, Ran, Session, Terminal, disclosure};
use renewd_keyring::testing::{Behaviour, Desktop, Prompted, Provider};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/keyrings.md");

/// Where this is 1, the page is written rather than compared.
const WRITE_ENV: &str = "RENEWD_WRITE_PAGES";

/// How long one call may take where it does not end by itself.
const SHORT: &str = "1s";

/// What a person saw.
struct Row {
    failure: &'static str,
    command: &'static str,
    code: Option<i32>,
    says: String,
}

/// What was seen with the key, or the record, in one place.
struct Section {
    title: &'static str,
    rows: Vec<Row>,
}

impl Section {
    fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    fn saw(&mut self, failure: &'static str, command: &'static str, session: &Session, ran: &Ran) {
        self.rows.push(Row { failure, command, code: ran.code, says: steady(&session.said(ran)) });
    }

    /// What a login that stands meets: a token is wanted, and somebody looks.
    fn meets(&mut self, failure: &'static str, session: &Session) {
        self.saw(failure, "token", session, &session.token());
        self.saw(failure, "status", session, &session.run(["status"]));
    }

    /// The same where a first login is kept.
    fn begins(&mut self, failure: &'static str, session: &Session, server: &AuthorizationServer) {
        self.saw(failure, "import", session, &session.import(server));
    }
}

/// Without the moment at which a token ends, and without what is no failure.
fn steady(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("no agent is running"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let Some((before, rest)) = text.split_once(", valid until ") else { return text };
    let behind = rest.split_once(") ").map_or("", |(_, behind)| behind);
    format!("{before}, valid until … {behind}")
}

fn server() -> AuthorizationServer {
    let config = AsConfig { class: AsClass::P2, ..AsConfig::default() };
    AuthorizationServer::start(config).expect("a server can be started")
}

/// A session in which somebody has logged in and had a token.
fn lived_in(session: Session, server: &AuthorizationServer) -> Session {
    session.import(server).succeeded();
    session.token().succeeded();
    session
}

fn on(desktop: &Desktop, kind: &str) -> Session {
    Session::new(kind, "keyring").on_bus(&desktop.address())
}

/// What a real GNOME Keyring, or its absence, leads to.
fn gnome_keyring(kind: &str, section: &mut Section) -> Option<()> {
    let server = server();
    let mut desktop = Desktop::start()?;
    let mut session = lived_in(on(&desktop, kind), &server);
    session.set("DBUS_SESSION_BUS_ADDRESS", "");
    section.meets("no session bus", &session);
    section.begins("no session bus", &Session::new(kind, "keyring"), &server);
    session.set("DBUS_SESSION_BUS_ADDRESS", &desktop.address());

    desktop.lock();
    section.meets("locked, nobody at a terminal", &session);
    section.begins("locked, nobody at a terminal", &on(&desktop, kind), &server);
    desktop.unlock();
    session.token().succeeded();

    desktop.freeze_provider();
    session.set("RENEWD_STORE_KEYRING_TIMEOUT", SHORT);
    section.meets("hangs", &session);
    let mut first = on(&desktop, kind);
    first.set("RENEWD_STORE_KEYRING_TIMEOUT", SHORT);
    section.begins("hangs", &first, &server);
    desktop.thaw_provider();
    session.set("RENEWD_STORE_KEYRING_TIMEOUT", KEYRING_TIMEOUT);
    session.token().succeeded();

    // It stands still until it is killed: what it was asked is never answered.
    desktop.freeze_provider();
    let killed = desktop.kill_provider_at("OpenSession", || session.token());
    section.saw("killed in the middle of a call", "token", &session, &killed);
    section.meets("vanished after the first use", &session);
    section.begins("nobody provides one", &on(&desktop, kind), &server);

    desktop = Desktop::start()?;
    let session = lived_in(on(&desktop, kind), &server);
    overwrite(&desktop);
    section.meets("overwritten by another program", &session);
    desktop = Desktop::start()?;
    let session = lived_in(on(&desktop, kind), &server);
    remove(&desktop);
    section.meets("removed by another program", &session);
    assert_eq!(server.totals().reuse_trips, 0);
    Some(())
}

/// What another program of the user does to everything of ours.
fn overwrite(desktop: &Desktop) {
    desktop.with_service(async |service| {
        let found = service.search_items(HashMap::from([("application", "renewd")])).await.expect("a search");
        assert!(!found.unlocked.is_empty(), "there is something of ours");
        for item in found.unlocked {
            item.set_secret(b"what another program keeps", "text/plain")
                .await
                .expect("an item can be written");
        }
    });
}

fn remove(desktop: &Desktop) {
    desktop.with_service(async |service| {
        let found = service.search_items(HashMap::from([("application", "renewd")])).await.expect("a search");
        for item in found.unlocked {
            item.delete().await.expect("an item can be removed");
        }
    });
}

/// What providers do that no well-behaved one can be made to do: played by one that fails as it is told.
fn unsound_provider(kind: &str, section: &mut Section) -> Option<()> {
    let server = server();
    let desktop = Desktop::start_with(Provider::None)?;
    let fake = desktop.fake();
    let mut session = lived_in(on(&desktop, kind), &server);

    fake.behave(Behaviour::DeniesAt("GetSecret"));
    section.meets("refuses this program", &session);
    fake.behave(Behaviour::Locked(Prompted::Never));
    let asked = fake.prompts();
    section.meets("would ask, nobody at a terminal", &session);
    assert_eq!(fake.prompts(), asked, "nobody was asked");
    session.set("RENEWD_STORE_KEYRING_TIMEOUT", SHORT);
    section.saw("asks for ever, at a terminal", "token", &session, &at_a_terminal(&session));
    session.set("RENEWD_STORE_KEYRING_TIMEOUT", KEYRING_TIMEOUT);
    assert_ne!(fake.prompts(), asked, "somebody was asked");
    fake.behave(Behaviour::Locked(Prompted::Dismisses));
    section.saw("the prompt is dismissed, at a terminal", "token", &session, &at_a_terminal(&session));
    fake.behave(Behaviour::Sound);
    session.token().succeeded();

    fake.behave(Behaviour::AnswersOld(u32::MAX));
    refreshing(section, "the old value after a write", &session);
    fake.behave(Behaviour::Sound);
    session.token().succeeded();
    fake.behave(Behaviour::LosesWrites);
    section.begins("keeps nothing of what is written", &on(&desktop, kind), &server);
    refreshing(section, "keeps nothing of what is written", &session);
    fake.behave(Behaviour::Sound);
    session.token().succeeded();
    assert_eq!(server.totals().reuse_trips, 0);
    Some(())
}

fn refreshing(section: &mut Section, failure: &'static str, session: &Session) {
    section.saw(failure, "refresh", session, &session.run(["refresh", "work"]));
}

/// What a person sees who wants a token at a terminal.
fn at_a_terminal(session: &Session) -> Ran {
    let (code, screen) = Terminal::start(&session.command(["token", "work"])).finish();
    let plain = screen.replace('\r', "").replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
    Ran { code, stdout: String::new(), stderr: plain }
}

fn key_file(section: &mut Section) {
    let server = server();
    let session = lived_in(Session::new("file", "file"), &server);
    let key = session.home.state().join("key");
    let aside = key.with_file_name("aside");
    fs::rename(&key, &aside).expect("the key can be moved");
    section.meets("missing", &session);
    fs::copy(&aside, &key).expect("a key can be copied");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("its mode can be set");
    section.meets("open to others", &session);
    fs::remove_file(&key).expect("a key can be removed");
    let other = lived_in(Session::new("file", "file"), &server);
    fs::copy(other.home.state().join("key"), &key).expect("a key can be copied");
    section.meets("another one", &session);
    fs::write(&key, "").expect("a key can be written");
    section.meets("empty", &session);
}

fn passphrase(section: &mut Section) {
    let server = server();
    let mut session = Session::new("file", "passphrase");
    section.begins("none given, nobody at a terminal", &session, &server);
    session.passphrase(Some("short"));
    section.begins("too short", &session, &server);
    session.passphrase(Some("a passphrase of some length"));
    let mut session = lived_in(session, &server);
    session.passphrase(Some("another passphrase"));
    section.meets("a wrong one", &session);
    session.passphrase(None);
    section.meets("none given, nobody at a terminal", &session);
}

fn systemd_credential(section: &mut Section) {
    let server = server();
    let mut session = Session::new("file", "systemd:renewd-key");
    section.begins("not started by systemd", &session, &server);
    let credentials = session.home.path().join("credentials");
    fs::create_dir(&credentials).expect("a folder can be made");
    fs::set_permissions(&credentials, Permissions::from_mode(0o700)).expect("its mode can be set");
    session.set("CREDENTIALS_DIRECTORY", &credentials.to_string_lossy());
    section.begins("no credential of that name", &session, &server);
    let write = |text: &str| {
        let file = credentials.join("renewd-key");
        fs::write(&file, text).expect("a credential can be written");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode can be set");
    };
    write(&"k".repeat(40));
    let session = lived_in(session, &server);
    write(&"x".repeat(40));
    section.meets("another one", &session);
    fs::remove_file(credentials.join("renewd-key")).expect("a credential can be removed");
    section.meets("missing", &session);
}

fn nothing_chosen(section: &mut Section) {
    section.begins("no keyring, no choice", &Session::new("", ""), &server());
    let session = lived_in(Session::new("file", "file"), &server());
    let mut other = session;
    other.set("RENEWD_STORE_KEY", "keyring");
    section.meets("another choice than the store's", &other);
}

fn page(sections: &[Section]) -> String {
    let mut text = format!(
        "# Keys and keyrings: what each failure looks like\n\n\
         What the built binary says, taken from a run on Linux: written by `cargo xtask keyrings`, and held to it by\n\
         `tests/tests/keys/keyring_matrix.rs`. Keyrings are a real GNOME Keyring on a session bus of its own and, for what no sound one\n\
         does, one that fails as it is told. A login and its token were there before, but for `import`, which is a first login.\n\
         Folders are shortened (`STATE`, `HOME`), drawn numbers are dots, and `store.keyring_timeout` was {SHORT} where a keyring hung. What to choose, and\n\
         what is kept where: [What is kept where](storage.md).\n"
    );
    for section in sections {
        let _ = write!(
            text,
            "\n## {}\n\n| it is | command | exit | it says |\n|---|---|---|---|\n",
            section.title
        );
        let mut rows = section.rows.iter().peekable();
        let mut before = "";
        while let Some(row) = rows.next() {
            let failure = if row.failure == before { "" } else { row.failure };
            before = row.failure;
            let mut commands = format!("`{}`", row.command);
            let same =
                |next: &&Row| (next.failure, next.code, &next.says) == (row.failure, row.code, &row.says);
            while let Some(next) = rows.next_if(same) {
                let _ = write!(commands, ", `{}`", next.command);
            }
            let code = row.code.map_or_else(|| "–".to_owned(), |code| code.to_string());
            let says = row.says.replace('|', "\\|").replace('\n', "<br>");
            let says = if says.is_empty() { "nothing".to_owned() } else { says };
            let _ = writeln!(text, "| {failure} | {commands} | {code} | {says} |");
        }
    }
    text
}

/// What may never come of any of it.
fn hold_to_what_is_promised(sections: &[Section]) {
    for section in sections {
        for row in &section.rows {
            let about = format!("{}, {}, {}: {}", section.title, row.failure, row.command, row.says);
            assert_ne!(row.code, Some(3), "no failure of a store is a logout: {about}");
            assert!(!row.says.contains("no credential"), "a store that fails is not an empty one: {about}");
            let well = row.code == Some(0);
            assert!(well || row.says.contains("renewd:"), "a failure says why: {about}");
        }
    }
}

#[test]
fn what_a_person_sees_of_each_failure_is_on_the_page() {
    disclosure::intend(
        "file state/renewd/aside",
        renewd_e2e::testkit::SecretKind::StoreKey,
        "the key file is put aside here",
    );
    let mut key = Section::new("The key in the keyring (`store.key = \"keyring\"`)");
    let mut record = Section::new("The whole record in the keyring (`store.kind = \"keyring\"`)");
    for (kind, section) in [("file", &mut key), ("keyring", &mut record)] {
        if gnome_keyring(kind, section).and_then(|()| unsound_provider(kind, section)).is_none() {
            return;
        }
    }
    let mut file = Section::new("A key file (`store.key = \"file\"`, `\"file:PATH\"`)");
    key_file(&mut file);
    let mut words = Section::new("A passphrase (`store.key = \"passphrase\"`)");
    passphrase(&mut words);
    let mut systemd = Section::new("A systemd credential (`store.key = \"systemd:NAME\"`)");
    systemd_credential(&mut systemd);
    let mut nothing = Section::new("Nothing chosen, or another choice");
    nothing_chosen(&mut nothing);

    let sections = [key, record, file, words, systemd, nothing];
    if disclosure::is_on() {
        // Much more is said then, and searched; what a person sees is another run's matter.
        return;
    }
    let text = page(&sections);
    hold_to_what_is_promised(&sections);
    if std::env::var_os(WRITE_ENV).is_some_and(|value| value == "1") {
        fs::write(Path::new(PAGE), text).expect("the page can be written");
        return;
    }
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    for (line, seen) in found.lines().zip(text.lines()) {
        assert_eq!(line, seen, "docs/keyrings.md is not what was seen: cargo xtask keyrings writes it");
    }
    assert_eq!(
        found.lines().count(),
        text.lines().count(),
        "docs/keyrings.md: cargo xtask keyrings writes it"
    );
}
