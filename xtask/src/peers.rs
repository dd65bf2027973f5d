//! Servers that nobody here wrote, installed for the end-to-end tests: each into a folder of its own under `target/peers`,
//! from the lists of exact versions beside its script in `tests/peers`.
//!
//! They come from a network that is not always there. What cannot be installed is named, its tests are skipped by name,
//! and everything else runs; where `RENEWD_PEERS_REQUIRED` is 1, that is a failure instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::needs::{self, Need};
use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// The variable that tells the tests where the peers are.
const FOLDER_ENV: &str = "RENEWD_PEERS";

/// Where this is 1, a peer that cannot be had is a failure: set where a green run must mean that they were met.
const REQUIRED_ENV: &str = "RENEWD_PEERS_REQUIRED";

/// Written last: its content says what was installed.
const STAMP: &str = "installed";

/// A server: its folder's name, what its installer runs on, the files that say what is installed, and how.
struct Peer {
    name: &'static str,
    needs: &'static [Need],
    lists: &'static [&'static str],
    install: fn(&Path) -> Result<(), Failure>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "oidc-provider",
        needs: &[
            Need {
                program: "node",
                probe: &[],
                packages: &["nodejs"],
                why: "runs oidc-provider, a peer of the tests",
            },
            Need { program: "npm", probe: &[], packages: &["npm"], why: "installs oidc-provider" },
        ],
        lists: &["package.json", "package-lock.json", ".npmrc"],
        install: npm,
    },
    Peer {
        name: "canaille",
        needs: &[Need {
            program: "python3",
            probe: &["-c", "import ensurepip, venv"],
            packages: &["python3", "python3-venv"],
            why: "installs and runs canaille, a peer of the tests",
        }],
        lists: &["requirements.txt"],
        install: pip,
    },
    Peer {
        name: "validators",
        needs: &[Need {
            program: "python3",
            probe: &["-c", "import ensurepip, venv"],
            packages: &["python3", "python3-venv"],
            why: "installs and runs what checks our packages",
        }],
        lists: &["requirements.txt"],
        install: pip,
    },
    Peer {
        name: "schemathesis",
        needs: &[Need {
            program: "python3",
            probe: &["-c", "import ensurepip, venv"],
            packages: &["python3", "python3-venv"],
            why: "installs and runs what tries the agent's API",
        }],
        lists: &["requirements.txt"],
        install: pip,
    },
    Peer {
        name: "callers",
        needs: &[Need {
            program: "python3",
            probe: &["-c", "import ensurepip, venv"],
            packages: &["python3", "python3-venv"],
            why: "runs gRPC and WebSocket clients and servers on both sides of the proxy",
        }],
        lists: &["requirements.txt"],
        install: pip,
    },
    Peer {
        name: "python",
        needs: &[Need {
            program: "python3",
            probe: &["-c", "import ensurepip, venv"],
            packages: &["python3", "python3-venv"],
            why: "builds the Python package and runs its tests",
        }],
        lists: &["requirements.txt"],
        install: pip,
    },
];

/// `cargo xtask peers`: installs them and says how to run their tests by hand.
pub(crate) fn run() -> Result<(), Failure> {
    if let Outcome::Skipped(why) = provide()? {
        return Err(why.into());
    }
    println!("tests by hand find them with {FOLDER_ENV}={}", folder().display());
    Ok(())
}

/// Installs what is missing.
pub(crate) fn provide() -> Result<Outcome, Failure> {
    if !cfg!(unix) {
        return Ok(Outcome::Skipped("the tests with peers run on Unix".into()));
    }
    let folder = folder();
    let failed: Vec<String> =
        PEERS.iter().filter_map(|peer| peer.provide(&folder).err().map(|why| why.message)).collect();
    if failed.is_empty() {
        return Ok(Outcome::Passed);
    }
    let told = failed.join("\n");
    if std::env::var_os(REQUIRED_ENV).is_some_and(|value| value == "1") {
        return Err(told.into());
    }
    Ok(Outcome::Skipped(told))
}

/// Tells a test runner where they are. Once all are there, a test that does not find its peer has to say so by failing.
pub(crate) fn tell(runner: &mut Command) {
    let folder = folder();
    if PEERS.iter().all(|peer| peer.is_there(&folder)) {
        runner.env(REQUIRED_ENV, "1");
    }
    runner.env(FOLDER_ENV, folder);
}

/// The folder of one of them, where it is whole.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let folder = folder();
    let is_there = PEERS.iter().any(|peer| peer.name == name && peer.is_there(&folder));
    is_there.then(|| folder.join(name))
}

fn folder() -> PathBuf {
    shell::root().join("target/peers")
}

