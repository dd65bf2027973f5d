//! Strict JSON: what decides where secrets go has one reading, or none.
//!
//! `serde_json` takes the last of two members of one name. Another program may have checked the first: so a member that
//! stands twice is refused here, as are depth and length that nothing honest has, and a member of the wrong type is
//! named by its path.

use core::cell::Cell;
use core::fmt;
use std::collections::BTreeMap;

use renewd_core::Secret;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::address::{Address, Issuer};
use super::refusal::{Reason, Refusal};

/// Metadata of real servers have some ten thousand bytes.
pub const METADATA_MAX_BYTES: usize = 256 * 1024;

/// Metadata are flat; what people add to them is a few levels deep.
const DEPTH_MAX: u32 = 16;

/// Members of an object, and entries of a list. Some servers list hundreds of scopes.
const ENTRIES_MAX: usize = 2000;

/// Texts that are looked at: addresses, names, tokens.
const TEXT_MAX_BYTES: usize = 16 * 1024;

/// A value. Numbers are only ever looked at as whole numbers, and keep no more than that. Texts may be secrets: answers
/// hold codes and tokens.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Whole(i64),
    Fraction,
    Text(Zeroizing<String>),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Value {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Whole(_) | Self::Fraction => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The object that these bytes are; `what` names the document in a refusal.
pub(super) fn read_object(bytes: &[u8], what: &'static str) -> Result<Object, Refusal> {
    if bytes.len() > METADATA_MAX_BYTES {
        return Err(Refusal::new(Reason::TooLong, what));
    }
    let fault = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Seed { depth: 0, fault: &fault }.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    match value {
        Ok(Value::Object(members)) => Ok(Object { members, what }),
        Ok(other) => Err(wrong_type(what, "an object", &other)),
        Err(_) => {
            let (reason, found) = fault.take().unwrap_or((Reason::NotJson, String::new()));
            Err(Refusal::new(reason, what).found(&found))
        }
    }
}

/// An object whose members are asked for by name. A member that is null is not there.
pub(super) struct Object {
    members: BTreeMap<String, Value>,
    what: &'static str,
}

impl Object {
    /// The member, where it is there.
    fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| **value != Value::Null)
    }

    /// A refusal for a member that is not there.
    pub(super) fn missing(&self, name: &str) -> Refusal {
        Refusal::new(Reason::Missing, name).found(self.what)
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.member(name).map(|value| text(value, name)).transpose()
    }

    /// A text that must be there and say something.
    pub(super) fn required_text(&self, name: &str) -> Result<&str, Refusal> {
        match self.text(name)? {
            Some("") => Err(Refusal::new(Reason::Value, name).found("empty")),
            Some(text) => Ok(text),
            None => Err(self.missing(name)),
        }
    }

    /// A text that is a secret.
    pub(super) fn secret(&self, name: &str) -> Result<Option<Secret>, Refusal> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()).map(Secret::from))
    }

    /// A checked address.
    pub(super) fn address(&self, name: &str) -> Result<Option<Address>, Refusal> {
        let text = self.text(name)?;
        text.map(|text| Address::parse(text).map_err(|refusal| refusal.in_member(name))).transpose()
    }

    /// True, or false where it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.member(name) {
            None => Ok(false),
            Some(Value::Flag(flag)) => Ok(*flag),
            Some(other) => Err(wrong_type(name, "true or false", other)),
        }
    }

    /// A whole number. Servers in the field write some as texts: digits are digits.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Whole(number)) => Ok(Some(*number)),
            Some(Value::Text(digits)) if digits.len() < 18 && !digits.is_empty() => digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())
                .flatten()
                .map(Some)
                .ok_or_else(|| Refusal::new(Reason::WrongType, name).found("a whole number was expected")),
            Some(other) => Err(wrong_type(name, "a whole number", other)),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let list = match self.member(name) {
            None => return Ok(None),
            Some(Value::List(list)) => list,
            Some(other) => return Err(wrong_type(name, "a list of texts", other)),
        };
        let entry = |(at, value)| text(value, &format!("{name}[{at}]")).map(str::to_owned);
        list.iter().enumerate().map(entry).collect::<Result<_, _>>().map(Some)
    }

    /// A text, or a list of them: what JWTs write as `aud`.
    pub(super) fn one_or_more(&self, name: &str) -> Result<Vec<String>, Refusal> {
        match self.member(name) {
            Some(Value::Text(one)) => Ok(vec![one.as_str().to_owned()]),
            _ => Ok(self.texts(name)?.unwrap_or_default()),
        }
    }

    /// A list of issuers.
    pub(super) fn issuers(&self, name: &str) -> Result<Vec<Issuer>, Refusal> {
        let read = |(at, text): (usize, String)| {
            Issuer::parse(&text).map_err(|refusal| refusal.in_member(format!("{name}[{at}]")))
        };
        self.texts(name)?.unwrap_or_default().into_iter().enumerate().map(read).collect()
    }

    /// Whether there is such a member at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }
}

