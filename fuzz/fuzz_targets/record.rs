//! The inside of a record, as another version or a bug may have written it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_store::fuzzing::record(bytes));
