//! `cargo xtask rfc`: what the standards demand of a client, where it is met, and which test shows it.
//!
//! `docs/rfc/musts.toml` is the list. The places are comments at the code, `// rfc: ID… words`, and at tests,
//! `// rfc-test: ID…`; so a place that goes takes its claim with it. `docs/rfc-coverage.md` is written from both, and the check `rfc` fails where it is
//! stale, where a demand has no place, and where a comment names none that there is. The end of the page, on standards of which
//! only some parts bind a client, is written by hand and left alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::shell::{self, Failure};
use crate::steps::Outcome;

const LIST: &str = "docs/rfc/musts.toml";
const PAGE: &str = "docs/rfc-coverage.md";

/// What follows it is written by hand.
const BY_HAND: &str = "<!-- by hand from here -->\n";

/// Where code of ours stands.
const FOLDERS: [&str; 3] = ["crates", "tests", "xtask"];

/// The RFCs of the list, with their titles in their order.
const TITLES: &[(&str, &str)] = &[
    ("6749", "The OAuth 2.0 Authorization Framework"),
    ("7636", "Proof Key for Code Exchange"),
    ("8252", "OAuth 2.0 for Native Apps"),
    ("8414", "OAuth 2.0 Authorization Server Metadata"),
    ("8628", "OAuth 2.0 Device Authorization Grant"),
    ("9207", "OAuth 2.0 Authorization Server Issuer Identification"),
    ("9700", "Best Current Practice for OAuth 2.0 Security"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    must: Vec<Must>,
}

/// A demand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Must {
    /// `RFC-SECTION`, or `RFC-SECTION-N` where a section has several.
    id: String,
    /// What a client must do, in our own words.
    must: String,
    /// Recommended only; it needs no place.
    #[serde(default)]
    recommended: bool,
    /// Why it is not met.
    not_met: Option<String>,
    /// What meets or shows it where no line of ours does.
    elsewhere: Option<String>,
    /// Where it is not met, although it is elsewhere, and why.
    except: Option<String>,
}

/// Where ids stand, in the order of the files.
#[derive(Default)]
struct Places {
    code: BTreeMap<String, Vec<String>>,
    tests: BTreeMap<String, Vec<String>>,
}

/// Writes the page; with `--check` only looks whether it is as it must be.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {
            std::fs::write(shell::root().join(PAGE), page()?).map_err(|e| format!("{PAGE}: {e}"))?;
            println!("wrote {PAGE}");
            Ok(())
        }
        ["--check"] => check().map(|_| ()),
        _ => Err(Failure::usage("rfc takes --check or nothing")),
    }
}

/// Looks whether every demand has its places and the page is of today.
pub(crate) fn check() -> Result<Outcome, Failure> {
    if page()? != read(PAGE)? {
        return Err(format!("{PAGE} is not what the comments say: cargo xtask rfc writes it").into());
    }
    println!("{PAGE} is of today");
    Ok(Outcome::Passed)
}

fn read(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(shell::root().join(path)).map_err(|e| format!("{path}: {e}").into())
}

fn page() -> Result<String, Failure> {
    let list: List = toml::from_str(&read(LIST)?).map_err(|e| format!("{LIST}: {e}"))?;
    let mut places = Places::default();
    for folder in FOLDERS {
        gather(Path::new(folder), &mut places)?;
    }
    let broken = problems(&list.must, &places);
    if !broken.is_empty() {
        return Err(format!("{} problems:\n  {}", broken.len(), broken.join("\n  ")).into());
    }
    let old = read(PAGE)?;
    let (_, by_hand) = old.split_once(BY_HAND).ok_or(format!("{PAGE} has no line {BY_HAND:?}"))?;
    Ok(written(&list.must, &places) + BY_HAND + by_hand)
}

