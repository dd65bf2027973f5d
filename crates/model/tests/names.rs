//! The model and the code can be held side by side: each rule of the table has its function in both.

use std::fs;
use std::path::{Path, PathBuf};

/// Name and text of every file below that folder.
fn source(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let entry = entry.expect("an entry of that folder");
        if entry.path().is_dir() {
            files.extend(source(&entry.path()));
        } else {
            let text = fs::read_to_string(entry.path()).expect("a source in UTF-8");
            files.push((entry.file_name().to_string_lossy().into_owned(), text));
        }
    }
    files
}

fn defines(text: &str, function: &str) -> bool {
    text.contains(&format!("fn {function}("))
}

#[test]
fn each_rule_of_the_table_is_a_function_of_the_model_and_of_core() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let model = source(&here.join("src"));
    let core = source(&here.join("../core/src/lifecycle"));
    let page = fs::read_to_string(here.join("src/lib.rs")).unwrap();
    let mut rules = 0;
    for line in page.lines().filter(|l| l.starts_with("//! | ") && l.ends_with(".rs` |")) {
        let cells: Vec<&str> = line.split('|').map(|c| c.trim().trim_matches('`')).collect();
        let (function, file) = (cells[2], cells[3]);
        assert!(
            core.iter().any(|(name, text)| name == file && defines(text, function)),
            "core has no {function} in lifecycle/{file}: the table or the model is behind"
        );
        assert!(model.iter().any(|(_, text)| defines(text, function)), "the model has no {function}");
        rules += 1;
    }
    assert!(rules > 40, "the table has {rules} rules: was it read?");
}

#[test]
fn each_function_of_the_models_machine_that_core_has_too_stands_in_the_table() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("src/lib.rs")).unwrap();
    let core: String =
        source(&here.join("../core/src/lifecycle")).into_iter().map(|(_, text)| text).collect();
    // Plumbing of the two crates that happens to be called alike.
    let plumbing = ["to", "push", "version", "start", "handle", "write", "tick", "take", "take_writing"];
    for (file, text) in source(&here.join("src/machine")) {
        for rest in text.split("fn ").skip(1) {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if !plumbing.contains(&name) && defines(&core, name) {
                assert!(page.contains(&format!("`{name}`")), "{file}: {name} is missing from the table");
            }
        }
    }
}
