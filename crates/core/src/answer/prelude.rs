//! What stands before an answer that does not belong to it: guards against inclusion as a script, calls of a script,
//! notices of a program, a comment, a second HTTP head, chunk sizes, an encoding nobody asked for.
//!
//! Only what is known is taken away. A page stays a page: an object somewhere in its scripts is no answer.

use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Guards that make a text no script, so that other sites' pages cannot include it.
const GUARDS: [&[u8]; 11] = [
    b")]}',",
    b")]}'",
    b")]}",
    b"while(1);",
    b"while (1);",
    b"for(;;);",
    b"for (;;);",
    b"throw 1;",
    b"{}&&",
    // A stream of events, of which this is the one.
    b"data:",
    // Xiaomi's.
    b"&&&START&&&",
];

/// How notices begin that an interpreter prints before what its program does.
const NOTICES: [&[u8]; 8] = [
    b"<br",
    b"Warning:",
    b"Notice:",
    b"Deprecated:",
    b"Fatal error:",
    b"PHP ",
    b"Strict Standards:",
    b"Error:",
];

/// More heads than this stand before no answer.
const HEADS_MAX: usize = 4;

/// A longer name is none of a function.
const CALL_NAME_MAX_BYTES: usize = 64;

/// How many bytes at the start of the text do not belong to the answer.
pub(super) fn length(text: &[u8]) -> usize {
    let (blanks, marks) = blanks(text);
    let start = &text[blanks..];
    if matches!(start.first(), None | Some(b'[' | b'"')) {
        return marks;
    }
    let found = heads(start).or_else(|| guard(start)).or_else(|| call(start));
    let found = found.or_else(|| notice(start)).or_else(|| comment(start));
    found.map_or(marks, |found| blanks + found)
}

/// How far blanks and marks of an encoding reach, and where the last mark ends: every file that a program takes in may
/// leave one of its own.
fn blanks(text: &[u8]) -> (usize, usize) {
    let (mut at, mut marks) = (0, 0);
    loop {
        match &text[at..] {
            [blank, ..] if blank.is_ascii_whitespace() => at += 1,
            [0xef, 0xbb, 0xbf, ..] => {
                at += 3;
                marks = at;
            }
            _ => return (at, marks),
        }
    }
}

/// `)]}',` and the like, before an object or a list.
fn guard(text: &[u8]) -> Option<usize> {
    let guard = GUARDS.iter().find(|guard| text.starts_with(guard))?;
    let rest = text[guard.len()..].trim_ascii_start();
    matches!(rest.first(), Some(b'{' | b'[')).then(|| text.len() - rest.len())
}

/// `callback({…});`
fn call(text: &[u8]) -> Option<usize> {
    let name = text.strip_prefix(b"/**/").unwrap_or(text).trim_ascii_start();
    let end = name.iter().take(CALL_NAME_MAX_BYTES).position(|&b| b == b'(').filter(|&end| end > 0)?;
    let part_of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.');
    let argument = name[end + 1..].trim_ascii_start();
    (name[..end].iter().all(part_of_name) && argument.first() == Some(&b'{'))
        .then(|| text.len() - argument.len())
}

/// Lines of an interpreter, then an object that ends the text.
fn notice(text: &[u8]) -> Option<usize> {
    let is_notice = NOTICES.iter().any(|notice| text.starts_with(notice));
    if !is_notice || text.trim_ascii_end().last() != Some(&b'}') {
        return None;
    }
    let opens = |at: usize| {
        text[at] == b'{' && matches!(text[at + 1..].trim_ascii_start().first(), Some(b'"' | b'}'))
    };
    (0..text.len()).find(|&at| opens(at))
}

/// A comment that a cache or a template left, right before an object: it alone makes no page.
fn comment(text: &[u8]) -> Option<usize> {
    let kinds = [(&b"<!--"[..], &b"-->"[..]), (b"/*", b"*/")];
    let (inside, close) = kinds.iter().find_map(|(open, close)| Some((text.strip_prefix(*open)?, *close)))?;
    let end = inside.windows(close.len()).position(|mark| mark == close)?;
    let rest = inside[end + close.len()..].trim_ascii_start();
    (rest.first() == Some(&b'{')).then(|| text.len() - rest.len())
}

