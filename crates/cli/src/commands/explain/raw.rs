//! A raw HTTP response as tools print it: `curl -i`, `curl -v`, `curl --raw`, a proxy's log.
//!
//! People paste what they have: several heads in a row, line ends of either kind, a body whose chunks nobody joined. All
//! of it is read; what is missing a head is refused, because the status decides more than anything else.

use zeroize::Zeroizing;

use super::chunks;
use super::request::Request;
use super::trace;

/// Headers at most, over all lines of one head.
pub(super) const HEADERS_MAX: usize = 128;

/// Heads in a row: redirects, proxies, interim answers.
const HEADS_MAX: usize = 64;

/// Lines in front of the first head that are passed over.
const LINES_BEFORE_MAX: usize = 64;

/// An answer as it was printed.
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Zeroizing<Vec<u8>>,
    /// The body's last chunk is missing.
    pub(super) cut: bool,
    /// What is worth telling: half a sentence each.
    pub(super) notes: Vec<String>,
    /// What a request gave away that was printed with it.
    pub(super) request: Request,
}

/// Why there is no answer in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// Half a sentence, to stand behind the name of the source.
    pub(super) why: &'static str,
    pub(super) advice: String,
}

impl NoAnswer {
    fn new(why: &'static str, advice: &str) -> Self {
        Self { why, advice: advice.into() }
    }
}

/// Reads it.
///
/// # Errors
/// What it is instead, and what to do.
pub(super) fn read(text: &[u8]) -> Result<Raw, NoAnswer> {
    let decoded = from_utf16(text);
    let text = skip_blank(decoded.as_deref().map_or(text, Vec::as_slice));
    let joined = if status_line(first_line(text)).is_none() { trace::joined(text) } else { None };
    let mut rest = joined.as_deref().map_or_else(|| from_head(text), Vec::as_slice);
    let mut passed: Vec<Head> = Vec::new();
    // Another head directly behind one belongs to the next answer: redirects that were followed, a proxy's tunnel, an
    // interim answer, a first try without credentials. None of those has a body that is printed.
    while let Some((head, after)) = Head::read(rest).filter(|_| passed.len() < HEADS_MAX) {
        rest = after;
        passed.push(head?);
    }
    let Some(last) = passed.pop() else { return Err(what_instead(text)) };
    if last.is_interim() {
        return Err(NoAnswer::new(
            "ends with an interim answer (1xx): the final one is missing",
            "let curl finish, and give all that `curl -i` prints",
        ));
    }
    let mut notes: Vec<String> = passed.iter().filter_map(Head::note).collect();
    if rest.trim_ascii().is_empty() && last.announces_a_body() {
        notes.push("the head announces a body, and none is here: with it the verdict may be another".into());
    }
    let chunked = last.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().contains("chunked")
    });
    let (body, cut) = match if chunked { chunks::joined(rest) } else { None } {
        Some(joined) => (joined.bytes, !joined.whole),
        None => (Zeroizing::new(rest.to_vec()), false),
    };
    let request = Request::read(text);
    Ok(Raw { status: last.status, headers: last.headers, body, cut, notes, request })
}

/// A status line and the headers behind it.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The head that the text begins with, and what follows it; none where it begins with none.
    fn read(text: &[u8]) -> Option<(Result<Self, NoAnswer>, &[u8])> {
        let (line, mut rest) = take_line(text);
        let status = status_line(line)?;
        let mut headers: Vec<(String, String)> = Vec::new();
        while !rest.is_empty() {
            let (line, after) = take_line(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            let folded = matches!(line.first(), Some(b' ' | b'\t'));
            let line = String::from_utf8_lossy(line.trim_ascii());
            match (folded, headers.last_mut(), line.split_once(':')) {
                // RFC 9112 §5.2
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(&line);
                }
                // What a header cannot be says nothing; curl prints it all the same.
                (_, _, None) => {}
                (_, _, Some((name, value))) => headers.push((name.trim_end().into(), value.trim().into())),
            }
            if headers.len() > HEADERS_MAX {
                let many = NoAnswer {
                    why: "has too many headers",
                    advice: format!("leave out what is no token endpoint's: {HEADERS_MAX} are read"),
                };
                return Some((Err(many), rest));
            }
        }
        Some((Ok(Self { status, headers }), rest))
    }

    const fn is_interim(&self) -> bool {
        matches!(self.status, 100..=199)
    }

    fn announces_a_body(&self) -> bool {
        let length = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        length.is_some_and(|(_, value)| value.parse::<u64>().is_ok_and(|bytes| bytes > 0))
    }

    /// What to say of a head that another one followed.
    fn note(&self) -> Option<String> {
        match self.status {
            100..=299 => None,
            300..=399 => Some(format!(
                "the answer before was a redirect (HTTP {}), which curl followed and renewd never does: it would have judged that one",
                self.status
            )),
            status => Some(format!("an answer before was HTTP {status}; the last one is judged")),
        }
    }
}

