//! Counting: how often each way of reading is right, by class and in all.

use std::collections::BTreeMap;

use renewd_core::{Grant, Judgement, Profile, RequestContext, Secret, Verdict, Wall, judge};
use serde_json::Value;

use super::entry::Entry;

/// What stands for the refresh token that was sent.
const SENT_REFRESH_TOKEN: &str = "<RT_OLD>";

/// When answers were made that carry no `Date`: 2026-01-09T01:17:40Z, the moment of those that do.
const ANSWERED_AT: Wall = Wall::from_unix_millis(1_767_921_460_000);

/// How far a wait may be off.
const WAIT_TOLERANCE_S: f64 = 1.0;

/// Right and all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) right: u32,
    pub(crate) all: u32,
}

impl Tally {
    fn add(&mut self, right: bool) {
        self.right += u32::from(right);
        self.all += 1;
    }

    /// The part that is right; 1 of nothing.
    pub(crate) fn share(self) -> f64 {
        if self.all == 0 { 1.0 } else { f64::from(self.right) / f64::from(self.all) }
    }
}

/// The three things that ToolHive tells apart, to which every verdict of ours can be brought down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coarse {
    /// There is a token.
    Success,
    /// Somebody must act: `permanent_grant`, `permanent_client`.
    Permanent,
    /// It is tried again: all others.
    Transient,
}

impl Coarse {
    const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Success => Self::Success,
            Verdict::PermanentGrant | Verdict::PermanentClient => Self::Permanent,
            Verdict::Transient
            | Verdict::RateLimited
            | Verdict::ProtocolErrorTransient
            | Verdict::RetryImmediately => Self::Transient,
        }
    }

    fn from_toolhive(name: &str) -> Self {
        match name {
            "success" => Self::Success,
            "permanent" => Self::Permanent,
            _ => Self::Transient,
        }
    }
}

/// How one way of reading does when only three things are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreeWay {
    pub(crate) right: Tally,
    /// Called permanent although it is not: a login lost, or an operator called, for nothing.
    pub(crate) given_up: u32,
    /// Called passing although somebody must act: tried for ever.
    pub(crate) hidden: u32,
    /// A good answer that was not taken: a refresh token may be lost with it.
    pub(crate) thrown_away: u32,
}

impl ThreeWay {
    fn add(&mut self, wanted: Coarse, got: Coarse) {
        self.right.add(wanted == got);
        self.given_up += u32::from(got == Coarse::Permanent && wanted != Coarse::Permanent);
        self.hidden += u32::from(got != Coarse::Permanent && wanted == Coarse::Permanent);
        self.thrown_away += u32::from(got != Coarse::Success && wanted == Coarse::Success);
    }
}

/// The tallies of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    /// Entries that need no profile, read without one.
    pub(crate) needless: Tally,
    /// All entries, read without a profile.
    pub(crate) without: Tally,
    /// All entries, each read with the profile of its provider.
    pub(crate) with: Tally,
}

/// An entry that is read wrongly, and why.
pub(crate) struct Wrong {
    pub(crate) id: String,
    pub(crate) situation: String,
    pub(crate) needs_profile: bool,
    /// Why it is so on purpose.
    pub(crate) otherwise: Option<String>,
    /// What is different without a profile; empty when nothing is.
    pub(crate) without: Vec<String>,
    /// What is different with the profile of its provider.
    pub(crate) with: Vec<String>,
}

/// The whole result.
#[derive(Default)]
pub(crate) struct Score {
    classes: BTreeMap<&'static str, Row>,
    pub(crate) wrong: Vec<Wrong>,
    /// ToolHive's rule, renewd without and with profiles; over the entries that say what ToolHive would.
    pub(crate) three_way: [ThreeWay; 3],
    /// Providers of entries that no profile is built in for.
    pub(crate) unknown_slugs: Vec<String>,
    /// Entries where the judgement sees a doubt about the rotation and the entry none, or the other way round.
    pub(crate) doubted_otherwise: Vec<String>,
}

impl Score {
    /// Judges every entry twice.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let generic = Profile::generic();
        let mut score = Self::default();
        for entry in entries {
            let profile = Profile::by_name(&entry.slug).unwrap_or(&generic);
            if *profile == generic
                && stands_for_a_provider(&entry.slug)
                && !score.unknown_slugs.contains(&entry.slug)
            {
                score.unknown_slugs.push(entry.slug.clone());
            }
            score.add(entry, &judged(entry, &generic), &judged(entry, profile));
        }
        score
    }

    fn add(&mut self, entry: &Entry, without: &Judgement, with: &Judgement) {
        let (without_differs, with_differs) = (differences(entry, without), differences(entry, with));
        let row = self.classes.entry(entry.verdict.name()).or_default();
        row.without.add(without_differs.is_empty());
        row.with.add(with_differs.is_empty());
        if !entry.needs_profile {
            row.needless.add(without_differs.is_empty());
        }
        if entry.rotation_uncertain.is_some_and(|wanted| wanted != with.may_have_rotated) {
            self.doubted_otherwise.push(entry.id.clone());
        }
        if let Some(toolhive) = entry.toolhive.as_deref() {
            let got =
                [Coarse::from_toolhive(toolhive), Coarse::of(without.verdict), Coarse::of(with.verdict)];
            for (tally, got) in self.three_way.iter_mut().zip(got) {
                tally.add(Coarse::of(entry.verdict), got);
            }
        }
        if !without_differs.is_empty() || !with_differs.is_empty() {
            self.wrong.push(Wrong {
                id: entry.id.clone(),
                situation: entry.situation.clone(),
                needs_profile: entry.needs_profile,
                otherwise: entry.otherwise.clone(),
                without: without_differs,
                with: with_differs,
            });
        }
    }

    /// Each class by its name, and last the sum of them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, Row)> {
        self.classes.iter().map(|(name, row)| (*name, *row)).chain([("total", self.total())])
    }

    /// Over all classes.
    pub(crate) fn total(&self) -> Row {
        let sum = |a: Tally, b: Tally| Tally { right: a.right + b.right, all: a.all + b.all };
        self.classes.values().fold(Row::default(), |a, b| Row {
            needless: sum(a.needless, b.needless),
            without: sum(a.without, b.without),
            with: sum(a.with, b.with),
        })
    }
}

