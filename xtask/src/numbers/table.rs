//! Rows of numbers as a table, and rows put together.

use renewd_testkit::Numbers;

use super::promise;

const HEAD: [&str; 12] = [
    "fault",
    "variant",
    "where",
    "class",
    "proc.",
    "rounds",
    "requests",
    "reuse trips",
    "forced logins (told lost)",
    "expired served",
    "heal",
    "leaks",
];

/// Columns of words stand left, those of numbers right.
const WORDS: usize = 4;

fn cells(row: &Numbers) -> [String; 12] {
    let forced = match row.forced_logins {
        0 => "0".to_owned(),
        logins => format!("{logins} ({})", row.told_lost),
    };
    [
        row.fault.clone(),
        row.variant.clone(),
        row.tier.name().to_owned(),
        row.class.clone(),
        row.processes.to_string(),
        row.rounds.to_string(),
        row.token_requests.to_string(),
        row.reuse_trips.to_string(),
        forced,
        row.expired_served.to_string(),
        row.heal_ms.map_or_else(|| "by login".to_owned(), seconds),
        row.leaks.to_string(),
    ]
}

fn seconds(ms: u64) -> String {
    match ms {
        0..100_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        100_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// A table of rows, as it is printed.
pub(super) fn of(rows: &[Numbers]) -> String {
    let body: Vec<[String; 12]> = rows.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let width = |column: usize| {
        body.iter().chain([&head]).map(|cells| cells[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: &[String; 12]| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < WORDS { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    [&head].into_iter().chain(&body).map(line).collect::<Vec<_>>().join("\n")
}

/// All rows of a fault at a class of server, from one kind of proof, as one.
pub(super) fn by_fault(rows: &[Numbers]) -> Vec<Numbers> {
    let mut sums = Vec::new();
    for row in rows {
        add(&mut sums, row, &row.fault);
    }
    for sum in &mut sums {
        let variants = rows.iter().filter(|row| is_part(row, sum) && row.fault == sum.fault).count();
        sum.variant = if variants == 1 { String::new() } else { format!("{variants} rows") };
    }
    // Sorting keeps the order of the faults.
    sums
}

/// All rows of a class of server, from one kind of proof, as one.
pub(super) fn by_class(rows: &[Numbers]) -> Vec<Numbers> {
    let mut sums = Vec::new();
    for row in rows {
        add(&mut sums, row, "all");
    }
    sums.sort_by_cached_key(|sum| (sum.class.clone(), sum.tier.name()));
    sums
}

/// The class as it is shown: rows that may lose a login where their class else may not stand by themselves.
fn class(row: &Numbers) -> String {
    match promise(row).apart {
        Some(words) => format!("{}, {words}", row.class),
        None => row.class.clone(),
    }
}

fn is_part(row: &Numbers, sum: &Numbers) -> bool {
    row.tier == sum.tier && class(row) == sum.class
}

/// Adds a row to the sum that it is part of: counts add up; of processes and times to heal the greatest counts.
fn add(sums: &mut Vec<Numbers>, row: &Numbers, fault: &str) {
    let known = sums.iter().position(|sum| sum.fault == fault && is_part(row, sum));
    let at = known.unwrap_or_else(|| {
        sums.push(Numbers::new(row.tier, fault, &class(row), 0));
        sums.len() - 1
    });
    let sum = &mut sums[at];
    sum.processes = sum.processes.max(row.processes);
    sum.rounds += row.rounds;
    sum.token_requests += row.token_requests;
    sum.reuse_trips += row.reuse_trips;
    sum.forced_logins += row.forced_logins;
    sum.told_lost += row.told_lost;
    sum.expired_served += row.expired_served;
    sum.heal_ms = sum.heal_ms.max(row.heal_ms);
    sum.leaks += row.leaks;
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn rows_of_a_fault_and_class_become_one_and_what_may_lose_a_login_stands_apart() {
        let rows =
            [row("P3"), row("P3").variant("early"), row("P3").variant("late, after the grace"), row("P2")];
        let shown: Vec<_> =
            by_fault(&rows).into_iter().map(|sum| (sum.class, sum.variant, sum.rounds)).collect();
        let expected = [("P3", "2 rows", 6), ("P3, after the grace", "", 3), ("P2", "", 3)];
        assert_eq!(shown, expected.map(|(class, variant, rounds)| (class.into(), variant.into(), rounds)));
    }

    #[test]
    fn a_class_is_the_sum_of_its_rows_with_the_longest_healing() {
        let mut slow = row("P2").variant("slow");
        (slow.heal_ms, slow.forced_logins, slow.told_lost, slow.processes) = (Some(9_000), 2, 2, 20);
        let sums = by_class(&[row("P2"), row("P0"), slow]);
        assert_eq!(sums.iter().map(|sum| sum.class.as_str()).collect::<Vec<_>>(), ["P0", "P2"]);
        let p2 = &sums[1];
        assert_eq!((p2.rounds, p2.token_requests, p2.forced_logins, p2.told_lost), (6, 10, 2, 2));
        assert_eq!((p2.processes, p2.heal_ms), (20, Some(9_000)));
    }

    #[test]
    fn the_table_stands_in_columns() {
        let text = of(&[row("P2"), row("oidc-provider").variant("commit.rename")]);
        let lines: Vec<&str> = text.lines().collect();
        let ends: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
        assert!(lines[2].contains("oidc-provider") && lines[2].contains("1.5 s"), "{text}");
    }

    #[test]
    fn a_time_is_told_in_the_unit_that_reads_best() {
        assert_eq!([1_549, 130_000, 86_400_000].map(seconds), ["1.5 s", "2 min", "24 h"]);
    }
}
