//! `cargo xtask profiles`: core's constants, the page of providers and the schema, from `crates/core/profiles/*.toml`.
//!
//! They are checked in, so that neither core nor whoever embeds it needs a TOML parser, not even to build; the check
//! `profiles` and tests notice where they are not what the files say.

mod logins;
mod page;
mod rust;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use renewd_core::Profile;
use renewd_profiles::{Rules, schema};

use crate::shell::{self, Failure};
use crate::steps::Outcome;

const SOURCES: &str = "crates/core/profiles";
const TABLE: &str = "crates/core/src/profile/table";
const PROVIDERS: &str = "docs/providers.md";
const FORMAT: &str = "docs/profiles.md";
const SCHEMA: &str = "docs/profile.schema.json";

/// What is made: paths from the root, and texts.
type Made = BTreeMap<String, String>;

/// Writes it all; with `--check` only looks whether it is as it must be.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => write(),
        ["--check"] => check().map(|_| ()),
        _ => Err(Failure::usage("profiles takes --check, or nothing")),
    }
}

/// Looks whether all that is made from the profiles is what they say.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let made = make()?;
    let stale: Vec<&str> =
        made.iter().filter(|(path, text)| found(path) != **text).map(|(path, _)| path.as_str()).collect();
    let left = left_over(&made)?;
    let wrong: Vec<&str> = stale.into_iter().chain(left.iter().map(String::as_str)).collect();
    if !wrong.is_empty() {
        let wrong = wrong.join(", ");
        return Err(format!("{wrong}: not what {SOURCES} says: cargo xtask profiles writes it").into());
    }
    println!("what is made from {SOURCES} is of today");
    Ok(Outcome::Passed)
}

fn write() -> Result<(), Failure> {
    let made = make()?;
    for path in left_over(&made)? {
        std::fs::remove_file(shell::root().join(&path)).map_err(|e| format!("{path}: {e}"))?;
        println!("removed {path}");
    }
    for (path, text) in made.iter().filter(|(path, text)| found(path) != **text) {
        let to = shell::root().join(path);
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        std::fs::write(&to, text).map_err(|e| format!("{path}: {e}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

fn found(path: &str) -> String {
    std::fs::read_to_string(shell::root().join(path)).unwrap_or_default()
}

/// Files of the table that nothing is written to any more.
fn left_over(made: &Made) -> Result<Vec<String>, Failure> {
    let mut left = Vec::new();
    for path in files(TABLE)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = format!("{TABLE}/{name}");
        if !made.contains_key(&path) {
            left.push(path);
        }
    }
    Ok(left)
}

fn make() -> Result<Made, Failure> {
    let profiles = read_all()?;
    let mut made = Made::new();
    for (name, text) in rust::table(&profiles) {
        made.insert(format!("{TABLE}/{name}"), formatted(&text)?);
    }
    made.insert(format!("{TABLE}.rs"), formatted(&rust::index(&profiles))?);
    made.insert(PROVIDERS.into(), page::providers(&profiles) + &logins::section(&profiles)?);
    made.insert(FORMAT.into(), page::with_keys(&found(FORMAT)).map_err(|e| format!("{FORMAT}: {e}"))?);
    made.insert(SCHEMA.into(), schema());
    Ok(made)
}

/// All profiles, by name.
fn read_all() -> Result<Vec<Profile>, Failure> {
    let mut profiles = Vec::new();
    let mut wrong = Vec::new();
    for path in files(SOURCES)? {
        match read(&path) {
            Ok(profile) => profiles.push(profile),
            Err(why) => wrong.push(why),
        }
    }
    wrong.extend(claimed_twice(&profiles));
    if wrong.is_empty() { Ok(profiles) } else { Err(wrong.join("\n").into()) }
}

/// Hosts that more than one profile claims: they would choose none.
fn claimed_twice(profiles: &[Profile]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (i, profile) in profiles.iter().enumerate() {
        for host in profile.endpoints.hosts.iter() {
            // A host that the claim covers: the name itself, or one below it.
            let address = format!("https://{}/", host.replacen('*', "x", 1));
            let others =
                profiles.iter().enumerate().filter(|(j, other)| *j != i && other.claims(None, &address));
            wrong.extend(others.map(|(_, other)| {
                format!("{SOURCES}/{}.toml: {host} is claimed by {} too", profile.name, other.name)
            }));
        }
    }
    wrong
}

fn read(path: &Path) -> Result<Profile, String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let shown = format!("{SOURCES}/{name}.toml");
    if path.extension().is_none_or(|ending| ending != "toml") {
        return Err(format!("{}: is no profile: NAME.toml", path.display()));
    }
    if name == Profile::GENERIC.name {
        return Err(format!("{shown}: what holds where nothing is known stands in core's source"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    renewd_profiles::parse(&name, Path::new(&shown), &text, Rules::BuiltIn).map_err(|e| e.to_string())
}

/// The files of a folder, by name; of one that is not there, none.
fn files(folder: &str) -> Result<Vec<PathBuf>, Failure> {
    let path = shell::root().join(folder);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&path).map_err(|e| format!("{folder}: {e}"))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{folder}: {e}"))?;
    files.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    Ok(files)
}

/// As rustfmt writes it, by the workspace's own rules.
fn formatted(source: &str) -> Result<String, Failure> {
    let mut rustfmt = shell::command(std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into()));
    rustfmt.args(["--edition", "2024", "--config-path", "."]);
    let mut child = rustfmt
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("rustfmt: cannot be started: {e}"))?;
    let stdin = child.stdin.take();
    // Beside the reading of what comes out: two full pipes would wait for each other.
    let out = std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(source.as_bytes())));
        child.wait_with_output()
    });
    let out = out.map_err(|e| format!("rustfmt: {e}"))?;
    if !out.status.success() {
        return Err(format!("rustfmt: {}", out.status).into());
    }
    String::from_utf8(out.stdout).map_err(|_| "rustfmt printed something that is not UTF-8".to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_and_the_schema_are_what_the_profiles_say() {
        let profiles = read_all().unwrap();
        let format = found(FORMAT);
        for (path, text) in [
            (PROVIDERS, page::providers(&profiles) + &logins::section(&profiles).unwrap()),
            (FORMAT, page::with_keys(&format).unwrap()),
            (SCHEMA, schema()),
        ] {
            assert!(
                found(path) == text,
                "{path} is not what the profiles say: cargo xtask profiles writes it"
            );
        }
    }

    #[test]
    fn a_host_that_two_profiles_claim_is_named() {
        let claiming = |name: &'static str, host: &'static str| {
            let mut profile = Profile { name: name.into(), ..Profile::GENERIC };
            profile.endpoints.hosts = vec![host.into()].into();
            profile
        };
        let two = [claiming("a", "*.example.com"), claiming("b", "as.example.com")];
        assert_eq!(claimed_twice(&two), ["crates/core/profiles/b.toml: as.example.com is claimed by a too"]);
        assert_eq!(claimed_twice(&two[..1]), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_no_profile_is_named() {
        for (path, expect) in [
            ("crates/core/profiles/generic.toml", "stands in core's source"),
            ("crates/core/profiles/okta.json", "is no profile"),
            ("crates/core/profiles/no-such.toml", "crates/core/profiles/no-such.toml: "),
        ] {
            let why = read(Path::new(path)).unwrap_err();
            assert!(why.contains(expect), "{why}");
        }
    }
}
