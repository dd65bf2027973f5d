use super::*;
use proptest::prelude::*;

const NAME: &str = "github";

fn keys() -> Keys {
    Keys::derive(&[5; 32])
}

fn header() -> Header<'static> {
    Header { purpose: Purpose::Record, name: NAME, version: (3, 41), identity: [9; 16] }
}

fn sealed() -> Vec<u8> {
    seal(&keys(), &header(), &[1; NONCE_BYTES], b"payload").unwrap()
}

fn error_of(file: &[u8]) -> Option<Sealed> {
    open(&keys(), Purpose::Record, NAME, file).err()
}

/// The file as a later version would write it: another format, a valid prefix, and a body of its own.
fn newer() -> Vec<u8> {
    let mut file = prefix(Purpose::Record, RECORD_FORMAT + 1, keys().id()).to_vec();
    file.extend_from_slice(b"whatever the future holds");
    file
}

#[test]
fn what_was_sealed_opens_with_its_header() {
    let opened = open(&keys(), Purpose::Record, NAME, &sealed()).ok().unwrap();
    assert_eq!(opened.version, (3, 41));
    assert_eq!(opened.identity, [9; 16]);
    assert_eq!(opened.format, FIRST_FORMAT);
    assert_eq!(opened.payload.as_slice(), b"payload");
}

#[test]
fn every_format_up_to_the_newest_opens_and_its_number_is_under_the_seal() {
    for format in FIRST_FORMAT..=RECORD_FORMAT {
        let file = seal_in(format, &keys(), &header(), &[1; NONCE_BYTES], b"payload").unwrap();
        assert_eq!(open(&keys(), Purpose::Record, NAME, &file).ok().unwrap().format, format);
        let mut other = prefix(Purpose::Record, 3 - format, keys().id()).to_vec();
        other.extend_from_slice(&file[PREFIX_BYTES..]);
        assert_eq!(error_of(&other), Some(Sealed::Damaged("its seal does not hold")));
    }
}

#[test]
fn every_single_flipped_bit_is_damage_and_nothing_else() {
    let file = sealed();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            let error = error_of(&flipped);
            assert!(matches!(error, Some(Sealed::Damaged(_))), "byte {at} bit {bit}: {error:?}");
        }
    }
}

#[test]
fn every_truncation_and_every_appended_byte_is_damage() {
    let file = sealed();
    for length in 0..file.len() {
        assert!(matches!(error_of(&file[..length]), Some(Sealed::Damaged(_))), "{length} bytes");
    }
    let mut longer = file;
    longer.push(0);
    assert!(matches!(error_of(&longer), Some(Sealed::Damaged(_))));
    longer.resize(FILE_BYTES_MAX + 1, 0);
    assert_eq!(error_of(&longer), Some(Sealed::Damaged("it is too large")));
}

#[test]
fn a_newer_format_is_recognised_though_its_body_means_nothing_here() {
    assert_eq!(error_of(&newer()), Some(Sealed::Newer(RECORD_FORMAT + 1)));
    assert_eq!(error_of(&newer()[..PREFIX_BYTES]), Some(Sealed::Newer(RECORD_FORMAT + 1)));
    assert!(matches!(error_of(&newer()[..PREFIX_BYTES - 1]), Some(Sealed::Damaged(_))));
}

#[test]
fn another_key_is_not_damage() {
    let other = Keys::derive(&[6; 32]);
    assert_eq!(open(&other, Purpose::Record, NAME, &sealed()).err(), Some(Sealed::OtherKey));
}

#[test]
fn a_record_under_another_name_says_whose_it_is() {
    let error = open(&keys(), Purpose::Record, "gitlab", &sealed()).err();
    assert_eq!(error, Some(Sealed::OtherName(NAME.into())));
}

#[test]
fn a_mark_is_not_a_record() {
    let mark = seal(&keys(), &Header { purpose: Purpose::Mark, ..header() }, &[1; NONCE_BYTES], &[]).unwrap();
    assert!(open(&keys(), Purpose::Mark, NAME, &mark).is_ok());
    assert!(matches!(error_of(&mark), Some(Sealed::Damaged(_))));
    assert!(matches!(open(&keys(), Purpose::Mark, NAME, &sealed()), Err(Sealed::Damaged(_))));
}

#[test]
fn what_is_too_large_is_not_sealed() {
    assert!(seal(&keys(), &header(), &[1; NONCE_BYTES], &vec![0; FILE_BYTES_MAX]).is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_open(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(error_of(&bytes).is_some());
    }

    #[test]
    fn nothing_behind_a_valid_prefix_makes_it_panic_or_open(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = prefix(Purpose::Record, RECORD_FORMAT, keys().id()).to_vec();
        file.extend_from_slice(&body);
        prop_assert!(matches!(error_of(&file), Some(Sealed::Damaged(_))));
    }
}
