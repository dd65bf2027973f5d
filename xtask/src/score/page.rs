//! How a score is shown: on a terminal, and in `docs/answers.md`.

use std::fmt::Write as _;

use super::tally::{Row, Score, Tally, ThreeWay, Wrong};

/// Between these lines the page is made; around them it is written by hand.
const BEGINS: &str = "<!-- The score begins: `cargo xtask score --page` writes it. -->";
const ENDS: &str = "<!-- The score ends. -->";
const RULES_BEGIN: &str = "<!-- The rules begin: `cargo xtask score --page` writes them. -->";
const RULES_END: &str = "<!-- The rules end. -->";

/// How each way of reading is called where three things are told apart.
const READERS: [&str; 3] = ["ToolHive's rule", "renewd, no profile", "renewd, with profiles"];

/// For a terminal.
pub(crate) fn terminal(score: &Score) -> String {
    let mut out = format!(
        "{:<26} {:<17} {:<17} {:<17}\n",
        "class", "need no profile", "all, no profile", "all, with profile"
    );
    for (class, Row { needless, without, with }) in score.rows() {
        let cells = [needless, without, with].map(aligned);
        let _ = writeln!(out, "{class:<26} {:<17} {:<17} {:<17}", cells[0], cells[1], cells[2]);
    }
    if score.three_way[0].right.all > 0 {
        let _ = writeln!(
            out,
            "\n{:<26} {:<17} {:<9} {:<7} thrown away",
            "success/permanent/passing", "right", "given up", "hidden"
        );
        for (name, ThreeWay { right, given_up, hidden, thrown_away }) in READERS.iter().zip(score.three_way) {
            let _ =
                writeln!(out, "{name:<26} {:<17} {given_up:<9} {hidden:<7} {thrown_away}", aligned(right));
        }
    }
    if !score.unknown_slugs.is_empty() {
        let _ = writeln!(
            out,
            "\nread without a profile, as none is called so: {}",
            score.unknown_slugs.join(", ")
        );
    }
    for (at, wrong) in score.wrong.iter().enumerate() {
        let _ = writeln!(out, "{}{}", if at == 0 { "\n" } else { "" }, line(wrong));
    }
    for id in &score.doubted_otherwise {
        let _ = writeln!(out, "not counted: whether the refresh token was rotated is seen otherwise in {id}");
    }
    out
}

fn aligned(tally: Tally) -> String {
    match tally.all {
        0 => String::from("-"),
        all => format!("{:>3}/{all:<3} {:.3}", tally.right, tally.share()),
    }
}

fn line(wrong: &Wrong) -> String {
    let (mark, differences) = if wrong.with.is_empty() {
        ("wrong without its profile", &wrong.without)
    } else if wrong.needs_profile {
        ("wrong (needs a profile)", &wrong.with)
    } else {
        ("wrong", &wrong.with)
    };
    let why = wrong.otherwise.iter().map(|why| format!(" [on purpose: {why}]"));
    let situation =
        Some(&wrong.situation).filter(|words| !words.is_empty()).map(|words| format!(" ({words})"));
    format!(
        "{mark} {}{}: {}{}",
        wrong.id,
        situation.unwrap_or_default(),
        differences.join("; "),
        why.collect::<String>()
    )
}

/// The page with the parts between the marks made anew; none where they are not there.
pub(crate) fn renewed(page: &str, score: &Score, held_out: &Score) -> Option<String> {
    let page = between(page, RULES_BEGIN, RULES_END, &rules())?;
    between(&page, BEGINS, ENDS, &(markdown(score) + &today(held_out)))
}

fn between(page: &str, begins: &str, ends: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(begins)?;
    let (_, after) = rest.split_once(ends)?;
    Some(format!("{before}{begins}\n\n{text}\n{ends}{after}"))
}

/// Every general rule.
fn rules() -> String {
    let mut out = String::from("| rule | verdict | may have rotated | in words |\n|---|---|---|---|\n");
    for rule in renewd_core::rules() {
        let doubt = if rule.may_have_rotated { "yes" } else { "" };
        let _ = writeln!(out, "| `{}` | `{}` | {doubt} | {} |", rule.name, rule.verdict.name(), rule.words);
    }
    out
}

