//! What must hold of bytes that lie where a record should: the bodies of the fuzz targets `record`, `sealed_file` and
//! `keyring_index`, and of properties that are tested everywhere.

use renewd_core::RECORD_FORMAT;

use crate::crypt::{Keys, NONCE_BYTES, Purpose};
use crate::envelope::{self, FILE_BYTES_MAX, Header};
use crate::file::place::index::{self, HEAD_BYTES, Lie, PARTS_MAX, Parts, Set};
use crate::payload;

const NAME: &str = "fuzzed";

/// Reads the bytes as the inside of a record: what is read is written in a way that is read the same again, and an
/// error repeats nothing of the bytes.
///
/// # Panics
/// Where that does not hold.
pub fn record(bytes: &[u8]) {
    let version = (3, 41);
    let read = payload::decode(bytes, RECORD_FORMAT, version);
    let record = match read {
        Ok(record) => record,
        Err(place) => {
            let short = place.len() <= 120 && !place.chars().any(char::is_control);
            assert!(short, "the error is more than a place: {place}");
            return;
        }
    };
    assert_eq!(record.version(), version);
    let Ok(written) = payload::encode(&record) else { panic!("what was read cannot be written") };
    let Ok(again) = payload::decode(&written, RECORD_FORMAT, version) else {
        panic!("what was written cannot be read")
    };
    assert!(payload::same_content(&record, &again), "a record changed by being written and read");
}

/// Takes the bytes for a `store.toml`: what is read is written in a way that is read the same again, the rest is refused,
/// and no planted cost of a passphrase is taken that would eat the machine.
///
/// # Panics
/// Where that does not hold.
pub fn store_toml(bytes: &[u8]) {
    crate::remembered::check_total(bytes);
}

/// Takes the bytes for a file: nobody without the key makes one that opens. Then seals them and damages one byte, or
/// cuts the file: it opens only where it is whole.
///
/// # Panics
/// Where that does not hold.
pub fn sealed_file(bytes: &[u8]) {
    let keys = Keys::derive(&[7; 32]);
    for purpose in [Purpose::Record, Purpose::Mark, Purpose::Prepared] {
        assert!(envelope::open(&keys, purpose, NAME, bytes).is_err(), "bytes from anywhere opened");
    }
    let header = Header { purpose: Purpose::Record, name: NAME, version: (3, 41), identity: [9; 16] };
    let Some(whole) = envelope::seal(&keys, &header, &[5; NONCE_BYTES], bytes) else { return };
    match envelope::open(&keys, Purpose::Record, NAME, &whole) {
        Ok(opened) => assert!(*opened.payload == bytes && opened.version == (3, 41)),
        Err(why) => panic!("what was sealed does not open: {why:?}"),
    }
    assert!(envelope::open(&keys, Purpose::Mark, NAME, &whole).is_err(), "a record opened as a mark");
    assert!(envelope::open(&keys, Purpose::Record, "other", &whole).is_err(), "another's record opened");
    // The first bytes say where, so that the fuzzer steers it.
    let at = bytes.iter().take(4).fold(0, |at, byte| at << 8 | usize::from(*byte)) % whole.len();
    let mut flipped = whole.clone();
    flipped.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8));
    assert!(envelope::open(&keys, Purpose::Record, NAME, &flipped).is_err(), "byte {at} may be anything");
    let cut = whole.get(..at).unwrap_or_default();
    assert!(envelope::open(&keys, Purpose::Record, NAME, cut).is_err(), "{at} bytes of it opened");
}

