//! Reads and writes provider profiles: TOML text in, [`Profile`](renewd_core::Profile) out, with every fault named by
//! file, line and key.
//!
//! Core carries profiles as constants and never parses anything, so that whoever embeds it carries no TOML parser.
//! This crate is for those who do have text: the command, for a user's own profiles, and the chore that writes core's
//! constants from `crates/core/profiles/*.toml`. Both read by the same rules; a built-in profile has to say more about
//! where its facts come from ([`Rules::BuiltIn`]).
//!
//! The keys stand in one list, from which unknown keys are noticed, the schema is written ([`schema`]) and the page
//! for people is checked.

mod address;
mod build;
mod duration;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod item;
mod keys;
mod member;
mod overrides;
mod problem;
mod read;
mod schema;
mod text;
mod value;
mod write;

pub use duration::{DURATION_FORM, parse_duration};
pub use keys::{Documented, documented};
pub use problem::{ADVISED_MAX, Problem, Problems, cut, nearest, shown};
pub use read::{Lines, PROFILE_BYTES_MAX, Rules, parse, parse_file, parse_table};
pub use schema::schema;
pub use text::OWN_PARAMETERS;
pub use write::to_toml;
