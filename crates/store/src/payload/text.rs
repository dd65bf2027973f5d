//! How secrets and ids stand in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_core::Secret;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize as _, Zeroizing};

/// A secret as base64: any bytes, and nothing in it that JSON would escape, so that the reader borrows it from the
/// (overwritten) buffer instead of unescaping it into one of its own.
pub(super) struct SecretText(pub(super) Secret);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = self.0.len().div_ceil(3).saturating_mul(4);
        let mut text = Zeroizing::new(String::with_capacity(length));
        STANDARD.encode_string(self.0.expose(), &mut text);
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SecretVisitor)
    }
}

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = SecretText;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretText, E> {
        let mut bytes = vec![0; base64::decoded_len_estimate(text.len())];
        match STANDARD.decode_slice(text, &mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Ok(SecretText(Secret::new(bytes)))
            }
            Err(_) => {
                bytes.zeroize();
                Err(E::custom("not base64")) // the decoder's own error would name the offending byte
            }
        }
    }
}

/// 128 bits as hexadecimal text: JSON numbers do not hold them.
#[derive(Clone, Copy, Default)]
pub(super) struct Hex128(pub(super) u128);

impl Serialize for Hex128 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex128 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(D::Error::custom)
    }
}

/// A digest as base64.
#[derive(Clone, Copy)]
pub(super) struct Digest(pub(super) [u8; 32]);

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(|_| D::Error::custom("not base64"))?;
        <[u8; 32]>::try_from(bytes).map(Self).map_err(|_| D::Error::custom("not 32 bytes"))
    }
}
