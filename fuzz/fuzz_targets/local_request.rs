//! A request of a local program to the proxy.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_proxy::fuzzing::local_request(bytes));