fn text<'v>(value: &'v Value, at: &str) -> Result<&'v str, Refusal> {
    match value {
        Value::Text(text) if text.len() > TEXT_MAX_BYTES => Err(Refusal::new(Reason::TooLong, at)),
        Value::Text(text) => Ok(text),
        other => Err(wrong_type(at, "a text", other)),
    }
}

fn wrong_type(at: &str, due: &str, found: &Value) -> Refusal {
    Refusal::new(Reason::WrongType, at).found(&format!("{} instead of {due}", found.kind()))
}

/// What made a document unreadable, beside not being JSON. `serde` hands on only texts.
type Fault = Cell<Option<(Reason, String)>>;

#[derive(Clone, Copy)]
struct Seed<'f> {
    depth: u32,
    fault: &'f Fault,
}

impl Seed<'_> {
    fn fail<E: serde::de::Error>(self, reason: Reason, found: &str) -> E {
        self.fault.set(Some((reason, found.to_owned())));
        E::custom(reason.name())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(self.fail(Reason::TooDeep, ""));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // 3600.0 is a whole number to every language but ours; what a float cannot count is none.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = number.fract() == 0.0 && number.abs() < EXACT;
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        Ok(if whole { Value::Whole(number as i64) } else { Value::Fraction })
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(seed)? {
            if list.len() >= ENTRIES_MAX {
                return Err(self.fail(Reason::TooMany, ""));
            }
            list.push(entry);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut members = BTreeMap::new();
        while let Some(name) = entries.next_key::<String>()? {
            if members.len() >= ENTRIES_MAX {
                return Err(self.fail(Reason::TooMany, ""));
            }
            if members.contains_key(&name) {
                return Err(self.fail(Reason::Duplicate, &name));
            }
            let value = entries.next_value_seed(seed)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Reason {
        read_object(text.as_bytes(), "document").err().unwrap().reason
    }

    #[test]
    fn what_has_two_readings_has_none() {
        assert_eq!(reason(r#"{"a":1,"a":1}"#), Reason::Duplicate);
        assert_eq!(reason(r#"{"a":1,"\u0061":2}"#), Reason::Duplicate);
        assert_eq!(reason(r#"{"x":[{"a":1,"a":2}]}"#), Reason::Duplicate);
        assert_eq!(reason(r#"{"a":1} {"#), Reason::NotJson);
        assert_eq!(reason("<html>"), Reason::NotJson);
        assert_eq!(reason("\u{feff}{}"), Reason::NotJson);
        assert_eq!(reason("[]"), Reason::WrongType);
        assert_eq!(reason(r#""text""#), Reason::WrongType);
    }

    #[test]
    fn depth_length_and_numbers_of_entries_have_limits() {
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read_object(deep(15).as_bytes(), "document").is_ok());
        assert_eq!(reason(&deep(16)), Reason::TooDeep);
        assert_eq!(reason(&deep(100_000)), Reason::TooDeep);
        assert_eq!(reason(&format!("{{\"a\":[{}0]}}", "0,".repeat(ENTRIES_MAX))), Reason::TooMany);
        assert_eq!(reason(&" ".repeat(METADATA_MAX_BYTES + 1)), Reason::TooLong);
    }

    #[test]
    fn members_are_read_by_their_type_and_refused_by_their_path() {
        let document = br#"{"t":"x","n":7,"d":"12","f":true,"l":["a",1],"no":null,"half":1.5,"e":1e3}"#;
        let object = read_object(document, "document").unwrap();
        assert_eq!(object.text("t").unwrap(), Some("x"));
        assert_eq!((object.whole("n").unwrap(), object.whole("d").unwrap()), (Some(7), Some(12)));
        assert_eq!(object.whole("e").unwrap(), Some(1000));
        assert!(object.flag("f").unwrap() && !object.flag("no").unwrap() && !object.has("no"));
        assert_eq!(object.texts("l").unwrap_err().at, "l[1]");
        for refusal in [
            object.text("n").unwrap_err(),
            object.flag("t").unwrap_err(),
            object.whole("half").unwrap_err(),
            object.whole("t").unwrap_err(),
            object.texts("t").unwrap_err(),
        ] {
            assert_eq!(refusal.reason, Reason::WrongType, "{refusal}");
        }
        assert_eq!(object.required_text("absent").unwrap_err().reason, Reason::Missing);
    }
}
