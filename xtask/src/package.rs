//! `cargo xtask package`: what people install. A `.deb` from a binary that is there, a static program for an image that
//! has nothing else in it.

mod alone;
mod depends;
mod musl;
mod notices;
mod staged;

use std::path::{Path, PathBuf};

pub(crate) use notices::notices;

use crate::shell::{self, Failure};
use crate::test;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    what: String,
    binary: Option<PathBuf>,
    out: PathBuf,
    pack: Pack,
}

/// How much work it is worth to make a package small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pack {
    /// For those who load it.
    Small,
    /// For a test, which throws it away.
    Quick,
}

/// `package deb|musl [--binary FILE] [--out DIR] [--quick]`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let wanted = read(args)?;
    let made = match wanted.what.as_str() {
        "deb" => {
            let binary = match wanted.binary {
                Some(binary) => binary,
                None => test::build_binary()?.into(),
            };
            deb(&binary, &wanted.out, epoch()?, wanted.pack)?
        }
        _ => match musl::build(&wanted.out)? {
            Ok(made) => made,
            Err(why) => {
                println!("skipped, nothing was built: {why}");
                return Ok(());
            }
        },
    };
    println!("{}", made.display());
    Ok(())
}

fn read(args: &[String]) -> Result<Wanted, Failure> {
    let usage =
        || Failure::usage("package takes deb or musl, and --binary FILE (deb), --out DIR, --quick (deb)");
    let (what, mut rest) = args.split_first().ok_or_else(usage)?;
    if !matches!(what.as_str(), "deb" | "musl") {
        return Err(usage());
    }
    let out = shell::root().join("target/package");
    let mut wanted = Wanted { what: what.clone(), binary: None, out, pack: Pack::Small };
    while let Some((flag, after)) = rest.split_first() {
        if flag == "--quick" && what == "deb" {
            (wanted.pack, rest) = (Pack::Quick, after);
            continue;
        }
        let (value, after) = after.split_first().ok_or_else(usage)?;
        match flag.as_str() {
            "--binary" if what == "deb" => wanted.binary = Some(value.into()),
            "--out" => wanted.out = value.into(),
            _ => return Err(usage()),
        }
        rest = after;
    }
    Ok(wanted)
}

/// The static program, or why it cannot be had here.
pub(crate) fn musl(out: &Path) -> Result<Result<PathBuf, String>, Failure> {
    musl::build(out)
}

/// The moment that files are dated: what the environment says, else that of the last commit. Two builds of one source
/// give the same bytes only if nothing says when they were made.
pub(crate) fn epoch() -> Result<u64, Failure> {
    epoch_of("HEAD")
}

/// The same, of a commit.
pub(crate) fn epoch_of(commit: &str) -> Result<u64, Failure> {
    if let Ok(said) = std::env::var(EPOCH) {
        return said.parse().map_err(|_| Failure::usage(format!("{EPOCH}={said}: is no number of seconds")));
    }
    let mut git = shell::command("git");
    git.args(["log", "-1", "--format=%ct", commit, "--"]);
    let said = shell::output(git)?;
    said.trim().parse().map_err(|_| format!("this is no checkout; set {EPOCH}").into())
}

/// The variable that every tool reads (reproducible-builds.org/specs/source-date-epoch).
pub(crate) const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The project's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Debian's word for the machine.
pub(crate) fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Builds it, from the binary and from what the binary says of itself.
///
/// # Errors
/// Where a tool is missing, or the binary needs a library of which nobody said which package has it.
pub(crate) fn deb(binary: &Path, out: &Path, epoch: u64, pack: Pack) -> Result<PathBuf, Failure> {
    let binary =
        std::path::absolute(binary).map_err(|e| Failure::usage(format!("{}: {e}", binary.display())))?;
    let out = std::path::absolute(out).map_err(|e| Failure::usage(format!("{}: {e}", out.display())))?;
    if !binary.is_file() {
        return Err(Failure::usage(format!("{}: there is no such file", binary.display())));
    }
    let stage = out.join("deb");
    staged::root(&stage, &binary, epoch)?;
    let made = out.join(format!("renewd_{VERSION}_{}.deb", debian_architecture()));
    let mut build = shell::command("dpkg-deb");
    build.env(EPOCH, epoch.to_string());
    build.arg("--root-owner-group");
    build.args(match pack {
        Pack::Small => &["-Zxz"][..],
        Pack::Quick => &["-Zgzip", "-z1"],
    });
    build.arg("--build").arg(&stage).arg(&made);
    build.stdout(std::process::Stdio::null());
    shell::run(build)?;
    std::fs::remove_dir_all(&stage).map_err(|e| format!("{}: {e}", stage.display()))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(args: &[&str]) -> Result<Wanted, Failure> {
        read(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_packaged_and_where_it_goes_can_be_said() {
        let found = wanted(&["deb", "--binary", "/b", "--quick", "--out", "/o"]).unwrap();
        let (binary, out) = (Some("/b".into()), "/o".into());
        assert_eq!(found, Wanted { what: "deb".into(), binary, out, pack: Pack::Quick });
        assert!(wanted(&["musl"]).unwrap().out.ends_with("target/package"));
    }

    #[test]
    fn anything_else_is_told_what_there_is() {
        for args in
            [&[][..], &["rpm"], &["deb", "--out"], &["musl", "--binary", "/b"], &["deb", "--fast", "1"]]
        {
            let failure = wanted(args).unwrap_err();
            assert_eq!(failure.code, 2);
            assert!(failure.message.starts_with("package takes deb or musl"), "{}", failure.message);
        }
    }
}
