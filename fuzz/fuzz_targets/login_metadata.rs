//! What a server says of itself, of a resource or of a client.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_login::protocol::fuzzing::login_metadata(bytes));
