//! Records in the items of a keyring.
//!
//! Which record stands is decided by one item, the index. A record that fits lies in it: one write. Of a larger one
//! the parts are written first, to the set of items that the standing record does not use; then the index is
//! switched; then the parts of the record before are removed. Whoever dies in between leaves the old record or the new
//! one, and parts that nobody counts.
//!
//! Parts are written from the first on and removed from the last on, so what a dead process left of a set is always
//! its beginning: it is found by asking for one part after the other until there is none. The caller holds *write*
//! for all that changes something.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use renewd_core::{Secret, StoreFault, StoreFaultKind};
use renewd_driver::CredentialName;
use renewd_driver::keyring::{ItemName, Keyring};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::index::{self, HEAD_BYTES, Lie, NoIndex, PARTS_MAX, Parts, Set};
use super::{Found, Written};
use crate::envelope::FILE_BYTES_MAX;
use crate::fault::fault;
use crate::fencing::newer_format;

/// How often a record is read that is replaced while it is read.
const READS_MAX: usize = 8;

/// Bytes of the digest that stands for a credential's name.
const DIGEST_BYTES: usize = 16;

/// What a torn record begins with where it was set aside. The reason follows, to the end of the line.
pub(super) const TORN: &str = "renewd: a record whose parts do not belong together: ";

/// A keyring, and what of it belongs to this store.
pub(crate) struct Items {
    keyring: Arc<dyn Keyring>,
    store_id: String,
}

/// The items of one credential.
struct Own {
    index: ItemName,
}

impl Items {
    /// The items of the store of that id.
    pub(crate) fn new(keyring: Arc<dyn Keyring>, store_id: &str) -> Self {
        Self { keyring, store_id: store_id.to_owned() }
    }

    /// Reads a record, at one moment of its history, without a lock: while parts and index do not fit together the
    /// index is read again, as long as somebody replaces it.
    pub(super) fn read(&self, name: &CredentialName) -> Result<Found, StoreFault> {
        let own = self.own(name)?;
        let mut before: Option<Secret> = None;
        for _ in 0..READS_MAX {
            let Some(item) = self.keyring.get(&own.index)? else { return Ok(Found::Missing) };
            let why = match self.assemble(&own, item.expose(), name)? {
                Ok(found) => return Ok(found),
                Err(why) => why,
            };
            if before.is_some_and(|before| before.same_as(item.expose())) {
                return Ok(Found::Torn(why));
            }
            before = Some(item);
        }
        let message = format!("{} is replaced again and again by somebody", self.shown(name));
        Err(fault(StoreFaultKind::Io, message))
    }

    /// The record that an index begins, or why its parts are none.
    fn assemble(
        &self,
        own: &Own,
        item: &[u8],
        name: &CredentialName,
    ) -> Result<Result<Found, String>, StoreFault> {
        let index = match index::decode(item) {
            Ok(index) => index,
            Err(NoIndex::Damaged(why)) => return Ok(Err(why.to_owned())),
            Err(NoIndex::Newer(format)) => {
                return Err(newer_format(&self.shown(name), &format!("index format {format}")));
            }
        };
        let bytes = match (index.inline, index.lie.parts) {
            (Some(inline), _) => Zeroizing::new(inline.to_vec()),
            (None, parts) => {
                let mut bytes = Zeroizing::new(Vec::with_capacity(index.length));
                for (set, number) in parts.into_iter().flat_map(numbers) {
                    let Some(part) = self.keyring.get(&own.part(set, number)?)? else {
                        let of = parts.map_or(0, |parts| parts.count);
                        return Ok(Err(format!("part {} of {of} is missing", u32::from(number) + 1)));
                    };
                    if bytes.len() + part.len() > index.length {
                        return Ok(Err("its parts are larger than it was".into()));
                    }
                    bytes.extend_from_slice(part.expose());
                }
                bytes
            }
        };
        let whole = index.is_of(&bytes);
        let found = Found::Sealed { bytes, lie: index.lie };
        Ok(if whole { Ok(found) } else { Err("its digest is another one".into()) })
    }

    /// Whether an item of that credential stands there at all.
    pub(crate) fn is_begun(&self, name: &CredentialName) -> Result<bool, StoreFault> {
        Ok(self.keyring.get(&self.own(name)?.index)?.is_some())
    }

    /// Makes `bytes` the record, over what lies there as `before` says. Parts that could not be removed afterwards
    /// are told: the record stands all the same.
    pub(super) fn write(
        &self,
        name: &CredentialName,
        bytes: &[u8],
        before: Option<Lie>,
        serial: u64,
    ) -> Result<Written, StoreFault> {
        let own = self.own(name)?;
        let used = before.and_then(|lie| lie.parts);
        let parts = self.parts_for(bytes.len())?.map(|count| {
            let set = used.map_or(Set::A, |used| used.set.other());
            Parts { set, count }
        });
        let too_large = || too_large(bytes.len(), &self.keyring.place());
        let item = index::encode(Lie { serial, parts }, bytes).ok_or_else(too_large)?;
        let slices = bytes.chunks(self.keyring.item_bytes_max().max(1));
        for ((set, number), slice) in parts.into_iter().flat_map(numbers).zip(slices) {
            self.keyring.set(&own.part(set, number)?, &Secret::copy_of(slice))?;
        }
        self.keyring.set(&own.index, &Secret::new(item))?;
        Ok(Written { serial, left: self.tidy(&own, parts, used).err() })
    }

