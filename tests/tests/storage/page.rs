//! What `docs/storage.md` shows of the product was seen: each block behind `<!-- seen: NAME -->` is what comes of it here.

#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Session, disclosure};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/storage.md");

/// Where this is 1, the blocks are written rather than compared.
const WRITE_ENV: &str = "RENEWD_WRITE_PAGES";

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode can be set");
}

/// Mode and name of everything below a folder.
fn listing(folder: &Path, indent: &str, text: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder can be read").flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let meta = entry.metadata().expect("an entry can be looked at");
        let mode = meta.permissions().mode() & 0o777;
        let slash = if meta.is_dir() { "/" } else { "" };
        let _ = writeln!(text, "{mode:04o}  {indent}{}{slash}", entry.file_name().to_string_lossy());
        if meta.is_dir() {
            listing(&entry.path(), &format!("{indent}  "), text);
        }
    }
}

/// The command and what it said.
fn seen(session: &Session, args: &[&str]) -> String {
    let ran = session.run(args);
    let code = ran.code.map_or_else(String::new, |code| format!("(exit {code})"));
    format!("$ renewd {}\n{}\n{code}", args.join(" "), session.said(&ran))
}

fn blocks() -> Vec<(&'static str, String)> {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let session = Session::new("file", "file");
    session.import(&server).succeeded();
    session.token().succeeded();
    let state = session.home.state();
    let mut files = String::new();
    listing(&state, "", &mut files);
    let toml = fs::read_to_string(state.join("credentials/store.toml")).expect("there is a store");

    chmod(&session.home.path().join("state"), 0o777);
    let loose = seen(&session, &["status"]);
    chmod(&session.home.path().join("state"), 0o700);

    let record = state.join("credentials/work.record");
    let mut bytes = fs::read(&record).expect("there is a record");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(&record, bytes).expect("it can be written");
    let damaged = seen(&session, &["token", "work"]);
    fs::remove_file(state.join("key")).expect("there is a key");
    let key = seen(&session, &["token", "work"]);

    let init = seen(&Session::new("", ""), &["init"]);
    let toml = session.steady(&toml);
    vec![
        ("files", files),
        ("loose", loose),
        ("store.toml", toml),
        ("init", init),
        ("damaged", damaged),
        ("key", key),
    ]
}

/// The page with these blocks in it.
fn filled(page: &str, blocks: &[(&'static str, String)]) -> String {
    let mut text = page.to_owned();
    for (name, block) in blocks {
        let begin = format!("<!-- seen: {name} -->\n```text\n");
        let at = text.find(&begin).unwrap_or_else(|| panic!("docs/storage.md has no block {name:?}"))
            + begin.len();
        let end = at + text[at..].find("```").expect("a block ends");
        text.replace_range(at..end, &format!("{}\n", block.trim_end()));
    }
    text
}

#[test]
fn what_the_page_shows_was_seen() {
    if disclosure::is_on() {
        // Much more is said then, and searched; the page shows what is said otherwise.
        return;
    }
    let page = fs::read_to_string(PAGE).expect("there is a page");
    let now = filled(&page, &blocks());
    if std::env::var_os(WRITE_ENV).is_some_and(|value| value == "1") {
        fs::write(PAGE, now).expect("the page can be written");
        return;
    }
    for (line, seen) in page.lines().zip(now.lines()) {
        assert_eq!(line, seen, "docs/storage.md is not what was seen: cargo xtask keyrings writes it");
    }
    assert_eq!(page.lines().count(), now.lines().count(), "docs/storage.md: cargo xtask keyrings writes it");
}
