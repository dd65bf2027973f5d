//! A browser's request to the listener of a login.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_login::protocol::fuzzing::login_callback(bytes));
