//! A body, decoded and read: JSON first, then a form, whatever `Content-Type` says.

use alloc::vec::Vec;
use core::ops::Range;
use zeroize::Zeroizing;

use super::decode::decode;
use super::echo::is_no_new_token;
use super::fields::{Fields, Slot};
use super::form;
use super::overrides;
use super::salvage;
use super::scanner::{Scanner, Value};
use super::types::RequestContext;
use super::watch::Watch;
use crate::secret::Secret;

/// How far into a page its title is looked for.
const TITLE_WITHIN_BYTES: usize = 4096;

/// A longer line is no code.
const LINE_MAX_BYTES: usize = 256;

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
    /// The overrides of the profile that nothing in this body speaks against.
    pub(super) overrides: overrides::Set,
    /// How far JSON could be read.
    read_to: usize,
    /// All of it was one string, and no answer stood in that.
    is_string: bool,
}

impl Body {
    /// Decodes and reads, with an eye on what the profile names. `truncated`: the transport stopped at its limit.
    pub(super) fn read(wire: &[u8], truncated: bool, context: &RequestContext<'_>) -> Self {
        let decoded = decode(wire, truncated);
        let pages = overrides::by_page(context.profile, &decoded.bytes);
        let mut body = Self {
            text: decoded.bytes,
            fields: Fields::default(),
            format: Format::Empty,
            whole: decoded.whole,
            overrides: pages,
            read_to: 0,
            is_string: false,
        };
        let string = body.parse(context);
        body.is_string = string.is_some();
        if let Some(inner) = string.or_else(|| body.fields.inner().filter(|inner| body.holds_one(inner))) {
            // Encoded twice: the string is the answer.
            body.text.truncate(inner.end);
            body.text.drain(..inner.start);
            let format = body.format;
            body.overrides = pages;
            let is_answer =
                body.parse(context).is_none() && matches!(body.format, Format::Json | Format::Form);
            if is_answer {
                body.is_string = false;
            } else {
                body.format = format;
            }
        }
        body
    }

    /// Whether what stands there grants or refuses something.
    fn holds_one(&self, inner: &Range<usize>) -> bool {
        let text = self.text.get(inner.clone()).unwrap_or_default();
        self.whole
            && [&b"access_token"[..], b"accesstoken", b"error"].iter().any(|name| find(text, name).is_some())
    }

    /// Reads the text; where all of it is one JSON string, that string.
    fn parse(&mut self, context: &RequestContext<'_>) -> Option<Range<usize>> {
        let watch = Watch::new(context.profile, context.sent_refresh_token);
        let mut string = None;
        let watch = match self.text.iter().find(|&&b| b > b' ') {
            None => watch,
            Some(b'{' | b'[' | b'"') => {
                let mut scanner = Scanner::new(&mut self.text, watch);
                let (fields, whole, value) = Fields::from_json(&mut scanner);
                self.read_to = scanner.at();
                let watch = scanner.into_watch();
                (self.fields, self.format, self.whole) = (fields, Format::Json, whole);
                if let Value::Text(range) = value {
                    string = Some(range);
                }
                watch
            }
            Some(_) => {
                let mut watch = watch;
                let read = form::read(&mut self.text, self.whole, &mut watch);
                self.format = if read.is_some() { Format::Form } else { Format::Other };
                self.fields = read.unwrap_or_default();
                watch
            }
        };
        self.overrides = overrides::by_members(context.profile, &watch, self.overrides);
        string
    }

    /// Looks through the text for a refresh token where none was found by its structure.
    pub(super) fn salvage(&mut self, sent: Option<&Secret>) {
        if !self.fields.stray_refresh_token.is_absent() {
            return;
        }
        let is_sent = |token: &[u8]| is_no_new_token(sent, token);
        if let Some(range) = salvage::refresh_token(&mut self.text, self.whole, is_sent) {
            self.fields.stray_refresh_token = Slot::Text(range);
        }
    }

    /// Where an access token was read, and then something that cannot be: looks for a refresh token behind that. What
    /// strayed before it may be somebody else's.
    pub(super) fn salvage_rest(&mut self, sent: Option<&Secret>) -> bool {
        if self.whole || self.format != Format::Json {
            return false;
        }
        let is_sent = |token: &[u8]| is_no_new_token(sent, token);
        let found = salvage::refresh_token_behind(&mut self.text, self.read_to, false, is_sent);
        let is_found = found.is_some();
        if let Some(range) = found {
            self.fields.stray_refresh_token = Slot::Text(range);
        }
        is_found
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

    /// The one line that is all of a text which is neither JSON nor a form nor a page, with quotes around it or without.
    pub(super) fn line(&self) -> Option<&str> {
        let text = core::str::from_utf8(self.text.trim_ascii()).ok()?;
        ((self.format == Format::Other || self.is_string)
            && text.len() <= LINE_MAX_BYTES
            && !text.contains(['<', '\n']))
        .then_some(text)
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