impl Peer {
    fn provide(&self, folder: &Path) -> Result<(), Failure> {
        self.try_to(folder).map_err(|why| {
            let message = format!(
                "{} could not be installed, and its tests (peers_*: …_at_{}…; many of the program login) are skipped: {}; with a \
                 network, `cargo xtask peers` tries again",
                self.name,
                self.name.replace('-', "_"),
                why.message
            );
            Failure { message, ..why }
        })
    }

    fn try_to(&self, folder: &Path) -> Result<(), Failure> {
        if self.is_there(folder) {
            return Ok(());
        }
        let (from, to) = (self.lists_folder(), folder.join(self.name));
        needs::install(self.needs)?;
        // What an earlier version or an interrupted installation left is not built upon.
        if to.exists() {
            fs::remove_dir_all(&to).map_err(|e| about(&to, &e))?;
        }
        fs::create_dir_all(&to).map_err(|e| about(&to, &e))?;
        for list in self.lists {
            fs::copy(from.join(list), to.join(list)).map_err(|e| about(&from.join(list), &e))?;
        }
        (self.install)(&to)?;
        let stamp = to.join(STAMP);
        fs::write(&stamp, self.wanted()?).map_err(|e| about(&stamp, &e))
    }

    fn lists_folder(&self) -> PathBuf {
        shell::root().join("tests/peers").join(self.name)
    }

    fn is_there(&self, folder: &Path) -> bool {
        let stamp = fs::read_to_string(folder.join(self.name).join(STAMP));
        stamp.is_ok_and(|found| self.wanted().is_ok_and(|wanted| found == wanted))
    }

    /// What the stamp says when exactly this is installed.
    fn wanted(&self) -> Result<String, Failure> {
        let from = self.lists_folder();
        let read = |list: &&str| fs::read_to_string(from.join(list)).map_err(|e| about(&from.join(list), &e));
        self.lists.iter().map(read).collect()
    }
}

fn about(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

/// Exactly what the lock file names, with its digests; no script of a package runs.
fn npm(folder: &Path) -> Result<(), Failure> {
    let mut command = shell::command("npm");
    command.current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=1",
    ]);
    shell::run(command)
}

/// Built packages only: nothing is compiled here.
fn pip(folder: &Path) -> Result<(), Failure> {
    let mut venv = shell::command("python3");
    venv.args(["-m", "venv"]).arg(folder);
    shell::run(venv)?;
    let mut command = shell::command(folder.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]);
    command.args(["--retries=1", "--requirement"]).arg(folder.join("requirements.txt"));
    shell::run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(install: fn(&Path) -> Result<(), Failure>) -> Peer {
        Peer { install, ..Peer { name: "oidc-provider", needs: &[], lists: PEERS[0].lists, install: npm } }
    }

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("renewd-xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn what_is_installed_is_not_installed_again_and_what_was_interrupted_is() {
        let folder = scratch("peers");
        let installer = |to: &Path| {
            let (seen, count) = (to.with_extension("count"), |n: &str| format!("{n}i"));
            let before = fs::read_to_string(&seen).unwrap_or_default();
            fs::write(&seen, count(&before)).map_err(|e| about(&seen, &e))
        };
        let times = || fs::read_to_string(folder.join("oidc-provider.count")).unwrap().len();
        peer(installer).provide(&folder).unwrap();
        peer(installer).provide(&folder).unwrap();
        assert_eq!(times(), 1);
        fs::remove_file(folder.join("oidc-provider").join(STAMP)).unwrap();
        peer(installer).provide(&folder).unwrap();
        assert_eq!(times(), 2);
        fs::write(folder.join("oidc-provider").join(STAMP), "another version").unwrap();
        peer(installer).provide(&folder).unwrap();
        assert_eq!(times(), 3);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_installed_is_named_with_the_tests_that_it_takes_along_and_leaves_no_stamp() {
        let folder = scratch("no-peers");
        let failure = peer(|_| Err("npm ci: no network".to_owned().into())).provide(&folder).unwrap_err();
        for part in [
            "oidc-provider could not",
            "(peers_*: …_at_oidc_provider…; many of the program login) are skipped",
            "npm ci: no network",
            "cargo xtask peers",
        ] {
            assert!(failure.message.contains(part), "{part:?} not in {}", failure.message);
        }
        assert!(!folder.join("oidc-provider").join(STAMP).exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_list_is_there_and_names_no_place_to_download_from() {
        for peer in PEERS {
            let text = peer.wanted().unwrap();
            assert!(!text.contains("\"resolved\"") && !text.contains("--index-url"), "{}", peer.name);
        }
    }
}
