//! Keys are read or refused with a reason, and what is signed with them holds before a verifier that shares no code.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

mod keys;
mod proofs;
mod token_files;
mod verify;
