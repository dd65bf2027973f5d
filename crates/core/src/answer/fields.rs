//! The few members of an answer that mean something, wherever servers put them.

mod errors;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::places::{
    CODE_PLACES, CodePlace, Field, LOOSE_FROM, Trust, WEAK_FROM, WORDS_PLACES, WordsPlace, spelling,
};
use super::scanner::{Malformed, Scanner, Value};
use super::tokens::Tokens;
use super::watch::Watch;
use crate::profile::FieldMap;

/// Objects into which servers put a whole answer.
const WRAPPERS: [&[u8]; 12] = [
    b"data",
    b"body",
    b"content",
    b"result",
    b"response",
    b"payload",
    b"token",
    b"tokens",
    b"credentials",
    b"session",
    b"auth",
    b"authenticationresult",
];

/// Where in the text a member's value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Slot {
    /// Not there, null, or empty: servers mean the same by each.
    #[default]
    Absent,
    /// A string that is not empty.
    Text(Range<usize>),
    /// A number.
    Number(Range<usize>),
    /// Something that no reader expects there.
    Other,
}

impl Slot {
    /// Takes a value in. The last one wins, but nothing never displaces something: of two refresh tokens the later is
    /// the newer, while a later null says nothing.
    pub(super) fn put(&mut self, value: &Value) {
        *self = match value {
            Value::Text(range) if !range.is_empty() => Self::Text(range.clone()),
            Value::Number(range) => Self::Number(range.clone()),
            Value::Word | Value::Object | Value::Array if *self == Self::Absent => Self::Other,
            Value::Text(_) | Value::Null | Value::Word | Value::Object | Value::Array => return,
        };
    }

    pub(super) fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Fields {
    /// What grants something: where the profile says, else at the top by standard names, else by others, else in a
    /// wrapper.
    pub(super) tokens: Tokens,
    /// A refresh token somewhere inside, where nobody expects one.
    pub(super) stray_refresh_token: Slot,
    /// Seconds.
    pub(super) retry_after: Slot,
    /// The same in milliseconds.
    pub(super) retry_after_millis: Slot,
    /// A text under a wrapper's name that begins like an object.
    inner: Option<Range<usize>>,
    /// Causes by number (`error_codes`).
    pub(super) vendor_codes: Vec<u32>,
    codes: [Slot; CODE_PLACES],
    words: [Slot; WORDS_PLACES],
    camel: Tokens,
    wrapper: Tokens,
    /// Objects of a wrapper's name that hold an access token.
    wrappers: u32,
}

impl Fields {
    /// Reads a JSON text; false when it could not be read to the end of its first value. A string that is all of it
    /// comes back as a value: it may be an answer that was encoded twice.
    pub(super) fn from_json(scanner: &mut Scanner<'_>) -> (Self, bool, Value) {
        let mut fields = Self::default();
        let (whole, value) = match scanner.value() {
            Ok(Value::Object) => (fields.top(scanner).is_ok(), Value::Object),
            Ok(Value::Array) => (fields.list(scanner).is_ok(), Value::Array),
            Ok(value) => (true, value),
            Err(Malformed) => (false, Value::Null),
        };
        fields.settle(scanner.watch());
        (fields, whole, value)
    }

    // rfc: 6749-5.1 a member that nobody knows is passed over
    /// Takes in one pair of a form; false when its name means nothing.
    pub(super) fn put_pair(
        &mut self,
        text: &[u8],
        name: Range<usize>,
        range: Range<usize>,
        watch: &mut Watch<'_>,
    ) -> bool {
        let (name, written) = (&text[name], &text[range.clone()]);
        let value = Value::Text(range);
        let is_wanted = watch.pair(name, &value, written);
        match self.slot(name) {
            Some(_) if is_refresh_token(name) && watch.is_sent(written) => true,
            Some(slot) => {
                slot.put(&value);
                true
            }
            None => is_wanted,
        }
    }

    /// Once all is read: what stands where counts in which order.
    pub(super) fn settle(&mut self, watch: &mut Watch<'_>) {
        self.stray_refresh_token = watch.stray();
        self.tokens.fill_from(core::mem::take(&mut self.camel));
        self.take_mapped(watch);
        // A wrapper counts as a whole, and only where it is the one place that has a token.
        if self.tokens.access_token.is_absent() && self.wrappers == 1 {
            self.tokens.fill_from(core::mem::take(&mut self.wrapper));
        }
    }

