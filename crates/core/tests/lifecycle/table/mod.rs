//! Every state against every input: the table, its snapshot, and the chart drawn from it.

mod chart;
mod examples;
mod inputs;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use renewd_core::*;

use crate::host::text;
use examples::{Example, examples};
use inputs::{Case, cases, kind};

/// One cell of the table.
pub(crate) struct Row {
    from: Phase,
    example: &'static str,
    case: &'static str,
    kind: &'static str,
    to: Phase,
    commands: Vec<String>,
    /// Why it wants to be woken next, before and after.
    wake: (Option<&'static str>, Option<&'static str>),
}

fn row(example: &Example, case: &Case) -> Row {
    let mut rig = (example.build)();
    let from = rig.host.view().phase;
    let (now, input) = (case.make)(&rig);
    let kind = kind(&input);
    let machine = &mut rig.host.machine;
    let before = machine.poll_timeout().map(|w| w.why);
    machine.handle(now, input);
    let commands = std::iter::from_fn(|| machine.poll_command()).map(|c| text::command(&c)).collect();
    let to = machine.view(now).phase;
    let wake = machine.poll_timeout().map(|w| w.why);
    Row { from, example: example.name, case: case.name, kind, to, commands, wake: (before, wake) }
}

/// The whole table, made once for all tests.
fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let cases = cases();
        examples().iter().flat_map(|example| cases.iter().map(|case| row(example, case))).collect()
    })
}

/// One block per example: what the inputs lead to and which commands they give, inputs that do the same together.
fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    for example in rows.chunk_by(|a, b| (a.from, a.example) == (b.from, b.example)) {
        let first = &example[0];
        let wake = first.wake.0.map(|why| format!(" (wakes to {why})")).unwrap_or_default();
        out += &format!("\n# {}: {}{wake}\n", first.from.name(), first.example);
        let mut effects: Vec<(String, Vec<&str>)> = Vec::new();
        for row in example {
            let effect = effect(row);
            match effects.iter_mut().find(|(known, _)| *known == effect) {
                Some((_, cases)) => cases.push(row.case),
                None => effects.push((effect, vec![row.case])),
            }
        }
        // What changes nothing comes last.
        effects.sort_by_key(|(effect, _)| *effect == effect_of_nothing());
        for (effect, cases) in effects {
            out += &format!("{}\n{effect}", cases.join("; "));
        }
    }
    out
}

fn effect_of_nothing() -> String {
    "    → ·\n".into()
}

fn effect(row: &Row) -> String {
    let to = if row.to == row.from { "·" } else { row.to.name() };
    let wake = match row.wake {
        (before, after) if before == after => String::new(),
        (_, after) => format!(" (wakes to {})", after.unwrap_or("nothing")),
    };
    let commands: String = row.commands.iter().map(|c| format!("    {c}\n")).collect();
    format!("    → {to}{wake}\n{commands}")
}

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    insta::assert_snapshot!("table", table(rows()));
}

#[test]
fn the_table_has_every_state_and_every_input() {
    let rows = rows();
    let states: BTreeSet<Phase> = rows.iter().map(|r| r.from).collect();
    assert_eq!(states.len(), Phase::ALL.len());
    let kinds: BTreeSet<&str> = rows.iter().map(|r| r.kind).collect();
    assert_eq!(kinds.len(), inputs::KINDS);
}

#[test]
fn an_example_is_in_the_state_that_it_shows() {
    for example in examples() {
        assert_eq!((example.build)().host.view().phase, example.phase, "{}", example.name);
    }
}

#[test]
fn what_is_stopped_or_gone_sends_nothing_by_itself() {
    for row in rows().iter().filter(|r| matches!(r.from, Phase::Stopped | Phase::Unauthenticated)) {
        let sends = row.commands.iter().any(|c| c.starts_with("send") || c.starts_with("mark"));
        assert!(!sends, "{} on {}", row.example, row.case);
        let claims = row.commands.iter().any(|c| c == "claim");
        let probe = row.example == examples::CEILING && row.case == "Refresh";
        assert!(!claims || probe, "{} on {}", row.example, row.case);
    }
    for row in rows().iter().filter(|r| r.from == Phase::Stopped) {
        assert_eq!(row.to, Phase::Stopped, "{}", row.case);
    }
}
