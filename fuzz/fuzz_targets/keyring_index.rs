//! An item of a keyring that lies where a record should begin.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_store::fuzzing::keyring_index(bytes));
