//! `cargo xtask faults`: every fault that renewd is held against, and what shows that it holds.
//!
//! `tests/faults.toml` is written by hand and is the list. What it names is looked up in the source, so that a test that
//! is renamed or gone is noticed; `docs/faults.md` is written from it, and the check `faults` fails where that page is stale.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::numbers;
use crate::shell::{self, Failure};
use crate::steps::Outcome;

const LIST: &str = "tests/faults.toml";
const PAGE: &str = "docs/faults.md";
const SCENARIOS: &str = "tests/scenarios";
/// Where functions are rules of a model rather than tests.
const MODEL: &str = "crates/model/";

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// As rows of numbers and scenario files name it.
    pub(crate) key: String,
    /// For people.
    title: String,
    /// Scenario files, `path::function`, or files of fuzz targets.
    shown_by: Vec<String>,
    /// What nothing shows yet, and why.
    open: Option<String>,
}

/// Writes the page; with `--check` only looks whether it is as it must be; with `--numbers` makes the
/// table of numbers, and with `--table` shows and judges the one of the last run again.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => write_page(),
        ["--check"] => check().map(|_| ()),
        ["--numbers"] => numbers::run(),
        ["--table"] => numbers::report().map(|_| ()),
        _ => Err(Failure::usage("faults takes --check, --numbers or --table, or nothing")),
    }
}

/// Looks whether all that is named is there, and whether the page is of today.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let text = page(&verified()?);
    let path = shell::root().join(PAGE);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if found != text {
        return Err(format!("{PAGE} is not what {LIST} says: cargo xtask faults writes it").into());
    }
    println!("{PAGE} is of today");
    Ok(Outcome::Passed)
}

fn write_page() -> Result<(), Failure> {
    let text = page(&verified()?);
    std::fs::write(shell::root().join(PAGE), text).map_err(|e| format!("{PAGE}: {e}"))?;
    println!("wrote {PAGE}");
    Ok(())
}

/// The list, in its order.
pub(crate) fn list() -> Result<Vec<Fault>, Failure> {
    parse(&read(LIST)?).map_err(|e| format!("{LIST}: {e}").into())
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(shell::root().join(path)).map_err(|e| format!("{path}: {e}"))
}

/// The list with the scenario files that name a fault themselves; fails where anything named is not there.
fn verified() -> Result<Vec<Fault>, Failure> {
    let mut faults = list()?;
    let mut broken = Vec::new();
    for (file, key) in claims()? {
        match faults.iter_mut().find(|fault| fault.key == key) {
            Some(fault) if !fault.shown_by.contains(&file) => fault.shown_by.push(file),
            Some(_) => {}
            None => broken.push(format!("{file}: {LIST} has no fault {key:?}")),
        }
    }
    broken.extend(problems(&faults, &|path| read(path).ok()));
    if broken.is_empty() {
        return Ok(faults);
    }
    Err(format!("{} problems in the list of faults:\n  {}", broken.len(), broken.join("\n  ")).into())
}

/// The scenario files that say which fault they show.
fn claims() -> Result<Vec<(String, String)>, Failure> {
    let folder = shell::root().join(SCENARIOS);
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{SCENARIOS}: {e}"))?;
    let mut claims = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| format!("{SCENARIOS}: {e}"))?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".toml") {
            continue;
        }
        let path = format!("{SCENARIOS}/{name}");
        let table: Table = read(&path)?.parse().map_err(|e| format!("{path}: {e}"))?;
        match table.get("fault") {
            Some(Value::String(key)) => claims.push((path, key.clone())),
            Some(other) => return Err(format!("{path}: fault is {other}; it must be a key of {LIST}").into()),
            None => {}
        }
    }
    claims.sort();
    Ok(claims)
}

fn parse(text: &str) -> Result<Vec<Fault>, String> {
    let table: Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
    if let Some(key) = table.keys().find(|key| *key != "fault") {
        return Err(format!("{key:?} is not known; each entry begins with [[fault]]"));
    }
    let entries = table.get("fault").and_then(Value::as_array).ok_or("there is no [[fault]]")?;
    let faults = entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    match faults.iter().find(|fault| !seen.insert(&fault.key)) {
        Some(twice) => Err(format!("{:?} stands there twice", twice.key)),
        None => Ok(faults),
    }
}

fn entry(value: &Value) -> Result<Fault, String> {
    let table = value.as_table().ok_or("each entry begins with [[fault]]")?;
    let text = |name: &str| table.get(name).and_then(Value::as_str).map(str::to_owned);
    let key = text("key").ok_or("an entry has no key")?;
    if let Some(other) = table.keys().find(|k| !["key", "title", "shown_by", "open"].contains(&k.as_str())) {
        return Err(format!("{key}: {other:?} is not known; there are key, title, shown_by, open"));
    }
    let shown_by = match table.get("shown_by") {
        None => Vec::new(),
        Some(names) => {
            let names =
                names.as_array().and_then(|a| a.iter().map(|n| n.as_str().map(str::to_owned)).collect());
            names.ok_or(format!("{key}: shown_by is a list of texts"))?
        }
    };
    let title = text("title").ok_or(format!("{key}: has no title"))?;
    Ok(Fault { title, shown_by, open: text("open"), key })
}

fn problems(faults: &[Fault], source: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for fault in faults {
        if fault.shown_by.is_empty() && fault.open.is_none() {
            broken.push(format!("{}: nothing shows it, and it does not say why it is open", fault.key));
        }
        for name in &fault.shown_by {
            if let Err(why) = look_up(name, source) {
                broken.push(format!("{}: {name}: {why}", fault.key));
            }
        }
    }
    broken
}