    fn take_mapped(&mut self, watch: &mut Watch<'_>) {
        let mut mapped_lifetime = false;
        for (field, _) in Field::of_map(&FieldMap::STANDARD) {
            let Some(slot) = watch.found(field) else { continue };
            let tokens = &mut self.tokens;
            match field {
                Field::AccessToken => tokens.access_token = slot,
                Field::RefreshToken => tokens.refresh_token = slot,
                Field::IdToken => tokens.id_token = slot,
                Field::TokenType => tokens.token_type = slot,
                Field::Scope => (tokens.scope, tokens.scope_list) = (slot, None),
                Field::ExpiresIn => (tokens.expires_in, mapped_lifetime) = (slot, true),
                Field::ExpiresAt => {
                    (tokens.expires_at, tokens.expires_at_first) = (slot, !mapped_lifetime);
                }
                Field::IssuedAt => tokens.issued_at = slot,
                Field::RefreshExpiresIn => tokens.refresh_expires_in = slot,
                Field::Error => *self.code(CodePlace::Mapped) = slot,
                Field::Description => *self.word(WordsPlace::Mapped) = slot,
            }
        }
        if let Some(scopes) = watch.scopes() {
            (self.tokens.scope, self.tokens.scope_list) = (Slot::Absent, Some(scopes));
        }
    }

    /// Everything that is or may be a secret.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Slot> {
        let objects = [&self.tokens, &self.camel, &self.wrapper];
        objects.into_iter().flat_map(Tokens::secrets).chain([&self.stray_refresh_token])
    }

    /// The candidates for a code, best first.
    pub(super) fn codes(&self) -> impl Iterator<Item = &Slot> {
        self.codes.iter()
    }

    /// The candidates for a code, best first, and how far each is to be trusted.
    pub(super) fn code_places(&self) -> impl Iterator<Item = (Trust, &Slot)> {
        self.codes.iter().enumerate().map(|(at, slot)| match at {
            LOOSE_FROM.. => (Trust::Loose, slot),
            WEAK_FROM.. => (Trust::Weak, slot),
            _ => (Trust::Firm, slot),
        })
    }

    /// The candidates for words, best first.
    pub(super) fn words(&self) -> impl Iterator<Item = &Slot> {
        self.words.iter()
    }

    /// The answer that a wrapper holds as text, where nothing around it is one.
    pub(super) fn inner(&self) -> Option<Range<usize>> {
        let tokens = [&self.tokens.access_token, &self.tokens.refresh_token, &self.stray_refresh_token];
        let around = tokens.into_iter().chain(&self.words).chain(&self.codes[..WEAK_FROM]);
        self.inner.clone().filter(|_| around.into_iter().all(Slot::is_absent))
    }

    /// How long to wait.
    fn wait(&mut self, name: &[u8]) -> Option<&mut Slot> {
        match name {
            b"retry_after" | b"retry_after_seconds" => Some(&mut self.retry_after),
            b"retry_after_ms" | b"retryAfterMs" => Some(&mut self.retry_after_millis),
            _ => None,
        }
    }

    fn slot(&mut self, name: &[u8]) -> Option<&mut Slot> {
        let name = spelling(name);
        Some(match name {
            b"retry_after" | b"retry_after_seconds" | b"retry_after_ms" | b"retryAfterMs" => {
                return self.wait(name);
            }
            b"error" => self.code(CodePlace::Error),
            // The last one is OAuth 1's.
            b"error_code" | b"error_id" | b"oauth_problem" => self.code(CodePlace::ErrorCode),
            b"code" => self.code(CodePlace::Code),
            b"errorCode" => self.code(CodePlace::CamelErrorCode),
            b"error_type" => self.code(CodePlace::ErrorType),
            b"__type" => self.code(CodePlace::ThrownType),
            b"name" => self.code(CodePlace::Name),
            b"type" => self.code(CodePlace::Type),
            b"status" => self.code(CodePlace::Status),
            b"error_description" => self.word(WordsPlace::Description),
            b"error_message" | b"error_msg" | b"err_msg" | b"errmsg" => self.word(WordsPlace::ErrorMessage),
            b"message" => self.word(WordsPlace::Message),
            b"msg" => self.word(WordsPlace::Msg),
            b"error_summary" | b"errorSummary" => self.word(WordsPlace::Summary),
            b"detail" | b"developerMessage" => self.word(WordsPlace::Detail),
            b"reason" => self.word(WordsPlace::Reason),
            b"title" => self.word(WordsPlace::Title),
            _ => return self.tokens.standard(name).or_else(|| self.camel.camel_case(name)),
        })
    }

