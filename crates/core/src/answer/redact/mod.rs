//! Removing secrets from words that go to people and logs.
//!
//! Servers echo what they were sent: `Refresh token invalid: 1//0g…`. They cut it, escape it, encode it, put blanks in
//! between, and do several of these at once; so a plain search does not do. The text is read in every way in which it
//! could be written ([`view`]), each reading is searched for every short stretch of every secret ([`grams`]), and where
//! one is found the text it was read from goes, with the rest of its word. And so does whatever is long and opaque
//! enough to be a token of any origin.
//!
//! What it costs is bounded, and a text that would cost more is shown to nobody.

mod grams;
mod shape;
mod view;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::plain::{boundary, plain_text};
use crate::secret::Secret;
use grams::Index;
use shape::{is_token_byte, tokens_of_any_origin, words};
use view::{Base, View};

/// What is written in place of a secret.
const REMOVED: &str = "[removed]";

/// So much of a secret is looked for. The longest tokens seen are half of it; what is longer is opaque anyway.
const SECRET_MAX_BYTES: usize = 16 * 1024;

/// So many ways of writing on top of each other are taken off: base64 of a form of base64, say.
const LAYERS_MAX: usize = 3;

/// Escapes of escapes (`%2541`) are taken off so often in one layer.
const ESCAPES_MAX: usize = 6;

/// The text in all its readings may be so long; with more it counts as an echo from end to end.
const READINGS_MAX_BYTES: usize = 256 * 1024;

/// So much of a text is searched before it is cut.
const SEARCHED_MIN_BYTES: usize = 512;

/// Knows the secrets of one request. What is searched for is made when a text has to be searched, which a success never
/// asks for.
#[derive(Default)]
pub(super) struct Redactor<'a> {
    secrets: Vec<&'a [u8]>,
    index: OnceCell<Index>,
}

impl<'a> Redactor<'a> {
    /// Adds a secret. All are added before anything is searched.
    pub(super) fn add(&mut self, secret: &'a [u8]) {
        let secret = &secret[..secret.len().min(SECRET_MAX_BYTES)];
        if !secret.is_empty() && !self.secrets.contains(&secret) {
            self.secrets.push(secret);
            self.index = OnceCell::new();
        }
    }

    /// Does the text show a part of a secret?
    pub(super) fn finds_in(&self, text: &str) -> bool {
        self.marks(text).contains(&true)
    }

    /// Would a reader of all these, one after the other in any order, see a part of a secret that none shows alone?
    pub(super) fn finds_across(&self, one: &str, other: &str) -> bool {
        [[one, other], [other, one]].into_iter().any(|parts| {
            let joined = zeroize::Zeroizing::new(parts.concat());
            let mut marks = vec![false; joined.len()];
            self.index().mark(&View::of(&joined), joined.as_bytes(), &mut marks);
            let seam = parts[0].len();
            seam > 0 && marks.get(seam).is_some_and(|&after| after && marks[seam - 1])
        })
    }

    /// The text without echoes and opaque words.
    pub(super) fn clean(&self, text: &str) -> String {
        let marks = self.marks(text);
        let mut out = String::with_capacity(text.len());
        let mut inside = false;
        for (at, character) in text.char_indices() {
            if !marks[at] {
                out.push(character);
            } else if !inside {
                out.push_str(REMOVED);
            }
            inside = marks[at];
        }
        out
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.secrets))
    }

    fn marks(&self, text: &str) -> Vec<bool> {
        let mut marks = vec![false; text.len()];
        self.mark_echoes(text, &mut marks);
        let text = text.as_bytes();
        for word in words(text, is_token_byte) {
            let echoed = marks[word.clone()].contains(&true);
            marks[word].iter_mut().for_each(|mark| *mark |= echoed);
        }
        tokens_of_any_origin(text, |range| marks[range].fill(true));
        // A mark must cover whole characters.
        for at in 1..text.len() {
            if text[at] & 0xc0 == 0x80 {
                marks[at] = marks[at - 1];
            }
        }
        marks
    }

    /// Marks what any reading of the text shows of a secret.
    fn mark_echoes(&self, text: &str, marks: &mut [bool]) {
        if self.secrets.is_empty() {
            return;
        }
        let mut layer = vec![View::of(text)];
        let mut read = 0;
        for depth in 0..=LAYERS_MAX {
            let mut next = Vec::new();
            for view in layer {
                let mut escapes = Some(view);
                for _ in 0..=ESCAPES_MAX {
                    let Some(view) = escapes else { break };
                    read += view.bytes.len();
                    if read > READINGS_MAX_BYTES {
                        return marks.fill(true);
                    }
                    self.index().mark(&view, text.as_bytes(), marks);
                    escapes = view.unescaped();
                    if depth < LAYERS_MAX && view.is_readable() {
                        next.extend(decoded(&view));
                    }
                }
            }
            layer = next;
        }
    }
}

/// Foreign text as one line fit for people and logs ([`plain_line`](crate::plain_line)), without pieces of these secrets
/// in any known way of writing, and without words that look like a token; at most so many bytes.
pub fn redacted_line(text: &str, secrets: &[&Secret], max_bytes: usize) -> String {
    let mut redactor = Redactor::default();
    secrets.iter().for_each(|secret| redactor.add(secret.expose()));
    // What is removed makes room for what follows: a cut must not hide the half of an echo.
    let plain = plain_text(text, max_bytes.saturating_mul(2).max(SEARCHED_MIN_BYTES));
    let mut cleaned = redactor.clean(core::str::from_utf8(&plain).unwrap_or_default());
    cleaned.truncate(boundary(&cleaned, max_bytes));
    cleaned
}

/// The text as digits of every base.
fn decoded(view: &View) -> impl Iterator<Item = View> {
    let bases = [Base::Sixteen, Base::ThirtyTwo, Base::SixtyFour];
    let digits = bases
        .into_iter()
        .flat_map(move |base| (0..base.alignments()).map(move |skip| view.in_digits(base, skip)));
    digits.chain([view.in_decimals()]).filter(|view| view.bytes.len() >= SHORTEST_DECODED_BYTES)
}

/// What decodes to less shows nothing.
const SHORTEST_DECODED_BYTES: usize = 4;

#[cfg(test)]
mod tests;
