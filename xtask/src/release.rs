//! `cargo xtask release`: what is published, from the last commit and from nothing else, and the same bytes each time.
//!
//! The commit is exported into a folder of its own and built there with the locked packages, dated by the commit, with
//! every path of the machine written otherwise. `--verify` does it twice, in two folders of different length, and
//! compares: whoever has the commit, the toolchain and the same system can find out whether a release is what it says.

use std::path::{Path, PathBuf};

use crate::package::{self, EPOCH, Pack, VERSION};
use crate::sbom;
use crate::shell::{self, Failure};

/// The file with the digests of the others.
const SUMS: &str = "SHA256SUMS";

/// Files of the repository that go into an archive beside the program.
const BESIDE: &[&str] = &["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// `release [--verify]`; `--here DIR` builds from this folder, as the exported one is told to.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--here", out] => here(Path::new(out)),
        [] | ["--verify"] => {
            let work = shell::root().join("target/release-work");
            // Said once: somebody may commit between the two builds.
            let commit = Commit::last()?;
            let made = commit.built_in(&work.join("a"))?;
            if words.is_empty() {
                return announce(&made);
            }
            let again = commit.built_in(&work.join("another-folder-of-another-length"))?;
            compare(&read(&made.join(SUMS))?, &read(&again.join(SUMS))?)?;
            println!("{} built twice in different folders: the same bytes", commit.id);
            announce(&made)
        }
        _ => Err(Failure::usage("release takes --verify")),
    }
}

fn announce(made: &Path) -> Result<(), Failure> {
    print!("{}", read(&made.join(SUMS))?);
    println!("{}", made.display());
    Ok(())
}

/// What is built.
struct Commit {
    /// Its full name.
    id: String,
    /// Seconds since 1970 that its files are dated.
    epoch: u64,
}

impl Commit {
    fn last() -> Result<Self, Failure> {
        let mut git = shell::command("git");
        git.args(["rev-parse", "HEAD"]);
        let id = shell::output(git)?.trim().to_owned();
        Ok(Self { epoch: package::epoch_of(&id)?, id })
    }

    /// Exports it into the folder, and has the exported source build itself.
    fn built_in(&self, folder: &Path) -> Result<PathBuf, Failure> {
        let about = |e: std::io::Error| Failure::from(format!("{}: {e}", folder.display()));
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(about)?;
        }
        let (source, out, target) = (folder.join("source"), folder.join("out"), folder.join("target"));
        for made in [&source, &out] {
            std::fs::create_dir_all(made).map_err(about)?;
        }
        let archive = folder.join("source.tar");
        let mut export = shell::command("git");
        export.args(["archive", "--format=tar", "--output"]).arg(&archive).arg(&self.id);
        shell::run(export)?;
        let mut unpack = shell::command("tar");
        unpack.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(&source);
        shell::run(unpack)?;
        let mut build = shell::cargo(&["run", "--locked", "--package", "xtask", "--", "release", "--here"]);
        build.arg(&out).current_dir(&source);
        build.env(EPOCH, self.epoch.to_string()).env("CARGO_TARGET_DIR", &target);
        for (key, value) in paths_written_otherwise(&source, &target) {
            build.env(key, value);
        }
        shell::run(build)?;
        // Two gigabytes that no later build reads.
        std::fs::remove_dir_all(&target).map_err(about)?;
        Ok(out)
    }
}

/// Flags for both compilers: where the source lay, where cargo keeps packages and where it built is nobody's business,
/// and would be the difference between two builds.
fn paths_written_otherwise(source: &Path, target: &Path) -> [(&'static str, String); 2] {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let mut pairs = vec![(source.to_owned(), "/renewd"), (target.to_owned(), "/target")];
    pairs.extend(home.map(|home| (home, "/cargo")));
    let flags = |flag: &str| {
        pairs.iter().map(|(from, to)| format!("{flag}={}={to}", from.display())).collect::<Vec<_>>()
    };
    [
        // The separator that allows for spaces in paths.
        ("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix").join("\u{1f}")),
        ("CFLAGS", flags("-ffile-prefix-map").join(" ")),
    ]
}

