//! The dependency rule: arrows point toward `core`. `ARCHITECTURE.md` says why; this says so to the build.

use crate::shell::Failure;
use crate::steps::Outcome;
use crate::workspace::{self, Package};

/// What a crate of ours may depend on besides its own tests and examples.
enum Rule {
    /// Only on these of ours.
    Only(&'static [&'static str]),
    /// On any of ours.
    Any,
}

const PORTS: Rule = Rule::Only(&["renewd-core", "renewd-driver"]);

/// Every crate of ours. One that does not stand here has no place in the layout yet.
const RULES: &[(&str, Rule)] = &[
    ("renewd-core", Rule::Only(&[])),
    ("renewd-driver", Rule::Only(&["renewd-core"])),
    ("renewd-profiles", Rule::Only(&["renewd-core"])),
    ("renewd-hardening", Rule::Only(&["renewd-core"])),
    ("renewd-tokio", PORTS),
    ("renewd-blocking", PORTS),
    ("renewd-ureq", PORTS),
    ("renewd-store", PORTS),
    ("renewd-keyring", PORTS),
    ("renewd-login", PORTS),
    ("renewd-signer", PORTS),
    ("renewd-proxy", PORTS),
    ("renewd-testkit", PORTS),
    ("renewd-sim", Rule::Only(&["renewd-core", "renewd-driver", "renewd-store", "renewd-testkit"])),
    ("renewd-model", Rule::Only(&["renewd-core", "renewd-testkit"])),
    ("renewd", Rule::Any),
    // Faces of `renewd` for other languages: whatever they need of the rest it gives them (`embed`).
    ("renewd-ffi", Rule::Only(&["renewd"])),
    ("renewd-python", Rule::Only(&["renewd"])),
    ("renewd-e2e", Rule::Any),
    ("xtask", Rule::Any),
];

/// The crates of others that core uses. None of them does I/O, reads a clock or starts a thread; a further one needs
/// that said of it here.
const CORE_OTHERS: &[&str] = &["miniz_oxide", "once_cell", "statig", "zeroize"];

/// Crates that exist for tests: outside of tests only these know them, `renewd` through its feature `demo`.
const FOR_TESTS: &[&str] = &["renewd-sim", "renewd-testkit"];
const MAY_USE_TEST_CRATES: &[&str] = &["renewd", "renewd-e2e", "renewd-sim", "xtask"];

/// Checks the workspace.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let broken = violations(&workspace::packages()?);
    if broken.is_empty() {
        return Ok(Outcome::Passed);
    }
    Err(format!("the dependency rule of ARCHITECTURE.md is broken:\n  {}", broken.join("\n  ")).into())
}

fn violations(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(violations_of).collect()
}

fn violations_of(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some((_, rule)) = RULES.iter().find(|(n, _)| n == name) else {
        return vec![format!("{name} has no place in the layout: add it to xtask/src/layers.rs")];
    };
    let mut broken = Vec::new();
    for dependency in package.dependencies.iter().filter(|d| !d.dev) {
        let on = dependency.name.as_str();
        let ours = RULES.iter().any(|(n, _)| *n == on);
        if ours && matches!(rule, Rule::Only(allowed) if !allowed.contains(&on)) {
            broken.push(format!("{name} may not depend on {on}"));
        }
        if FOR_TESTS.contains(&on) && !MAY_USE_TEST_CRATES.contains(&name.as_str()) {
            broken.push(format!("{name} may use {on} in its tests only"));
        }
        if FOR_TESTS.contains(&on) && name == "renewd" && !dependency.optional {
            broken.push(format!("{name} may use {on} behind its feature `demo` only: make it optional"));
        }
        if name == "renewd-core" && !ours && !CORE_OTHERS.contains(&on) {
            broken.push(format!(
                "{name} may not depend on {on}: core does no I/O; if {on} does none, say so in xtask/src/layers.rs"
            ));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    /// A package written as `name on dependency`, `name dev dependency` or `name opt dependency`.
    fn package(text: &str) -> Package {
        let words: Vec<&str> = text.split(' ').collect();
        let dependency =
            Dependency { name: words[2].into(), dev: words[1] == "dev", optional: words[1] == "opt" };
        Package { name: words[0].into(), dependencies: vec![dependency], examples: vec![] }
    }

    #[test]
    fn arrows_point_toward_core() {
        for (text, ok) in [
            ("renewd-core on zeroize", true),
            ("renewd-core on tokio", false),
            ("renewd-core on renewd-driver", false),
            ("renewd-core dev proptest", true),
            ("renewd-driver on renewd-core", true),
            ("renewd-driver on renewd-tokio", false),
            ("renewd-profiles on renewd-core", true),
            ("renewd-profiles on renewd-driver", false),
            ("renewd-ureq on renewd-driver", true),
            ("renewd-ureq on renewd-store", false),
            ("renewd-store on renewd-tokio", false),
            ("renewd-tokio dev renewd-store", true),
            ("renewd-proxy on renewd-testkit", false),
            ("renewd-proxy dev renewd-testkit", true),
            ("renewd-sim on renewd-testkit", true),
            ("renewd on renewd-store", true),
            ("renewd on renewd-testkit", false),
            ("renewd opt renewd-testkit", true),
            ("renewd-e2e on renewd-testkit", true),
            ("renewd-ffi on renewd", true),
            ("renewd-ffi on renewd-store", false),
            ("renewd-store on renewd", false),
            ("renewd-python on renewd-blocking", false),
            ("xtask on renewd-sim", true),
            ("newcomer on renewd-core", false),
        ] {
            let broken = violations(&[package(text)]);
            assert_eq!(broken.is_empty(), ok, "{text}: {broken:?}");
        }
    }
}
