//! `cargo xtask docs`: every page can be reached, no link is dead, and what a page names in the source is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::markdown::{self, Page};
use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// The book's table of contents, and the folder of its pages. What stands there must be in the table, and must not
/// link out of the folder: a page that leaves the book is a dead link in the built one.
const SUMMARY: &str = "docs/SUMMARY.md";
const BOOK: &str = "docs";
/// Where a reader begins.
const ENTRY: &str = "README.md";
/// Folders of the repository whose files a page may name as `folder/…/file.ext`, or `folder/…/file.rs::function`.
const SOURCE_FOLDERS: &[&str] = &["crates/", "tests/", "xtask/", "docs/", "fuzz/", ".ci/", ".github/"];

/// The pages by their path from the root, with `/`.
type Pages = BTreeMap<String, Page>;

/// Checks every page, then builds the book where mdBook is at hand.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let root = shell::root();
    let mut pages = Pages::new();
    read_folder(&root, Path::new(""), &mut pages)?;
    let broken = problems(&pages, &|path| root.join(path).exists(), &|path| {
        std::fs::read_to_string(root.join(path)).ok()
    });
    if !broken.is_empty() {
        return Err(format!("{} problems in the pages:\n  {}", broken.len(), broken.join("\n  ")).into());
    }
    println!("{} pages, every one reachable, no dead link", pages.len());
    build_book()?;
    Ok(Outcome::Passed)
}

fn build_book() -> Result<(), Failure> {
    let mdbook = |args: &[&str]| {
        let mut command = shell::command("mdbook");
        command.args(args);
        command
    };
    if !shell::succeeds(mdbook(&["--version"])) {
        println!("the book itself is not built: mdbook is not at hand");
        return Ok(());
    }
    shell::run(mdbook(&["build", BOOK]))
}

/// Reads the pages of a folder and those below it. Hidden and generated folders hold none of ours.
fn read_folder(root: &Path, folder: &Path, pages: &mut Pages) -> Result<(), String> {
    let shown = root.join(folder);
    let fail = |e: std::io::Error| format!("{}: {e}", shown.display());
    for entry in std::fs::read_dir(&shown).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = folder.join(&name);
        if entry.file_type().map_err(fail)?.is_dir() {
            let generated = path == Path::new("target") || path == Path::new("docs/book");
            if !(name.starts_with('.') || name == "node_modules" || generated) {
                read_folder(root, &path, pages)?;
            }
        } else if name.ends_with(".md") {
            let text =
                std::fs::read_to_string(root.join(&path)).map_err(|e| format!("{}: {e}", path.display()))?;
            pages.insert(slashed(&path), markdown::read(&text));
        }
    }
    Ok(())
}

fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Everything that is wrong, a line each.
fn problems(
    pages: &Pages,
    exists: &dyn Fn(&str) -> bool,
    source: &dyn Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, page) in pages {
        for link in &page.links {
            if let Err(why) = check_link(path, &link.text, pages, exists) {
                broken.push(format!("{path}:{}: link to {:?}: {why}", link.line, link.text));
            }
        }
        for code in &page.code {
            if let Err(why) = check_source(&code.text, exists, source) {
                broken.push(format!("{path}:{}: `{}`: {why}", code.line, code.text));
            }
        }
    }
    broken.extend(unreachable(pages));
    broken
}

fn check_link(page: &str, link: &str, pages: &Pages, exists: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let Some((path, anchor)) = local(page, link)? else { return Ok(()) };
    if in_book(page) && !in_book(&path) {
        return Err("leaves the book; name the file in backticks instead".into());
    }
    if !exists(&path) {
        return Err(format!("there is no {path}"));
    }
    match (anchor, pages.get(&path)) {
        (Some(anchor), Some(target)) if !target.anchors.contains(&anchor) => {
            Err(format!("{path} has no heading of that anchor"))
        }
        _ => Ok(()),
    }
}

/// Where a link of `page` goes within the repository: path and anchor; none for the outside world.
fn local(page: &str, link: &str) -> Result<Option<(String, Option<String>)>, String> {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return Ok(None);
    }
    if link.is_empty() {
        return Err("is empty".into());
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return Ok(Some((page.to_owned(), anchor)));
    }
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut whole = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::CurDir => {}
            Component::ParentDir if whole.pop() => {}
            _ => return Err("leaves the repository".into()),
        }
    }
    Ok(Some((slashed(&whole), anchor)))
}

fn in_book(path: &str) -> bool {
    path.strip_prefix(BOOK).is_some_and(|rest| rest.starts_with('/'))
}

/// A code span that names a file of the source, or a function in it, must name one that exists.
fn check_source(
    code: &str,
    exists: &dyn Fn(&str) -> bool,
    source: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    let is_path = SOURCE_FOLDERS.iter().any(|folder| code.starts_with(folder))
        && code.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:".contains(c));
    if !is_path {
        return Ok(());
    }
    let (path, function) = match code.split_once("::") {
        Some((path, function)) => (path, Some(function)),
        None => (code, None),
    };
    if !exists(path) {
        return Err("is not in the repository".into());
    }
    let Some(function) = function else { return Ok(()) };
    let text = source(path).ok_or("cannot be read")?;
    if text.contains(&format!("fn {function}(")) {
        Ok(())
    } else {
        Err(format!("{path} has no such function"))
    }
}

