//! The outside of a sealed file: a header in the clear, authenticated, and the sealed payload behind it.
//!
//! ```text
//!  0  "renewd", then R (record), M (mark) or P (prepared for a login), then a line feed
//!  8  format, 4 bytes little-endian
//! 12  key id, 16 bytes
//! 28  check: the first 4 bytes of the SHA-256 of bytes 0–27
//! 32  epoch, 8 bytes · 40 generation, 8 bytes · 48 identity digest, 16 bytes (zero where prepared; a mark's serial)
//! 64  nonce, 24 bytes
//! 88  length of the name, 1 byte, and the credential's name
//!     the sealed payload, its 16-byte tag last
//! ```
//! Bytes 0–31 are the same in every format, for ever. They tell apart what would otherwise all look like damage: a
//! file of a newer version (never touched), a file sealed with another key (never touched), and a flipped bit. All
//! bytes before the payload are associated data of the seal: a record cannot be given another name, identity, epoch
//! or generation.

use renewd_core::{RECORD_FORMAT, StoreFault};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::crypt::{KEY_ID_BYTES, Keys, NONCE_BYTES, Purpose, TAG_BYTES};
use crate::payload::Version;

/// Largest file read. An answer of a token endpoint is at most 64 KiB, so a record of several access tokens stays
/// far below; whatever is larger was not written by a store.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;

/// What marks are written in, and whatever every version must be able to read.
const FIRST_FORMAT: u32 = 1;

const PREFIX_BYTES: usize = 32;
const IDENTITY_BYTES: usize = 16;

/// What a sealed file says in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) name: &'a str,
    pub(crate) version: Version,
    pub(crate) identity: [u8; IDENTITY_BYTES],
}

/// A sealed file, opened.
pub(crate) struct Opened {
    pub(crate) format: u32,
    pub(crate) version: Version,
    pub(crate) identity: [u8; IDENTITY_BYTES],
    pub(crate) payload: Zeroizing<Vec<u8>>,
}

/// Why a sealed file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sealed {
    /// A newer version wrote it.
    Newer(u32),
    /// Another key sealed it.
    OtherKey,
    /// A key that is known by name sealed it, and cannot be had.
    NoKey(StoreFault),
    /// It is intact, but belongs to the credential of this name.
    OtherName(String),
    /// It is damaged, like this.
    Damaged(&'static str),
}

/// Seals a payload in the first format, which every version reads; `None` where it is larger than a file may be.
pub(crate) fn seal(
    keys: &Keys,
    header: &Header<'_>,
    nonce: &[u8; NONCE_BYTES],
    payload: &[u8],
) -> Option<Vec<u8>> {
    seal_in(FIRST_FORMAT, keys, header, nonce, payload)
}

/// Seals a payload in that format ([`Record::layout`](renewd_core::Record::layout)).
pub(crate) fn seal_in(
    format: u32,
    keys: &Keys,
    header: &Header<'_>,
    nonce: &[u8; NONCE_BYTES],
    payload: &[u8],
) -> Option<Vec<u8>> {
    // rfc: 6749-10.3 6749-10.4 nothing of a record lies anywhere unsealed
    let mut file = Vec::with_capacity(PREFIX_BYTES + 128 + payload.len());
    file.extend_from_slice(&prefix(header.purpose, format, keys.id()));
    file.extend_from_slice(&header.version.0.to_le_bytes());
    file.extend_from_slice(&header.version.1.to_le_bytes());
    file.extend_from_slice(&header.identity);
    file.extend_from_slice(nonce);
    file.push(u8::try_from(header.name.len()).ok()?);
    file.extend_from_slice(header.name.as_bytes());
    if file.len() + payload.len() + TAG_BYTES > FILE_BYTES_MAX {
        return None;
    }
    let sealed = keys.seal(header.purpose, nonce, &file, payload)?;
    file.extend_from_slice(&sealed);
    Some(file)
}

