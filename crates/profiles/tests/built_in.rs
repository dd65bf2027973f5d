//! The built-in profiles: what stands in core is what the files say.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use renewd_core::Profile;
use renewd_profiles::{Problems, Rules, parse, parse_file, to_toml};

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
        files.iter().filter_map(|file| read(file).err()).map(|problems| problems.to_string()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_constants_in_core_are_what_the_files_say() {
    let of_files: BTreeMap<String, Profile> = files()
        .iter()
        .filter_map(|file| read(file).ok())
        .chain([Profile::GENERIC])
        .map(|profile| (profile.name.to_string(), profile))
        .collect();
    let in_core: BTreeMap<String, Profile> =
        Profile::built_in().iter().map(|profile| (profile.name.to_string(), profile.clone())).collect();
    assert_eq!(in_core.len(), Profile::built_in().len(), "two constants have one name");
    let names: BTreeSet<&String> = of_files.keys().chain(in_core.keys()).collect();
    let stale: Vec<&String> =
        names.into_iter().filter(|name| of_files.get(*name) != in_core.get(*name)).collect();
    assert!(
        stale.is_empty(),
        "{stale:?} are not what their files say: cargo xtask profiles writes them anew"
    );
}

#[test]
fn each_can_be_written_and_read_again_as_a_users_own() {
    for profile in Profile::built_in() {
        let text = to_toml(profile);
        let again =
            parse_file(Path::new("mine.toml"), &text).map_err(|problems| format!("{problems}\n{text}"));
        assert_eq!(again.as_ref(), Ok(profile), "{text}");
    }
}
