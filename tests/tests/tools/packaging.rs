//! The Debian package: built from the binary that is tested, looked into, installed, and started by a real systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Home, renewd};

use crate::systemd::{Manager, beside};
use crate::validators::{printed, program, repository, skipped, validator};

/// The chores' own program: `cargo xtask test` says where it is.
const XTASK_ENV: &str = "RENEWD_XTASK";

/// Where this is 1, the package must be built.
const REQUIRED_ENV: &str = "RENEWD_PACKAGING_REQUIRED";

/// The highest exposure that `systemd-analyze security` may see in the unit for servers, in tenths. What is left is what
/// an OAuth client needs: the network, and a user of its own.
const EXPOSURE_MAX_TENTHS: u32 = 15;

fn chore(args: &[&str]) -> Option<Command> {
    match std::env::var_os(XTASK_ENV) {
        Some(xtask) => {
            let mut command = Command::new(xtask);
            command.args(args).env("CARGO_MANIFEST_DIR", repository("xtask"));
            Some(command)
        }
        None => skipped(REQUIRED_ENV, &format!("{XTASK_ENV} is not set: `cargo xtask test` sets it")),
    }
}

/// Builds it of the binary that is tested, without what only a debugger reads.
fn package(folder: &Path) -> Option<PathBuf> {
    program("objdump")?;
    program("dpkg-deb")?;
    let binary = folder.join("renewd");
    printed(program("strip")?.arg("-o").arg(&binary).arg(renewd()));
    let mut build = chore(&["package", "deb", "--quick", "--binary"])?;
    printed(build.arg(&binary).arg("--out").arg(folder));
    fs::remove_file(&binary).unwrap();
    let made = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    Some(made.filter(|path| path.extension().is_some_and(|e| e == "deb")).last().expect("a package was made"))
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode()
        & 0o7777
}

#[test]
fn the_package_holds_what_it_should_and_each_part_of_it_is_right() {
    let home = Home::new();
    let Some(package) = package(home.path()) else { return };
    let listed = printed(Command::new("dpkg-deb").arg("--contents").arg(&package));
    assert!(listed.lines().all(|line| line.split_whitespace().nth(1) == Some("root/root")), "{listed}");
    let root = home.path().join("root");
    printed(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root));
    modes(&root);
    control(&package);
    manual(&root);
    completions(&root);
    let version = printed(Command::new(root.join("usr/bin/renewd")).arg("--version"));
    assert!(version.starts_with("renewd "), "{version}");
    assert_eq!(fs::read_link(root.join("usr/bin/docker-credential-renewd")).unwrap(), Path::new("renewd"));
    let licences = printed(
        Command::new("gzip")
            .args(["--decompress", "--stdout"])
            .arg(root.join("usr/share/doc/renewd/third-party-licences.gz")),
    );
    assert!(licences.contains("rustls ") && licences.contains("Permission is hereby granted"));
}

fn modes(root: &Path) {
    assert_eq!(mode(&root.join("usr/bin/renewd")), 0o755);
    for folder in ["etc/renewd", "usr/share/man/man1", "usr/lib/systemd/system"] {
        assert_eq!(mode(&root.join(folder)), 0o755, "{folder}");
    }
    for file in [
        "usr/lib/systemd/system/renewd@.service",
        "usr/lib/systemd/user/renewd.service",
        "usr/lib/systemd/user/renewd.socket",
        "usr/share/bash-completion/completions/renewd",
        "usr/share/zsh/vendor-completions/_renewd",
        "usr/share/fish/vendor_completions.d/renewd.fish",
        "usr/share/man/man1/renewd.1.gz",
        "usr/share/man/man1/renewd-agent-install.1.gz",
        "usr/share/doc/renewd/copyright",
        "usr/share/doc/renewd/changelog.gz",
        "usr/share/doc/renewd/examples/kubernetes/sidecar.yaml",
    ] {
        assert_eq!(mode(&root.join(file)), 0o644, "{file}");
    }
}

