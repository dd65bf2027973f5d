//! A token endpoint's answer, and what it is judged by.

#![no_main]

use renewd_fuzz::promises::{exchange::Exchange, hold};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hold(&Exchange::read(bytes));
});