/// From the first head on, where a prompt, curl's progress or the request was copied with it. In JSON and in a page no
/// line is a head.
fn from_head(text: &[u8]) -> &[u8] {
    if matches!(text.first(), Some(b'{' | b'[' | b'"' | b'<')) {
        return text;
    }
    let mut rest = text;
    for _ in 0..LINES_BEFORE_MAX {
        let (line, after) = take_line(rest);
        if status_line(line).is_some() {
            return rest;
        }
        rest = after;
    }
    text
}

/// The status of `HTTP/1.1 403 Forbidden`, `HTTP/2 403`, `HTTP/3 200`.
pub(super) fn status_line(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let version = rest.iter().position(|&b| b == b' ')?;
    let known = matches!(&rest[..version], b"1.0" | b"1.1" | b"2" | b"2.0" | b"3" | b"3.0" | b"0.9");
    let status = rest[version..].trim_ascii_start();
    let digits = status.iter().take_while(|b| b.is_ascii_digit()).count();
    let ends = status.get(digits).is_none_or(u8::is_ascii_whitespace);
    let number: u16 = std::str::from_utf8(&status[..digits]).ok()?.parse().ok()?;
    (known && digits == 3 && ends && (100..=999).contains(&number)).then_some(number)
}

/// A line without its end (LF or CRLF), and what follows.
pub(super) fn take_line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match text.iter().position(|&b| b == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &text[text.len()..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

fn first_line(text: &[u8]) -> &[u8] {
    take_line(text).0
}

fn skip_blank(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start()
}

/// Some shells write what they redirect as UTF-16, with a mark in front.
fn from_utf16(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let order: fn([u8; 2]) -> u16 = match text {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() / 2 * 3));
    for unit in char::decode_utf16(text[2..].chunks_exact(2).map(|pair| order([pair[0], pair[1]]))) {
        let mut utf8 = [0; 4];
        out.extend_from_slice(unit.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut utf8).as_bytes());
    }
    Some(out)
}

