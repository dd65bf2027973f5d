//! What lies where a `store.toml` should.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_store::fuzzing::store_toml(bytes));
