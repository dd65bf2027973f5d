//! The static program where nothing else is: the only program of a root, with no library, no `/etc`, no `/proc`, no
//! `/dev` and no environment of anybody's.
//!
//! That it names no library says that a system can load it. What it needs of a system only when it works, a name service,
//! a folder for temporary files, a source of randomness, shows when it works: so it takes over a credential, seals it, and
//! says how it stands.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{depends, staged};
use crate::shell::{self, Failure};

/// The credential that is taken over.
const NAME: &str = "work";

/// Its refresh token, which is nobody's and must not be found in what is stored.
const REFRESH_TOKEN: &str = "a-refresh-token-of-nobody";

/// What is taken over. Nothing is sent to the address: a token is asked for only when somebody wants one.
const DOCUMENT: &str = r#"{"refresh_token": "a-refresh-token-of-nobody", "client_id": "nobody",
 "token_endpoint": "https://as.example.org/token"}"#;

/// The store's key: as many bytes as one has.
const KEY: [u8; 32] = [7; 32];

/// Sees that the program is static, and that it works in an empty root; says what it did.
///
/// # Errors
/// Where it is not or does not, and where this system lets nobody have a root of his own.
pub(super) fn works(program: &Path) -> Result<(), Failure> {
    if !depends::is_static(program)? {
        return Err(format!("{} is not static: it needs a loader or libraries", program.display()).into());
    }
    let root = program.with_file_name("root");
    let about = |e: std::io::Error| Failure::from(format!("{}: {e}", root.display()));
    if root.exists() {
        fs::remove_dir_all(&root).map_err(about)?;
    }
    staged::copy(program, &root.join("renewd"), 0o755)?;
    staged::write_as(&root.join("work.json"), DOCUMENT.as_bytes(), 0o600)?;
    staged::write_as(&root.join("key"), &KEY, 0o600)?;
    let version = said(&root, &["--version"])?;
    said(&root, &["import", NAME, "--from", "file", "--path", "/work.json", "--take-over"])?;
    is_sealed(&root.join("state"))?;
    let status = running(&said(&root, &["status", "--json"])?)?;
    fs::remove_dir_all(&root).map_err(about)?;
    println!("in an empty root: {}; takes over a credential, and says that it is {status}", version.trim());
    Ok(())
}

/// What the program says on stdout as root of the folder. Its environment is where the store's key lies.
fn said(root: &Path, words: &[&str]) -> Result<String, Failure> {
    let mut command = shell::command("unshare");
    command.env_clear().env("RENEWD_STORE_KEY", "file:/key");
    command.args(["--map-root-user", "--root"]).arg(root);
    command.args(["/renewd", "--state-dir", "/state"]).args(words);
    let line = shell::line(&command);
    let out = command.output().map_err(|e| format!("{line}: cannot be started: {e}"))?;
    if !out.status.success() {
        return Err(format!("{line}: {}: {}", out.status, String::from_utf8_lossy(&out.stderr).trim()).into());
    }
    String::from_utf8(out.stdout).map_err(|_| format!("{line}: printed something that is not UTF-8").into())
}

/// That there is a record, and that no file has the token in it.
fn is_sealed(state: &Path) -> Result<(), Failure> {
    let files = files(state)?;
    let record = format!("{NAME}.record");
    if !files.iter().any(|path| path.file_name() == Some(OsStr::new(&record))) {
        return Err(format!("{}: holds no {record}: nothing was taken over", state.display()).into());
    }
    for path in files {
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if bytes.windows(REFRESH_TOKEN.len()).any(|part| part == REFRESH_TOKEN.as_bytes()) {
            return Err(format!("{}: holds a refresh token that is not sealed", path.display()).into());
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let about = |e: std::io::Error| Failure::from(format!("{}: {e}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(about)? {
        let path = entry.map_err(about)?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// The credential's status, which must be that of one that works.
fn running(said: &str) -> Result<String, Failure> {
    let document: Value = serde_json::from_str(said).map_err(|e| format!("status --json: {e}: {said}"))?;
    let credential = &document["credentials"][0];
    match (credential["name"].as_str(), credential["status"].as_str()) {
        (Some(NAME), Some(status @ "running")) => Ok(status.to_owned()),
        _ => Err(format!("status --json says nothing of a running {NAME}: {said}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_over_is_the_token_that_is_looked_for() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(document["refresh_token"], REFRESH_TOKEN);
    }

    #[test]
    fn only_the_status_of_the_credential_that_was_taken_over_counts() {
        let said = |name: &str, status: &str| {
            format!(r#"{{"credentials": [{{"name": "{name}", "status": "{status}"}}]}}"#)
        };
        assert_eq!(running(&said("work", "running")).unwrap(), "running");
        for other in [said("work", "expired"), said("other", "running"), r#"{"credentials": []}"#.into()] {
            assert!(running(&other).unwrap_err().message.contains("nothing of a running work"), "{other}");
        }
        assert!(running("").unwrap_err().message.starts_with("status --json: "));
    }

    #[test]
    fn a_token_that_is_not_sealed_and_a_record_that_is_not_there_are_found() {
        let state = shell::root().join("target/tmp/alone");
        let folder = state.join("credentials");
        fs::create_dir_all(&folder).unwrap();
        let (record, other) = (folder.join("work.record"), folder.join("work.mark"));
        for path in [&record, &other] {
            let _ = fs::remove_file(path);
        }
        assert!(is_sealed(&state).unwrap_err().message.contains("holds no work.record"));
        fs::write(&record, "sealed").unwrap();
        is_sealed(&state).unwrap();
        fs::write(&other, format!("x{REFRESH_TOKEN}y")).unwrap();
        assert!(is_sealed(&state).unwrap_err().message.contains("work.mark: holds a refresh token"));
        fs::remove_dir_all(&state).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_that_needs_a_loader_is_told_before_it_is_tried() {
        let this = std::env::current_exe().unwrap();
        let failure = works(&this).unwrap_err();
        assert!(failure.message.contains("is not static"), "{}", failure.message);
    }
}