/// Whether a scenario, a fuzz target or a test of that name is there.
fn look_up(name: &str, source: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    let Some((path, function)) = name.split_once("::") else {
        let known = name.starts_with(SCENARIOS) && name.ends_with(".toml") || name.starts_with("fuzz/");
        return match source(name) {
            None => Err("is not in the repository".into()),
            Some(_) if known => Ok(()),
            Some(_) => Err("is neither a scenario nor a fuzz target; name a test as path::function".into()),
        };
    };
    let text = source(path).ok_or_else(|| format!("there is no {path}"))?;
    let attributes = attributes(&text, function).ok_or_else(|| format!("{path} has no such function"))?;
    if path.starts_with(MODEL) || attributes.iter().any(|line| line.contains("test")) {
        Ok(())
    } else {
        Err("is no test".into())
    }
}

/// The attributes over a function, nearest first; none where there is no such function.
fn attributes<'a>(text: &'a str, function: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let signature = format!("fn {function}(");
    let at = lines.iter().position(|line| line.contains(&signature))?;
    let above = lines[..at].iter().rev();
    Some(above.take_while(|l| l.starts_with("#[") || l.starts_with("//")).copied().collect())
}

fn page(faults: &[Fault]) -> String {
    let open = faults.iter().filter(|fault| fault.open.is_some()).count();
    let mut text = format!(
        "# Faults, and what shows that they are met\n\n\
         Everything that is known to go wrong around a refresh, and the scenario, test or fuzz target that makes it happen and\n\
         looks at what renewd does. Written by `cargo xtask faults` from `tests/faults.toml`; the check fails where a name here is\n\
         gone from the source. `cargo xtask faults --numbers` plays them and prints [six numbers](refresh-transaction.md#six-numbers)\n\
         for each.\n\n\
         {} faults: {} shown, {open} open in whole or in part.\n\n| fault | key | shown by |\n|---|---|---|\n",
        faults.len(),
        faults.iter().filter(|fault| !fault.shown_by.is_empty()).count(),
    );
    for fault in faults {
        let mut shown: Vec<String> = fault.shown_by.iter().map(|name| format!("`{name}`")).collect();
        shown.extend(fault.open.iter().map(|why| format!("open: {why}")));
        text += &format!("| {} | `{}` | {} |\n", fault.title, fault.key, shown.join("<br>"));
    }
    text
}

/// Whether a row's fault is one of the list.
pub(crate) fn is_known(faults: &[Fault], key: &str) -> bool {
    faults.iter().any(|fault| fault.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "//! A.\n#[test]\n/// Why.\n#[ignore]\nfn shown() {}\n\nfn helper() {}\n";

    fn source(path: &str) -> Option<String> {
        let there = ["a/b.rs", "crates/model/src/rules.rs"].contains(&path);
        if there {
            return Some(RUST.to_owned());
        }
        ["tests/scenarios/x.toml", "fuzz/fuzz_targets/f.rs", "README.md"].contains(&path).then(String::new)
    }

    #[test]
    fn what_is_named_must_be_there_and_show_something() {
        for name in [
            "a/b.rs::shown",
            "tests/scenarios/x.toml",
            "fuzz/fuzz_targets/f.rs",
            "crates/model/src/rules.rs::helper",
        ] {
            assert_eq!(look_up(name, &source), Ok(()), "{name}");
        }
        for (name, why) in [
            ("a/b.rs::gone", "no such function"),
            ("a/b.rs::helper", "is no test"),
            ("a/c.rs::shown", "there is no a/c.rs"),
            ("tests/scenarios/y.toml", "is not in the repository"),
            ("README.md", "neither a scenario nor"),
        ] {
            let error = look_up(name, &source).unwrap_err();
            assert!(error.contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn a_fault_that_nothing_shows_must_say_why() {
        let fault = |shown: &[&str], open: Option<&str>| Fault {
            key: "k".into(),
            title: "t".into(),
            shown_by: shown.iter().map(|s| (*s).to_owned()).collect(),
            open: open.map(str::to_owned),
        };
        assert!(problems(&[fault(&[], None)], &source)[0].contains("nothing shows it"));
        assert!(problems(&[fault(&[], Some("later")), fault(&["a/b.rs::shown"], None)], &source).is_empty());
    }

    #[test]
    fn a_mistake_in_the_list_is_told() {
        for (text, why) in [
            ("", "there is no [[fault]]"),
            ("[[faults]]\nkey = \"a\"", "\"faults\" is not known"),
            ("[[fault]]\ntitle = \"t\"", "has no key"),
            ("[[fault]]\nkey = \"a\"", "a: has no title"),
            ("[[fault]]\nkey = \"a\"\ntitle = \"t\"\nshown = []", "\"shown\" is not known"),
            ("[[fault]]\nkey = \"a\"\ntitle = \"t\"\nshown_by = [1]", "a list of texts"),
            (
                "[[fault]]\nkey = \"a\"\ntitle = \"t\"\n[[fault]]\nkey = \"a\"\ntitle = \"t\"",
                "\"a\" stands there twice",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_list_of_the_repository_names_only_what_is_there() {
        let faults = verified().unwrap_or_else(|failure| panic!("{}", failure.message));
        assert!(is_known(&faults, "kill-at-step") && !is_known(&faults, "no-such-fault"));
    }
}
