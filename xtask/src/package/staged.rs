//! The package as a folder: each file where it will lie, with the mode that it will have.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::{VERSION, debian_architecture, depends, notices};
use crate::shell::{self, Failure};

/// Who stands in a package that somebody else builds: no address of ours that nobody reads.
const MAINTAINER: &str = "The renewd project <packages@renewd.invalid>";

/// Replaces [`MAINTAINER`].
const MAINTAINER_ENV: &str = "RENEWD_DEB_MAINTAINER";

/// Files of the repository that are installed as they are.
const AS_THEY_ARE: &[(&str, &str)] = &[
    ("packaging/systemd/renewd@.service", "usr/lib/systemd/system/renewd@.service"),
    ("packaging/systemd/user/renewd.service", "usr/lib/systemd/user/renewd.service"),
    ("packaging/systemd/user/renewd.socket", "usr/lib/systemd/user/renewd.socket"),
    ("packaging/kubernetes/sidecar.yaml", "usr/share/doc/renewd/examples/kubernetes/sidecar.yaml"),
    ("packaging/kubernetes/sink.yaml", "usr/share/doc/renewd/examples/kubernetes/sink.yaml"),
    ("packaging/debian/copyright", "usr/share/doc/renewd/copyright"),
];

/// A shell, and where its completions are looked for.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/renewd"),
    ("zsh", "usr/share/zsh/vendor-completions/_renewd"),
    ("fish", "usr/share/fish/vendor_completions.d/renewd.fish"),
];

const MAN: &str = "usr/share/man/man1";
const DOC: &str = "usr/share/doc/renewd";

/// Lays all of it out.
pub(super) fn root(stage: &Path, binary: &Path, epoch: u64) -> Result<(), Failure> {
    if stage.exists() {
        fs::remove_dir_all(stage).map_err(|e| about(stage, &e))?;
    }
    let maintainer = std::env::var(MAINTAINER_ENV).unwrap_or_else(|_| MAINTAINER.to_owned());
    copy(binary, &stage.join("usr/bin/renewd"), 0o755)?;
    link("renewd", &stage.join("usr/bin/docker-credential-renewd"))?;
    folder(&stage.join("etc/renewd"))?;
    for (from, to) in AS_THEY_ARE {
        copy(&shell::root().join(from), &stage.join(to), 0o644)?;
    }
    for (name, to) in COMPLETIONS {
        write(&stage.join(to), said(binary, &["completions", name])?.as_bytes())?;
    }
    folder(&stage.join(MAN))?;
    let mut man = shell::command(binary);
    man.args(["man", "--to"]).arg(stage.join(MAN));
    shell::run(man)?;
    squeeze_all(&stage.join(MAN))?;
    link("renewd-helper-docker.1.gz", &stage.join(MAN).join("docker-credential-renewd.1.gz"))?;
    let changelog = stage.join(DOC).join("changelog");
    write(&changelog, changes(&maintainer, epoch)?.as_bytes())?;
    squeeze(&changelog)?;
    let third = stage.join(DOC).join("third-party-licences");
    write(&third, notices()?.as_bytes())?;
    squeeze(&third)?;
    control(stage, binary, &maintainer)
}

fn control(stage: &Path, binary: &Path, maintainer: &str) -> Result<(), Failure> {
    let mut size = shell::command("du");
    size.args(["--summarize", "--apparent-size", "--block-size=1024"]).arg(stage);
    let size = shell::output(size)?;
    let size = size.split_whitespace().next().unwrap_or("0").to_owned();
    let depends = match depends::of(binary)? {
        none if none.is_empty() => String::new(),
        some => format!("Depends: {some}\n"),
    };
    let text = format!(
        "Package: renewd
Version: {VERSION}
Architecture: {}
Maintainer: {maintainer}
Installed-Size: {size}
{depends}Recommends: ca-certificates
Suggests: gnome-keyring | kwalletmanager | keepassxc
Section: utils
Priority: optional
Description: keeps OAuth 2.0 access tokens valid for long-running work
 One login, and from then on a valid access token whenever a program asks: from
 the command line, from an agent's socket, from a file that is kept fresh, or
 added to requests by a local proxy. A refresh token is spent once, whichever
 process, crash, clock or network is in between.
",
        debian_architecture()
    );
    // The digests are of what is there already: the control files are not among it.
    let sums = md5(stage)?;
    write(&stage.join("DEBIAN/md5sums"), sums.as_bytes())?;
    write(&stage.join("DEBIAN/control"), text.as_bytes())
}

