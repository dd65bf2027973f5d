//! A body, decoded and read: JSON first, then a form, whatever `Content-Type` says.

use alloc::vec::Vec;
use zeroize::Zeroizing;

use super::decode::decode;
use super::fields::{Fields, Slot};
use super::form;
use super::scanner::Scanner;

/// How far into a page its title is looked for.
const TITLE_WITHIN_BYTES: usize = 4096;

/// What a body turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Nothing but blanks.
    Empty,
    /// JSON, or what began like it.
    Json,
    /// A form.
    Form,
    /// A page, or anything else.
    Other,
}

/// A body that was read.
pub(super) struct Body {
    text: Zeroizing<Vec<u8>>,
    pub(super) fields: Fields,
    pub(super) format: Format,
    /// False when its end is missing. Bytes after a complete JSON value are not missed.
    pub(super) whole: bool,
}

impl Body {
    /// Decodes and reads. `truncated`: the transport stopped at its limit.
    pub(super) fn read(wire: &[u8], truncated: bool) -> Self {
        let decoded = decode(wire, truncated);
        let (mut text, whole) = (decoded.bytes, decoded.whole);
        match text.iter().find(|&&b| b > b' ') {
            None => Self { text, fields: Fields::default(), format: Format::Empty, whole },
            Some(b'{' | b'[' | b'"') => {
                let (fields, whole) = Fields::from_json(&mut Scanner::new(&mut text));
                Self { text, fields, format: Format::Json, whole }
            }
            Some(_) => match form::read(&mut text, whole) {
                Some(fields) => Self { text, fields, format: Format::Form, whole },
                None => Self { text, fields: Fields::default(), format: Format::Other, whole },
            },
        }
    }

    /// The bytes of a string or number.
    pub(super) fn bytes(&self, slot: &Slot) -> Option<&[u8]> {
        match slot {
            Slot::Text(range) | Slot::Number(range) => self.text.get(range.clone()),
            Slot::Absent | Slot::Other => None,
        }
    }

    /// A string or number as text.
    pub(super) fn str(&self, slot: &Slot) -> Option<&str> {
        self.bytes(slot).and_then(|bytes| core::str::from_utf8(bytes).ok())
    }

    /// A string as text; a number is none.
    pub(super) fn text(&self, slot: &Slot) -> Option<&str> {
        if matches!(slot, Slot::Text(_)) { self.str(slot) } else { None }
    }

    /// The first words for people.
    pub(super) fn words(&self) -> Option<&str> {
        self.fields.words().find_map(|slot| self.text(slot))
    }

    /// The title of a page.
    pub(super) fn page_title(&self) -> Option<&str> {
        if self.format != Format::Other {
            return None;
        }
        let head = &self.text[..self.text.len().min(TITLE_WITHIN_BYTES)];
        let open = find(head, b"<title")?;
        let start = open + head[open..].iter().position(|&b| b == b'>')? + 1;
        let length = find(&head[start..], b"</title")?;
        core::str::from_utf8(head[start..start + length].trim_ascii()).ok().filter(|title| !title.is_empty())
    }
}

fn find(text: &[u8], lower_case: &[u8]) -> Option<usize> {
    text.windows(lower_case.len()).position(|window| window.eq_ignore_ascii_case(lower_case))
}
