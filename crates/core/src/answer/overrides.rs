//! Answers that mean something else at one provider: the overrides of its profile.
//!
//! Conditions on members are checked by the [`Watch`] while the scan runs, conditions on a page before it: the scan
//! moves bytes. What is left is decided here, first among the rules for a response.

use alloc::borrow::Cow;
use alloc::format;

use super::body::Format;
use super::challenge;
use super::code::{Code, same};
use super::evidence::says;
use super::plain::plain_line;
use super::rules::{Reading, Rule};
use super::watch::{OVERRIDES_MAX, Watch};
use crate::profile::{Override, Profile, Text, When};
use crate::verdict::Verdict;

/// So much of a body is searched for the words of a page.
const PAGE_MAX_BYTES: usize = 4096;

/// The longest rule name that evidence carries: journals and logs hold it with every failure.
const NAME_MAX_BYTES: usize = 128;

/// As long as a server's own words may be.
const MESSAGE_MAX_BYTES: usize = 200;

/// Overrides of a profile, by number, one bit each.
#[derive(Clone, Copy, Default)]
pub(super) struct Set(u64);

impl Set {
    fn of(profile: &Profile, holds: impl Fn(usize, &When) -> bool) -> Self {
        let each = profile.overrides.iter().enumerate().take(OVERRIDES_MAX);
        Self(each.filter(|(at, over)| holds(*at, &over.when)).fold(0, |bits, (at, _)| bits | 1 << at))
    }

    const fn has(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }
}

/// The overrides whose words stand on the page, or that name none. Before the scan.
pub(super) fn by_page(profile: &Profile, text: &[u8]) -> Set {
    let head = &text[..text.len().min(PAGE_MAX_BYTES)];
    let contains = |wanted: &Text| {
        let wanted = wanted.as_bytes();
        !wanted.is_empty() && head.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
    };
    Set::of(profile, |_, when| when.page.is_empty() || when.page.iter().any(contains))
}

/// The overrides whose conditions on members hold too, or that set none. After the scan.
pub(super) fn by_members(profile: &Profile, watch: &Watch<'_>, pages: Set) -> Set {
    Set::of(profile, |at, when| pages.has(at) && watch.holds(at, when.members.len()))
}

/// The first override that fits, as a rule.
pub(super) fn decide(reading: &Reading<'_>, profile: &Profile) -> Option<Rule> {
    let mut each = profile.overrides.iter().enumerate().take(OVERRIDES_MAX);
    each.find(|(at, over)| reading.body.overrides.has(*at) && fits(over, reading))
        .map(|(_, over)| rule(profile, over))
}

fn fits(over: &Override, reading: &Reading<'_>) -> bool {
    let When { status, code, words, members, page } = &over.when;
    let given =
        !(status.is_empty() && code.is_empty() && words.is_empty() && members.is_empty() && page.is_empty());
    let in_range = || status.iter().any(|range| (range.from..=range.to).contains(&reading.response.status));
    // A success needs a token, which no profile can promise.
    given
        && over.verdict != Verdict::Success
        && (status.is_empty() || in_range())
        && (code.is_empty() || is_code(code, reading))
        && (words.is_empty() || is_said(words, reading))
}

/// The code that was found, or what stands in any of its places: a reason phrase is no code but for a profile.
fn is_code(wanted: &[Text], reading: &Reading<'_>) -> bool {
    let found = reading.code.map(|code| code.name.as_str());
    let written = reading.body.fields.codes().filter_map(|slot| reading.body.str(slot));
    found.into_iter().chain(written).any(|code| wanted.iter().any(|wanted| same(wanted, code)))
}

/// Any of the server's words, a sentence that stands where the code belongs, and without a body what the challenge says.
fn is_said(wanted: &[Text], reading: &Reading<'_>) -> bool {
    let body = reading.body;
    let contains = |said: &str| wanted.iter().any(|wanted| !wanted.is_empty() && says(said, &[wanted]));
    let words = body.fields.words().filter_map(|slot| body.text(slot));
    let sentences =
        body.fields.codes().filter_map(|slot| body.text(slot)).filter(|text| Code::from_text(text).is_none());
    let challenge = || challenge::parameter(reading.response, "error_description");
    words.chain(sentences).any(contains)
        || (body.format == Format::Empty && challenge().is_some_and(|said| contains(&said)))
}

