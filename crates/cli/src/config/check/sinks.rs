//! What must fit together about token files: no two in one place, and none in the place of something else.

use std::path::{Component, Path, PathBuf};

use super::{Config, Problem, line_of};

/// Checks every `[[sink]]`.
pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let mut taken: Vec<PathBuf> = Vec::new();
    for sink in config.sinks() {
        let entry = config.document.sinks.iter().find(|entry| entry.line == sink.line);
        let line = entry.map_or(sink.line, |entry| line_of(&entry.settings, "sink", "path", sink.line));
        let shown = sink.path.display();
        let path = normal(&sink.path);
        if taken.contains(&path) {
            problems.push(Problem::new(line, format!("two token files stand at {shown}")));
        }
        if path.file_name().is_none() || shown.to_string().ends_with('/') {
            problems.push(Problem::new(line, format!("sink.path {shown} names a folder; name a file in it")));
        }
        if let Some(what) = of_somebody_else(config, &path) {
            problems.push(Problem::new(line, format!("sink.path {shown} is {what}")));
        }
        if let Err(failure) = sink.target.check() {
            problems.push(Problem::new(sink.line, failure.message));
        }
        taken.push(path);
    }
}

/// What that place is already, where it is something that a token must not overwrite.
fn of_somebody_else(config: &Config, path: &Path) -> Option<String> {
    if *path == normal(&config.document.path) {
        return Some("this configuration".into());
    }
    if let Ok(state) = config.places.state()
        && path.starts_with(normal(state))
    {
        return Some(format!("in renewd's own folder {}", state.display()));
    }
    let of_credential = config.document.credentials.values().flat_map(|entry| &entry.settings);
    let files = config
        .document
        .top
        .iter()
        .chain(of_credential)
        .filter(|((table, name), _)| name.ends_with("_file") || (*table, *name) == ("agent", "socket"));
    for ((table, name), at) in files {
        let Some(text) = at.value.as_text() else { continue };
        if normal(&config.places.resolve(text, Some(&config.document.path))) == *path {
            return Some(format!("what {table}.{name} names in line {}", at.line));
        }
    }
    None
}

/// Without `.` and `..`, as far as can be told from the text: enough to see that two entries mean one file.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
