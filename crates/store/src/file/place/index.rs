//! The item in which a record begins: the record itself where one item holds it, else what its parts are.
//!
//! ```text
//!  0  "renewdI", a line feed
//!  8  format, 4 bytes little-endian
//! 12  check: the first 4 bytes of the SHA-256 of bytes 0–11
//! 16  serial, 8 bytes · 24 set, 1 byte (0: behind this head; 1, 2: parts of set a, b) · 25 parts, 2 bytes
//! 27  length of the record, 4 bytes
//! 31  digest: the SHA-256 of bytes 16–30 and the record
//! 63  the record, where the set is 0
//! ```
//! Bytes 0–15 are the same in every format, for ever: an item of a newer version is told apart from a damaged one.
//! One write of this item decides which record stands. The digest binds the parts to it: of a mixture of two records,
//! or of a part that is missing, nothing is read. Who may have written it is another matter: that is what the record's
//! own seal says.

use sha2::{Digest as _, Sha256};

use crate::envelope::FILE_BYTES_MAX;

/// Bytes before the record.
pub(crate) const HEAD_BYTES: usize = 63;

/// Most parts of a record. Of items of 2560 bytes, the smallest of all keyrings, the largest record takes 410.
pub(crate) const PARTS_MAX: u16 = 4096;

const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"renewdI\n";
const FIELDS: std::ops::Range<usize> = 16..31;

/// One of the two sets of items that parts are written to, in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    A,
    B,
}

impl Set {
    pub(crate) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    pub(crate) fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }
}

/// The parts of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) set: Set,
    /// At least 1, at most [`PARTS_MAX`].
    pub(crate) count: u16,
}

/// How a record lies in a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lie {
    /// Counts the writes of this credential's record, whatever is written.
    pub(crate) serial: u64,
    /// None: it stands in the index itself.
    pub(crate) parts: Option<Parts>,
}

/// An index that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Index<'a> {
    pub(crate) lie: Lie,
    /// The record's bytes, at most the largest file.
    pub(crate) length: usize,
    digest: [u8; 32],
    fields: &'a [u8],
    /// The record, where it stands here.
    pub(crate) inline: Option<&'a [u8]>,
}

/// Why an item is no index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoIndex {
    /// A newer version wrote it.
    Newer(u32),
    /// It is damaged, like this.
    Damaged(&'static str),
}

/// The index of a record, the record behind it where it has no parts; `None` where it is larger than a record may be.
pub(crate) fn encode(lie: Lie, record: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(record.len()).ok().filter(|_| record.len() <= FILE_BYTES_MAX)?;
    let inline = if lie.parts.is_none() { record } else { &[] };
    let mut item = Vec::with_capacity(HEAD_BYTES + inline.len());
    item.extend_from_slice(&prefix(FORMAT));
    item.extend_from_slice(&lie.serial.to_le_bytes());
    let (set, count) = match lie.parts {
        None => (0, 0),
        Some(Parts { set: Set::A, count }) => (1, count),
        Some(Parts { set: Set::B, count }) => (2, count),
    };
    item.push(set);
    item.extend_from_slice(&count.to_le_bytes());
    item.extend_from_slice(&length.to_le_bytes());
    let digest = digest(item.get(FIELDS).unwrap_or_default(), record);
    item.extend_from_slice(&digest);
    item.extend_from_slice(inline);
    Some(item)
}

/// Reads an item as an index. Whatever it says is within bounds; whether it is true, [`Index::is_of`] tells.
pub(crate) fn decode(item: &[u8]) -> Result<Index<'_>, NoIndex> {
    let format = read_prefix(item)?;
    if format > FORMAT {
        return Err(NoIndex::Newer(format));
    }
    read_head(item).ok_or(NoIndex::Damaged("its index is truncated"))?
}

fn read_prefix(item: &[u8]) -> Result<u32, NoIndex> {
    let damaged = NoIndex::Damaged("its index does not begin as it must");
    let format = item.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    match format {
        Some(format) if format > 0 && item.get(..16) == Some(&prefix(format)) => Ok(format),
        _ => Err(damaged),
    }
}

fn prefix(format: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    let (head, check) = bytes.split_at_mut(12);
    let parts = MAGIC.into_iter().chain(format.to_le_bytes());
    head.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    let sum = Sha256::digest(&*head);
    check.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
    bytes
}