/// What a text without a head may be.
fn what_instead(text: &[u8]) -> NoAnswer {
    let with_head =
        "give all that `curl -i` prints, or say the status yourself: renewd explain --status N --body FILE";
    let begins = |with: &[&str]| {
        let head = text.get(..64).unwrap_or(text);
        with.iter().any(|w| head.get(..w.len()).is_some_and(|h| h.eq_ignore_ascii_case(w.as_bytes())))
    };
    if text.is_empty() {
        return NoAnswer::new(
            "is empty",
            "no answer at all? then say which failure it was, for example: renewd explain --failure timeout --sent",
        );
    }
    if begins(&["{"]) && holds(text, b"\"log\"") && holds(text, b"\"entries\"") {
        return NoAnswer::new(
            "is an HTTP archive (HAR), which is not read",
            "save the one answer: status with --status, its body in a file with --body, headers with --header",
        );
    }
    if begins(&["{", "[", "\""]) {
        return NoAnswer::new("is JSON without the head of an answer: the status is missing", with_head);
    }
    if begins(&["<!doctype", "<html", "<?xml", "<"]) {
        return NoAnswer::new("is a page without the head of an answer: the status is missing", with_head);
    }
    if begins(&["POST ", "GET ", "PUT ", "> POST ", "> GET "]) {
        return NoAnswer::new("is a request, not an answer; mind the secrets in it", with_head);
    }
    NoAnswer::new("does not begin with the head of an answer (HTTP/1.1 403 …)", with_head)
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Raw {
        read(text.as_bytes()).unwrap_or_else(|no| panic!("{text:?}: {no:?}"))
    }

    fn header<'a>(raw: &'a Raw, name: &str) -> Vec<&'a str> {
        raw.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    #[test]
    fn what_was_copied_with_the_answer_is_passed_over() {
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{\"error\":\"x\"}";
        for before in [
            "$ curl -i https://as.example/token\n",
            "  % Total    % Received % Xferd\n  Dload  Upload\n\r  0     0\r100    70  100    67\n",
            "POST /token HTTP/1.1\r\nHost: as.example\r\n\r\ngrant_type=refresh_token\r\n\r\n",
        ] {
            let raw = ok(&format!("{before}{answer}"));
            assert_eq!((raw.status, &raw.body[..]), (400, &b"{\"error\":\"x\"}"[..]), "{before}");
        }
        for no in ["{\n", "<html>\n", &"x\n".repeat(LINES_BEFORE_MAX)] {
            assert!(read(format!("{no}{answer}").as_bytes()).is_err(), "{no}");
        }
    }

    #[test]
    fn a_body_that_was_announced_and_left_out_is_missed() {
        let missed = |text: &str| ok(text).notes.iter().any(|note| note.contains("none is here"));
        assert!(missed("HTTP/1.1 400 x\r\nContent-Length: 67\r\n\r\n"));
        assert!(!missed("HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n"));
        assert!(!missed("HTTP/1.1 400 x\r\n\r\n"));
        assert!(!missed("HTTP/1.1 400 x\r\nContent-Length: 80\r\n\r\n{}"));
    }

    #[test]
    fn every_version_and_both_line_ends_are_read() {
        for first in
            ["HTTP/1.0 403 Forbidden", "HTTP/1.1 403", "HTTP/2 403 ", "HTTP/3 403", "HTTP/1.1  403 x"]
        {
            for end in ["\n", "\r\n"] {
                for before in ["", "\u{feff}", "\r\n\n"] {
                    let raw =
                        ok(&format!("{before}{first}{end}Content-Type: text/html{end}{end}<p>no</p>{end}"));
                    assert_eq!((raw.status, &raw.body[..]), (403, format!("<p>no</p>{end}").as_bytes()));
                    assert_eq!(header(&raw, "content-type"), ["text/html"]);
                }
            }
        }
    }

    #[test]
    fn folded_and_repeated_headers_and_lines_that_are_none_are_read() {
        let raw = ok(
            "HTTP/1.1 401 x\nWWW-Authenticate: Basic\nWWW-Authenticate: Bearer\n error=\"invalid_token\"\njunk\nA :b\n\n",
        );
        assert_eq!(header(&raw, "www-authenticate"), ["Basic", "Bearer error=\"invalid_token\""]);
        assert_eq!(header(&raw, "a"), ["b"]);
    }

    #[test]
    fn the_last_of_several_heads_counts() {
        let raw = ok(
            "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /\r\n\r\n\
                      HTTP/2 400\r\ncontent-type: application/json\r\n\r\n{\"error\":\"x\"}",
        );
        assert_eq!((raw.status, &raw.body[..]), (400, &b"{\"error\":\"x\"}"[..]));
        assert_eq!(raw.notes.len(), 1);
        assert!(raw.notes[0].contains("redirect (HTTP 302)"), "{:?}", raw.notes);
        assert!(header(&raw, "location").is_empty(), "headers of another answer");
    }

    #[test]
    fn a_body_is_bytes() {
        let mut text = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
        text.extend([0x1f, 0x8b, 0, 0xff, b'\n', b'\r', 0]);
        let raw = read(&text).unwrap_or_else(|no| panic!("{no:?}"));
        assert_eq!(&raw.body[..], [0x1f, 0x8b, 0, 0xff, b'\n', b'\r', 0]);
    }

    #[test]
    fn chunks_are_joined_where_they_still_stand_apart() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(
            &ok(&format!("{head}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n")).body[..],
            b"abcde"
        );
        assert_eq!(&ok(&format!("{head}{{\"a\":1}}")).body[..], b"{\"a\":1}", "curl joined them");
        let cut = ok(&format!("{head}3\r\nabc\r\n9\r\nde"));
        assert!(cut.cut && &cut.body[..] == b"abcde");
    }

    #[test]
    fn a_file_in_utf_16_is_read() {
        let text = "HTTP/1.1 400 Bad\r\nA: b\r\n\r\n{}";
        for (order, mark) in
            [(u16::to_le_bytes as fn(u16) -> [u8; 2], [0xff, 0xfe]), (u16::to_be_bytes, [0xfe, 0xff])]
        {
            let bytes: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(order)).collect();
            let raw = read(&bytes).unwrap_or_else(|no| panic!("{no:?}"));
            assert_eq!((raw.status, &raw.body[..]), (400, &b"{}"[..]));
        }
    }

    #[test]
    fn what_has_no_head_is_told_apart_and_refused_with_advice() {
        for (text, word) in [
            ("", "empty"),
            (" \r\n", "empty"),
            ("{\"error\":\"invalid_grant\"}", "JSON without the head"),
            ("[1]", "JSON without the head"),
            ("{\"log\":{\"entries\":[]}}", "HAR"),
            ("<!DOCTYPE html><p>x", "page without the head"),
            ("POST /token HTTP/1.1\r\nHost: x\r\n\r\nrefresh_token=x", "request"),
            ("hello", "does not begin"),
            ("HTTP/1.1 99 x\n\n", "does not begin"),
            ("HTTP/1.1 1000 x\n\n", "does not begin"),
            ("HTTP/9.9 200\n\n", "does not begin"),
            ("HTTP/1.1 100 Continue\r\n\r\n", "interim"),
        ] {
            let no = read(text.as_bytes()).err().unwrap_or_else(|| panic!("{text:?} was read"));
            assert!(no.why.contains(word) && !no.advice.is_empty(), "{text:?}: {no:?}");
        }
        let many = format!("HTTP/1.1 200 OK\n{}\n", "A: b\n".repeat(HEADERS_MAX + 1));
        assert!(read(many.as_bytes()).is_err());
    }

    /// Every answer of the corpus, as `curl -i` and as `curl -v` would have printed it.
    #[test]
    fn every_answer_of_the_corpus_is_read_as_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus");
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let table: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
            for answer in table["answer"].as_array().unwrap() {
                let text = |key: &str| answer.get(key).and_then(toml::Value::as_str);
                let status = answer.get("status").and_then(toml::Value::as_integer).unwrap_or(0);
                let (Some(body), true) = (text("body"), status >= 100) else { continue };
                let headers: Vec<(String, String)> = answer
                    .get("headers")
                    .and_then(toml::Value::as_table)
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                    .collect();
                let lines = |mark: &str| -> String {
                    let head = headers.iter().map(|(name, value)| format!("{mark}{name}: {value}\r\n"));
                    format!("{mark}HTTP/1.1 {status} x\r\n{}{mark}\r\n", head.collect::<String>())
                };
                for printed in
                    [format!("{}{body}", lines("")), format!("> POST / HTTP/1.1\n{}{body}", lines("< "))]
                {
                    let raw = ok(&printed);
                    assert_eq!((i64::from(raw.status), &raw.headers), (status, &headers), "{printed}");
                    assert_eq!(raw.body.as_slice(), body.as_bytes(), "{printed}");
                }
                count += 1;
            }
        }
        assert!(count > 250, "only {count} answers were found");
    }

    proptest::proptest! {
        #[test]
        fn anything_at_all_is_read_or_refused(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            nearly in "((< )?HTTP/[0-9.]{1,3} [0-9]{2,4}[a-z ]{0,4}\r?\n)?([A-Za-z-]{1,9}(:| )[ -~]{0,9}\r?\n){0,4}(< )?\r?\n[ -~\r\n]{0,60}",
        ) {
            for text in [&bytes[..], nearly.as_bytes()] {
                if let Ok(raw) = read(text) {
                    proptest::prop_assert!((100..=999).contains(&raw.status));
                    proptest::prop_assert!(raw.headers.len() <= HEADERS_MAX && raw.body.len() <= text.len() * 3);
                }
            }
        }
    }
}
