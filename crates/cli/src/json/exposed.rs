//! A secret in a document that is there to carry it. Its type cannot be serialised; a field that says so can.
//!
//! Reading copies it from the (overwritten) buffer to its place. Only where JSON had to escape something in it does the
//! reader hold a copy of its own.

use renewd_core::Secret;
use serde::de::Visitor;
use serde::ser::Error as _;
use serde::{Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    let text = secret.expose_str().ok_or_else(|| S::Error::custom("a secret is not text"))?;
    serializer.serialize_str(text)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    deserializer.deserialize_str(Copying)
}

struct Copying;

impl Visitor<'_> for Copying {
    type Value = Secret;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::copy_of(text.as_bytes()))
    }
}
