//! `docs/states.md`: the chart and the list of transitions, generated from the table.
//!
//! `RENEWD_UPDATE=1 cargo test -p renewd-core --test lifecycle chart` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use renewd_core::Phase;

use super::{Row, rows};

/// The members of the two superstates; a match, so that a new state must be put somewhere.
fn superstate(phase: Phase) -> &'static [&'static str] {
    match phase {
        Phase::Absent | Phase::Unauthenticated | Phase::Stopped => &[],
        Phase::Fresh | Phase::Backoff | Phase::AuthRetrying | Phase::Settling | Phase::Unsaved => {
            &["granted"]
        }
        Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing => {
            &["granted", "refreshing"]
        }
    }
}

fn members(of: &str) -> Vec<Phase> {
    Phase::ALL.into_iter().filter(|p| superstate(*p).contains(&of)).collect()
}

type Edges = BTreeMap<(&'static str, Phase), BTreeSet<&'static str>>;

/// From a state, or a superstate where all its members do the same, to a state: on these inputs.
fn edges(rows: &[Row]) -> Edges {
    let mut by_input: BTreeMap<(&'static str, Phase), BTreeSet<Phase>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.from != r.to) {
        by_input.entry((row.kind, row.to)).or_default().insert(row.from);
    }
    let mut edges = Edges::new();
    for ((kind, to), mut from) in by_input {
        for group in ["granted", "refreshing"] {
            let others: Vec<Phase> = members(group).into_iter().filter(|m| *m != to).collect();
            if others.iter().all(|m| from.contains(m)) {
                edges.entry((group, to)).or_default().insert(kind);
                from.retain(|f| !others.contains(f));
            }
        }
        for phase in from {
            edges.entry((phase.name(), to)).or_default().insert(kind);
        }
    }
    edges
}

fn mermaid(edges: &Edges) -> String {
    let mut out = String::from("stateDiagram-v2\n    [*] --> absent\n    state granted {\n");
    for phase in Phase::ALL {
        if superstate(phase) == ["granted"] {
            out += &format!("        {}\n", phase.name());
        }
    }
    out += "        state refreshing {\n";
    for phase in members("refreshing") {
        out += &format!("            {}\n", phase.name());
    }
    out += "        }\n    }\n";
    for ((from, to), on) in edges {
        out += &format!("    {from} --> {}: {}\n", to.name(), join(on));
    }
    out + "    stopped --> [*]\n"
}

fn join(names: &BTreeSet<&'static str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

/// The first words of the commands that a transition may bring, but for what is only told.
fn commands(rows: &[Row], from: Phase, to: Phase) -> String {
    let told = ["publish", "changed", "report", "advise", "drained,"];
    let all: BTreeSet<&str> = rows
        .iter()
        .filter(|r| r.from == from && r.to == to)
        .flat_map(|r| r.commands.iter().filter_map(|c| c.split(' ').next()))
        .filter(|c| !told.contains(c))
        .collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

fn list(rows: &[Row]) -> String {
    let mut out = String::from("| from | to | on | commands |\n|---|---|---|---|\n");
    let mut on: BTreeMap<(Phase, Phase), BTreeSet<&'static str>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.from != r.to) {
        on.entry((row.from, row.to)).or_default().insert(row.kind);
    }
    for ((from, to), kinds) in &on {
        let commands = commands(rows, *from, *to);
        out += &format!("| {} | {} | {} | {commands} |\n", from.name(), to.name(), join(kinds));
    }
    out
}

fn page(rows: &[Row]) -> String {
    let kinds: BTreeSet<&'static str> = rows.iter().map(|r| r.kind).collect();
    let still: Vec<&str> =
        kinds.iter().copied().filter(|k| rows.iter().all(|r| r.kind != *k || r.from == r.to)).collect();
    format!(
        "\
# The states

Generated from the machine: each of its states was fed every input, in {cases} combinations. What each combination
leads to and which commands it gives stands in the snapshot beside the table test of `renewd-core`; a test fails when this
page is stale. [The life of a credential](lifecycle.md) says what it means for a user, and
[the refresh transaction](refresh-transaction.md) why a refresh has so many steps.

```mermaid
{chart}```

`granted` and `refreshing` are superstates: an arrow that leaves one leaves each of its states. What happens within a state
is not drawn; {still} never leave one.

## Transitions

Commands are those of all variants of the inputs together; what is only told (publications, changes of the status, reports)
is left out.

{list}",
        cases = rows.len(),
        chart = mermaid(&edges(rows)),
        still = still.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(" and "),
        list = list(rows),
    )
}

#[test]
fn the_page_of_states_in_the_book_is_what_the_machine_does() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/states.md");
    let page = page(rows());
    if std::env::var_os("RENEWD_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        stands == page,
        "docs/states.md is stale: RENEWD_UPDATE=1 cargo test -p renewd-core --test lifecycle chart"
    );
}
