//! Where terminals are read otherwise than on Unix: nothing is asked there, and secrets come by standard input or by
//! file.

use std::io::{self, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use crate::exit::Failure;

/// Whether a person sits before this process: a prompt of the system's keyring would be seen.
pub(crate) fn person_is_here() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Refuses: standard input would show the secret.
///
/// # Errors
/// Always.
pub(super) fn read_hidden(_prompt: &str, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Err(Failure::usage(format!("standard input is a terminal, which would show {what}"))
        .advise(format!("pipe {what} in")))
}

/// Refuses: the terminal would show the secret.
///
/// # Errors
/// Always.
pub(crate) fn ask_hidden(_prompt: &str, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Err(Failure::usage(format!("{what} cannot be asked for here without showing it"))
        .advise("pipe it in: --passphrase-fd 0"))
}

/// A line for the person who is being asked.
pub(crate) fn say(text: &str) {
    // Nobody can be told that standard error is gone.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Reads a line of standard input.
///
/// # Errors
/// A usage failure, when it cannot be read.
pub(crate) fn ask(prompt: &str) -> Result<String, Failure> {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|e| Failure::usage(format!("standard input cannot be read: {}", super::file::plain(&e))))?;
    Ok(line.trim().to_owned())
}
