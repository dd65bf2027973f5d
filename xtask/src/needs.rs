//! What the tests need from the machine besides cargo.

use std::process::Command;

use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// A program, where Debian keeps it, and what it is for.
pub(crate) struct Need {
    pub(crate) program: &'static str,
    /// Arguments with which it succeeds only where all of it is there; empty where its presence says enough.
    pub(crate) probe: &'static [&'static str],
    pub(crate) packages: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// Without these nothing is built.
const NEEDS: &[Need] = &[Need {
    program: "cc",
    probe: &[],
    packages: &["gcc", "libc6-dev"],
    why: "links every program, and compiles the C and assembly parts of ring (TLS)",
}];

/// What some tests run; without it they say by name that they have not run.
const EXTRAS: &[Need] = &[
    Need {
        program: "ip",
        probe: &[],
        packages: &["iproute2"],
        why: "brings up the loopback of a test's own network",
    },
    Need {
        program: "nft",
        probe: &[],
        packages: &["nftables"],
        why: "makes that network swallow what a process sends before it is killed",
    },
    Need {
        program: "bindfs",
        probe: &[],
        packages: &["bindfs"],
        why: "lays a file system in user space over a store, whose locks may not be shared",
    },
];

/// Clients of credential helpers.
const TOOLS: &[Need] = &[
    Need {
        program: "git",
        probe: &[],
        packages: &["git"],
        why: "asks its credential helper, and serves the repository that it asks for",
    },
    Need {
        program: "kubectl",
        probe: &[],
        packages: &["kubernetes-client"],
        why: "asks its credential plugin",
    },
];

/// A client that pushes and pulls images, and what it talks to.
const IMAGES: &[Need] = &[
    Need {
        program: "skopeo",
        probe: &[],
        packages: &["skopeo"],
        why: "copies an image, and asks docker's credential helpers",
    },
    Need {
        program: "docker-registry",
        probe: &[],
        packages: &["docker-registry"],
        why: "is the registry that the image is copied to and from",
    },
];

/// A client of credential helpers that is too large to be installed for one test.
const DOCKER: &[Need] =
    &[Need { program: "docker", probe: &[], packages: &["docker.io"], why: "asks its credential helper" }];

/// A desktop session of a test's own.
const DESKTOP: &[Need] = &[
    Need {
        program: "dbus-daemon",
        probe: &[],
        packages: &["dbus"],
        why: "is the bus of a desktop session that a test starts",
    },
    Need {
        program: "gnome-keyring-daemon",
        probe: &[],
        packages: &["gnome-keyring"],
        why: "is the keyring on that bus, a real one in a home that is thrown away",
    },
];

const KEEPASSXC: &[Need] = &[Need {
    program: "keepassxc",
    probe: &[],
    packages: &["keepassxc"],
    why: "is another keyring for that bus, which reads the specification otherwise",
}];

const CHROMIUM: &[Need] = &[
    Need {
        program: "chromium",
        probe: &[],
        packages: &["chromium"],
        why: "is the browser that a login opens, and in which a test clicks",
    },
    Need {
        program: "chromedriver",
        probe: &[],
        packages: &["chromium-driver"],
        why: "lends a test its hands and eyes in that browser",
    },
];

/// What packages are checked with, and what they are installed under.
const PACKAGING: &[Need] = &[
    Need {
        program: "mandoc",
        probe: &[],
        packages: &["mandoc"],
        why: "reads the manual pages, and says what is wrong with them",
    },
    Need {
        program: "systemd-analyze",
        probe: &[],
        packages: &["systemd"],
        why: "reads the units; and systemd itself starts the agent in a test's own namespace",
    },
    Need {
        program: "objdump",
        probe: &[],
        packages: &["binutils"],
        why: "says which libraries the program needs",
    },
];

/// What completes command lines. Bash is everywhere.
const SHELLS: &[Need] = &[
    Need { program: "zsh", probe: &[], packages: &["zsh"], why: "asks for the names that it completes" },
    Need {
        program: "fish",
        probe: &[],
        packages: &["fish"],
        why: "completes a command line, as a person has it",
    },
];

/// Where this is 1, a browser that cannot be had is a failure: it stands before servers that were asked for so.
const PEERS_REQUIRED_ENV: &str = "RENEWD_PEERS_REQUIRED";

