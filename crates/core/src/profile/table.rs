//! The built-in profiles, made from `crates/core/profiles/*.toml`.

use super::Profile;

pub(super) static PROFILES: &[Profile] = &[Profile::GENERIC];
