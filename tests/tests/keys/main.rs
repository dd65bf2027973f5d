//! Where the key of a store lies, and keyrings that fail.

mod keyring_faults;
mod keyring_matrix;
mod keyring_shared;
mod keyring_strangers;
mod keys_init;
mod keys_rekey;
mod keys_sources;