/// All that is published, from this folder.
fn here(out: &Path) -> Result<(), Failure> {
    let epoch = package::epoch()?;
    let target = host()?;
    shell::run(shell::cargo(&[
        "build",
        "--locked",
        "--package",
        "renewd",
        "--bin",
        "renewd",
        "--profile",
        "dist",
    ]))?;
    let folder =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    let program = folder.join("dist/renewd");
    archive(&program, &target, out, epoch)?;
    package::deb(&program, out, epoch, Pack::Small)?;
    let work = out.with_file_name("work");
    match package::musl(&work)? {
        Ok(program) => {
            archive(&program, &format!("{}-unknown-linux-musl", std::env::consts::ARCH), out, epoch)?
        }
        Err(why) => println!("without the static program: {why}"),
    }
    let bill = out.join(format!("renewd-{VERSION}.cdx.json"));
    std::fs::write(&bill, sbom::text(Some(&target), epoch)? + "\n")
        .map_err(|e| format!("{}: {e}", bill.display()))?;
    sums(out)
}

/// `renewd-VERSION-TARGET.tar.gz`.
fn archive(program: &Path, target: &str, out: &Path, epoch: u64) -> Result<(), Failure> {
    let name = format!("renewd-{VERSION}-{target}");
    let folder = out.join(&name);
    let about = |e: std::io::Error| Failure::from(format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder.join("man")).map_err(about)?;
    std::fs::copy(program, folder.join("renewd")).map_err(about)?;
    for file in BESIDE {
        std::fs::copy(shell::root().join(file), folder.join(file)).map_err(about)?;
    }
    std::fs::write(folder.join("THIRD-PARTY-LICENCES"), package::notices()?).map_err(about)?;
    let mut man = shell::command(program);
    man.args(["man", "--to"]).arg(folder.join("man"));
    shell::run(man)?;
    let mut tar = shell::command("tar");
    tar.current_dir(out).args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.args(["--format=ustar", "--mode=u+rwX,go+rX,go-w", "--use-compress-program=gzip -9 --no-name"]);
    tar.arg(format!("--mtime=@{epoch}")).arg(format!("--file={name}.tar.gz")).arg(&name);
    shell::run(tar)?;
    std::fs::remove_dir_all(&folder).map_err(about)
}

fn sums(out: &Path) -> Result<(), Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(out).map_err(|e| format!("{}: {e}", out.display()))? {
        names.push(entry.map_err(|e| format!("{}: {e}", out.display()))?.file_name());
    }
    names.retain(|name| name != SUMS);
    names.sort();
    let mut sum = shell::command("sha256sum");
    sum.current_dir(out).args(names);
    let text = shell::output(sum)?;
    std::fs::write(out.join(SUMS), text).map_err(|e| format!("{}: {e}", out.display()).into())
}

fn compare(one: &str, other: &str) -> Result<(), Failure> {
    let differ: Vec<&str> = one.lines().filter(|line| !other.lines().any(|l| l == *line)).collect();
    if differ.is_empty() && one.lines().count() == other.lines().count() {
        return Ok(());
    }
    Err(format!(
        "two builds of one commit differ:\n  {}\nand\n  {}",
        differ.join("\n  "),
        other.replace('\n', "\n  ")
    )
    .into())
}

fn host() -> Result<String, Failure> {
    let mut rustc = shell::command(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.arg("--version").arg("--verbose");
    let said = shell::output(rustc)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say for which host it builds".to_owned().into())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_between_two_builds_is_named() {
        compare("a  x\nb  y\n", "a  x\nb  y\n").unwrap();
        let failure = compare("a  x\nb  y\n", "a  x\nc  y\n").unwrap_err();
        assert!(failure.message.contains("b  y"), "{}", failure.message);
        assert!(compare("a  x\n", "a  x\nb  y\n").is_err());
    }

    #[test]
    fn no_path_of_the_machine_is_left_to_the_compilers() {
        let [(_, rust), (_, c)] = paths_written_otherwise(Path::new("/s p"), Path::new("/t"));
        assert!(
            rust.starts_with("--remap-path-prefix=/s p=/renewd\u{1f}--remap-path-prefix=/t=/target"),
            "{rust}"
        );
        assert!(c.contains("-ffile-prefix-map=/t=/target"), "{c}");
    }

    #[test]
    fn a_wrong_flag_is_wrong_usage() {
        assert_eq!(run(&["--fast".into()]).unwrap_err().code, 2);
    }
}
