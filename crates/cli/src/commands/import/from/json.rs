//! JSON of somebody else's: errors name the place and the key, never a value.

use renewd_core::Secret;
use serde_json::{Map, Value};

use crate::exit::Failure;
use crate::input::secret::clean;

/// An object of a source.
pub(super) struct Object<'a> {
    place: &'a str,
    /// Where in the document; empty at its top.
    at: String,
    fields: Map<String, Value>,
}

impl<'a> Object<'a> {
    /// The document.
    pub(super) fn parse(place: &'a str, bytes: &[u8]) -> Result<Self, Failure> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self { place, at: String::new(), fields }),
            Ok(_) => Err(Failure::usage(format!("{place}: a JSON object is needed"))),
            Err(error) => Err(Failure::usage(format!(
                "{place}: line {}, column {}: it is no JSON document from there on",
                error.line(),
                error.column()
            ))),
        }
    }

    /// A failure at a key of it.
    pub(super) fn wrong(&self, key: &str, why: &str) -> Failure {
        Failure::usage(format!("{}: {}{key} {why}", self.place, self.at))
    }

    /// A text; an empty one is none.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(key, "is no text")),
        }
    }

    /// A text that must be there.
    pub(super) fn needed(&self, key: &str) -> Result<String, Failure> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "is missing"))
    }

    /// A secret of visible characters.
    pub(super) fn secret(&self, key: &str) -> Result<Option<Secret>, Failure> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        clean(text.as_bytes()).map(Some).map_err(|why| self.wrong(key, &why))
    }

    /// A list of objects; empty where there is none.
    pub(super) fn list(&self, key: &str) -> Result<Vec<Object<'a>>, Failure> {
        let all = match self.fields.get(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(all)) => all,
            Some(_) => return Err(self.wrong(key, "is no list")),
        };
        let object = |(number, value): (usize, &Value)| match value {
            Value::Object(fields) => {
                let at = format!("{}{key}[{number}].", self.at);
                Ok(Object { place: self.place, at, fields: fields.clone() })
            }
            _ => Err(self.wrong(&format!("{key}[{number}]"), "is no object")),
        };
        all.iter().enumerate().map(object).collect()
    }

    /// An object in it.
    pub(super) fn object(&self, key: &str) -> Result<Option<Object<'a>>, Failure> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => {
                let at = format!("{}{key}.", self.at);
                Ok(Some(Object { place: self.place, at, fields: fields.clone() }))
            }
            Some(_) => Err(self.wrong(key, "is no object")),
        }
    }
}
