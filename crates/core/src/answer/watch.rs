//! Members that a profile names by their path, found while the one scan runs.
//!
//! The scanner unescapes in place and builds no tree, so nobody can walk to `data.tokens[0].access` afterwards. It
//! tells this watch where it is instead: which container opens, which key stands there, which value follows. Every
//! wanted path remembers how many of its steps lead here; what arrives at the last of them is taken.

use alloc::string::String;
use alloc::vec::Vec;

use super::echo::is_no_new_token;
use super::fields::{Slot, is_refresh_token};
use super::places::Field;
use super::scanner::Value;
use crate::profile::{FieldMap, Profile, Text};
use crate::secret::Secret;

/// More paths than this in one profile are not looked for: every member of an answer is compared with all of them.
pub const PATHS_MAX: usize = 64;

/// More overrides than this in one profile are not looked at: which of them hold is kept in 64 bits.
pub const OVERRIDES_MAX: usize = 64;

/// Real answers nest three deep.
const PATH_STEPS_MAX: usize = 8;

/// So that a place in a path fits into a byte.
const PATH_MAX_BYTES: usize = 255;

/// A path is names joined by dots, and elements by number or `[*]`: `data.access_token`, `errors[0].resource`. At most
/// 255 bytes and 8 steps.
pub fn is_path(text: &str) -> bool {
    Path::parse(text).is_some()
}

/// A path, cut into its steps.
#[derive(Clone, Copy)]
struct Path<'p> {
    text: &'p [u8],
    /// Where each step begins; after the last, where the path ends.
    starts: [u8; PATH_STEPS_MAX + 1],
    steps: usize,
}

impl<'p> Path<'p> {
    fn parse(path: &'p str) -> Option<Self> {
        let text = path.as_bytes();
        let mut parsed = Self { text, starts: [0; PATH_STEPS_MAX + 1], steps: 0 };
        let mut at = 0;
        while at < text.len() {
            let in_brackets = text[at] == b'[';
            let dotted = text[at] == b'.';
            if in_brackets == dotted && at > 0 || dotted && at == 0 {
                return None;
            }
            let start = at + usize::from(in_brackets || dotted);
            let length = text[start..].iter().position(|b| b".[]".contains(b)).unwrap_or(text.len() - start);
            let name = &text[start..start + length];
            at = start + length;
            if in_brackets {
                let numbered = name.len() <= 4 && name.iter().all(u8::is_ascii_digit);
                if text.get(at) != Some(&b']') || !(name == b"*" || numbered) {
                    return None;
                }
                at += 1;
            }
            if name.is_empty() || text.get(at) == Some(&b']') || parsed.steps == PATH_STEPS_MAX {
                return None;
            }
            parsed.steps += 1;
            parsed.starts[parsed.steps] = u8::try_from(at).ok()?;
        }
        (parsed.steps > 0 && text.len() <= PATH_MAX_BYTES).then_some(parsed)
    }

    fn step(&self, at: usize) -> &'p [u8] {
        let (Some(&from), Some(&to)) = (self.starts.get(at), self.starts.get(at + 1)) else { return &[] };
        self.text.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    fn step_is_key(&self, at: usize, key: &[u8]) -> bool {
        let step = self.step(at);
        match step.split_first() {
            Some((b'[', _)) => false,
            Some((b'.', name)) => name == key,
            Some(_) => step == key,
            None => false,
        }
    }

    fn step_is_element(&self, at: usize, number: u32) -> bool {
        let inner = self.step(at).strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        inner.is_some_and(|inner| {
            inner == b"*" || core::str::from_utf8(inner).ok().and_then(|n| n.parse().ok()) == Some(number)
        })
    }

    fn has_wildcard(&self) -> bool {
        self.text.windows(3).any(|step| step == b"[*]")
    }
}

/// What a value at a path is for.
#[derive(Clone, Copy)]
enum Use<'p> {
    /// A member of RFC 6749 that this provider keeps elsewhere; the lower rank wins.
    Field(Field, u8),
    /// A condition of the override of that number, and whether it holds.
    Condition { of: usize, equals: &'p [Text], holds: bool },
}