/// The head of another answer, which a proxy left in the body.
fn heads(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..HEADS_MAX {
        let rest = &text[at..];
        if !rest.starts_with(b"HTTP/") {
            break;
        }
        let ends = |mark: &[u8]| rest.windows(mark.len()).position(|w| w == mark).map(|end| end + mark.len());
        at += ends(b"\r\n\r\n").or_else(|| ends(b"\n\n"))?;
    }
    (at > 0).then_some(at)
}

/// A body that was cut in chunks twice (RFC 9112 §7.1): the sizes are still in it. `None` where it does not look so to
/// the end.
pub(super) fn without_chunks(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if !bytes.first().is_some_and(u8::is_ascii_hexdigit) {
        // Nearly every answer: no copy is made of it.
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut rest = bytes;
    loop {
        let line = rest.windows(2).take(32).position(|pair| pair == b"\r\n")?;
        let digits =
            rest[..line].split(|&b| b == b';').next().filter(|digits| (1..=8).contains(&digits.len()))?;
        let size = usize::from_str_radix(core::str::from_utf8(digits).ok()?.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return (!out.is_empty()).then_some(out);
        }
        let (chunk, after) = rest.split_at_checked(size)?;
        out.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n")?;
    }
}

/// An object in base64 (RFC 4648 §4, §5): what a gateway sends that takes every body for a file. `None` for anything
/// else; a JWT has dots.
pub(super) fn from_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    // `{"` begins so.
    if !text.starts_with(b"eyJ") && !text.starts_with(b"ewog") && !text.starts_with(b"ewo") {
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    let (mut bits, mut count) = (0_u32, 0);
    let end = text.iter().rposition(|&b| b != b'=').map_or(0, |last| last + 1);
    for &byte in &text[..end] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    (out.trim_ascii_end().last() == Some(&b'}')).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_not_to_belong_to_an_answer_is_taken_away() {
        for (before, answer) in [
            (")]}',\n", "{\"a\":1}"),
            (")]}'\n", "[1]"),
            ("while(1);", "{}"),
            ("for(;;); ", "{}"),
            ("{}&&", "{\"a\":1}"),
            ("callback(", "{\"a\":1});"),
            ("/**/ jQuery1.cb(", "{\"a\":1})"),
            ("<br />\n<b>Notice</b>: x in <b>y.php</b> on line <b>3</b><br />\n", "{\"a\":1}\n"),
            ("PHP Warning: {x} in y\n", "{ \"a\":1}"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", "{}"),
            ("HTTP/1.1 200 OK\n\n", "error=invalid_grant"),
        ] {
            let text = [before, answer].concat();
            assert_eq!(length(text.as_bytes()), before.len(), "{text}");
        }
    }

    #[test]
    fn what_belongs_to_an_answer_or_is_none_stays() {
        for text in [
            "",
            "  ",
            "{\"a\":1}",
            "{}",
            "[1]",
            "\"callback({})\"",
            "access_token=a&b=c(",
            "<html><script>cb({\"error\":\"invalid_grant\"});</script></html>",
            "<br>{\"a\":1}</br>",
            "var x = {\"error\":\"login_required\"};",
            "alert('x');",
            "(function(){})()",
            "HTTP/1.1 200 OK",
            ")]}' and more",
        ] {
            assert_eq!(length(text.as_bytes()), 0, "{text}");
        }
    }

    #[test]
    fn chunk_sizes_are_taken_out_where_they_fit_to_the_end() {
        let out = without_chunks(b"4\r\n{\"a\"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n").unwrap();
        assert_eq!(&out[..], b"{\"a\":1}");
        for other in [
            &b""[..],
            b"0\r\n\r\n",
            b"4\r\n{\"a\"",
            b"4\r\n{\"a\":1}\r\n0\r\n",
            b"zz\r\n{}\r\n0\r\n",
            b"{\r\n}",
        ] {
            assert!(without_chunks(other).is_none());
        }
    }

    #[test]
    fn base64_is_undone_where_an_object_comes_out() {
        assert_eq!(&from_base64(b"eyJhIjoxfQ==\n").unwrap()[..], b"{\"a\":1}");
        assert_eq!(&from_base64(b"ewogImEiOjEgfQ").unwrap()[..], b"{\n \"a\":1 }");
        for other in [&b"eyJhIjoxfQ.eyJhIjoxfQ.c2ln"[..], b"eyJhIjox", b"access_token=x", b"", b"{}"] {
            assert!(from_base64(other).is_none());
        }
    }
}