/// A line for each file, in the order of their names.
fn md5(stage: &Path) -> Result<String, Failure> {
    let mut find = shell::command("find");
    find.current_dir(stage).args(["usr", "-type", "f"]);
    let found = shell::output(find)?;
    let mut files: Vec<&str> = found.lines().collect();
    files.sort_unstable();
    let mut sum = shell::command("md5sum");
    sum.current_dir(stage).args(files);
    shell::output(sum)
}

/// The changelog in Debian's form: one entry, which names the real one.
fn changes(maintainer: &str, epoch: u64) -> Result<String, Failure> {
    let mut date = shell::command("date");
    date.env("LC_ALL", "C").args(["--utc", "--rfc-email", &format!("--date=@{epoch}")]);
    let date = shell::output(date)?;
    Ok(format!(
        "renewd ({VERSION}) unstable; urgency=medium\n\n  * What changed stands in the project's CHANGELOG.md.\n\n -- {maintainer}  {}\n",
        date.trim()
    ))
}

fn said(binary: &Path, args: &[&str]) -> Result<String, Failure> {
    let mut command = shell::command(binary);
    command.args(args);
    shell::output(command)
}

fn squeeze_all(folder: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|e| about(folder, &e))? {
        squeeze(&entry.map_err(|e| about(folder, &e))?.path())?;
    }
    Ok(())
}

/// Without its name and date, which gzip would put into it.
fn squeeze(file: &Path) -> Result<(), Failure> {
    mode(file, 0o644)?;
    let mut gzip = shell::command("gzip");
    gzip.args(["-9", "--no-name"]).arg(file).stderr(Stdio::inherit());
    shell::run(gzip)
}

/// With those folders that it needs.
pub(super) fn copy(from: &Path, to: &Path, bits: u32) -> Result<(), Failure> {
    folder(to.parent().unwrap_or(to))?;
    fs::copy(from, to).map_err(|e| about(from, &e))?;
    mode(to, bits)
}

fn write(to: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_as(to, bytes, 0o644)
}

/// With those folders that it needs.
pub(super) fn write_as(to: &Path, bytes: &[u8], bits: u32) -> Result<(), Failure> {
    folder(to.parent().unwrap_or(to))?;
    fs::write(to, bytes).map_err(|e| about(to, &e))?;
    mode(to, bits)
}

/// With those above it, whatever the umask is.
fn folder(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        folder(above)?;
    }
    fs::create_dir(path).map_err(|e| about(path, &e))?;
    mode(path, 0o755)
}

#[cfg(unix)]
fn mode(path: &Path, bits: u32) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(bits)).map_err(|e| about(path, &e))
}

#[cfg(not(unix))]
fn mode(path: &Path, _bits: u32) -> Result<(), Failure> {
    Err(format!("{}: this system has no modes; a package is built on Unix", path.display()).into())
}

#[cfg(unix)]
fn link(to: &str, at: &Path) -> Result<(), Failure> {
    std::os::unix::fs::symlink(to, at).map_err(|e| about(at, &e))
}

#[cfg(not(unix))]
fn link(_to: &str, at: &Path) -> Result<(), Failure> {
    mode(at, 0)
}

fn about(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changelog_is_of_the_form_that_debian_reads() {
        let text = changes("A <a@b.invalid>", 86_400).unwrap();
        assert!(text.starts_with(&format!("renewd ({VERSION}) unstable; urgency=medium\n\n  * ")), "{text}");
        assert!(text.ends_with("\n -- A <a@b.invalid>  Fri, 02 Jan 1970 00:00:00 +0000\n"), "{text}");
    }

    #[test]
    fn every_file_that_is_installed_as_it_is_is_there() {
        for (from, _) in AS_THEY_ARE {
            assert!(shell::root().join(from).is_file(), "{from}");
        }
    }
}