struct Wanted<'p> {
    path: Path<'p>,
    /// So many of its steps lead to where the scan is.
    reached: usize,
    for_: Use<'p>,
}

/// What is looked for, and what was found.
#[derive(Default)]
pub(super) struct Watch<'p> {
    wanted: Vec<Wanted<'p>>,
    sent: Option<&'p Secret>,
    /// Open containers.
    depth: usize,
    /// Of each open container near the root: how many elements have begun.
    elements: [u32; PATH_STEPS_MAX],
    /// The last key says that a refresh token follows.
    at_refresh_token: bool,
    stray: Option<(usize, Slot)>,
    found: [(Slot, u8); Field::COUNT],
    scopes: Option<String>,
}

impl<'p> Watch<'p> {
    /// Looks for what the profile names. `sent`: the refresh token that was sent, which is nowhere a new one.
    pub(super) fn new(profile: &'p Profile, sent: Option<&'p Secret>) -> Self {
        let mut watch = Self { sent, ..Self::default() };
        if profile.fields != FieldMap::STANDARD {
            for (field, paths) in Field::of_map(&profile.fields) {
                for (rank, path) in (0..=u8::MAX).zip(paths.iter()) {
                    watch.want(path, Use::Field(field, rank));
                }
            }
        }
        for (of, over) in profile.overrides.iter().enumerate().take(OVERRIDES_MAX) {
            for member in over.when.members.iter() {
                watch.want(&member.path, Use::Condition { of, equals: &member.equals, holds: false });
            }
        }
        watch
    }

    fn want(&mut self, path: &'p str, for_: Use<'p>) {
        if let Some(path) = Path::parse(path).filter(|_| self.wanted.len() < PATHS_MAX) {
            self.wanted.push(Wanted { path, reached: 0, for_ });
        }
    }

    /// Is this the refresh token that was sent, or a stand-in for one?
    pub(super) fn is_sent(&self, token: &[u8]) -> bool {
        is_no_new_token(self.sent, token)
    }

    /// A container begins.
    pub(super) fn open(&mut self) {
        if let Some(elements) = self.elements.get_mut(self.depth) {
            *elements = 0;
        }
        self.depth += 1;
    }

