//! What must hold of any text that is taken for a profile: the body of the fuzz target `profile`, and of properties that
//! are tested everywhere.

use std::path::Path;

use renewd_core::{Answer, Profile, RequestContext, Response, Secret, Verdict, Wall, judge};
use toml::de::DeTable;

use crate::problem::Problem;
use crate::read::{Lines, Rules, parse, parse_table};
use crate::write::to_toml;

const NAME: &str = "fuzzed";

/// Longest message about one fault, in bytes: it lists the keys of a table at most.
const PROBLEM_BYTES_MAX: usize = 600;

/// Takes the bytes for a file with a profile, and for a document with profiles in it. It becomes a profile that is written
/// in a way that is read the same again and that keeps a new refresh token, or faults that name lines of the text.
///
/// # Panics
/// Where that does not hold.
pub fn profile(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let file = Path::new("fuzzed.toml");
    let own = parse(NAME, file, &text, Rules::Own);
    let built_in = parse(NAME, file, &text, Rules::BuiltIn);
    match (&own, &built_in) {
        (Ok(own), Ok(built_in)) => assert_eq!(own, built_in, "whose it is changed a profile"),
        (Err(_), Ok(_)) => panic!("a built-in profile may do what a user's own may not"),
        (_, Err(problems)) => told(&problems.all, &text),
    }
    match &own {
        Ok(profile) => taken(profile),
        Err(problems) => told(&problems.all, &text),
    }
    in_a_document(&text);
}

/// As the configuration reads `[profile.NAME]`.
fn in_a_document(text: &str) {
    let Ok(root) = DeTable::parse(text) else { return };
    for (name, table) in root.get_ref() {
        let name = name.get_ref().as_ref();
        match parse_table(name, &format!("profile.{name}"), &Lines::of(text), table) {
            Ok(profile) => taken(&profile),
            Err(problems) => told(&problems, text),
        }
    }
}

fn told(problems: &[Problem], text: &str) {
    assert!(!problems.is_empty(), "refused for nothing");
    let lines = text.lines().count() + 1;
    for problem in problems {
        assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "no such line: {problem:?}");
        for words in [Some(&problem.what), problem.advice.as_ref()].into_iter().flatten() {
            assert!(!words.chars().any(char::is_control), "more than one line: {problem:?}");
            assert!(words.len() <= PROBLEM_BYTES_MAX, "too long: {problem:?}");
        }
    }
}

fn taken(profile: &Profile) {
    let text = to_toml(profile);
    let again = parse(&profile.name, Path::new("again.toml"), &text, Rules::Own);
    assert_eq!(again.as_ref(), Ok(profile), "changed by being written and read:\n{text}");
    let body = br#"{"access_token":"new.access","token_type":"Bearer","refresh_token":"new.refresh"}"#;
    for status in [200, 401, 503] {
        let response =
            Response { status, headers: Vec::new(), body: Secret::new(body.to_vec()), truncated: false };
        let context = RequestContext {
            sent_refresh_token: None,
            client_secret: None,
            sent: &[],
            now: Wall::from_unix_millis(0),
            profile,
        };
        let judged = judge(&Answer::Response(response), &context);
        assert!(status != 200 || judged.refresh_token.is_some(), "a new refresh token was lost to:\n{text}");
        assert!(
            status == 200 || judged.verdict != Verdict::Success,
            "a success was made of {status} by:\n{text}"
        );
    }
}

#[cfg(test)]
mod tests;
