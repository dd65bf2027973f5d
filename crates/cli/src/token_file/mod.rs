//! A file that holds the newest token, for programs that can read nothing else: `renewd run --file` and `[[sink]]`.
//!
//! `whole` puts bytes in the place of others in one step; `standing` decides when.

mod standing;
mod whole;

pub(crate) use standing::{Standing, Step, step};
pub(crate) use whole::WholeFile;

use zeroize::Zeroizing;

use renewd_driver::CredentialName;

use crate::commands::token::{Format, write};
use crate::exit::Failure;
use crate::obtain::Obtained;

/// What such a file holds. A bare token stands there without a line break: not every reader drops it, and what is read
/// goes into a header.
///
/// # Errors
/// When the token holds what no token may.
pub(crate) fn content(
    name: &CredentialName,
    token: &Obtained,
    format: Format,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = write(name, token, format)?;
    if format == Format::Raw {
        bytes.pop();
    }
    Ok(bytes)
}
