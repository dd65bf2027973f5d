//! The licences of what is linked in. Most ask that their text and the names in it go with each copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::graph;
use crate::shell::Failure;

/// How such files begin.
const NAMES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// One text, each licence once, with the packages that it came with.
pub(crate) fn notices() -> Result<String, Failure> {
    let packages = graph::linked(None)?;
    let mut text = String::from("renewd is built of these packages:\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.values().filter(|p| p.checksum.is_some()) {
        let shown = format!("{} {}", package.name, package.version);
        text += &format!("  {shown:<40} {}\n", package.licence);
        for found in licences(&package.folder)? {
            texts.entry(found).or_default().push(shown.clone());
        }
    }
    for (licence, packages) in texts {
        text += &format!("\n{}\nof {}\n\n{}\n", "-".repeat(72), packages.join(", "), licence.trim_end());
    }
    Ok(text)
}

fn licences(folder: &Path) -> Result<Vec<String>, Failure> {
    let about = |path: &Path, e: std::io::Error| Failure::from(format!("{}: {e}", path.display()));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| about(folder, e))? {
        let entry = entry.map_err(|e| about(folder, e))?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|begin| name.starts_with(begin)) && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).map_err(|e| about(path, e))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_is_named_and_the_text_of_its_licence_is_there() {
        let text = notices().unwrap();
        assert!(text.contains("\n  rustls "), "the list");
        assert!(text.contains("Permission is hereby granted, free of charge"), "MIT");
        assert!(text.contains("ISC"), "ring, untrusted");
    }
}
