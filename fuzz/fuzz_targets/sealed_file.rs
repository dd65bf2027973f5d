//! A file that lies where a record should.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_store::fuzzing::sealed_file(bytes));