/// What tests can be made to insist on: where the variable is 1, one that does not find it fails, rather than say that it
/// was skipped.
const INSISTED_ON: [(&str, &[Need]); 8] = [
    ("RENEWD_TOOLS_REQUIRED", TOOLS),
    ("RENEWD_IMAGES_REQUIRED", IMAGES),
    ("RENEWD_DOCKER_REQUIRED", DOCKER),
    ("RENEWD_DESKTOP_REQUIRED", DESKTOP),
    ("RENEWD_KEEPASSXC_REQUIRED", KEEPASSXC),
    ("RENEWD_CHROMIUM_REQUIRED", CHROMIUM),
    ("RENEWD_PACKAGING_REQUIRED", PACKAGING),
    ("RENEWD_SHELLS_REQUIRED", SHELLS),
];

/// Checks them; on Debian as root installs what is missing, otherwise names it precisely.
pub(crate) fn provide() -> Result<Outcome, Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped(
            "only Linux is checked; elsewhere the toolchain's own linker serves".into(),
        ));
    }
    install(NEEDS)?;
    // A test that is left out, and says so, is no reason to run none.
    let small = [EXTRAS, TOOLS, IMAGES, DESKTOP, KEEPASSXC, PACKAGING, SHELLS];
    let extras = install(small.into_iter().flatten());
    // By itself: it is large, and what is small need not wait for a day on which it can be had.
    let browser = install(CHROMIUM);
    if let (Err(failure), Some("1")) = (&browser, std::env::var(PEERS_REQUIRED_ENV).ok().as_deref()) {
        return Err(format!("{PEERS_REQUIRED_ENV} is 1, and {}", failure.message).into());
    }
    let failed: Vec<String> =
        [extras, browser].into_iter().filter_map(|r| r.err().map(|f| f.message)).collect();
    if failed.is_empty() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Skipped(format!("some tests leave themselves out: {}", failed.join("\n"))))
}

/// Tells a test runner what is there: what this machine has, no test may do without.
pub(crate) fn tell(runner: &mut Command) {
    for (variable, needs) in INSISTED_ON {
        if cfg!(target_os = "linux") && missing(needs, present).is_empty() {
            runner.env(variable, "1");
        }
    }
}

/// Provides those programs, in the same way.
///
/// # Errors
/// What is missing and cannot be installed from here.
pub(crate) fn install(needs: impl IntoIterator<Item = &'static Need>) -> Result<(), Failure> {
    let missing = missing(needs, present);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages).copied().collect();
    if !(on_path("apt-get") && is_root()) {
        return Err(complaint(&missing, &packages).into());
    }
    let apt = |args: &[&str]| {
        let mut command = shell::command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        shell::run(command)
    };
    apt(&["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn present(need: &Need) -> bool {
    let answers = || {
        let mut command = shell::command(need.program);
        command.args(need.probe);
        shell::succeeds(command)
    };
    on_path(need.program) && (need.probe.is_empty() || answers())
}

fn missing(
    needs: impl IntoIterator<Item = &'static Need>,
    present: impl Fn(&Need) -> bool,
) -> Vec<&'static Need> {
    needs.into_iter().filter(|need| !present(need)).collect()
}

fn complaint(missing: &[&Need], packages: &[&str]) -> String {
    let mut text = String::from("this machine lacks what the tests need:\n");
    for need in missing {
        text += &format!("  {} ({})\n", need.program, need.why);
    }
    text + &format!("as root on Debian: apt-get install {}", packages.join(" "))
}

fn is_root() -> bool {
    let mut id = shell::command("id");
    id.arg("-u");
    shell::output(id).is_ok_and(|uid| uid.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_compiler_is_told_the_program_its_purpose_and_the_package() {
        let missing = missing(NEEDS, |need| need.program != "cc");
        let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages).copied().collect();
        let text = complaint(&missing, &packages);
        for part in ["cc (links every program", "apt-get install gcc libc6-dev"] {
            assert!(text.contains(part), "{part:?} not in {text}");
        }
    }

    #[test]
    fn a_program_that_is_there_and_lacks_a_part_is_missing() {
        let need = |probe| Need { program: "cargo", probe, packages: &[], why: "" };
        assert!(present(&need(&[])) && present(&need(&["--version"])));
        assert!(!present(&need(&["there-is-no-such-subcommand"])));
    }

    #[test]
    fn nothing_is_missing_where_everything_is_present() {
        assert!(missing(NEEDS, |_| true).is_empty());
    }
}
