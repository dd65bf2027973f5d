//! Choosing a built-in profile: by name, or by a host that belongs to one provider alone.

use super::{Profile, table};

impl Profile {
    /// All built-in profiles, by name.
    pub const fn built_in() -> &'static [Self] {
        table::PROFILES
    }

    /// The built-in profile of that name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::built_in().iter().find(|profile| profile.name == name)
    }
}
