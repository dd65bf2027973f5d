//! The table of all profiles. What stands between a client and a server is no provider, and stands apart below it.

use crate::output::Painter;
use crate::profiles::{Known, words};

/// Between columns.
const GAP: &str = "  ";

/// Longest title that the table shows whole, in characters.
const TITLE_MAX: usize = 30;

/// A title that has less room than this is left out.
const TITLE_MIN: usize = 12;

/// Columns of the table.
const COLUMNS: usize = 6;

/// What there is where no answer came, by the name that profiles have for it.
const TRANSPORT: &str = "transport";

/// One line for each, in so many columns of a terminal as there are.
pub(super) fn table(all: &[Known<'_>], columns: Option<usize>, paint: Painter) -> String {
    let (between, providers): (Vec<_>, Vec<_>) =
        all.iter().partition(|known| stands_between(&known.profile.name));
    let mut rows = vec![["NAME", "TITLE", "CLASS", "CLIENT", "LIVES", "REFRESH TOKEN"].map(String::from)];
    rows.extend(providers.iter().map(|known| row(known)));
    fit(&mut rows, columns);
    let mut text = laid_out(&rows, paint);
    if !between.is_empty() {
        text.push_str(&format!("\n{}\n", paint.dim("BETWEEN YOU AND A SERVER")));
        let width = between.iter().map(|k| k.profile.name.chars().count()).max().unwrap_or(0);
        for known in between {
            let (name, title) = (&known.profile.name, &known.profile.title);
            text.push_str(&format!("{}{GAP}{title}\n", paint.bold(format!("{name:<width$}"))));
        }
    }
    if all.iter().any(|k| k.source.is_own()) {
        text.push_str(&format!("\n{}\n", paint.dim("* yours")));
    }
    text
}

/// No provider: what answers in its place, or the connection itself.
fn stands_between(name: &str) -> bool {
    name.starts_with(crate::profiles::INTERMEDIARY) || name == TRANSPORT
}

fn row(known: &Known<'_>) -> [String; COLUMNS] {
    let p = known.profile;
    let mark = if known.source.is_own() { "*" } else { "" };
    [
        format!("{}{mark}", p.name),
        p.title.to_string(),
        words::class(p),
        words::client_auth(p),
        words::span(p.lifetime),
        words::rotation(p),
    ]
}

/// Titles get the room that the rest leaves.
fn fit(rows: &mut [[String; COLUMNS]], columns: Option<usize>) {
    let others: usize = (0..COLUMNS).filter(|i| *i != 1).map(|i| width(rows, i)).sum();
    let gaps = (COLUMNS - 1) * GAP.len();
    let room = columns.map_or(TITLE_MAX, |all| all.saturating_sub(others + gaps).min(TITLE_MAX));
    for row in rows {
        row[1] = if room < TITLE_MIN { String::new() } else { cut(&row[1], room) };
    }
}

fn width(rows: &[[String; COLUMNS]], column: usize) -> usize {
    rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
}

fn cut(title: &str, room: usize) -> String {
    if title.chars().count() <= room {
        return title.into();
    }
    let mut short: String = title.chars().take(room - 1).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

fn laid_out(rows: &[[String; COLUMNS]], paint: Painter) -> String {
    let widths: Vec<usize> = (0..COLUMNS).map(|column| width(rows, column)).collect();
    let mut text = String::new();
    for (n, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0) {
            let padded = format!("{cell:<width$}");
            let padded = if i + 1 == COLUMNS { padded.trim_end() } else { &padded };
            line.push_str(&match (n, i) {
                (0, _) => paint.dim(padded),
                (_, 0) => paint.bold(padded),
                _ => padded.into(),
            });
            line.push_str(if i + 1 == COLUMNS { "" } else { GAP });
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}
