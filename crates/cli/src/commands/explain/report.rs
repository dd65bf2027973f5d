//! The explanation as people read it.

use renewd_core::{Grant, Judgement, Override, RuleFacts, Secret, Verdict, redacted_line};

use super::meaning::Meaning;
use super::next::Next;
use crate::output::Painter;
use crate::output::evidence::answer;
use crate::output::time::brief;

/// The width of a terminal that nobody widened.
const COLUMNS: usize = 80;

/// Where the right column begins.
const INDENT: usize = 13;

/// The longest types of tokens in use are a tenth of it.
pub(super) const TOKEN_TYPE_MAX_BYTES: usize = 64;

/// Everything that is said of an answer.
pub(super) struct Report<'a> {
    pub(super) judgement: &'a Judgement,
    /// The judged secrets: nothing that is shown repeats them.
    pub(super) secrets: &'a [&'a Secret],
    /// Which profile counted, and why.
    pub(super) profile: String,
    pub(super) meaning: &'a Meaning,
    pub(super) next: &'a Next,
    /// What is worth telling of the input.
    pub(super) notes: &'a [String],
}

/// The kind of token that was granted, fit to be shown.
pub(super) fn token_type(grant: &Grant, secrets: &[&Secret]) -> String {
    redacted_line(&grant.token_type, secrets, TOKEN_TYPE_MAX_BYTES)
}

impl Report<'_> {
    pub(super) fn text(&self, paint: Painter) -> String {
        let (judgement, evidence) = (self.judgement, &self.judgement.evidence);
        let mut rows = Rows { paint, out: String::new() };
        rows.out.push_str(&headline(judgement.verdict, paint));
        rows.row("rule", &format!("{}: {}", evidence.rule, self.meaning.why));
        let status = evidence.http_status;
        let seen = answer(status, evidence.oauth_error.as_deref(), evidence.content_type.as_deref());
        rows.row("answer", seen.as_deref().unwrap_or("none came"));
        if let Some(message) = &evidence.message {
            rows.row("says", message);
        }
        if let Some(wait) = judgement.retry_after.filter(|wait| !wait.is_zero()) {
            rows.row("retry after", &brief(wait));
        }
        if let Some(grant) = &judgement.grant {
            let lifetime = grant.lifetime().map_or("not given".into(), |s| format!("in {}", brief(s)));
            rows.row("expires", &lifetime);
            let given = if grant.token_type_given { "" } else { " (not given)" };
            rows.row("token type", &format!("{}{given}", token_type(grant, self.secrets)));
        }
        if let Some(rotated) = rotation(judgement) {
            rows.row("rotated", rotated);
        }
        rows.row("profile", &self.profile);
        rows.row("renewd", &self.next.what);
        rows.row("next", &self.next.when);
        rows.row("you", &self.meaning.you);
        for note in self.notes {
            rows.row("note", note);
        }
        rows.out
    }
}

/// A rule alone, without an answer.
pub(super) fn rule(facts: &RuleFacts, meaning: &Meaning, paint: Painter) -> String {
    let mut rows = Rows { paint, out: headline(facts.verdict, paint) };
    rows.row("rule", &format!("{}: {}", facts.name, meaning.why));
    rows.row("in short", facts.words);
    if facts.may_have_rotated {
        rows.row("rotated", PERHAPS);
    }
    rows.row("you", &meaning.you);
    rows.out
}

/// An override of a profile, without an answer.
pub(super) fn of_override(name: &str, over: &Override, meaning: &Meaning, paint: Painter) -> String {
    let mut rows = Rows { paint, out: headline(over.verdict, paint) };
    rows.row("rule", &format!("{name}: {}", meaning.why));
    if over.may_have_rotated {
        rows.row("rotated", PERHAPS);
    }
    rows.row("you", &meaning.you);
    rows.out
}

const PERHAPS: &str = "perhaps: the refresh token that was sent may be spent";

const fn rotation(judgement: &Judgement) -> Option<&'static str> {
    match (judgement.verdict, judgement.refresh_token.is_some()) {
        (_, true) => Some("yes: a new refresh token came"),
        (Verdict::Success, false) => Some("no: the refresh token stays as it was"),
        (_, false) if judgement.may_have_rotated => Some(PERHAPS),
        (_, false) => None,
    }
}

/// The verdict, with a sign and in words.
pub(super) fn headline(verdict: Verdict, paint: Painter) -> String {
    let name = verdict.name();
    let (sign, words) = match verdict {
        Verdict::Success => ("\u{25cf}", "the refresh worked"),
        Verdict::Transient => ("\u{25d0}", "it passes; the login stands"),
        Verdict::RateLimited => ("\u{25d0}", "asked too often; the login stands"),
        Verdict::ProtocolErrorTransient => ("\u{25d0}", "in doubt; the login stands"),
        Verdict::RetryImmediately => ("\u{25d0}", "the same once more; the login stands"),
        Verdict::PermanentGrant => ("\u{2717}", "the login is over"),
        Verdict::PermanentClient => ("\u{2717}", "the client is refused; the login stands"),
    };
    let head = format!("{sign} {name}");
    let painted = match verdict {
        Verdict::Success => paint.green(head),
        Verdict::PermanentGrant | Verdict::PermanentClient => paint.red(head),
        Verdict::Transient
        | Verdict::RateLimited
        | Verdict::ProtocolErrorTransient
        | Verdict::RetryImmediately => paint.yellow(head),
    };
    format!("{painted}: {words}\n")
}

/// Two columns; the right one is wrapped.
struct Rows {
    paint: Painter,
    out: String,
}

impl Rows {
    fn row(&mut self, key: &str, value: &str) {
        let mut label = self.paint.dim(format!("{key:<width$}", width = INDENT - 1));
        for line in wrapped(value, COLUMNS - INDENT) {
            self.out.push_str(&format!("{label} {line}\n"));
            label = " ".repeat(INDENT - 1);
        }
    }
}

/// Lines of at most so many characters, broken at blanks; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut();
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        assert_eq!(wrapped("ab cd ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrapped("a longword b", 4), ["a", "longword", "b"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