/// A slug that no profile is expected for: no provider stands behind it.
fn stands_for_a_provider(slug: &str) -> bool {
    !matches!(slug, "" | "generic" | "transport") && !slug.starts_with("intermediary")
}

/// The judgement on an entry.
fn judged(entry: &Entry, profile: &Profile) -> Judgement {
    let sent = Secret::from(SENT_REFRESH_TOKEN);
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: None,
        sent: &[],
        now: ANSWERED_AT,
        profile,
    };
    judge(&entry.answer, &context)
}

/// What a judgement has different from what is right; nothing when it is right. A value given as null means "none".
fn differences(entry: &Entry, judgement: &Judgement) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, wanted: String, got: String| {
        if wanted != got {
            differences.push(format!("{what} should be {wanted}, is {got}"));
        }
    };
    compare("verdict", String::from(entry.verdict.name()), String::from(judgement.verdict.name()));
    for (name, value) in &entry.expect {
        compare(name, value.to_string(), expected(name, judgement).to_string());
    }
    if let Some(wait) = entry.retry_after_s {
        let got = judgement.retry_after.map(|span| span.as_millis() as f64 / 1000.0);
        if !got.is_some_and(|got| (got - wait).abs() <= WAIT_TOLERANCE_S) {
            compare("retry_after_s", wait.to_string(), format!("{got:?}"));
        }
    }
    if !differences.is_empty() {
        differences.push(format!("{} by rule {}", judgement.verdict.name(), judgement.evidence.rule));
    }
    differences
}

/// What a judgement has to say to a name in `expect`.
fn expected(name: &str, judgement: &Judgement) -> Value {
    let grant = judgement.grant.as_ref();
    match name {
        "expires_in" => grant.and_then(Grant::lifetime).map(|span| span.as_secs()).into(),
        "rotated" => judgement.refresh_token.is_some().into(),
        "token_type" => grant.filter(|g| g.token_type_given).map(|g| g.token_type.as_str()).into(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::from_json;
    use super::*;

    const ENTRIES: &str = r#"[
        {"id":"a","status":200,"headers":{},"body":"{\"access_token\":\"x\",\"expires_in\":0}",
         "classification":"success","expect":{"expires_in":null,"rotated":false,"token_type":null},
         "toolhive":"transient"},
        {"id":"b","status":429,"headers":{"Retry-After":"64.57"},"body":"",
         "classification":"rate_limited","retry_after_s":65,"toolhive":"permanent"},
        {"id":"c","transport":"body_read_error","classification":"protocol_error_transient"},
        {"id":"d","status":200,"headers":{},"body_b64":"e30=","classification":"success","needs_profile":true},
        {"id":"e","status":400,"headers":{},"body":"{\"error\":\"invalid_client\"}",
         "classification":"permanent_client","toolhive":"transient"}
    ]"#;

    #[test]
    fn entries_are_counted_by_class_and_the_wrong_ones_are_named() {
        let score = Score::of(&from_json(ENTRIES).unwrap());
        let total = score.total();
        assert_eq!(total.needless, Tally { right: 4, all: 4 });
        assert_eq!(total.without, Tally { right: 4, all: 5 });
        assert_eq!(total.with, total.without);
        let [wrong] = score.wrong.as_slice() else { panic!("one is wrong") };
        assert_eq!((wrong.id.as_str(), wrong.needs_profile), ("d", true));
        assert_eq!(wrong.with[0], "verdict should be success, is protocol_error_transient");
        assert_eq!(score.rows().last().unwrap().0, "total");
    }

    #[test]
    fn three_things_are_told_apart_for_a_rule_that_knows_three() {
        let [toolhive, without, with] = Score::of(&from_json(ENTRIES).unwrap()).three_way;
        assert_eq!(
            toolhive,
            ThreeWay { right: Tally { right: 0, all: 3 }, given_up: 1, hidden: 1, thrown_away: 1 }
        );
        assert_eq!(without, ThreeWay { right: Tally { right: 3, all: 3 }, ..ThreeWay::default() });
        assert_eq!(with, without);
    }
}