fn gather(folder: &Path, places: &mut Places) -> Result<(), Failure> {
    let fail = |e: std::io::Error| Failure::from(format!("{}: {e}", folder.display()));
    let entries = std::fs::read_dir(shell::root().join(folder)).map_err(fail)?;
    let mut names = entries
        .map(|entry| entry.map(|e| (e.file_name(), e.path().is_dir())))
        .collect::<Result<Vec<_>, _>>()
        .map_err(fail)?;
    names.sort();
    for (name, is_folder) in names {
        let path = folder.join(name);
        if is_folder {
            gather(&path, places)?;
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("xtask/src/rfc.rs") {
            let shown = path.display().to_string().replace('\\', "/");
            places_in(&shown, &read(&shown)?, places);
        }
    }
    Ok(())
}

/// Reads the comments of a file. A test is named by the first function after its comment, or by the one that it stands in.
fn places_in(path: &str, text: &str, places: &mut Places) {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("// rfc: ") {
            // The first stands for an id even where it is none: so a comment that is spelt wrong is found.
            let words = rest.split([' ', ',']).filter(|word| !word.is_empty()).enumerate();
            for (_, id) in words.take_while(|(i, word)| *i == 0 || is_id(word)) {
                let there = places.code.entry(id.to_owned()).or_default();
                if !there.iter().any(|known| known == path) {
                    there.push(path.to_owned());
                }
            }
        } else if let Some(rest) = line.strip_prefix("// rfc-test: ") {
            let above = lines[..at].iter().rev().take_while(|l| !l.is_empty()).find_map(|l| function(l));
            let below = lines[at..].iter().take_while(|l| !l.is_empty()).find_map(|l| function(l));
            let named = below.or(above).map_or(path.to_owned(), |name| format!("{path}::{name}"));
            for id in rest.split([' ', ',']).filter(|id| !id.is_empty()) {
                places.tests.entry(id.to_owned()).or_default().push(named.clone());
            }
        }
    }
}

/// Whether it begins with the number of an RFC and a hyphen.
fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(rfc, _)| rfc.len() == 4 && rfc.bytes().all(|b| b.is_ascii_digit()))
}

fn function(line: &str) -> Option<&str> {
    let rest = line.split_once("fn ").filter(|(before, _)| before.is_empty() || before.ends_with(' '))?.1;
    rest.split_once('(').map(|(name, _)| name)
}

fn problems(list: &[Must], places: &Places) -> Vec<String> {
    let mut broken = Vec::new();
    for (i, one) in list.iter().enumerate() {
        if list[..i].iter().any(|earlier| earlier.id == one.id) {
            broken.push(format!("{}: stands in {LIST} twice", one.id));
        }
        if !TITLES.iter().any(|(rfc, _)| one.id.starts_with(&format!("{rfc}-"))) {
            broken.push(format!("{}: of no RFC that the page is about", one.id));
        }
        if one.not_met.is_some() {
            if places.code.contains_key(&one.id) {
                broken.push(format!("{}: is said not to be met, and to be", one.id));
            }
            continue;
        }
        for (kind, there) in [("// rfc:", &places.code), ("// rfc-test:", &places.tests)] {
            if !there.contains_key(&one.id) && one.elsewhere.is_none() && !one.recommended {
                broken.push(format!(
                    "{}: no comment `{kind} {}` stands anywhere ({})",
                    one.id, one.id, one.must
                ));
            }
        }
    }
    for (id, there) in places.code.iter().chain(&places.tests) {
        if !list.iter().any(|one| one.id == *id) {
            broken.push(format!("{}: {id} does not stand in {LIST}", there.join(", ")));
        }
    }
    broken
}

