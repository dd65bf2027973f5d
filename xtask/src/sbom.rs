//! `cargo xtask sbom`: what the program is built of, as a bill of materials in CycloneDX's JSON.
//!
//! Written by hand from the exact graph, so that it names what is linked into the program for its target, and neither
//! tests nor build scripts; tests validate it with a tool that others wrote.

use serde_json::{Value, json};

use crate::graph::{self, Linked};
use crate::package::epoch;
use crate::shell::{self, Failure};

/// The version of CycloneDX.
const SPEC: &str = "1.5";

/// `sbom [--target TRIPLE]`: prints it.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let target = match args {
        [] => None,
        [flag, target] if flag == "--target" => Some(target.as_str()),
        _ => return Err(Failure::usage("sbom takes --target TRIPLE")),
    };
    println!("{}", text(target, epoch()?)?);
    Ok(())
}

/// The whole document.
pub(crate) fn text(target: Option<&str>, epoch: u64) -> Result<String, Failure> {
    let mut date = shell::command("date");
    date.args(["--utc", "+%Y-%m-%dT%H:%M:%SZ", &format!("--date=@{epoch}")]);
    let date = shell::output(date)?;
    let packages: Vec<Linked> = graph::linked(target)?.into_values().collect();
    let document = document(&packages, date.trim())?;
    serde_json::to_string_pretty(&document).map_err(|e| e.to_string().into())
}

fn document(packages: &[Linked], date: &str) -> Result<Value, String> {
    let program = packages.iter().find(|p| p.name == "renewd").ok_or("renewd is not in its own graph")?;
    let others = packages.iter().filter(|p| p.name != "renewd");
    let depends: Vec<Value> = packages
        .iter()
        .map(|p| {
            let needs: Vec<String> = p.needs.iter().map(|(name, version)| purl(name, version)).collect();
            json!({"ref": purl(&p.name, &p.version), "dependsOn": needs})
        })
        .collect();
    Ok(json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{SPEC}.schema.json"),
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {"timestamp": date, "component": component(program, "application")},
        "components": others.map(|p| component(p, "library")).collect::<Vec<_>>(),
        "dependencies": depends,
    }))
}

fn component(package: &Linked, kind: &str) -> Value {
    let purl = purl(&package.name, &package.version);
    let mut component = json!({
        "type": kind,
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        // Some packages still write a slash where SPDX has OR.
        "licenses": [{"expression": package.licence.replace('/', " OR ").replace("  ", " ")}],
        "purl": purl,
    });
    if let Some(sum) = &package.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
    }
    component
}

/// A package URL. Ours are not published: they have one all the same, as the program has.
fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_stands_there_once_with_what_it_needs() {
        let document: Value = serde_json::from_str(&text(None, 0).unwrap()).unwrap();
        assert_eq!(document["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
        let names: Vec<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["bom-ref"].as_str().unwrap())
            .collect();
        assert!(names.iter().any(|n| n.starts_with("pkg:cargo/rustls@")));
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
        let program = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
        for dependency in document["dependencies"].as_array().unwrap() {
            for need in dependency["dependsOn"].as_array().unwrap() {
                assert!(names.contains(&need.as_str().unwrap()), "{need}");
            }
            let this = dependency["ref"].as_str().unwrap();
            assert!(this == program || names.contains(&this), "{this}");
        }
    }

    #[test]
    fn a_wrong_flag_is_wrong_usage() {
        assert_eq!(run(&["--fast".into()]).unwrap_err().code, 2);
    }
}
