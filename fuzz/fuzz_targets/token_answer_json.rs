//! A token endpoint's answer in JSON: core reads of it what `serde_json` reads.

#![no_main]

use renewd_fuzz::promises::strict::as_a_strict_reader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        as_a_strict_reader(text);
    }
});
