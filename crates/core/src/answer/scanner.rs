//! A JSON reader that works in place, refuses little and never recurses.
//!
//! A strict parser refuses raw control characters, lone surrogates and trailing bytes, all of which real servers
//! send, and builds copies of the tokens it finds. This one unescapes each string where it stands, in a buffer that
//! is overwritten when dropped, and hands out ranges. The caller pulls; what it does not want it skips.

use core::ops::Range;

use super::watch::Watch;

/// As deep as serde_json goes: what a strict reader sees, this one sees.
const DEPTH_MAX: u32 = 128;

/// A value. Of a container only the opening bracket has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A string, unescaped in place.
    Text(Range<usize>),
    /// A number as it was written.
    Number(Range<usize>),
    /// `null`.
    Null,
    /// `true`, `false`, or a bare word that JSON does not know.
    Word,
    /// Members follow.
    Object,
    /// Elements follow.
    Array,
}

/// The text cannot be read on; what was read before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

type Scan<T> = Result<T, Malformed>;

/// A reader at some point of a text.
pub(super) struct Scanner<'a> {
    text: &'a mut [u8],
    at: usize,
    watch: Watch<'a>,
}

impl<'a> Scanner<'a> {
    /// The watch is told where the scan is and what stands there.
    pub(super) const fn new(text: &'a mut [u8], watch: Watch<'a>) -> Self {
        Self { text, at: 0, watch }
    }