fn read_head(item: &[u8]) -> Option<Result<Index<'_>, NoIndex>> {
    let (head, behind) = item.split_at_checked(HEAD_BYTES)?;
    let fields = head.get(FIELDS)?;
    let (serial, rest) = fields.split_first_chunk::<8>()?;
    let (set, rest) = rest.split_first()?;
    let (count, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::try_from(u32::from_le_bytes(*rest.first_chunk::<4>()?)).ok()?;
    let digest = *head.last_chunk::<32>()?;
    let count = u16::from_le_bytes(*count);
    let parts = match (set, count) {
        (0, 0) => Some(None),
        (1, 1..=PARTS_MAX) => Some(Some(Parts { set: Set::A, count })),
        (2, 1..=PARTS_MAX) => Some(Some(Parts { set: Set::B, count })),
        _ => None,
    };
    let Some(parts) = parts.filter(|_| length <= FILE_BYTES_MAX) else {
        return Some(Err(NoIndex::Damaged("its index is out of bounds")));
    };
    let (whole, inline) = match parts {
        None => (behind.len() == length, Some(behind)),
        Some(_) => (behind.is_empty(), None),
    };
    let lie = Lie { serial: u64::from_le_bytes(*serial), parts };
    let index = Index { lie, length, digest, fields, inline };
    Some(if whole { Ok(index) } else { Err(NoIndex::Damaged("its index does not end where it must")) })
}

fn digest(fields: &[u8], record: &[u8]) -> [u8; 32] {
    let mut sum = Sha256::new();
    sum.update(fields);
    sum.update(record);
    sum.finalize().into()
}

impl Index<'_> {
    /// Whether that is the record it was written with.
    pub(crate) fn is_of(&self, record: &[u8]) -> bool {
        record.len() == self.length && digest(self.fields, record) == self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lie(parts: Option<Parts>) -> Lie {
        Lie { serial: 77, parts }
    }

    #[test]
    fn what_is_written_is_read_whole_or_with_its_parts_elsewhere() {
        let item = encode(lie(None), b"record").unwrap();
        assert_eq!(item.len(), HEAD_BYTES + 6);
        let index = decode(&item).unwrap();
        assert_eq!((index.lie, index.inline), (lie(None), Some(b"record".as_slice())));
        assert!(index.is_of(b"record") && !index.is_of(b"Record") && !index.is_of(b"recor"));
        for set in Set::ALL {
            let parts = lie(Some(Parts { set, count: 3 }));
            let item = encode(parts, b"record").unwrap();
            assert_eq!(item.len(), HEAD_BYTES);
            let index = decode(&item).unwrap();
            assert_eq!((index.lie, index.inline, index.length), (parts, None, 6));
            assert!(index.is_of(b"record") && !index.is_of(b"recorD"));
        }
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        for parts in [None, Some(Parts { set: Set::B, count: 2 })] {
            let whole = encode(lie(parts), b"record").unwrap();
            for at in 0..whole.len() {
                let mut item = whole.clone();
                item[at] ^= 1;
                let trusted = decode(&item).is_ok_and(|index| index.is_of(index.inline.unwrap_or(b"record")));
                assert!(!trusted, "byte {at}");
            }
            for cut in 0..whole.len() {
                assert!(matches!(decode(&whole[..cut]), Err(NoIndex::Damaged(_))), "{cut} bytes");
            }
        }
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage_and_counts_are_bounded() {
        let mut newer = encode(lie(None), b"").unwrap();
        newer.splice(..16, prefix(2));
        newer.truncate(20);
        assert_eq!(decode(&newer), Err(NoIndex::Newer(2)));
        for (set, count) in [(0u8, 1u16), (1, 0), (2, PARTS_MAX + 1), (3, 1)] {
            let mut item = encode(lie(Some(Parts { set: Set::A, count: 1 })), b"").unwrap();
            item[24] = set;
            item[25..27].copy_from_slice(&count.to_le_bytes());
            assert_eq!(decode(&item), Err(NoIndex::Damaged("its index is out of bounds")), "{set} {count}");
        }
        let mut item = encode(lie(None), b"").unwrap();
        item[27..31].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&item), Err(NoIndex::Damaged("its index is out of bounds")));
        assert!(encode(lie(None), &vec![0; FILE_BYTES_MAX + 1]).is_none());
    }
}
