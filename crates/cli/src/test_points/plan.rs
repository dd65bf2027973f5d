//! What shall happen where: `POINT[#N[+]]=ACTION`, separated by commas.

use super::names::{POINTS, is_step};

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// SIGKILL to ourselves.
    Kill,
    /// SIGSTOP to ourselves.
    Stop,
    /// A bug: a panic, with everything in its message that is at hand there, tokens too.
    Panic,
    /// The step fails with this error number.
    Fail(i32),
}

/// Actions, as [`Action::parse`] knows them.
const ACTIONS: &str = "kill, stop, hang (the same), panic, fail:ENOSPC, fail:EIO, fail:EROFS";

impl Action {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "kill" => Self::Kill,
            "stop" | "hang" => Self::Stop,
            "panic" => Self::Panic,
            "fail:ENOSPC" => Self::Fail(libc::ENOSPC),
            "fail:EIO" => Self::Fail(libc::EIO),
            "fail:EROFS" => Self::Fail(libc::EROFS),
            _ => return None,
        })
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    point: String,
    /// At which passing, counted from one.
    n: u64,
    /// At every later one too.
    onwards: bool,
    action: Action,
}

/// The rules; empty where a log alone is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan(Vec<Rule>);

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// What is wrong with it, and what is known.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(rule)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What happens at the `n`-th passing of a point.
    pub(super) fn action(&self, point: &str, n: u64) -> Option<Action> {
        let due = |rule: &&Rule| rule.point == point && (rule.n == n || rule.onwards && rule.n < n);
        self.0.iter().find(due).map(|rule| rule.action)
    }
}

fn rule(text: &str) -> Result<Rule, String> {
    let (place, action) =
        text.split_once('=').ok_or_else(|| format!("{text:?} is not POINT[#N[+]]=ACTION"))?;
    let (point, number) = place.split_once('#').unwrap_or((place, "1"));
    if !POINTS.contains(&point) {
        return Err(format!("no point is called {point:?}; known: {}", POINTS.join(", ")));
    }
    let (number, onwards) = match number.strip_suffix('+') {
        Some(number) => (number, true),
        None => (number, false),
    };
    let n = number.parse().ok().filter(|n| *n > 0);
    let n = n.ok_or_else(|| format!("{place:?}: the passing is a number from 1"))?;
    let action =
        Action::parse(action).ok_or_else(|| format!("no action is called {action:?}; known: {ACTIONS}"))?;
    if matches!(action, Action::Fail(_)) && !is_step(point) {
        return Err(format!("{point:?} is no step of writing a file: it cannot fail"));
    }
    Ok(Rule { point: point.to_owned(), n, onwards, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_acts_at_the_passing_it_names_and_onwards_where_it_says_so() {
        let plan = Plan::parse("claim.taken=kill, commit.write#2+=fail:EIO,send.after#3=hang").unwrap();
        assert_eq!(plan.action("claim.taken", 1), Some(Action::Kill));
        assert_eq!(plan.action("claim.taken", 2), None);
        let write = |n| plan.action("commit.write", n);
        assert_eq!(
            (write(1), write(2), write(9)),
            (None, Some(Action::Fail(libc::EIO)), Some(Action::Fail(libc::EIO)))
        );
        assert_eq!(plan.action("send.after", 3), Some(Action::Stop));
        assert_eq!(Plan::parse(" ").unwrap(), Plan::default());
    }

    #[test]
    fn every_point_can_be_asked_for_and_what_is_wrong_is_told() {
        for point in POINTS {
            assert!(Plan::parse(&format!("{point}=kill")).is_ok(), "{point}");
        }
        for (text, told) in [
            ("nowhere=kill", "commit.mark-file.sync-dir"),
            ("send.after=explode", "fail:ENOSPC"),
            ("send.after=fail:EIO", "no step"),
            ("send.after#0=kill", "from 1"),
            ("send.after#x=kill", "from 1"),
            ("send.after", "POINT[#N[+]]=ACTION"),
        ] {
            let why = Plan::parse(text).unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
    }
}
