//! Overrides, and what must hold in each.

use std::borrow::Cow;

use renewd_core::{Override, Verdict, When};

use crate::problem::Problem;
use crate::read::Rules;
use crate::value::Values;

/// What stands in `[unsure]` before an override's name.
pub(crate) const UNSURE: &str = "override.";

/// The key under which it is kept that an override is not sure.
pub(crate) fn unsure_key(name: &str) -> String {
    format!("{UNSURE}{name}")
}

/// Makes an override; what is wrong goes to `problems`.
pub(crate) fn build(values: &Values, rules: Rules, problems: &mut Vec<Problem>) -> Override {
    let verdict = values.text("verdict").and_then(Verdict::from_name);
    let when = values.table("when").map_or(When::ANY, when);
    for key in ["name", "verdict", "when"] {
        if values.lacks(key) {
            problems.push(Problem::new(values.line, format!("{} needs {key}", values.at)));
        }
    }
    // What follows is about conditions that were read whole.
    if let Some(verdict) = verdict.filter(|_| !values.is_faulty("when")) {
        check(values, verdict, &when, problems);
    }
    if rules == Rules::BuiltIn && !values.has("source") && !values.has("unsure") {
        let what = format!("{} does not say where it is known from", values.at);
        problems.push(
            Problem::new(values.line, what).advise("give its source, or say with unsure why it is not sure"),
        );
    }
    let verdict = verdict.unwrap_or(Verdict::Transient);
    Override {
        name: values.owned("name").unwrap_or_default(),
        when,
        verdict,
        may_have_rotated: values
            .flag("may_have_rotated")
            .unwrap_or(verdict == Verdict::ProtocolErrorTransient),
        retry_after: values.span("retry_after"),
        message: values.owned("message").unwrap_or_default(),
        source: values.owned("source"),
    }
}

fn when(values: &Values) -> When {
    When {
        status: values.statuses("status").to_vec().into(),
        code: values.list("code"),
        words: values.list("words"),
        members: Cow::Owned(values.members("members").to_vec()),
        page: values.list("page"),
    }
}

/// A login is given up only for what the server itself says of the grant: a status alone is also what a firewall in
/// front of it sends.
fn check(values: &Values, verdict: Verdict, when: &When, problems: &mut Vec<Problem>) {
    let line = values.line_of("when");
    let said =
        !(when.code.is_empty() && when.words.is_empty() && when.members.is_empty() && when.page.is_empty());
    if when == &When::ANY && values.has("when") {
        let what = format!("{} has no condition and would decide on every answer", values.path_of("when"));
        problems
            .push(Problem::new(line, what).advise("give at least one of status, code, words, page, members"));
    } else if verdict == Verdict::PermanentGrant && !said && values.has("when") {
        let what = format!("{} would give up the login for its status alone", values.at);
        problems.push(
            Problem::new(line, what).advise("a firewall sends the same: add code, words, members or page"),
        );
    }
    if matches!(verdict, Verdict::PermanentGrant | Verdict::RetryImmediately) && values.has("retry_after") {
        let what = format!("{} means nothing with {}", values.path_of("retry_after"), verdict.name());
        problems.push(Problem::new(values.line_of("retry_after"), what).advise("leave it out"));
    }
    if verdict == Verdict::PermanentGrant && values.flag("may_have_rotated") == Some(true) {
        let what = format!("{}: a grant that is refused was not rotated", values.path_of("may_have_rotated"));
        problems.push(Problem::new(values.line_of("may_have_rotated"), what).advise("leave it out"));
    }
}
