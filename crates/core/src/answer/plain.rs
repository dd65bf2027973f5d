//! Foreign text as one line that a terminal, a log and a reader's eye can be shown.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;
use zeroize::Zeroizing;

/// A terminal's string sequence (a title, a link) that goes on for longer is none: only its introducer is dropped.
const SEQUENCE_MAX_CHARS: usize = 128;

/// Languages stack a mark or two on a letter; what stacks more is meant to cover the lines around it.
const MARKS_IN_A_ROW_MAX: usize = 2;

/// So many bytes are looked at for each that is shown: what hides its words behind more nothing than this says nothing.
const HIDDEN_MAX_RATIO: usize = 32;

/// The text as one line without control, direction and invisible characters, at most so many bytes.
pub(super) fn plain_text(text: &str, max_bytes: usize) -> Zeroizing<Vec<u8>> {
    let text = &text[..boundary(text, max_bytes.saturating_mul(HIDDEN_MAX_RATIO))];
    let mut out = Zeroizing::new(Vec::with_capacity(max_bytes.min(text.len())));
    let mut characters = text.trim().chars().peekable();
    let mut marks = 0;
    while let Some(character) = characters.next() {
        if skip_sequence(character, &mut characters) || is_invisible(character) {
            continue;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        let blank = character.is_whitespace() || character.is_control() || character == BRAILLE_BLANK;
        let character = if blank { ' ' } else { character };
        if marks > MARKS_IN_A_ROW_MAX || (blank && matches!(out.last(), None | Some(b' '))) {
            continue;
        }
        let mut utf8 = [0; 4];
        let bytes = character.encode_utf8(&mut utf8).as_bytes();
        if out.len() + bytes.len() > max_bytes {
            break;
        }
        out.extend_from_slice(bytes);
    }
    let end = out.trim_ascii_end().len();
    out.truncate(end);
    out
}

/// The end of the last whole character within so many bytes.
pub(super) const fn boundary(text: &str, max_bytes: usize) -> usize {
    if text.len() <= max_bytes {
        return text.len();
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Foreign text as one line that a terminal and a log may be shown: no control, direction or invisible characters, at
/// most so many bytes. Names of hosts in records need it too: whoever shares a folder chooses his own.
pub fn plain_line(text: &str, max_bytes: usize) -> String {
    String::from(core::str::from_utf8(&plain_text(text, max_bytes)).unwrap_or_default())
}

/// Skips the rest of a terminal's control sequence (ECMA-48 §5.4, §5.6) whose first character was just taken.
fn skip_sequence(first: char, rest: &mut Peekable<Chars<'_>>) -> bool {
    let introducer = match (first, rest.peek()) {
        ('\u{1b}', Some(&second @ ('[' | ']' | 'P' | 'X' | '^' | '_'))) => {
            rest.next();
            second
        }
        ('\u{1b}', Some(' '..='~')) => {
            while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            return rest.next_if(|c| matches!(c, '0'..='~')).is_some();
        }
        ('\u{9b}', _) => '[',
        ('\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}', _) => ']',
        _ => return false,
    };
    if introducer == '[' {
        while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
        rest.next_if(|c| matches!(c, '@'..='~'));
        return true;
    }
    let mut ahead = rest.clone();
    for _ in 0..SEQUENCE_MAX_CHARS {
        let ended = match ahead.next() {
            Some('\u{7}' | '\u{9c}') | None => true,
            Some('\u{1b}') => ahead.next_if_eq(&'\\').is_some(),
            Some(_) => false,
        };
        if ended {
            *rest = ahead;
            break;
        }
    }
    true
}

/// It is no whitespace to Unicode, and shows as one.
const BRAILLE_BLANK: char = '\u{2800}';

/// Characters that turn, hide or vary what stands beside them, that show as nothing, or as whatever a font likes.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}'
    )
}

/// Marks that stand on the letter before them.
const fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        plain_line(text, 200)
    }

    #[test]
    fn a_line_has_no_control_direction_or_invisible_characters() {
        assert_eq!(plain(" a\r\n\tb\u{0}c \u{202e}d\u{200b}e\u{85}f \u{2028}g\u{2066}"), "a b c de f g");
        for nothing in [
            "\u{3164}",
            "\u{fe0f}",
            "\u{e0041}",
            "\u{2800}",
            "\u{f8ff}",
            "\u{34f}",
            "\u{202e}\r\n",
            "\u{ffff}",
        ] {
            assert_eq!(plain(nothing), "", "{nothing:?}");
            assert_eq!(plain(&alloc::format!("a{nothing}b")).replace(' ', ""), "ab", "{nothing:?}");
        }
    }

    #[test]
    fn what_a_terminal_obeys_goes_whole() {
        for (text, shown) in [
            ("a\u{1b}[31;1mb\u{1b}[0m", "ab"),
            ("a\u{9b}2Jb", "ab"),
            ("a\u{1b}]0;title\u{7}b", "ab"),
            ("a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\b", "alinkb"),
            ("a\u{1b}Pq#0\u{1b}\\b", "ab"),
            ("a\u{1b}(0b\u{1b}cd", "abd"),
            ("a\u{1b}", "a"),
            ("a\u{1b}]never ends", "a"),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
        let long = alloc::format!("a\u{1b}]{}", "x ".repeat(200));
        assert!(plain(&long).starts_with("ax x"), "what is too long for a sequence is text");
    }

    #[test]
    fn marks_do_not_pile_up() {
        assert_eq!(plain(&alloc::format!("e{}x", "\u{301}".repeat(50))), "e\u{301}\u{301}x");
        assert_eq!(plain("cafe\u{301}"), "cafe\u{301}");
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(plain_line("\u{e9}\u{e9}\u{e9}", 5), "\u{e9}\u{e9}");
        assert_eq!(plain_line("ab cd", 3), "ab");
    }
}