    /// What it was told.
    pub(super) const fn watch(&mut self) -> &mut Watch<'a> {
        &mut self.watch
    }

    /// How far the text was read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// At the end.
    pub(super) fn into_watch(self) -> Watch<'a> {
        self.watch
    }

    /// Whether this string is the refresh token that was sent.
    pub(super) fn is_sent(&self, range: &Range<usize>) -> bool {
        self.watch.is_sent(self.slice(range))
    }

    /// What has been read, unescaped.
    pub(super) fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Scan<Value> {
        let (value, written) = match self.peek_solid().ok_or(Malformed)? {
            b'"' => {
                let text = self.string()?;
                (Value::Text(text.clone()), text)
            }
            b'{' => (Value::Object, self.step()),
            b'[' => (Value::Array, self.step()),
            b'-' | b'+' | b'.' | b'0'..=b'9' => {
                let number = self.number()?;
                (Value::Number(number.clone()), number)
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                let word = self.run(|b| b.is_ascii_alphanumeric());
                (if self.slice(&word) == b"null" { Value::Null } else { Value::Word }, word)
            }
            _ => return Err(Malformed),
        };
        self.watch.value(&value, self.text.get(written).unwrap_or_default());
        if matches!(value, Value::Object | Value::Array) {
            self.watch.open();
        }
        Ok(value)
    }

    /// The next key of an open object, or none at its end. A comma before the end is forgiven.
    pub(super) fn member(&mut self) -> Scan<Option<Range<usize>>> {
        if self.ends_with(b'}')? {
            self.watch.close();
            return Ok(None);
        }
        if self.peek_solid() != Some(b'"') {
            return Err(Malformed);
        }
        let key = self.string()?;
        if self.peek_solid() != Some(b':') {
            return Err(Malformed);
        }
        self.at += 1;
        self.watch.key(self.text.get(key.clone()).unwrap_or_default());
        Ok(Some(key))
    }

    /// Whether an open array has another element. A comma before the end is forgiven.
    pub(super) fn element(&mut self) -> Scan<bool> {
        let ends = self.ends_with(b']')?;
        if ends {
            self.watch.close()
        } else {
            self.watch.element()
        }
        Ok(!ends)
    }

    /// Reads a value to its end without looking at it.
    pub(super) fn skip(&mut self, value: &Value) -> Scan<()> {
        // One bit a level, innermost lowest: 1 is an object.
        let mut levels: u128 = match value {
            Value::Object => 1,
            Value::Array => 0,
            Value::Text(_) | Value::Number(_) | Value::Null | Value::Word => return Ok(()),
        };
        let mut depth = 1;
        while depth > 0 {
            let open = if levels & 1 == 1 { self.member()?.is_some() } else { self.element()? };
            if !open {
                levels >>= 1;
                depth -= 1;
                continue;
            }
            match self.value()? {
                inner @ (Value::Object | Value::Array) => {
                    if depth == DEPTH_MAX {
                        return Err(Malformed);
                    }
                    levels = levels << 1 | u128::from(inner == Value::Object);
                    depth += 1;
                }
                Value::Text(_) | Value::Number(_) | Value::Null | Value::Word => {}
            }
        }
        Ok(())
    }

    /// Steps over a comma and blanks; true, and past it, when `close` follows.
    fn ends_with(&mut self, close: u8) -> Scan<bool> {
        if self.peek_solid() == Some(b',') {
            self.at += 1;
        }
        if self.peek_solid().ok_or(Malformed)? == close {
            self.at += 1;
            return Ok(true);
        }
        Ok(false)
    }

    /// The next byte that is no blank. Control characters count as blanks between values.
    fn peek_solid(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if byte > b' ' {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn step(&mut self) -> Range<usize> {
        self.at += 1;
        self.at..self.at
    }

    /// A number as it was written. One that the text ends with may have lost its last digits.
    fn number(&mut self) -> Scan<Range<usize>> {
        let digits = self.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'));
        if digits.end == self.text.len() { Err(Malformed) } else { Ok(digits) }
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|&b| belongs(b)) {
            self.at += 1;
        }
        start..self.at
    }

    /// The string that begins here, unescaped where it stands: an escape is never shorter than what it stands for.
    fn string(&mut self) -> Scan<Range<usize>> {
        self.at += 1;
        let start = self.at;
        let mut end = start;
        loop {
            match self.take()? {
                b'"' => return Ok(start..end),
                b'\\' => {
                    let mut utf8 = [0; 4];
                    for &byte in self.escape()?.encode_utf8(&mut utf8).as_bytes() {
                        end = self.put(end, byte);
                    }
                }
                byte => end = self.put(end, byte),
            }
        }
    }

    fn take(&mut self) -> Scan<u8> {
        let byte = *self.text.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn put(&mut self, at: usize, byte: u8) -> usize {
        if let Some(place) = self.text.get_mut(at) {
            *place = byte;
        }
        at + 1
    }

    /// What follows a backslash. An escape that JSON does not know stands for its own letter; half a surrogate pair
    /// for the replacement character.
    fn escape(&mut self) -> Scan<char> {
        Ok(match self.take()? {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => self.unicode_escape()?,
            byte if byte.is_ascii() => char::from(byte),
            _ => {
                // The first byte of a longer character: leave it to be read as it is.
                self.at -= 1;
                '\\'
            }
        })
    }

    fn unicode_escape(&mut self) -> Scan<char> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.slice(&(self.at..self.at + 2)) == b"\\u" {
            let resume = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = resume;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Scan<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.take()?).to_digit(16).ok_or(Malformed)?;
            code = code << 4 | digit;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn strings(text: &str) -> Result<Vec<String>, Malformed> {
        let mut bytes = text.as_bytes().to_vec();
        let mut scanner = Scanner::new(&mut bytes, Watch::default());
        let mut out = Vec::new();
        assert_eq!(scanner.value()?, Value::Object);
        while let Some(key) = scanner.member()? {
            out.push(String::from_utf8(scanner.slice(&key).to_vec()).unwrap());
            let value = scanner.value()?;
            if let Value::Text(range) | Value::Number(range) = &value {
                out.push(String::from_utf8(scanner.slice(range).to_vec()).unwrap());
            }
            scanner.skip(&value)?;
        }
        Ok(out)
    }

    #[test]
    fn strings_are_unescaped_where_they_stand() {
        for (json, text) in [
            (r#"{"a":"x\"y\\z\/\b\f\n\r\t"}"#, "x\"y\\z/\u{8}\u{c}\n\r\t"),
            (r#"{"a":"\u0041\u00e9\u20ac\ud83d\udd11"}"#, "A\u{e9}\u{20ac}\u{1f511}"),
            (
                r#"{"a":"\ud83d.\udd11\ud83dA\ud83d\ud83d\udd11"}"#,
                "\u{fffd}.\u{fffd}\u{fffd}A\u{fffd}\u{1f511}",
            ),
            ("{\"a\":\"raw\n\t\u{1}\u{7f}\u{e9}\"}", "raw\n\t\u{1}\u{7f}\u{e9}"),
            ("{\"a\":\"\\q\\\u{e9}\"}", "q\\\u{e9}"),
        ] {
            assert_eq!(strings(json).unwrap()[1], text, "{json}");
        }
    }

    #[test]
    fn what_is_skipped_does_not_hide_what_follows() {
        let json =
            r#"{"a":{"b":[{"c":"]}"},[],{}],"d":null},"e":[1,2,[true]],"f":-1.5e3,"g":nil,}<!-- x -->"#;
        assert_eq!(strings(json).unwrap(), ["a", "e", "f", "-1.5e3", "g"]);
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be() {
        for json in [
            "{",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":\"x",
            "{\"a\":\"\\",
            "{\"a\":\"\\u00",
            "{\"a\":\"\\uzzzz\"}",
            "{\"a\":1",
        ] {
            assert_eq!(strings(json), Err(Malformed), "{json}");
        }
        for json in ["{'a':1}", "{\"a\" 1}", "{\"a\":}", "{\"a\":1]", "{\"a\":[1}", "{a:1}", "{\"a\":=}"] {
            assert_eq!(strings(json), Err(Malformed), "{json}");
        }
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let nested = |n: usize| std::format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(strings(&nested(128)).is_ok());
        assert_eq!(strings(&nested(129)), Err(Malformed));
        assert_eq!(strings(&nested(30_000)), Err(Malformed));
    }
}