    /// Refuses what could not be written: in how many parts of a record lie so many bytes? None: in no parts.
    pub(crate) fn parts_for(&self, length: usize) -> Result<Option<u16>, StoreFault> {
        let most = self.keyring.item_bytes_max();
        if length <= FILE_BYTES_MAX && HEAD_BYTES + length <= most {
            return Ok(None);
        }
        let fits = length <= FILE_BYTES_MAX && HEAD_BYTES <= most;
        let count = u16::try_from(length.div_ceil(most.max(1))).ok().filter(|count| *count <= PARTS_MAX);
        count.filter(|_| fits).map(Some).ok_or_else(|| too_large(length, &self.keyring.place()))
    }

    /// Removes what is left of records that were replaced, or of writes that a process did not live to end.
    pub(crate) fn clear(&self, name: &CredentialName, stands: Option<Lie>) -> Result<(), StoreFault> {
        self.tidy(&self.own(name)?, stands.and_then(|lie| lie.parts), None)
    }

    /// Removes a record. What stood there can be read no more when its index is gone, so that goes first.
    pub(super) fn remove(&self, name: &CredentialName) -> Result<(), StoreFault> {
        let own = self.own(name)?;
        // Where somebody else removed a part, those behind it are known from the index alone.
        let stood = counted(self.keyring.get(&own.index)?.as_ref());
        self.keyring.delete(&own.index)?;
        self.tidy(&own, None, stood)
    }

    fn tidy(&self, own: &Own, stand: Option<Parts>, stood: Option<Parts>) -> Result<(), StoreFault> {
        if HEAD_BYTES + FILE_BYTES_MAX <= self.keyring.item_bytes_max() {
            // Here no record ever had parts.
            return Ok(());
        }
        let count_in = |parts: Option<Parts>, set| parts.filter(|p| p.set == set).map_or(0, |p| p.count);
        for set in Set::ALL {
            let keep = count_in(stand, set);
            let mut end = keep.max(count_in(stood, set));
            while end < PARTS_MAX && self.keyring.get(&own.part(set, end)?)?.is_some() {
                end += 1;
            }
            for number in (keep..end).rev() {
                self.keyring.delete(&own.part(set, number)?)?;
            }
        }
        Ok(())
    }

    /// All that is there of a record that cannot be put together, for a person.
    pub(super) fn remains(&self, name: &CredentialName, why: &str) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let own = self.own(name)?;
        let mut remains = Zeroizing::new(format!("{TORN}{why}\n").into_bytes());
        let index = self.keyring.get(&own.index)?;
        let counted = counted(index.as_ref());
        add(&mut remains, "index", index.as_ref());
        for set in Set::ALL {
            let expected = counted.filter(|parts| parts.set == set).map_or(0, |parts| parts.count);
            for number in 0..PARTS_MAX {
                let part = self.keyring.get(&own.part(set, number)?)?;
                if (part.is_none() && number >= expected) || remains.len() > 2 * FILE_BYTES_MAX {
                    break;
                }
                add(&mut remains, &format!("part {}{number}", set.letter()), part.as_ref());
            }
        }
        Ok(remains)
    }

    /// Where a record lies, for people.
    pub(super) fn shown(&self, name: &CredentialName) -> String {
        let item = self.own(name).map(|own| own.index.to_string()).unwrap_or_default();
        format!("the item {item} of {}", self.keyring.place())
    }

    fn own(&self, name: &CredentialName) -> Result<Own, StoreFault> {
        let item = format!("renewd/{}/{}", self.store_id, self.digest(name)?);
        Ok(Own { index: item_name(&item)? })
    }

    /// Stands for the credential's name, which others may read in the keyring. The store's id is the key: whoever does not
    /// know it cannot try names out. It is not the key that seals, which may be changed.
    fn digest(&self, name: &CredentialName) -> Result<String, StoreFault> {
        let no_key = |_| fault(StoreFaultKind::Io, "the store's id cannot serve as a key");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.store_id.as_bytes()).map_err(no_key)?;
        mac.update(name.as_str().as_bytes());
        let sum = mac.finalize().into_bytes();
        Ok(sum.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Own {
    fn part(&self, set: Set, number: u16) -> Result<ItemName, StoreFault> {
        item_name(&format!("{}/{}{number}", self.index, set.letter()))
    }
}

fn item_name(text: &str) -> Result<ItemName, StoreFault> {
    text.parse().map_err(|error| fault(StoreFaultKind::Io, format!("{text:?} cannot name an item: {error}")))
}

/// The parts that an index speaks of.
fn counted(index: Option<&Secret>) -> Option<Parts> {
    index::decode(index?.expose()).ok()?.lie.parts
}

fn numbers(parts: Parts) -> impl Iterator<Item = (Set, u16)> {
    (0..parts.count).map(move |number| (parts.set, number))
}

fn add(remains: &mut Vec<u8>, what: &str, item: Option<&Secret>) {
    let line = item.map_or(format!("{what}: missing\n"), |item| format!("{what}: {} bytes\n", item.len()));
    remains.extend_from_slice(line.as_bytes());
    if let Some(item) = item {
        remains.extend_from_slice(item.expose());
        remains.push(b'\n');
    }
}

fn too_large(length: usize, place: &str) -> StoreFault {
    let message = format!(
        "the record takes {length} bytes, more than {place} can hold; keep the records in files (store.kind = \
         \"file\") and only their key in the keyring"
    );
    fault(StoreFaultKind::Full, message)
}
