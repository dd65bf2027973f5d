//! Gets a credential to keep: from a name and an address to a living token.

pub mod protocol;