fn control(package: &Path) {
    let field = |name: &str| {
        printed(Command::new("dpkg-deb").arg("--field").arg(package).arg(name)).trim().to_owned()
    };
    assert_eq!(field("Package"), "renewd");
    let depends = field("Depends");
    assert!(depends.contains("libc6 (>= 2.") && depends.contains("libgcc-s1 (>= "), "{depends}");
    assert!(field("Version").starts_with(|c: char| c.is_ascii_digit()));
    // Nothing runs as root when it is installed, and no service begins unasked.
    let scripts = printed(Command::new("dpkg-deb").arg("--ctrl-tarfile").arg(package).env("LC_ALL", "C"));
    assert!(!scripts.contains("postinst") && !scripts.contains("prerm"));
}

/// A page for each command, none of which a reader of manual pages stumbles over.
fn manual(root: &Path) {
    let Some(_) = program("mandoc") else { return };
    let folder = root.join("usr/share/man/man1");
    let help = printed(Command::new(root.join("usr/bin/renewd")).arg("--help"));
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut pages = 0;
    for command in commands.filter_map(|line| line.strip_prefix("  ")?.split([' ', ',']).next()) {
        let page = folder.join(format!("renewd-{command}.1.gz"));
        if command.is_empty() || command == "help" {
            continue;
        }
        assert!(page.is_file(), "no page for {command}");
        pages += 1;
    }
    assert!(pages >= 18, "{help}");
    let Some(mut man) = program("man") else { return };
    man.env("MANPATH", root.join("usr/share/man")).args(["-w", "renewd-agent", "docker-credential-renewd"]);
    assert_eq!(printed(&mut man).lines().count(), 2, "pages are found by the names of commands");
    let compressed = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    printed(
        Command::new("gzip")
            .args(["--decompress", "--force"])
            .args(compressed.filter(|path| !path.is_symlink())),
    );
    fs::remove_file(folder.join("docker-credential-renewd.1.gz")).unwrap();
    let mut lint = Command::new("mandoc");
    lint.args(["-T", "lint", "-W", "error"]);
    lint.args(fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()));
    assert_eq!(printed(&mut lint), "");
    let token = printed(Command::new("mandoc").args(["-T", "utf8"]).arg(folder.join("renewd-token.1")));
    assert!(token.contains("Print a valid access token"), "{token}");
}

/// In a real shell: what a person sees who presses the key.
fn completions(root: &Path) {
    let script = root.join("usr/share/bash-completion/completions/renewd");
    let complete = |words: &str| {
        let program = format!(
            "source '{}'; COMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _renewd renewd '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        printed(Command::new("bash").args(["--norc", "-c", &program]))
    };
    let first = complete("renewd");
    assert!(
        first.lines().any(|word| word == "token") && first.lines().any(|word| word == "agent"),
        "{first}"
    );
    let agent = complete("renewd agent");
    assert!(agent.lines().any(|word| word == "install"), "{agent}");
    for (shell, file) in [
        ("zsh", "usr/share/zsh/vendor-completions/_renewd"),
        ("fish", "usr/share/fish/vendor_completions.d/renewd.fish"),
    ] {
        let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|f| f.join(shell).is_file());
        if there {
            printed(Command::new(shell).arg("-n").arg(root.join(file)));
        } else {
            println!("not looked at, as {shell} is not at hand: {file}");
        }
    }
}

#[test]
fn the_unit_for_servers_is_read_without_a_word_and_leaves_little_open() {
    let Some(mut verify) = program("systemd-analyze") else { return };
    let home = Home::new();
    let program = home.path().join("renewd");
    fs::copy(renewd(), &program).unwrap();
    let text = fs::read_to_string(repository("packaging/systemd/renewd@.service")).unwrap();
    let unit = home.path().join("renewd@daemon.service");
    fs::write(&unit, text.replace("/usr/bin/renewd", &program.display().to_string())).unwrap();
    assert_eq!(printed(verify.args(["verify", "--man=no"]).arg(&unit)), "");
    let mut security = Command::new("systemd-analyze");
    let threshold = format!("--threshold={EXPOSURE_MAX_TENTHS}");
    let said = printed(security.args(["security", "--offline=yes", "--no-pager", &threshold]).arg(&unit));
    println!("{}", said.lines().last().unwrap_or_default());
}

#[test]
fn what_the_program_is_built_of_is_a_bill_of_materials_that_others_can_read() {
    let Some(mut validator) = validator() else { return };
    let Some(mut chore) = chore(&["sbom"]) else { return };
    let home = Home::new();
    let bill = home.private_file("renewd.cdx.json", &printed(&mut chore));
    printed(validator.arg("sbom").arg(bill));
}