/// Opens a file that should be `name`'s.
pub(crate) fn open(keys: &Keys, purpose: Purpose, name: &str, file: &[u8]) -> Result<Opened, Sealed> {
    let format = read_prefix(keys, purpose, file)?;
    if file.len() > FILE_BYTES_MAX {
        return Err(Sealed::Damaged("it is too large"));
    }
    let mut rest = Cursor(file.get(PREFIX_BYTES..).unwrap_or_default());
    let head = || -> Option<_> {
        let epoch = u64::from_le_bytes(rest.array()?);
        let generation = u64::from_le_bytes(rest.array()?);
        let identity = rest.array()?;
        let nonce = rest.array()?;
        let [length] = rest.array()?;
        Some(((epoch, generation), identity, nonce, rest.slice(usize::from(length))?))
    };
    let (mut head, truncated) = (head, Sealed::Damaged("it is truncated"));
    let (version, identity, nonce, own_name) = head().ok_or(truncated)?;
    let aad = file.get(..file.len() - rest.0.len()).unwrap_or_default();
    let payload = keys.open(purpose, &nonce, aad, rest.0).ok_or(Sealed::Damaged("its seal does not hold"))?;
    match std::str::from_utf8(own_name) {
        Ok(own_name) if own_name == name => Ok(Opened { format, version, identity, payload }),
        Ok(own_name) => Err(Sealed::OtherName(own_name.to_owned())),
        Err(_) => Err(Sealed::Damaged("its name is not text")),
    }
}

/// The id of the key that sealed a file, as it stands at the same place in every format; `None` where the beginning is
/// not intact.
pub(crate) fn key_id(file: &[u8]) -> Option<[u8; KEY_ID_BYTES]> {
    let mut rest = Cursor(file);
    let (_, format, key_id) = (rest.array::<8>()?, rest.array()?, rest.array()?);
    let format = u32::from_le_bytes(format);
    let intact = |purpose| file.get(..PREFIX_BYTES) == Some(&prefix(purpose, format, key_id));
    [Purpose::Record, Purpose::Mark, Purpose::Prepared].into_iter().any(intact).then_some(key_id)
}

fn prefix(purpose: Purpose, format: u32, key_id: [u8; KEY_ID_BYTES]) -> [u8; PREFIX_BYTES] {
    let mut bytes = [0; PREFIX_BYTES];
    let (head, check) = bytes.split_at_mut(PREFIX_BYTES - 4);
    let parts = magic(purpose).into_iter().chain(format.to_le_bytes()).chain(key_id);
    head.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    let sum = Sha256::digest(&*head);
    check.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
    bytes
}

fn magic(purpose: Purpose) -> [u8; 8] {
    match purpose {
        Purpose::Record => *b"renewdR\n",
        Purpose::Mark => *b"renewdM\n",
        Purpose::Prepared => *b"renewdP\n",
    }
}

/// The format, where the prefix is intact, of the right kind, of a version that this one reads, and of this key.
fn read_prefix(keys: &Keys, purpose: Purpose, file: &[u8]) -> Result<u32, Sealed> {
    if file.is_empty() {
        return Err(Sealed::Damaged("it is empty"));
    }
    let mut rest = Cursor(file);
    let mut fields = || Some((rest.array::<8>()?, rest.array()?, rest.array()?, rest.array::<4>()?));
    let (_, format, key_id, _) = fields().ok_or(Sealed::Damaged("it is truncated"))?;
    let format = u32::from_le_bytes(format);
    if file.get(..PREFIX_BYTES) != Some(&prefix(purpose, format, key_id)) {
        return Err(Sealed::Damaged("it does not begin as it must"));
    }
    match format {
        0 => Err(Sealed::Damaged("it does not begin as it must")),
        newer if newer > RECORD_FORMAT => Err(Sealed::Newer(newer)),
        _ if key_id != keys.id() => Err(Sealed::OtherKey),
        known => Ok(known),
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests;
