//! The stores from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
mod contract;
mod every_store;
mod records;