/// What the test finds out beside the manager: each line is one answer.
const LOOK: &str = r#"
unit=renewd@daemon.service
ask() { runuser -u daemon -- env RENEWD_AGENT_SOCKET=/run/renewd/daemon/agent.sock renewd --state-dir /var/lib/renewd/daemon "$@"; }
pid() { systemctl show -P MainPID $unit; }
systemctl start $unit; echo "start=$?"
echo "token-bytes=$(ask token work 2>/dev/null | wc -c)"
echo "notified=$(systemctl show -P Type $unit) $(systemctl show -P ActiveState $unit)"
grep -E '^(NoNewPrivs|Seccomp|CapBnd|CapEff|Uid):' /proc/$(pid)/status
systemctl reload $unit; echo "reload=$?"
before=$(pid); kill -9 $before
for attempt in $(seq 300); do
    now=$(pid); [ "$now" != "$before" ] && [ "$now" != 0 ] && [ "$(systemctl is-active $unit)" = active ] && break
    sleep 0.1
done
echo "restarted=$([ "$(pid)" != "$before" ] && systemctl is-active $unit)"
echo "status=$(ask status work --json | grep -o '"status":"[a-z_]*"')"
runuser -u nobody -- env RENEWD_AGENT_SOCKET=/run/renewd/daemon/agent.sock curl --silent --unix-socket /run/renewd/daemon/agent.sock http://localhost/healthz
echo "another-user=$?"
stat -c 'modes=%a:%U %n' /run/renewd/daemon /var/lib/renewd/daemon /run/renewd/daemon/agent.sock
systemctl stop $unit; echo "stop=$? $(systemctl show -P Result $unit)"
cat /run/renewd-said
dpkg --purge renewd >/dev/null; echo "purge=$? $(ls /usr/bin/renewd /usr/lib/systemd/system/renewd@.service 2>/dev/null | wc -l)"
"#;

#[test]
fn the_installed_package_keeps_tokens_under_a_real_systemd_with_all_that_its_unit_forbids() {
    let home = Home::new();
    let Some(package) = package(home.path()) else { return };
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let grant = server.mint_grant();
    let seed = home.private_file("seed", &grant.refresh_token);
    let configuration = format!(
        "[credential.work]\ntoken_endpoint = \"{}\"\nclient_id = \"testkit-client\"\nseed_file = \"/etc/renewd/seed\"\nrequired = true\n",
        server.token_url()
    );
    let prepare = format!(
        "dpkg --install --no-triggers '{}' >&2 || exit 1\n\
         printf '%s' '{configuration}' > /etc/renewd/daemon.toml\n\
         install -o daemon -m 600 '{}' /etc/renewd/seed\n\
         head -c 32 /dev/urandom | install -m 600 /dev/stdin /etc/renewd/daemon.key\n",
        package.display(),
        seed.display(),
    );
    // What stands in the unit is what is tested; a namespace has no network target to wait for, and no journal.
    let prepare = prepare
        + "mkdir -p /usr/lib/systemd/system/renewd@.service.d\n\
           printf '[Unit]\\nDefaultDependencies=no\\n[Service]\\nRestartSec=1\\nStandardError=append:/run/renewd-said\\n' \
           > /usr/lib/systemd/system/renewd@.service.d/test.conf\n";
    let Some(said) = beside(Manager::System, home.path(), &prepare, LOOK) else { return };
    let is = |line: &str| assert!(said.lines().any(|l| l == line), "{line:?} is not in\n{said}");
    is("start=0");
    is("notified=notify active");
    assert!(!said.contains("token-bytes=0"), "{said}");
    for line in [
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "CapBnd:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "Uid:\t1\t1\t1\t1",
    ] {
        is(line);
    }
    is("reload=0");
    is("restarted=active");
    is("status=\"status\":\"running\"");
    assert!(!said.contains("another-user=0"), "{said}");
    is("modes=700:daemon /run/renewd/daemon");
    is("modes=700:daemon /var/lib/renewd/daemon");
    is("modes=600:daemon /run/renewd/daemon/agent.sock");
    is("stop=0 success");
    is("purge=0 0");
    assert_eq!(server.totals().reuse_trips, 0, "no refresh token was spent twice");
}
