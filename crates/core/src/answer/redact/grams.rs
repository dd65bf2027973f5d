//! The short stretches of secrets that a text is searched for, and the search.

use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroizing;

use super::view::View;
use crate::request::push_base64;

/// So many characters of a secret in a row are an echo of it.
const ECHO_MIN_BYTES: usize = 8;

/// An echo of a short secret may be shorter, but not so short that every word becomes one.
const SHORT_ECHO_MIN_BYTES: usize = 4;

/// A short secret with other characters between its own is looked for only where it is at least so long.
const SOLID_MIN_BYTES: usize = 6;

/// So many bits of the filter for each stretch.
const FILTER_BITS_EACH: usize = 16;

/// How a stretch stands in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Byte by byte.
    Literal,
    /// Byte by byte, blanks left out.
    Squeezed,
    /// By its letters and digits alone: whatever stands between them does not hide it.
    Solid,
    /// Byte by byte, and with nothing of a word beside it: a secret so short stands in every other word.
    Alone,
}

impl Form {
    const fn keeps(self, byte: u8) -> bool {
        match self {
            Self::Literal | Self::Alone => true,
            Self::Squeezed => byte > b' ' && byte != 0x7f,
            Self::Solid => byte.is_ascii_alphanumeric(),
        }
    }
}

/// All stretches of one form and length, in lower case: removing too much is no harm.
struct Grams {
    form: Form,
    length: usize,
    sorted: Zeroizing<Vec<u64>>,
    /// Says of most other stretches at once that they are none of these.
    filter: Zeroizing<Vec<u64>>,
}

/// The stretches of all secrets.
pub(super) struct Index(Vec<Grams>);

impl Index {
    pub(super) fn of(secrets: &[&[u8]]) -> Self {
        let mut index = Self(Vec::new());
        for secret in secrets {
            index.add(secret);
        }
        for grams in &mut index.0 {
            grams.finish();
        }
        index
    }

    fn add(&mut self, secret: &[u8]) {
        // As the cleaned text would show it.
        let plain =
            core::str::from_utf8(secret).map(|text| crate::answer::plain::plain_text(text, secret.len()));
        let secret = plain.as_ref().map_or(secret, |plain| &plain[..]);
        if (1..SHORT_ECHO_MIN_BYTES).contains(&secret.len()) {
            return self.put(Form::Alone, secret.len(), secret);
        }
        let least = (secret.len() / 2).clamp(SHORT_ECHO_MIN_BYTES, ECHO_MIN_BYTES);
        let squeezed = kept(secret, Form::Squeezed);
        if least < ECHO_MIN_BYTES || squeezed.len() < secret.len() {
            self.put(Form::Literal, least, secret);
        }
        if squeezed.len() >= SHORT_ECHO_MIN_BYTES {
            self.put(Form::Squeezed, squeezed.len().min(ECHO_MIN_BYTES), &squeezed);
        }
        let solid = kept(secret, Form::Solid);
        if solid.len() >= SOLID_MIN_BYTES {
            let length = solid.len().min(ECHO_MIN_BYTES);
            let reversed = Zeroizing::new(solid.iter().rev().copied().collect::<Vec<_>>());
            self.put(Form::Solid, length, &solid);
            self.put(Form::Solid, length, &reversed);
        }
        // Base64 whose case was changed on the way can no longer be decoded.
        for before in 0..3 {
            let coded = kept(&inner_base64(secret, before), Form::Solid);
            if coded.len() >= ECHO_MIN_BYTES {
                self.put(Form::Solid, ECHO_MIN_BYTES, &coded);
            }
        }
    }

    fn put(&mut self, form: Form, length: usize, secret: &[u8]) {
        let key = (form, length);
        let at = self.0.iter().position(|g| (g.form, g.length) == key).unwrap_or(self.0.len());
        if at == self.0.len() {
            let none = || Zeroizing::new(Vec::new());
            self.0.push(Grams { form, length, sorted: none(), filter: none() });
        }
        if let Some(grams) = self.0.get_mut(at) {
            grams.extend(secret);
        }
    }

