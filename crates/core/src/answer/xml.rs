//! Answers in XML, which some servers send to whoever they think a browser.
//!
//! Only elements that hold text alone, and only by the names of RFC 6749: `Error`, `Code` and `Message` are what storage
//! services and gateways answer with. A page is none, whatever it is called.

use core::ops::Range;

use super::fields::Fields;
use super::watch::Watch;

/// The names that are read.
const NAMES: [&[u8]; 9] = [
    b"access_token",
    b"refresh_token",
    b"id_token",
    b"token_type",
    b"expires_in",
    b"scope",
    b"error",
    b"error_description",
    b"error_code",
];

/// An answer has a dozen.
const ELEMENTS_MAX: usize = 256;

/// How far into the text a page says that it is one.
const PAGE_WITHIN_BYTES: usize = 1024;

/// What is escaped, and what for.
const ENTITIES: [(&[u8], u8); 5] =
    [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&apos;", b'\'')];

/// Reads elements in place; `None` when the text is no XML or holds nothing that means something.
pub(super) fn read(text: &mut [u8], watch: &mut Watch<'_>) -> Option<Fields> {
    if is_page(text) {
        return None;
    }
    let (mut at, mut known, mut fields) = (0, false, Fields::default());
    for _ in 0..ELEMENTS_MAX {
        let Some(opens) = text[at..].iter().position(|&b| b == b'<').map(|n| at + n) else { break };
        let Some(closes) = text[opens..].iter().position(|&b| b == b'>').map(|n| opens + n) else { break };
        at = closes + 1;
        let name = name(text, opens + 1..closes);
        if !NAMES.contains(&&text[name.clone()]) {
            continue;
        }
        let Some(end) = text[at..].iter().position(|&b| b == b'<').map(|n| at + n) else { break };
        if text[end..].starts_with(b"</") {
            let value = unescape(text, at..end);
            known |= fields.put_pair(text, name, value, watch);
        }
        at = end;
    }
    fields.settle(watch);
    known.then_some(fields)
}

fn is_page(text: &[u8]) -> bool {
    let head = &text[..text.len().min(PAGE_WITHIN_BYTES)];
    let has = |mark: &[u8]| head.windows(mark.len()).any(|part| part.eq_ignore_ascii_case(mark));
    has(b"<html") || has(b"<!doctype") || has(b"<body")
}

/// The name of a tag, without what stands before a colon and behind a blank.
fn name(text: &[u8], tag: Range<usize>) -> Range<usize> {
    let inside = &text[tag.clone()];
    let end = inside.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(inside.len());
    let start = inside[..end].iter().position(|&b| b == b':').map_or(0, |colon| colon + 1);
    tag.start + start..tag.start + end
}

/// Undoes the five entities of XML where they stand, and takes the blanks at both ends away.
fn unescape(text: &mut [u8], range: Range<usize>) -> Range<usize> {
    let inside = &text[range.clone()];
    let start = range.start + (inside.len() - inside.trim_ascii_start().len());
    let stop = start.max(range.start + inside.trim_ascii_end().len());
    let (mut from, mut to) = (start, start);
    while from < stop {
        let entity = ENTITIES.iter().find(|(entity, _)| text[from..stop].starts_with(entity));
        let (byte, length) = entity.map_or((text[from], 1), |(entity, byte)| (*byte, entity.len()));
        text[to] = byte;
        to += 1;
        from += length;
    }
    start..to
}

#[cfg(test)]
mod tests {
    use super::super::fields::Slot;
    use super::*;
    use crate::profile::Profile;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn code(text: &str) -> Option<String> {
        let mut bytes: Vec<u8> = text.into();
        let profile = Profile::GENERIC;
        let fields = read(&mut bytes, &mut Watch::new(&profile, None))?;
        let range = fields.codes().find_map(|slot| match slot {
            Slot::Text(range) => Some(range.clone()),
            Slot::Absent | Slot::Number(_) | Slot::Other => None,
        })?;
        Some(String::from_utf8_lossy(&bytes[range]).into_owned())
    }

    #[test]
    fn elements_by_the_names_of_the_standard_are_read() {
        for (text, found) in [
            ("<OAuth><error>invalid_grant</error></OAuth>", Some("invalid_grant")),
            ("<?xml version=\"1.0\"?>\n<o:a x='y'>\n <o:error z=''> a&amp;b </o:error></o:a>", Some("a&b")),
            ("<a><error></error></a>", None),
            ("<Error><Code>AccessDenied</Code></Error>", None),
            ("<error><code>5</code></error>", None),
            ("<html><error>invalid_grant</error></html>", None),
            ("<!DOCTYPE html><x><error>invalid_grant</error></x>", None),
            ("<a><error>cut", None),
            ("<error>", None),
            ("<", None),
            ("<:><error:>x</error:>", None),
        ] {
            assert_eq!(code(text).as_deref(), found, "{text}");
        }
    }
}
