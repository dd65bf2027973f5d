//! What can happen to several processes, drawn at random and shrunk: the plain course of things comes first in each
//! choice, so that a shrunk failure shows only what it needs.

use proptest::prelude::*;
use renewd_core::Span;

use super::network::Fate;
use crate::host::{mins, secs};

/// One thing that happens. Numbers name processes.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Time passes, and everybody does what becomes due.
    Pass(Span),
    /// What becomes of the next request that is not yet spoken for.
    NextRequest(Fate),
    /// What becomes of all that are not.
    Network(Fate),
    Refresh(usize),
    /// Somebody asks for a refresh thirty times in a minute.
    Impatience(usize),
    Demand(usize),
    Reject(usize),
    /// It is told that the record was written.
    Tell(usize),
    Crash(usize),
    Start(usize),
    Shutdown(usize),
    /// SIGSTOP.
    Pause(usize),
    /// SIGCONT.
    Continue(usize),
    /// The whole machine sleeps.
    Suspend(Span),
    Reboot,
    /// From now on it goes one step at a time, or as fast as it can.
    Slow(usize, bool),
    /// A slow process takes its next input, or its next store command is carried out.
    Step(usize),
    LogIn,
    LogOut,
    WritesFail(bool),
    ReadsFail(bool),
    /// The next write lands and is reported as failed.
    Lie,
    StepWall(i64),
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => (100u64..31_000).prop_map(Fate::Answered),
        4 => Just(Fate::AnswerLost),
        2 => Just(Fate::RequestLost),
        3 => (1_000u64..70_000).prop_map(Fate::RequestLate),
        2 => Just(Fate::BrokenAfter),
        1 => Just(Fate::Broken),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Html(403)),
        1 => Just(Fate::Html(200)),
    ]
}

/// Three processes are named; with fewer the greater numbers mean the first again.
fn process() -> impl Strategy<Value = usize> {
    0usize..3
}

pub(crate) fn actions() -> impl Strategy<Value = Vec<Action>> {
    let spans = prop_oneof![
        4 => (1u64..2_000).prop_map(Span::from_millis),
        4 => (1u64..60).prop_map(secs),
        2 => (1u64..14).prop_map(mins),
    ];
    let action = prop_oneof![
        16 => spans.clone().prop_map(Action::Pass),
        10 => fates().prop_map(Action::NextRequest),
        2 => Just(Action::Network(Fate::Answered(200))),
        2 => fates().prop_map(Action::Network),
        8 => process().prop_map(Action::Refresh),
        1 => process().prop_map(Action::Impatience),
        3 => process().prop_map(Action::Demand),
        2 => process().prop_map(Action::Reject),
        3 => process().prop_map(Action::Tell),
        4 => process().prop_map(Action::Crash),
        5 => process().prop_map(Action::Start),
        1 => process().prop_map(Action::Shutdown),
        3 => process().prop_map(Action::Pause),
        4 => process().prop_map(Action::Continue),
        1 => spans.prop_map(Action::Suspend),
        1 => Just(Action::Reboot),
        5 => (process(), any::<bool>()).prop_map(|(p, slow)| Action::Slow(p, slow)),
        16 => process().prop_map(Action::Step),
        2 => Just(Action::LogIn),
        1 => Just(Action::LogOut),
        2 => any::<bool>().prop_map(Action::WritesFail),
        1 => any::<bool>().prop_map(Action::ReadsFail),
        1 => Just(Action::Lie),
        1 => (-7_200_000i64..7_200_000).prop_map(Action::StepWall),
    ];
    prop::collection::vec(action, 1..80)
}
