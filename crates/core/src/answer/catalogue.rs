//! What every rule decides, for whoever explains answers.

use alloc::borrow::Cow;

use super::rules::{ALL, Rule};
use crate::verdict::Verdict;

/// A rule of the general reading, as it stands in [`Evidence::rule`](crate::Evidence).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleFacts {
    /// Stable, kebab-case.
    pub name: &'static str,
    /// What it decides.
    pub verdict: Verdict,
    /// Whether the server may have rotated the refresh token all the same.
    pub may_have_rotated: bool,
    /// What stands in evidence where the server says nothing itself.
    pub words: &'static str,
}

/// All general rules, in the order of their subjects. A profile's own are its overrides, and are named `PROFILE/NAME`.
pub fn rules() -> impl Iterator<Item = RuleFacts> {
    ALL.iter().map(|rule| facts(rule))
}

fn facts(rule: &'static Rule) -> RuleFacts {
    let built_in = |text: &'static Cow<'static, str>| -> &'static str { text };
    RuleFacts {
        name: built_in(&rule.name),
        verdict: rule.verdict,
        may_have_rotated: rule.may_have_rotated,
        words: built_in(&rule.words),
    }
}
