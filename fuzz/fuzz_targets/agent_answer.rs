//! An agent's answer to the command.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| renewd_command::fuzzing::agent_answer(bytes));
