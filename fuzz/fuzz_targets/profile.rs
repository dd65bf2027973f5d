//! A profile, as a user writes it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_profiles::fuzzing::profile(bytes));
