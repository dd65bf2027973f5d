//! What is linked into the program: the packages, exactly those, of one target, and which needs which.
//!
//! `cargo metadata` answers for the whole workspace, tests included; `cargo tree` answers for one package with the
//! features that it is built with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::shell::{self, Failure};

/// A package in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The licence, as an SPDX expression.
    pub(crate) licence: String,
    /// SHA-256 of the source as it was published; none for our own.
    pub(crate) checksum: Option<String>,
    /// Where its source lies.
    pub(crate) folder: PathBuf,
    /// Names and versions of what it needs.
    pub(crate) needs: BTreeSet<Id>,
}

/// A name and a version.
pub(crate) type Id = (String, String);

/// The package that is the program.
const PROGRAM: &str = "renewd";

/// All of them, by name and version, the program itself among them.
pub(crate) fn linked(target: Option<&str>) -> Result<BTreeMap<Id, Linked>, Failure> {
    let mut tree = shell::cargo(&[
        "tree",
        "--locked",
        "--package",
        PROGRAM,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "depth",
        "--format",
        " {p}|{l}",
    ]);
    if let Some(target) = target {
        tree.args(["--target", target]);
    }
    let metadata = shell::output(shell::cargo(&["metadata", "--locked", "--format-version=1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let lock = shell::root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    let sums = checksums(&lock)?;
    let mut all = read(&shell::output(tree)?)?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let id = (text("name"), text("version"));
        if let Some(linked) = all.get_mut(&id) {
            linked.checksum = sums.get(&id).cloned();
            linked.folder =
                PathBuf::from(text("manifest_path")).parent().map(PathBuf::from).unwrap_or_default();
        }
    }
    Ok(all)
}

/// Reads lines of `DEPTH NAME vVERSION …|LICENCE`. A package that stands there again has its needs where it stood first.
fn read(tree: &str) -> Result<BTreeMap<Id, Linked>, String> {
    let mut all: BTreeMap<Id, Linked> = BTreeMap::new();
    let mut above: Vec<Id> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let broken = || format!("cargo tree: {line:?} is not understood");
        let (depth, rest) = line.split_once(' ').ok_or_else(broken)?;
        let depth: usize = depth.parse().map_err(|_| broken())?;
        let (package, licence) = rest.split_once('|').ok_or_else(broken)?;
        let mut words = package.split_whitespace();
        let name = words.next().ok_or_else(broken)?.to_owned();
        let version = words.next().and_then(|v| v.strip_prefix('v')).ok_or_else(broken)?.to_owned();
        let id = (name.clone(), version.clone());
        above.truncate(depth);
        if let Some(user) = above.last().and_then(|user| all.get_mut(user)) {
            user.needs.insert(id.clone());
        }
        let licence = licence.trim().trim_end_matches("(*)").trim().to_owned();
        all.entry(id.clone()).or_insert(Linked {
            name,
            version,
            licence,
            checksum: None,
            folder: PathBuf::new(),
            needs: BTreeSet::new(),
        });
        above.push(id);
    }
    if all.is_empty() { Err("cargo tree names no package".into()) } else { Ok(all) }
}

fn checksums(lock: &str) -> Result<BTreeMap<Id, String>, String> {
    let lock: toml::Table = lock.parse().map_err(|e| format!("Cargo.lock: {e}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let text =
        |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    Ok(packages
        .filter_map(|p| Some(((text(p, "name")?, text(p, "version")?), text(p, "checksum")?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str, version: &str) -> Id {
        (name.into(), version.into())
    }

    #[test]
    fn who_needs_whom_is_read_from_the_depths() {
        let all = read(
            "0 renewd v0.1.0 (/here)|MIT OR Apache-2.0\n1 a v1.0.0|MIT\n2 b v2.0.0|ISC\n1 c v3.0.0|MIT\n2 a v1.0.0|MIT (*)\n",
        )
        .unwrap();
        let needs =
            |name: &str, version: &str| all[&id(name, version)].needs.iter().cloned().collect::<Vec<_>>();
        assert_eq!(needs("renewd", "0.1.0"), [id("a", "1.0.0"), id("c", "3.0.0")]);
        assert_eq!(needs("a", "1.0.0"), [id("b", "2.0.0")]);
        assert_eq!(needs("c", "3.0.0"), [id("a", "1.0.0")]);
        assert_eq!(all[&id("a", "1.0.0")].licence, "MIT");
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(read("").is_err());
        assert!(read("renewd v0.1.0\n").is_err());
    }

    #[test]
    fn the_program_is_built_of_published_sources_with_a_digest_and_of_ours() {
        let all = linked(None).unwrap();
        let rustls = all.values().find(|p| p.name == "rustls").unwrap();
        assert_eq!(rustls.checksum.as_ref().unwrap().len(), 64);
        assert!(rustls.folder.join("Cargo.toml").is_file());
        let core = all.values().find(|p| p.name == "renewd-core").unwrap();
        assert_eq!(core.checksum, None);
        assert!(all.values().all(|p| p.name != "proptest"), "tests are not linked");
        assert!(all.values().all(|p| !p.licence.is_empty()), "each has a licence");
    }
}