    /// A container ends.
    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.at_refresh_token = false;
        for wanted in &mut self.wanted {
            wanted.reached = wanted.reached.min(self.depth);
        }
    }

    /// A key of the innermost object.
    pub(super) fn key(&mut self, key: &[u8]) {
        self.at_refresh_token = is_refresh_token(key);
        self.step(|path, at| path.step_is_key(at, key));
    }

    /// The next element of the innermost array.
    pub(super) fn element(&mut self) {
        let Some(count) = self.depth.checked_sub(1).and_then(|at| self.elements.get_mut(at)) else { return };
        let number = *count;
        *count = count.saturating_add(1);
        self.step(|path, at| path.step_is_element(at, number));
    }

    fn step(&mut self, leads: impl Fn(&Path<'p>, usize) -> bool) {
        let Some(at) = self.depth.checked_sub(1) else { return };
        for wanted in &mut self.wanted {
            if wanted.reached >= at {
                wanted.reached = at + usize::from(leads(&wanted.path, at));
            }
        }
    }

    /// The value that stands here. `written`: a string unescaped, a number or a bare word as it is; else nothing.
    pub(super) fn value(&mut self, value: &Value, written: &[u8]) {
        if self.at_refresh_token && self.depth > 1 && matches!(value, Value::Text(_)) {
            self.stray_refresh_token(value, written);
        }
        let depth = self.depth;
        for at in 0..self.wanted.len() {
            let Some(wanted) = self.wanted.get_mut(at) else { continue };
            if wanted.reached != depth || wanted.path.steps != depth {
                continue;
            }
            match &mut wanted.for_ {
                Use::Condition { equals, holds, .. } => *holds |= fits(value, written, equals),
                Use::Field(field, rank) => {
                    let (field, rank, any) = (*field, *rank, wanted.path.has_wildcard());
                    self.take(field, rank, any, value, written);
                }
            }
        }
    }

    /// A pair of a form: its name is the whole path. False where nobody looks for it.
    pub(super) fn pair(&mut self, name: &[u8], value: &Value, written: &[u8]) -> bool {
        let mut is_wanted = false;
        for at in 0..self.wanted.len() {
            let Some(wanted) = self.wanted.get_mut(at).filter(|w| w.path.text == name) else { continue };
            is_wanted = true;
            match &mut wanted.for_ {
                Use::Condition { equals, holds, .. } => *holds |= fits(value, written, equals),
                Use::Field(field, rank) => {
                    let (field, rank) = (*field, *rank);
                    self.take(field, rank, false, value, written);
                }
            }
        }
        is_wanted
    }

    fn take(&mut self, field: Field, rank: u8, any: bool, value: &Value, written: &[u8]) {
        if field == Field::RefreshToken && self.is_sent(written) {
            return;
        }
        if field == Field::Scope && any {
            if let (Value::Text(_), Ok(scope)) = (value, core::str::from_utf8(written)) {
                let scopes = self.scopes.get_or_insert_default();
                if !scopes.is_empty() {
                    scopes.push(' ');
                }
                scopes.push_str(scope);
            }
            return;
        }
        let Some((slot, held)) = self.found.get_mut(field as usize) else { return };
        // Of the elements that `[*]` means the first counts; of two members with one name the last.
        let better = slot.is_absent() || rank < *held || (rank == *held && !any);
        if better && matches!(value, Value::Text(_) | Value::Number(_)) && !written.is_empty() {
            slot.put(value);
            *held = rank;
        }
    }

    /// A refresh token somewhere inside: the one nearest to the root counts, of several there the last.
    fn stray_refresh_token(&mut self, value: &Value, written: &[u8]) {
        let nearer = self.stray.as_ref().is_none_or(|(depth, _)| self.depth <= *depth);
        if nearer && !written.is_empty() && !self.is_sent(written) {
            let mut slot = Slot::default();
            slot.put(value);
            self.stray = Some((self.depth, slot));
        }
    }

    /// What was found for a field at one of its own paths.
    pub(super) fn found(&mut self, field: Field) -> Option<Slot> {
        let (slot, _) = self.found.get_mut(field as usize)?;
        Some(core::mem::take(slot)).filter(|slot| !slot.is_absent())
    }

    /// The scopes that stood in an array of the profile's.
    pub(super) fn scopes(&mut self) -> Option<String> {
        self.scopes.take().filter(|scopes| !scopes.is_empty())
    }

    /// A refresh token below the first level.
    pub(super) fn stray(&mut self) -> Slot {
        self.stray.take().map(|(_, slot)| slot).unwrap_or_default()
    }

    /// Whether all conditions on members hold that this override sets, `count` of them.
    pub(super) fn holds(&self, of: usize, count: usize) -> bool {
        let met = |wanted: &&Wanted<'p>| matches!(wanted.for_, Use::Condition { of: o, holds: true, .. } if o == of);
        count == 0 || self.wanted.iter().filter(met).count() == count
    }
}

/// Strings in any case, numbers and words as they are written; nothing named: anything but nothing.
fn fits(value: &Value, written: &[u8], equals: &[Text]) -> bool {
    if equals.is_empty() {
        return *value != Value::Null;
    }
    equals.iter().any(|wanted| match value {
        Value::Text(_) => wanted.as_bytes().eq_ignore_ascii_case(written),
        Value::Number(_) | Value::Word | Value::Null => wanted.as_bytes() == written,
        Value::Object | Value::Array => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_and_elements_within_its_limits() {
        for path in ["a", "a.b", "a[0].b", "a[*][1].b.c", "[0].a", "a-b.c d.@x", "a.b.c.d.e.f.g.h", "a[9999]"]
        {
            assert!(is_path(path), "{path}");
        }
        let long = "x".repeat(256);
        for path in [
            "",
            ".",
            ".a",
            "a.",
            "a..b",
            "a[",
            "a[]",
            "a[x]",
            "a[0",
            "a]b",
            "a[0]b",
            "a[-1]",
            "a.[0]",
            "[*",
            "]",
            "a[10000]",
            "a.b.c.d.e.f.g.h.i",
            &long,
        ] {
            assert!(!is_path(path), "{path}");
        }
        assert!(is_path(&long[1..]));
    }
}
