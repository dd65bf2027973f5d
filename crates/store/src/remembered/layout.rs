//! The lines of `store.toml`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_core::{StoreFault, StoreFaultKind};
use serde::{Deserialize, Serialize};

use super::{Remembered, STORE_ID_BYTES, damaged};
use crate::crypt::KEY_ID_BYTES;
use crate::fault::{fault, shown};
use crate::key::{Derivation, KeyRef, PassphraseCost};

/// The layout of a store whose key was never replaced.
const FORMAT: u32 = 1;

/// The layout of a store whose key is being replaced, or was: who does not know of two keys, or of a digest key that is
/// older than the key, must not open it.
const FORMAT_REKEYED: u32 = 2;

/// A sealed digest key is shorter; whatever is longer is none.
const DIGEST_KEY_TEXT_BYTES_MAX: usize = 256;

const HEAD: &str =
    "# What this store was made with. Written by renewd, at first use and when the key is replaced.\n";

#[derive(Serialize, Deserialize)]
struct Layout {
    format: u32,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store_id: Option<String>,
    #[serde(flatten)]
    current: KeyLayout,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<KeyLayout>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<KeyLayout>,
}

#[derive(Serialize, Deserialize)]
struct KeyLayout {
    key: String,
    key_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyring: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Argon2Layout>,
}

#[derive(Serialize, Deserialize)]
struct Argon2Layout {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// For a look at the format alone: a newer layout need have nothing else in common.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Remembered, StoreFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| damaged(path, "it is not text"))?;
    let FormatOnly { format } = toml::from_str(text).map_err(|error| damaged(path, error.message()))?;
    if format > FORMAT_REKEYED {
        let message = format!(
            "{} has format {format}, written by a newer version; this one reads up to {FORMAT_REKEYED}: upgrade renewd",
            shown(path)
        );
        return Err(fault(StoreFaultKind::NewerFormat, message));
    }
    let layout: Layout = toml::from_str(text).map_err(|error| damaged(path, error.message()))?;
    remembered(layout).map_err(|why| damaged(path, why))
}

fn remembered(layout: Layout) -> Result<Remembered, &'static str> {
    let numbered = |id: &String| id.len() == 2 * STORE_ID_BYTES && from_hex(id).is_some();
    if !layout.store_id.iter().all(numbered) {
        return Err("store_id is no store's number");
    }
    Ok(Remembered {
        kind: layout.kind,
        store_id: layout.store_id,
        current: key_ref(layout.current)?,
        next: layout.next.map(key_ref).transpose()?,
        retired: layout.retired.map(key_ref).transpose()?,
    })
}

fn key_ref(layout: KeyLayout) -> Result<KeyRef, &'static str> {
    let id: [u8; KEY_ID_BYTES] = from_hex(&layout.key_id).ok_or("key_id is no key's id")?;
    let digest_key = match layout.digest_key {
        None => None,
        Some(text) if text.len() > DIGEST_KEY_TEXT_BYTES_MAX => return Err("digest_key is too long"),
        Some(text) => Some(STANDARD.decode(text).map_err(|_| "digest_key is no base64")?),
    };
    let derivation = match layout.argon2id {
        None => None,
        Some(Argon2Layout { memory_kib, passes, lanes, salt }) => Some(Derivation {
            cost: PassphraseCost::new(memory_kib, passes, lanes).ok_or("argon2id is out of bounds")?,
            salt: from_hex(&salt).ok_or("the salt is no salt")?,
        }),
    };
    Ok(KeyRef { setting: layout.key, keyring: layout.keyring, id, derivation, digest_key })
}

pub(super) fn text_of(remembered: &Remembered) -> Result<String, String> {
    let keys = [Some(&remembered.current), remembered.next.as_ref(), remembered.retired.as_ref()];
    let rekeyed = remembered.next.is_some()
        || remembered.retired.is_some()
        || keys.into_iter().flatten().any(|key| key.digest_key.is_some());
    let layout = Layout {
        format: if rekeyed { FORMAT_REKEYED } else { FORMAT },
        kind: remembered.kind.clone(),
        store_id: remembered.store_id.clone(),
        current: key_layout(&remembered.current),
        next: remembered.next.as_ref().map(key_layout),
        retired: remembered.retired.as_ref().map(key_layout),
    };
    toml::to_string(&layout).map(|body| format!("{HEAD}{body}")).map_err(|error| error.to_string())
}

fn key_layout(key: &KeyRef) -> KeyLayout {
    KeyLayout {
        key: key.setting.clone(),
        key_id: to_hex(&key.id),
        keyring: key.keyring.clone(),
        digest_key: key.digest_key.as_ref().map(|sealed| STANDARD.encode(sealed)),
        argon2id: key.derivation.map(|derivation| {
            let [memory_kib, passes, lanes] = derivation.cost.parts();
            Argon2Layout { memory_kib, passes, lanes, salt: to_hex(&derivation.salt) }
        }),
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 16]> {
    let whole = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok()?;
    whole.then_some(number.to_be_bytes())
}
