//! The C library: what `include/renewd.h` declares, over [`renewd_command::embed`].
//!
//! The header is the documentation of each function; this says only how it is kept. Every function that is exported
//! goes through [`answer`] or reads a value: no panic leaves it, no null pointer is followed, and what failed is left
//! for its thread in [`failed`]. This crate and no other turns pointers of strangers into references.

mod failed;
mod given;
mod session;
mod token;

use std::ffi::c_int;

/// The code of success.
const OK: c_int = 0;

/// The code of a call that is wrong in itself.
const USAGE: u8 = 2;

/// The code of a bug.
const INTERNAL: u8 = 1;