fn written(list: &[Must], places: &Places) -> String {
    let not_met = list.iter().filter(|one| one.not_met.is_some()).count();
    let excepted = list.iter().filter(|one| one.except.is_some() && !one.recommended).count();
    let demands = list.iter().filter(|one| !one.recommended).count();
    let mut text = format!(
        "# What the standards demand of a client\n\n\
         Every MUST and MUST NOT on a client that binds renewd, in our own words. Written by `cargo xtask rfc` from\n\
         `docs/rfc/musts.toml` and from comments at the code and at the tests; the check `rfc` fails where a demand has no place.\n\
         The standards of which only parts bind a client follow, by hand.\n\n\
         {demands} demands: {} met, {excepted} of them with an exception that stands beside it, {not_met} not. Where it says \
         *should*,\nthe standard recommends.\n",
        demands - not_met,
    );
    for (rfc, title) in TITLES {
        let _ = write!(
            text,
            "\n## RFC {rfc}: {title}\n\n| section | a client must | met in | shown by |\n|---|---|---|---|\n"
        );
        for one in list.iter().filter(|one| one.id.starts_with(&format!("{rfc}-"))) {
            let section = one.id[rfc.len() + 1..].split('-').next().unwrap_or_default();
            let named = |there: &BTreeMap<String, Vec<String>>| {
                let all = there.get(&one.id).map(Vec::as_slice).unwrap_or_default();
                all.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join("<br>")
            };
            let (mut met, shown) = (named(&places.code), named(&places.tests));
            for (words, before) in
                [(&one.not_met, "**not met**: "), (&one.elsewhere, ""), (&one.except, "**except** ")]
            {
                if let Some(words) = words {
                    let gap = if met.is_empty() { "" } else { "<br>" };
                    let _ = write!(met, "{gap}{before}{words}");
                }
            }
            let should = if one.recommended { "*should* " } else { "" };
            let _ = writeln!(text, "| {section} | {should}{} | {met} | {shown} |", one.must);
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn must(id: &str) -> Must {
        Must {
            id: id.into(),
            must: "do it".into(),
            recommended: false,
            not_met: None,
            elsewhere: None,
            except: None,
        }
    }

    const SOURCE: &str = "\
fn build() {
    // rfc: 6749-3.2 6749-B a form, by POST
    post(); // rfc: 8414-3 is no line of its own
}

// rfc-test: 6749-3.2 7636-4.2
#[test]
fn it_is_posted() {}

#[test]
fn inside() {
    // rfc-test: 8414-3.3
    assert!(true);
}
";

    #[test]
    fn places_are_read_from_the_comments_of_code_and_tests() {
        let mut places = Places::default();
        places_in("a.rs", SOURCE, &mut places);
        assert_eq!(places.code.keys().collect::<Vec<_>>(), ["6749-3.2", "6749-B"]);
        assert_eq!(
            (&places.code["6749-3.2"][..], &places.code["6749-B"][..]),
            (&["a.rs".into()][..], &["a.rs".into()][..])
        );
        assert_eq!(places.tests["6749-3.2"], ["a.rs::it_is_posted"]);
        assert_eq!(places.tests["7636-4.2"], ["a.rs::it_is_posted"]);
        assert_eq!(places.tests["8414-3.3"], ["a.rs::inside"]);
    }

    #[test]
    fn a_demand_without_a_place_and_a_place_without_a_demand_are_problems() {
        let mut places = Places::default();
        places_in("a.rs", SOURCE, &mut places);
        let broken = problems(&[must("6749-3.2"), must("6749-B"), must("7636-4.2"), must("1-1")], &places);
        assert_eq!(broken.len(), 6, "{broken:?}");
        assert!(broken[0].starts_with("6749-B: no comment `// rfc-test:"), "{broken:?}");
        assert!(broken[1].starts_with("7636-4.2: no comment `// rfc:"), "{broken:?}");
        assert!(broken[5].contains("8414-3.3 does not stand in"), "{broken:?}");
    }

    #[test]
    fn what_is_not_met_needs_no_place_and_says_why() {
        let gap = Must { not_met: Some("no user".into()), ..must("6749-6") };
        assert!(problems(std::slice::from_ref(&gap), &Places::default()).is_empty());
        let page = written(&[gap], &Places::default());
        assert!(
            page.contains("1 demands: 0 met, 0 of them with an exception that stands beside it, 1 not. "),
            "{page}"
        );
        assert!(page.contains("| 6 | do it | **not met**: no user |  |"), "{page}");
    }

    #[test]
    fn an_exception_needs_its_places_all_the_same_and_stands_beside_them() {
        let most = Must { except: Some("on Sundays".into()), ..must("6749-3.2") };
        assert_eq!(problems(std::slice::from_ref(&most), &Places::default()).len(), 2);
        let mut places = Places::default();
        places_in("a.rs", SOURCE, &mut places);
        let page = written(&[most], &places);
        assert!(page.contains("1 demands: 1 met, 1 of them with"), "{page}");
        assert!(
            page.contains("| 3.2 | do it | `a.rs`<br>**except** on Sundays | `a.rs::it_is_posted` |"),
            "{page}"
        );
    }
}