    fn code(&mut self, place: CodePlace) -> &mut Slot {
        &mut self.codes[place as usize]
    }

    fn word(&mut self, place: WordsPlace) -> &mut Slot {
        &mut self.words[place as usize]
    }

    fn top(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            let name = spelling(scanner.slice(&key));
            match (name, &value) {
                (b"fault", Value::Object) => self.fault(scanner)?,
                (b"error", Value::Object) => self.error_object(scanner)?,
                (b"errors", Value::Array) => self.errors(scanner)?,
                (b"error_codes", Value::Array) => self.vendor_codes(scanner)?,
                (b"scope", Value::Array) => self.tokens.scope_list = scopes(scanner)?,
                (_, Value::Object) => {
                    let is_wrapper = is_wrapper(name);
                    if let Some(slot) = self.slot(name) {
                        slot.put(&value);
                    }
                    if is_wrapper { self.wrapped(scanner)? } else { scanner.skip(&value)? }
                }
                (_, Value::Array) => self.first_of(scanner, &key)?,
                (_, Value::Text(range)) if is_refresh_token(name) && scanner.is_sent(range) => {}
                (_, Value::Text(range)) if is_wrapper(name) && scanner.slice(range).starts_with(b"{") => {
                    self.inner = Some(range.clone());
                }
                (_, Value::Text(_) | Value::Number(_) | Value::Null | Value::Word) => {
                    if let Some(slot) = self.slot(name) {
                        slot.put(&value);
                    }
                }
            }
        }
        Ok(())
    }

    /// An array where one value belongs: its first scalar stands for it.
    fn first_of(&mut self, scanner: &mut Scanner<'_>, key: &Range<usize>) -> Result<(), Malformed> {
        let mut first = true;
        while scanner.element()? {
            let value = scanner.value()?;
            let name = scanner.slice(key);
            let sent =
                matches!(&value, Value::Text(range) if is_refresh_token(name) && scanner.is_sent(range));
            if let (true, false, Some(slot)) = (first, sent, self.slot(name)) {
                slot.put(&value);
            }
            first = false;
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// An object that some servers put their whole answer into.
    fn wrapped(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let mut inner = Tokens::default();
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            let name = spelling(scanner.slice(&key));
            match &value {
                Value::Array if name == b"scope" => inner.scope_list = scopes(scanner)?,
                Value::Text(range) if is_refresh_token(name) && scanner.is_sent(range) => {}
                Value::Text(_) | Value::Number(_) => {
                    if let Some(slot) = inner.standard(name) {
                        slot.put(&value);
                    } else if let Some(slot) = inner.camel_case(name) {
                        slot.put(&value);
                    } else if matches!(name, b"error" | b"error_code") {
                        self.code(CodePlace::WrappedError).put(&value);
                    }
                }
                Value::Object | Value::Array | Value::Null | Value::Word => scanner.skip(&value)?,
            }
        }
        if !inner.access_token.is_absent() {
            self.wrappers += 1;
            self.wrapper = inner;
        }
        Ok(())
    }

    /// A list where an object belongs: nothing in it is believed but the error that comes first.
    fn list(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        self.errors(scanner)
    }
}

fn is_wrapper(name: &[u8]) -> bool {
    WRAPPERS.iter().any(|wrapper| wrapper.eq_ignore_ascii_case(name))
}

/// `"scope": ["a", "b"]`
fn scopes(scanner: &mut Scanner<'_>) -> Result<Option<String>, Malformed> {
    let mut joined = String::new();
    while scanner.element()? {
        let value = scanner.value()?;
        if let Value::Text(range) = &value
            && let Ok(scope) = core::str::from_utf8(scanner.slice(range))
        {
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(scope);
        }
        scanner.skip(&value)?;
    }
    Ok(Some(joined).filter(|scope| !scope.is_empty()))
}

/// By its name, in any case.
pub(super) fn is_refresh_token(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"refresh_token") || name.eq_ignore_ascii_case(b"refreshToken")
}
