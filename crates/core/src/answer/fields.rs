//! The few members of an answer that mean something, wherever servers put them.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::scanner::{Malformed, Scanner, Value};

/// Numbered causes that are looked at; a server sends one or two.
const VENDOR_CODES_MAX: usize = 8;

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
    fn put(&mut self, value: &Value) {
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

/// Where a code may stand, in the order in which it is looked for.
#[derive(Clone, Copy)]
enum CodePlace {
    Error,
    ErrorObjectCode,
    ErrorObjectType,
    ErrorCode,
    ErrorsType,
    ErrorsCode,
    Code,
    CamelErrorCode,
}

/// Where words for people may stand, the most telling first.
#[derive(Clone, Copy)]
enum WordsPlace {
    Description,
    ErrorMessage,
    ErrorsMessage,
    Message,
    Msg,
    Summary,
    Detail,
    Reason,
}

/// What was found.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) access_token: Slot,
    pub(super) refresh_token: Slot,
    /// A refresh token one level down, where a provider wraps its answers.
    pub(super) wrapped_refresh_token: Slot,
    pub(super) id_token: Slot,
    pub(super) token_type: Slot,
    pub(super) scope: Slot,
    /// A scope that came as an array, joined.
    pub(super) scope_list: Option<String>,
    /// Seconds.
    pub(super) expires_in: Slot,
    /// Seconds, by an older name.
    pub(super) expires: Slot,
    /// Seconds since the Unix epoch.
    pub(super) expires_at: Slot,
    /// Seconds.
    pub(super) refresh_expires_in: Slot,
    /// Seconds.
    pub(super) retry_after: Slot,
    /// Causes by number (`error_codes`).
    pub(super) vendor_codes: Vec<u32>,
    codes: [Slot; 8],
    words: [Slot; 8],
}

impl Fields {
    /// Reads a JSON text; false when it could not be read to the end of its first value.
    pub(super) fn from_json(scanner: &mut Scanner<'_>) -> (Self, bool) {
        let mut fields = Self::default();
        let whole = match scanner.value() {
            Ok(Value::Object) => fields.top(scanner).is_ok(),
            Ok(Value::Array) => fields.list(scanner).is_ok(),
            Ok(Value::Text(_) | Value::Number(_) | Value::Null | Value::Word) => true,
            Err(Malformed) => false,
        };
        (fields, whole)
    }

    /// Takes in one pair of a form; false when its name means nothing.
    pub(super) fn put_pair(&mut self, name: &[u8], value: Range<usize>) -> bool {
        match self.slot(name) {
            Some(slot) => {
                slot.put(&Value::Text(value));
                true
            }
            None => false,
        }
    }

    /// The candidates for a code, best first.
    pub(super) fn codes(&self) -> impl Iterator<Item = &Slot> {
        self.codes.iter()
    }

    /// The candidates for words, best first.
    pub(super) fn words(&self) -> impl Iterator<Item = &Slot> {
        self.words.iter()
    }

    fn slot(&mut self, name: &[u8]) -> Option<&mut Slot> {
        Some(match name {
            b"access_token" => &mut self.access_token,
            b"refresh_token" => &mut self.refresh_token,
            b"id_token" => &mut self.id_token,
            b"token_type" => &mut self.token_type,
            b"scope" => &mut self.scope,
            b"expires_in" => &mut self.expires_in,
            b"expires" => &mut self.expires,
            b"expires_at" | b"expires_on" => &mut self.expires_at,
            b"refresh_token_expires_in" | b"refresh_expires_in" | b"x_refresh_token_expires_in" => {
                &mut self.refresh_expires_in
            }
            b"retry_after" => &mut self.retry_after,
            b"error" => self.code(CodePlace::Error),
            b"error_code" => self.code(CodePlace::ErrorCode),
            b"code" => self.code(CodePlace::Code),
            b"errorCode" => self.code(CodePlace::CamelErrorCode),
            b"error_description" => self.word(WordsPlace::Description),
            b"error_message" => self.word(WordsPlace::ErrorMessage),
            b"message" => self.word(WordsPlace::Message),
            b"msg" => self.word(WordsPlace::Msg),
            b"error_summary" | b"errorSummary" => self.word(WordsPlace::Summary),
            b"detail" => self.word(WordsPlace::Detail),
            b"reason" => self.word(WordsPlace::Reason),
            _ => return None,
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
            let name = scanner.slice(&key);
            match (name, &value) {
                (b"error", Value::Object) => self.error_object(scanner)?,
                (b"errors", Value::Array) => self.errors(scanner)?,
                (b"error_codes", Value::Array) => self.vendor_codes(scanner)?,
                (b"scope", Value::Array) => self.scopes(scanner)?,
                (_, Value::Object) => {
                    if let Some(slot) = self.slot(name) {
                        slot.put(&value);
                    }
                    self.wrapped(scanner)?;
                }
                (_, Value::Array) => self.first_of(scanner, &key)?,
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
            if let (true, Some(slot)) = (first, self.slot(scanner.slice(key))) {
                slot.put(&value);
            }
            first = false;
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"error": {"code": …, "type": …, "message": …}`
    fn error_object(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            match scanner.slice(&key) {
                b"code" | b"error" => self.code(CodePlace::ErrorObjectCode).put(&value),
                b"type" => self.code(CodePlace::ErrorObjectType).put(&value),
                b"message" | b"error_description" | b"description" => {
                    self.word(WordsPlace::ErrorMessage).put(&value);
                }
                _ => {}
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"errors": [{"errorType": …, "message": …}, …]`: the first counts. It may be a bare string.
    fn errors(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let mut first = true;
        while scanner.element()? {
            let value = scanner.value()?;
            if first && value == Value::Object {
                self.first_error(scanner)?;
            } else {
                if first {
                    self.code(CodePlace::ErrorsType).put(&value);
                }
                scanner.skip(&value)?;
            }
            first = false;
        }
        Ok(())
    }

    fn first_error(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            match scanner.slice(&key) {
                b"errorType" | b"error" => self.code(CodePlace::ErrorsType).put(&value),
                b"code" => self.code(CodePlace::ErrorsCode).put(&value),
                b"message" => self.word(WordsPlace::ErrorsMessage).put(&value),
                _ => {}
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"error_codes": [90033, …]`
    fn vendor_codes(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while scanner.element()? {
            let value = scanner.value()?;
            if let Value::Number(range) | Value::Text(range) = &value {
                let number: Option<u32> =
                    core::str::from_utf8(scanner.slice(range)).ok().and_then(|text| text.parse().ok());
                if self.vendor_codes.len() < VENDOR_CODES_MAX {
                    self.vendor_codes.extend(number);
                }
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"scope": ["a", "b"]`
    fn scopes(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
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
        self.scope_list = Some(joined).filter(|scope| !scope.is_empty());
        Ok(())
    }

    /// An object that should not be there may be a wrapper: nothing in it is believed, but a refresh token in it
    /// must not be lost.
    fn wrapped(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            if scanner.slice(&key) == b"refresh_token" {
                self.wrapped_refresh_token.put(&value);
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    fn list(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while scanner.element()? {
            let value = scanner.value()?;
            if value == Value::Object {
                self.wrapped(scanner)?;
            } else {
                scanner.skip(&value)?;
            }
        }
        Ok(())
    }
}