    /// Marks every stretch of the shown text that the view shows a piece of a secret in.
    pub(super) fn mark(&self, view: &View, shown: &[u8], marks: &mut [bool]) {
        for grams in &self.0 {
            if view.decoded && matches!(grams.form, Form::Literal | Form::Alone) {
                continue;
            }
            let mut window = Window::new(grams.length);
            for (at, &byte) in view.bytes.iter().enumerate() {
                if !grams.form.keeps(byte) {
                    continue;
                }
                let Some((gram, first)) = window.push(byte.to_ascii_lowercase(), at) else { continue };
                if grams.contains(gram) {
                    let source = view.source(first, at);
                    if grams.form != Form::Alone || stands_alone(shown, &source) {
                        marks[source].fill(true);
                    }
                }
            }
        }
    }
}

impl Grams {
    fn extend(&mut self, secret: &[u8]) {
        // Grown by hand: a buffer that moves leaves its bytes behind.
        let mut grown = Zeroizing::new(Vec::with_capacity(self.sorted.len() + secret.len()));
        grown.extend_from_slice(&self.sorted);
        let mut window = Window::new(self.length);
        for (at, byte) in secret.iter().enumerate() {
            grown.extend(window.push(byte.to_ascii_lowercase(), at).map(|(gram, _)| gram));
        }
        self.sorted = grown;
    }

    fn finish(&mut self) {
        self.sorted.sort_unstable();
        self.sorted.dedup();
        let bits = (self.sorted.len() * FILTER_BITS_EACH).next_power_of_two().max(64);
        self.filter = Zeroizing::new(vec![0; bits / 64]);
        for at in 0..self.sorted.len() {
            let (word, bit) = self.place(self.sorted[at]);
            self.filter[word] |= bit;
        }
    }

    /// Where the filter keeps a stretch, by Fibonacci hashing.
    fn place(&self, gram: u64) -> (usize, u64) {
        let bits = self.filter.len() * 64;
        let hash = gram.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits.trailing_zeros());
        (hash as usize / 64, 1 << (hash % 64))
    }

    fn contains(&self, gram: u64) -> bool {
        let (word, bit) = self.place(gram);
        self.filter[word] & bit != 0 && self.sorted.binary_search(&gram).is_ok()
    }
}

/// The last few bytes, as a number, and where each stood.
struct Window {
    length: usize,
    taken: usize,
    bytes: u64,
    places: [usize; ECHO_MIN_BYTES],
}

impl Window {
    const fn new(length: usize) -> Self {
        Self { length, taken: 0, bytes: 0, places: [0; ECHO_MIN_BYTES] }
    }

    /// Takes one more byte in: the stretch that ends with it, and where that began.
    fn push(&mut self, byte: u8, at: usize) -> Option<(u64, usize)> {
        self.places[self.taken % ECHO_MIN_BYTES] = at;
        self.taken += 1;
        self.bytes = self.bytes << 8 | u64::from(byte);
        let first = self.taken.checked_sub(self.length)?;
        let kept = u64::MAX >> (64 - 8 * self.length);
        Some((self.bytes & kept, self.places[first % ECHO_MIN_BYTES]))
    }
}

/// What a form looks at of a secret.
fn kept(secret: &[u8], form: Form) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(secret.len()));
    kept.extend(secret.iter().filter(|&&byte| form.keeps(byte)));
    kept
}

fn stands_alone(text: &[u8], range: &core::ops::Range<usize>) -> bool {
    let outside = |byte: Option<&u8>| !byte.is_some_and(|&b| super::shape::is_token_byte(b));
    outside(range.start.checked_sub(1).and_then(|at| text.get(at))) && outside(text.get(range.end))
}

/// The base64 of a secret with so many bytes before it, less the characters that those bytes and the end touch.
fn inner_base64(secret: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(before + secret.len()));
    padded.resize(before, 0);
    padded.extend_from_slice(secret);
    let mut coded = Zeroizing::new(Vec::with_capacity(padded.len().div_ceil(3) * 4));
    push_base64(&mut coded, &padded);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    Zeroizing::new(coded.get(first..last).unwrap_or_default().to_vec())
}