fn rule(profile: &Profile, over: &Override) -> Rule {
    let message = plain_line(&over.message, MESSAGE_MAX_BYTES);
    Rule {
        name: Cow::Owned(plain_line(&format!("{}/{}", profile.name, over.name), NAME_MAX_BYTES)),
        verdict: over.verdict,
        may_have_rotated: over.may_have_rotated,
        words: if message.is_empty() {
            Cow::Borrowed("this provider means it so")
        } else {
            Cow::Owned(message)
        },
        wait: over.retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Answer, Judgement, RequestContext, Response, judge};
    use crate::profile::StatusRange;
    use crate::secret::Secret;
    use crate::time::Wall;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    fn over(name: &str, when: When) -> Override {
        Override {
            name: Cow::Owned(name.into()),
            when,
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Cow::Borrowed(""),
            source: None,
        }
    }

    fn judged(overrides: Vec<Override>, status: u16, body: &str) -> Judgement {
        let profile = Profile { overrides: overrides.into(), ..Profile::GENERIC };
        let context = RequestContext {
            sent_refresh_token: None,
            client_secret: None,
            sent: &[],
            now: Wall::from_unix_millis(0),
            profile: &profile,
        };
        let body = Secret::from(body);
        judge(&Answer::Response(Response { status, headers: Vec::new(), body, truncated: false }), &context)
    }

    fn any_status() -> When {
        When { status: vec![StatusRange { from: 100, to: 599 }].into(), ..When::ANY }
    }

    #[test]
    fn a_page_is_searched_in_its_first_4_kib_alone() {
        let on_page = || vec![over("page", When { page: vec![Text::Borrowed("gone")].into(), ..When::ANY })];
        for (before, found) in [(PAGE_MAX_BYTES - 4, true), (PAGE_MAX_BYTES - 3, false), (20_000, false)] {
            let page = "x".repeat(before) + "GONE";
            assert_eq!(judged(on_page(), 400, &page).evidence.rule == "generic/page", found, "{before}");
        }
    }

    #[test]
    fn no_override_without_a_condition_or_with_a_success_decides() {
        let granted = Override { verdict: Verdict::Success, ..over("granted", any_status()) };
        let judgement = judged(vec![granted, over("empty", When::ANY)], 401, "");
        assert_eq!(judgement.evidence.rule, "client-error-without-oauth-code");
        let empty = [
            When { page: vec![Text::Borrowed("")].into(), ..When::ANY },
            When { words: vec![Text::Borrowed("")].into(), ..When::ANY },
        ];
        let judgement = judged(empty.map(|when| over("nothing", when)).into(), 400, "{\"message\":\"x\"}");
        assert_eq!(judgement.evidence.rule, "client-error-without-oauth-code");
    }

    #[test]
    fn what_is_beyond_the_limits_of_a_profile_is_not_looked_at() {
        let never = || over("never", When { code: vec![Text::Borrowed("other")].into(), ..When::ANY });
        let mut overrides: Vec<Override> = (0..OVERRIDES_MAX - 1).map(|_| never()).collect();
        overrides.push(over("last", any_status()));
        assert_eq!(judged(overrides.clone(), 400, "").evidence.rule, "generic/last");
        overrides.insert(0, never());
        assert_eq!(judged(overrides, 400, "").evidence.rule, "client-error-without-oauth-code");
    }

    #[test]
    fn an_overrides_name_and_message_are_bounded_lines() {
        let message = Cow::Owned("m\n\u{202e}".repeat(500));
        let long = Override { message, ..over(&"n\u{1b}[31m".repeat(500), any_status()) };
        let evidence = judged(vec![long], 400, "").evidence;
        assert!(evidence.rule.len() <= NAME_MAX_BYTES && evidence.rule.starts_with("generic/n"));
        let said = evidence.message.unwrap_or_default();
        assert!(said.len() <= MESSAGE_MAX_BYTES && said.starts_with('m'), "{said}");
        for text in [String::from(evidence.rule), said] {
            assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
        }
    }
}
