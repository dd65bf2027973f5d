//! Standard input: one secret, or one body.

use std::io::{self, IsTerminal as _};

use renewd_core::Secret;
use zeroize::Zeroizing;

use super::file::{SECRET_BYTES_MAX, read_limited};
use super::secret::clean;
use super::terminal::read_hidden;
use crate::exit::Failure;

/// Reads the refresh token. At a terminal it asks for it and does not show it.
///
/// # Errors
/// A usage failure that says what is wrong, never what was read.
pub(crate) fn read_refresh_token() -> Result<Secret, Failure> {
    let advice = "pipe the refresh token in, for example: renewd import NAME … < token-file";
    let bytes = if io::stdin().is_terminal() {
        read_hidden("Refresh token (it will not be shown): ", "the refresh token")?
    } else {
        read_limited(io::stdin().lock(), SECRET_BYTES_MAX)
            .map_err(|why| Failure::usage(format!("standard input {why}")).advise(advice))?
    };
    clean(&bytes)
        .map_err(|why| Failure::usage(format!("the refresh token on standard input {why}")).advise(advice))
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// A usage failure.
pub(crate) fn read_body(limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read_limited(io::stdin().lock(), limit).map_err(|why| Failure::usage(format!("standard input {why}")))
}
