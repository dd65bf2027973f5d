//! An address for a telephone: a QR code out of half blocks.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code (ISO/IEC 18004 §6.3.8 wants four; readers take two, and terminals are small).
const QUIET: usize = 2;
/// SGR: bright white on black; and back to what the terminal was.
const WHITE_ON_BLACK: &str = "\x1b[97;40m";
const PLAIN: &str = "\x1b[0m";

/// The code as lines of half blocks, two rows of modules a line; none where it does not fit into so many columns, or
/// where the text is too long for any code.
///
/// Light modules are drawn and dark ones left out, with a light edge around them. `coloured` says white on black by
/// escape sequences, so that it looks so on a light terminal too; without them it is inverted there, which the cameras
/// of most telephones read as well.
pub fn qr(text: &str, columns: usize, coloured: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET;
    if side > columns {
        return None;
    }
    let colors = code.to_colors();
    let is_light = |row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < width);
        match (inside(row), inside(column)) {
            (Some(row), Some(column)) => colors.get(row * width + column) == Some(&Color::Light),
            _ => row < side && column < side,
        }
    };
    let (begin, end) = if coloured { (WHITE_ON_BLACK, PLAIN) } else { ("", "") };
    let mut out = String::new();
    for row in (0..side).step_by(2) {
        out.push_str(begin);
        for column in 0..side {
            out.push(match (is_light(row, column), is_light(row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push_str(end);
        out.push('\n');
    }
    Some(out)
}

/// A code to read aloud and to type: its characters apart.
pub fn spaced(user_code: &str) -> String {
    user_code.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_a_light_edge_all_around() {
        insta::assert_snapshot!(qr("https://as.example/device?user_code=WDJB-MJHT", 80, false).unwrap());
    }

    #[test]
    fn a_code_that_does_not_fit_is_not_drawn() {
        let text = "https://as.example/device?user_code=WDJB-MJHT";
        let drawn = qr(text, 80, false).unwrap();
        let width = drawn.lines().next().unwrap().chars().count();
        assert!(drawn.lines().all(|line| line.chars().count() == width));
        assert!(qr(text, width, false).is_some());
        assert!(qr(text, width - 1, false).is_none());
        assert!(qr(&"x".repeat(10_000), usize::MAX, false).is_none());
    }

    #[test]
    fn colours_change_nothing_of_the_code() {
        let (plain, coloured) = (qr("a", 80, false).unwrap(), qr("a", 80, true).unwrap());
        assert_eq!(coloured.replace(WHITE_ON_BLACK, "").replace(PLAIN, ""), plain);
        assert!(coloured.lines().all(|line| line.starts_with(WHITE_ON_BLACK) && line.ends_with(PLAIN)));
    }

    #[test]
    fn a_user_code_stands_apart() {
        assert_eq!(spaced("WDJB-MJHT"), "W D J B - M J H T");
    }
}