/// The pages that nobody finds: those of the book that its table does not name, others that no page leads to.
fn unreachable(pages: &Pages) -> Vec<String> {
    let mut broken: Vec<String> = [ENTRY, SUMMARY]
        .iter()
        .filter(|entry| !pages.contains_key(**entry))
        .map(|entry| format!("{entry}: is missing; a reader begins there"))
        .collect();
    let targets = |from: &str| -> BTreeSet<String> {
        let links = pages.get(from).into_iter().flat_map(|page| &page.links);
        links.filter_map(|link| local(from, &link.text).ok().flatten()).map(|(path, _)| path).collect()
    };
    let contents = targets(SUMMARY);
    let mut reached = BTreeSet::from([ENTRY.to_owned()]);
    let mut open = vec![ENTRY.to_owned()];
    while let Some(page) = open.pop() {
        for next in targets(&page) {
            if pages.contains_key(&next) && reached.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    for page in pages.keys().filter(|page| **page != SUMMARY && **page != ENTRY) {
        if in_book(page) && !contents.contains(page) {
            broken.push(format!("{page}: is not in {SUMMARY}"));
        } else if !in_book(page) && !reached.contains(page) {
            broken.push(format!("{page}: no page that {ENTRY} leads to links to it"));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks pages given as (path, text), beside one source file.
    fn check(files: &[(&str, &str)]) -> Vec<String> {
        const SOURCE: (&str, &str) = ("crates/core/src/lib.rs", "fn real() {}");
        let mut all = vec![("README.md", "[book](docs/SUMMARY.md)\n"), ("docs/SUMMARY.md", "[a](a.md)\n")];
        all.push(("docs/a.md", "# A\n"));
        for (path, text) in files {
            all.retain(|(p, _)| p != path);
            all.push((path, text));
        }
        let pages = all.iter().map(|(p, t)| ((*p).to_owned(), markdown::read(t))).collect();
        let source = |path: &str| (path == SOURCE.0).then(|| SOURCE.1.to_owned());
        problems(&pages, &|path| path == SOURCE.0 || all.iter().any(|(p, _)| *p == path), &source)
    }

    #[test]
    fn good_pages_have_no_problem() {
        let a = "# A\n## Part two\n[self](#a) [there](b.md#b) [out](https://example.org/x#y) `crates/core/src/lib.rs::real`\n";
        let found = check(&[
            ("docs/SUMMARY.md", "[a](a.md) [b](./b.md)\n"),
            ("docs/a.md", a),
            ("docs/b.md", "# B\n[a](a.md#part-two)\n"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        for (text, expect) in [
            ("# A\n[x](gone.md)\n", "docs/a.md:2: link to \"gone.md\": there is no docs/gone.md"),
            ("# A\n[x](#b)\n", "docs/a.md:2: link to \"#b\": docs/a.md has no heading of that anchor"),
            (
                "# A\n[x](a.md#b)\n",
                "docs/a.md:2: link to \"a.md#b\": docs/a.md has no heading of that anchor",
            ),
            (
                "[x](../README.md)",
                "docs/a.md:1: link to \"../README.md\": leaves the book; name the file in backticks instead",
            ),
            ("[x](../../y.md)", "docs/a.md:1: link to \"../../y.md\": leaves the repository"),
            ("[x](/y.md)", "docs/a.md:1: link to \"/y.md\": leaves the repository"),
            ("[x]()", "docs/a.md:1: link to \"\": is empty"),
            ("`crates/core/src/gone.rs`", "docs/a.md:1: `crates/core/src/gone.rs`: is not in the repository"),
            (
                "`crates/core/src/lib.rs::gone`",
                "docs/a.md:1: `crates/core/src/lib.rs::gone`: crates/core/src/lib.rs has no such function",
            ),
        ] {
            assert_eq!(check(&[("docs/a.md", text)]), [expect]);
        }
    }

    #[test]
    fn a_page_that_nobody_links_to_is_named() {
        assert_eq!(check(&[("docs/b.md", "# B")]), ["docs/b.md: is not in docs/SUMMARY.md"]);
        assert_eq!(
            check(&[("SECURITY.md", "# S")]),
            ["SECURITY.md: no page that README.md leads to links to it"]
        );
        assert_eq!(
            check(&[
                ("SECURITY.md", "# S"),
                ("NOTES.md", "[s](SECURITY.md)"),
                ("README.md", "[n](NOTES.md)")
            ]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_code_span_that_is_no_path_is_left_alone() {
        assert_eq!(
            check(&[("docs/a.md", "`crates/{core,driver}` `tests/scenarios/*.toml` `crates`")]),
            Vec::<String>::new()
        );
    }
}