fn markdown(score: &Score) -> String {
    let mut out = String::from(
        "| what is right | that need no profile, without one | all, without profiles | all, each with its profile |\n\
         |---|---|---|---|\n",
    );
    for (class, Row { needless, without, with }) in score.rows() {
        let class = if class == "total" { String::from("**in all**") } else { format!("`{class}`") };
        let [a, b, c] = [needless, without, with].map(cell);
        let _ = writeln!(out, "| {class} | {a} | {b} | {c} |");
    }
    out += "\nWith only three things told apart:\n\n\
        | | right | given up for nothing | tried for ever | good answers not taken |\n|---|---|---|---|---|\n";
    for (name, ThreeWay { right, given_up, hidden, thrown_away }) in READERS.iter().zip(score.three_way) {
        let _ = writeln!(out, "| {name} | {} | {given_up} | {hidden} | {thrown_away} |", cell(right));
    }
    out += "\nRead wrongly with profiles:\n\n";
    out += &differences(score);
    out
}

/// One row for the answers that are held out of the corpus, and what is still read otherwise.
fn today(held_out: &Score) -> String {
    let Row { needless, without, with } = held_out.total();
    let mut out = format!(
        "\nThe held-out answers today:\n\n\
         | that need no profile, without one | all, without profiles | all, each with its profile |\n|---|---|---|\n\
         | {} | {} | {} |\n\nStill read otherwise with profiles:\n\n",
        cell(needless),
        cell(without),
        cell(with)
    );
    out += &differences(held_out);
    out
}

/// What is read wrongly with profiles, a line each.
fn differences(score: &Score) -> String {
    let mut out = String::new();
    for wrong in score.wrong.iter().filter(|wrong| !wrong.with.is_empty()) {
        let why = wrong.otherwise.iter().map(|why| format!(". On purpose: {why}"));
        let _ = writeln!(out, "- `{}`: {}{}", wrong.id, wrong.with.join("; "), why.collect::<String>());
    }
    out
}

fn cell(tally: Tally) -> String {
    match tally.all {
        0 => String::from("–"),
        all => format!("{} of {all} ({:.3})", tally.right, tally.share()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::from_json;
    use super::*;

    fn score() -> Score {
        Score::of(
            &from_json(
                r#"[{"id":"d","status":200,"headers":{},"body":"{}","classification":"success","needs_profile":true,
                     "toolhive":"success","provider_slug":"nobody"},
                    {"id":"e","status":503,"headers":{},"body":"","classification":"transient"}]"#,
            )
            .unwrap(),
        )
    }

    #[test]
    fn a_terminal_shows_classes_totals_and_what_is_wrong() {
        let text = terminal(&score());
        let total = text.lines().find(|line| line.starts_with("total")).unwrap();
        assert_eq!(
            total.split_whitespace().collect::<Vec<_>>(),
            ["total", "1/1", "1.000", "1/2", "0.500", "1/2", "0.500"]
        );
        assert!(text.contains("none is called so: nobody"));
        assert!(text.contains("wrong (needs a profile) d: verdict should be success"));
    }

    #[test]
    fn the_page_changes_between_its_marks_alone() {
        let page = format!("before\n{RULES_BEGIN}\nstale\n{RULES_END}\n{BEGINS}\nstale\n{ENDS}\nafter\n");
        let new = renewed(&page, &score(), &score()).unwrap();
        assert!(new.starts_with("before\n") && new.ends_with("\nafter\n") && !new.contains("stale"));
        assert!(new.contains("| `redirect` | `protocol_error_transient` |  | the server redirects"));
        assert!(new.contains("| **in all** | 1 of 1 (1.000) | 1 of 2 (0.500) | 1 of 2 (0.500) |"));
        assert_eq!(renewed(&new, &score(), &score()).as_deref(), Some(new.as_str()));
        assert!(renewed("no marks", &score(), &score()).is_none());
    }
}
