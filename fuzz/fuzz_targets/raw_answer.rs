//! A raw HTTP answer, as a tool prints it and somebody hands it to `explain`: read, and judged.

#![no_main]

use renewd_core::Answer;
use renewd_fuzz::promises::{exchange::Exchange, hold};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(response) = renewd_command::fuzzing::raw_answer(bytes) {
        let mut exchange = Exchange::plain(200, Vec::new(), Vec::new(), false);
        exchange.answer = Answer::Response(response);
        hold(&exchange);
    }
});
