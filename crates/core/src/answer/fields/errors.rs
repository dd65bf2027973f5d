//! Errors that are more than a word: objects and lists, in the shapes that frameworks and gateways give them.

use super::Fields;
use crate::answer::places::{CodePlace, WordsPlace, spelling};
use crate::answer::scanner::{Malformed, Scanner, Value};

/// Numbered causes that are looked at; a server sends one or two.
const VENDOR_CODES_MAX: usize = 8;

impl Fields {
    /// `"error": {"code": …, "type": …, "message": …}`
    pub(super) fn error_object(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            match (spelling(scanner.slice(&key)), &value) {
                (b"errors", Value::Array) => {
                    self.causes(scanner)?;
                    continue;
                }
                (b"code" | b"error" | b"error_code" | b"errorCode" | b"errorId", _) => {
                    self.code(CodePlace::ErrorObjectCode).put(&value);
                }
                (b"type" | b"name" | b"id", _) => self.code(CodePlace::ErrorObjectType).put(&value),
                (b"status", _) => self.code(CodePlace::ErrorObjectStatus).put(&value),
                (b"message" | b"error_description" | b"description" | b"detail", _) => {
                    self.word(WordsPlace::ErrorMessage).put(&value);
                }
                (name, _) => {
                    if let Some(slot) = self.wait(name) {
                        slot.put(&value);
                    }
                }
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"fault": {"faultstring": …, "detail": {"errorcode": …}}`
    pub(super) fn fault(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            match (scanner.slice(&key), &value) {
                (b"detail", Value::Object) => {
                    self.fault_detail(scanner)?;
                    continue;
                }
                (b"faultstring" | b"faultString" | b"message", _) => self.word(WordsPlace::Fault).put(&value),
                (b"code" | b"errorcode", _) => self.code(CodePlace::FaultCode).put(&value),
                _ => {}
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    fn fault_detail(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            if matches!(scanner.slice(&key), b"errorcode" | b"errorCode") {
                self.code(CodePlace::FaultCode).put(&value);
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"errors": [{"errorType": …, "message": …}, …]`: the first counts. It may be a bare string.
    pub(super) fn errors(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
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
            match (scanner.slice(&key), &value) {
                // GraphQL's.
                (b"extensions", Value::Object) => {
                    self.extensions(scanner)?;
                    continue;
                }
                (b"errorType" | b"error", _) => self.code(CodePlace::ErrorsType).put(&value),
                (b"code" | b"errorCode", _) => self.code(CodePlace::ErrorsCode).put(&value),
                (b"reason", _) => self.code(CodePlace::ErrorsCause).put(&value),
                (b"message" | b"detail", _) => self.word(WordsPlace::ErrorsMessage).put(&value),
                (b"title", _) => self.word(WordsPlace::Title).put(&value),
                _ => {}
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"errors": [{"message": …, "extensions": {"code": …}}]`
    fn extensions(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        while let Some(key) = scanner.member()? {
            let value = scanner.value()?;
            if scanner.slice(&key) == b"code" {
                self.code(CodePlace::ErrorsCause).put(&value);
            }
            scanner.skip(&value)?;
        }
        Ok(())
    }

    /// `"error": {"errors": [{"reason": …}]}`: the first counts.
    fn causes(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let mut first = true;
        while scanner.element()? {
            let value = scanner.value()?;
            if !first || value != Value::Object {
                scanner.skip(&value)?;
                continue;
            }
            first = false;
            while let Some(key) = scanner.member()? {
                let value = scanner.value()?;
                if scanner.slice(&key) == b"reason" {
                    self.code(CodePlace::ErrorsCause).put(&value);
                }
                scanner.skip(&value)?;
            }
        }
        Ok(())
    }

    /// `"error_codes": [90033, …]`
    pub(super) fn vendor_codes(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
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
}
