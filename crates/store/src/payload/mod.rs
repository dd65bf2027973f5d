//! The inside of a sealed record: JSON of private types.
//!
//! [`Secret`](renewd_core::Secret) has no `Serialize` on purpose, and the record of the core is not a file format, so
//! the layout lives here. Buffers that hold secrets are allocated once at their final size and overwritten when
//! dropped: a buffer that grows leaves copies behind.
//!
//! A field that this version does not know is ignored, a field that is missing gets its default; what cannot be read
//! in spite of an intact seal was written by another version, and is never called damaged.

mod dto;
mod parts;
mod prepared;
mod settings;
mod text;

use std::io;

use renewd_core::{Identity, Record};
use zeroize::Zeroizing;

use dto::{IdentityDto, RecordDto};
use serde::Serialize;

pub(crate) use prepared::{decode_prepared, encode_prepared};

/// The epoch and generation of a record: what only ever grows.
pub(crate) type Version = (u64, u64);

/// Encodes everything of a record but its format and version, which stand in the header.
pub(crate) fn encode(record: &Record) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    whole(&RecordDto::from(record))
}

/// Writes a layout into a buffer of its final size.
fn whole(dto: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, dto)?;
    let mut out = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *out, dto)?;
    Ok(out)
}

/// Decodes it again. The error names the place, never a value that could be a secret.
pub(crate) fn decode(bytes: &[u8], format: u32, version: Version) -> Result<Record, String> {
    let dto: RecordDto = serde_json::from_slice(bytes)
        .map_err(|error| format!("line {}, column {}", error.line(), error.column()))?;
    dto.into_record(format, version).map_err(str::to_owned)
}

/// True when two records would be written alike. It decides only whether a write that failed half-way is repeated.
pub(crate) fn same_content(a: &Record, b: &Record) -> bool {
    a.version() == b.version()
        && match (encode(a), encode(b)) {
            (Ok(a), Ok(b)) => *a == *b,
            _ => false,
        }
}

/// The identity as bytes: the same for equal identities, different for different ones.
pub(crate) fn identity_bytes(identity: &Identity) -> Vec<u8> {
    serde_json::to_vec(&IdentityDto::from(identity)).unwrap_or_default()
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
