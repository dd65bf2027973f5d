//! For tests: a desktop session of one's own with a real keyring on it, providers that fail as they are told, and what
//! every keyring has to pass.