/// Takes the bytes for the item in which a record in a keyring begins: whatever is read of it is within bounds. Then
/// writes an index of them and damages one byte, or cuts it: it speaks of no record any more.
///
/// # Panics
/// Where that does not hold.
pub fn keyring_index(bytes: &[u8]) {
    if let Ok(read) = index::decode(bytes) {
        assert!(read.length <= FILE_BYTES_MAX, "a record of {} bytes", read.length);
        match (read.lie.parts, read.inline) {
            (None, Some(record)) => assert_eq!(record.len(), read.length),
            (Some(parts), None) => assert!((1..=PARTS_MAX).contains(&parts.count), "{parts:?}"),
            other => panic!("neither here nor in parts: {other:?}"),
        }
        if let Some(record) = read.inline.filter(|record| read.is_of(record)) {
            assert_eq!(index::encode(read.lie, record).as_deref(), Some(bytes), "it is written otherwise");
        }
    }
    let count = u16::try_from(bytes.len()).unwrap_or(PARTS_MAX).clamp(1, PARTS_MAX);
    for parts in [None, Some(Parts { set: Set::A, count }), Some(Parts { set: Set::B, count })] {
        let lie = Lie { serial: bytes.iter().fold(0, |serial, byte| serial << 8 | u64::from(*byte)), parts };
        let Some(whole) = index::encode(lie, bytes) else { return };
        assert_eq!(whole.len(), HEAD_BYTES + if parts.is_none() { bytes.len() } else { 0 });
        let trusted = |item: &[u8]| {
            index::decode(item).is_ok_and(|read| read.lie == lie && read.is_of(read.inline.unwrap_or(bytes)))
        };
        assert!(trusted(&whole), "what was written is not read");
        // The first bytes say where, so that the fuzzer steers it.
        let at = bytes.iter().take(4).fold(0, |at, byte| at << 8 | usize::from(*byte)) % whole.len();
        let mut flipped = whole.clone();
        flipped.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8));
        assert!(!trusted(&flipped), "byte {at} may be anything");
        assert!(!trusted(whole.get(..at).unwrap_or_default()), "{at} bytes of it are trusted");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// JSON that is nearly a record's.
    fn nearly_a_record() -> impl Strategy<Value = String> {
        let value = prop::sample::select(vec![
            "null",
            "1",
            "-1",
            "1.5",
            "18446744073709551616",
            "\"\"",
            "\"x\"",
            "[]",
            "{}",
            "{\"kind\":\"active\"}",
            "true",
            "\"0f\"",
            "[{\"token\":\"t\"}]",
            "{\"refresh_token\":\"r\"}",
            "{\"attempt\":\"0f\",\"generation\":2}",
            "\"\\ud800\"",
            "{\"kind\":\"refused\",\"cause\":\"ceiling\"}",
            "{\"token_endpoint\":\"https://as.example/token\"}",
        ]);
        let key = prop::sample::select(vec![
            "state",
            "identity",
            "settings",
            "grant",
            "intent",
            "window",
            "budget",
            "last_refresh",
            "not_before",
            "max_wall_seen",
            "last_attempt",
            "rejections",
            "previous_digest",
            "from_tomorrow",
        ]);
        prop::collection::vec((key, value), 0..8).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
            let base = r#""state":{"kind":"active"},"identity":{}"#;
            if members.len() % 3 == 0 { format!("{{{base}}}") } else { format!("{{{}}}", members.join(",")) }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_inside_of_a_record_reads_the_same_after_it_was_written(text in nearly_a_record()) {
            record(text.as_bytes());
        }

        #[test]
        fn a_sealed_file_opens_only_whole(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            sealed_file(&bytes);
            record(&bytes);
        }

        #[test]
        fn an_index_is_within_bounds_and_trusted_only_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            fields in prop::array::uniform15(any::<u8>()),
        ) {
            keyring_index(&bytes);
            // What only the head of an index gets past: any fields behind an intact beginning.
            let written = index::encode(Lie { serial: 1, parts: None }, &bytes).unwrap_or_default();
            let mut item = written.clone();
            item.iter_mut().skip(16).zip(fields).for_each(|(to, from)| *to = from);
            keyring_index(&item);
            keyring_index(&written);
        }
    }
}
