//! What must fit together across keys.

use crate::exit::Failure;
use crate::profiles::token_endpoint_of_login;

use super::document::{Entry, Settings};
use super::problem::{Problem, Problems};
use super::{Config, profiles};

mod grants;
mod routes;
mod sinks;

/// Checks what one key alone cannot show.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let document = &config.document;
    let mut problems = Vec::new();
    for (name, entry) in &document.credentials {
        let has = |key| entry.settings.contains_key(&("credential", key));
        let line = |key| line_of(&entry.settings, "credential", key, entry.line);
        let profile = profiles::of_entry(config, entry);
        if let Some(wanted) = text(&entry.settings, "credential", "profile").filter(|_| profile.is_none()) {
            let (message, advice) = config.profiles.unknown(wanted);
            let what = format!("credential.{name}.profile: {message}");
            problems.push(Problem::new(line("profile"), what).advise(advice));
        }
        let issuer = text(&entry.settings, "credential", "issuer");
        let of_profile = profile.and_then(|p| token_endpoint_of_login(p, has("profile"), issuer));
        let somewhere = has("token_endpoint") || of_profile.is_some();
        if has("seed_file") && !(somewhere && has("client_id")) {
            let what = format!("credential.{name}.seed_file needs token_endpoint and client_id beside it");
            problems.push(Problem::new(line("seed_file"), what));
        }
        let class = text(&entry.settings, "credential", "as_class").or(profile.map(|p| p.as_class.name()));
        if has("grace") && class != Some("P3") {
            let what = format!("credential.{name}.grace means something only with as_class = \"P3\"");
            problems.push(Problem::new(line("grace"), what).advise("add as_class = \"P3\", or remove grace"));
        }
        grants::check(name, entry, &mut problems);
    }
    for entry in &document.proxies {
        routes::check(entry, &mut problems);
    }
    for entry in &document.sinks {
        required("sink", entry, &["credential", "path"], &mut problems);
    }
    for (i, entry) in document.proxies.iter().enumerate() {
        let listen = text(&entry.settings, "proxy", "listen");
        let earlier = document.proxies.iter().take(i);
        let taken = |l: &str| {
            !l.ends_with(":0") && earlier.clone().any(|e| text(&e.settings, "proxy", "listen") == Some(l))
        };
        if let Some(listen) = listen.filter(|l| taken(l)) {
            problems.push(Problem::new(entry.line, format!("two proxies listen on {listen}")));
        }
    }
    sinks::check(config, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(Problems::new(&document.path, problems).into()) }
}

fn required(table: &'static str, entry: &Entry, names: &[&'static str], problems: &mut Vec<Problem>) {
    for name in names.iter().filter(|n| !entry.settings.contains_key(&(table, **n))) {
        problems.push(Problem::new(entry.line, format!("[[{table}]] needs the key {name}")));
    }
}

fn text<'s>(settings: &'s Settings, table: &'static str, name: &'static str) -> Option<&'s str> {
    settings.get(&(table, name)).and_then(|at| at.value.as_text())
}

fn line_of(settings: &Settings, table: &'static str, name: &'static str, otherwise: usize) -> usize {
    settings.get(&(table, name)).map_or(otherwise, |at| at.line)
}
