//! The built-in profiles: what stands in core is what the files say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use renewd_core::Profile;
use renewd_profiles::{Problems, Rules, parse};

/// All files, by name.
fn files() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/profiles");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

fn read((name, path): (&String, &PathBuf)) -> Result<Profile, Problems> {
    let text = std::fs::read_to_string(path).unwrap();
    parse(name, Path::new(path.file_name().unwrap()), &text, Rules::BuiltIn)
}

#[test]
fn every_file_is_a_good_profile() {
    let files = files();
    assert!(!files.is_empty());
    let wrong: Vec<String> =
        files.iter().filter_map(|file| read(file).err()).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
