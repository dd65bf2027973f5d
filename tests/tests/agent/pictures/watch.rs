//! `renewd status --watch` at a terminal, after the night of the status page: what stands on the screen, drawn as SVG.

use std::fmt::Write as _;
use std::fs;
use std::num::NonZero;

use renewd_e2e::{Terminal, wait_for};
use vt100::{Cell, Color, Parser};

use super::status_page::night;

/// A terminal as people have it.
const COLUMNS: u16 = 104;
const ROWS: u16 = 20;

/// One cell, in the units of the drawing.
const WIDE: f32 = 8.4;
const HIGH: f32 = 18.0;

/// Around the text, and above it for the window's bar.
const EDGE: f32 = 16.0;
const BAR: f32 = 30.0;

const BACK: &str = "#16181d";
const TEXT: &str = "#d7dae0";
const DIM: &str = "#868c98";

/// The largest picture that the documentation carries.
const BYTES_MAX: usize = 60 << 10;

#[test]
fn watch_after_a_night() {
    let night = night();
    let mut command = night.home.command(["status", "--watch"]);
    command.env("TERM", "xterm-256color");
    let terminal = Terminal::sized(&command, COLUMNS, ROWS);
    let shown = || {
        let size = |n: u16| NonZero::new(n).expect("a terminal has a size");
        let mut parser = Parser::new(size(ROWS), size(COLUMNS), 0);
        parser.process(terminal.screen().as_bytes());
        parser
    };
    let has = |text: &'static str| {
        wait_for(format!("{text:?} on the screen"), || {
            shown().screen().contents().contains(text).then_some(())
        });
    };
    has("live");
    // The one that waits for its server.
    terminal.type_keys("jjjj");
    has("client-error-without-oauth-code");
    let drawn = svg(&shown());
    assert!(drawn.len() <= BYTES_MAX, "{} bytes", drawn.len());
    for text in ["● running", "◐ auth_retrying", "✗ unauthenticated"] {
        assert!(shown().screen().contents().contains(text), "{text}");
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = folder.join("watch.svg");
    fs::write(&made, drawn).expect("the build folder can be written");
    println!("{}", super::keep(&made, "watch.svg").display());
}

/// What stands on a screen.
fn svg(parser: &Parser) -> String {
    let screen = parser.screen();
    let (width, height) = (f32::from(COLUMNS) * WIDE + 2.0 * EDGE, f32::from(ROWS) * HIGH + BAR + EDGE);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"renewd status --watch: five credentials, one of which waits for its server and one needs a login\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{BACK}\"/>\n"
    );
    for (at, colour) in [(20.0, "#ec6a5e"), (38.0, "#f4bf4f"), (56.0, "#61c554")] {
        let _ = writeln!(out, "<circle cx=\"{at}\" cy=\"16\" r=\"5.5\" fill=\"{colour}\"/>");
    }
    let _ = writeln!(
        out,
        "<g font-family=\"ui-monospace,'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace\" font-size=\"14\" \
         fill=\"{TEXT}\" xml:space=\"preserve\">\n<text x=\"{:.0}\" y=\"20\" text-anchor=\"middle\" fill=\"{DIM}\" \
         font-size=\"12\">renewd status --watch</text>",
        width / 2.0
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let Some(first) = screen.cell(row, column) else { break };
            let mut text = String::new();
            let begin = column;
            while let Some(cell) = screen.cell(row, column).filter(|cell| alike(cell, first)) {
                let shape = shape(cell.contents());
                let contents = if cell.has_contents() && shape.is_none() { cell.contents() } else { " " };
                text.push_str(contents);
                if let Some(shape) = shape {
                    filled(&mut out, row, column, shape, cell);
                }
                column += 1;
            }
            piece(&mut out, row, begin, column - begin, &text, first);
        }
    }
    out + "</g>\n</svg>\n"
}

/// What a font draws with gaps between lines and columns: a rectangle of the cell, from its left, its top, so wide, so high,
/// as parts of the cell.
fn shape(contents: &str) -> Option<[f32; 4]> {
    const THIN: f32 = 0.07;
    Some(match contents {
        "│" => [0.5, 0.0, 2.0 * THIN, 1.0],
        "─" => [0.0, 0.5, 1.0, THIN],
        "█" => [0.0, 0.1, 1.0, 0.8],
        "▆" => [0.0, 0.3, 1.0, 0.6],
        "▄" => [0.0, 0.5, 1.0, 0.4],
        "▁" => [0.0, 0.8, 1.0, 0.1],
        _ => return None,
    })
}

fn filled(out: &mut String, row: u16, column: u16, [left, top, wide, high]: [f32; 4], cell: &Cell) {
    let (x, y) = (EDGE + (f32::from(column) + left) * WIDE, BAR + (f32::from(row) + top) * HIGH);
    // A little wider than the cell, so that no seam is seen between two.
    let (wide, high) = (wide * WIDE + 0.15, high * HIGH);
    let colour = colour(cell);
    let _ = writeln!(
        out,
        "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"{colour}\"/>"
    );
}

fn colour(cell: &Cell) -> &'static str {
    match cell.fgcolor() {
        Color::Idx(1 | 9) => "#f07178",
        Color::Idx(2 | 10) => "#8ccf7e",
        Color::Idx(3 | 11) => "#e5c76b",
        _ if cell.dim() => DIM,
        _ => TEXT,
    }
}

/// Drawn in one piece.
fn alike(a: &Cell, b: &Cell) -> bool {
    (a.fgcolor(), a.bold(), a.dim(), a.inverse()) == (b.fgcolor(), b.bold(), b.dim(), b.inverse())
}

fn piece(out: &mut String, row: u16, column: u16, length: u16, text: &str, cell: &Cell) {
    let (x, y) = (EDGE + f32::from(column) * WIDE, BAR + f32::from(row) * HIGH);
    let wide = f32::from(length) * WIDE;
    let mut colour = colour(cell);
    if cell.inverse() {
        // A line that is selected: lit from behind, in its own colours.
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{HIGH}\" fill=\"#2c313c\"/>"
        );
        colour = if colour == DIM { TEXT } else { colour };
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if cell.bold() { " font-weight=\"700\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    // Each piece says how wide it is, so that columns stand under each other in every font.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{colour}\"{weight} xml:space=\"preserve\">{escaped}</text>",
        y + 13.5
    );
}
