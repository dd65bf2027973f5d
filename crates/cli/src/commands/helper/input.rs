//! What a client writes on standard input: short, and there at once or never.

use std::io::{BufRead as _, Read as _};
use std::sync::mpsc::channel;

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

use super::ask::Deadline;

/// More than any client writes. git's own limit on a line is the same.
const INPUT_BYTES_MAX: usize = 64 << 10;

/// Until where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// A line with nothing in it, or the end.
    EmptyLine,
    /// The end.
    TheEnd,
}

/// Reads it.
///
/// # Errors
/// A usage failure where it is too long; 124 where it does not end in time.
pub(super) fn read(until: Until, deadline: Deadline) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (tell, heard) = channel();
    // Whoever never closes it keeps this thread, not the command.
    std::thread::spawn(move || {
        let _ = tell.send(read_here(until));
    });
    let broken = |why: &str| Failure::usage(format!("standard input {why}"));
    let read = heard
        .recv_timeout(deadline.left().into())
        .map_err(|_| Failure::new(Exit::Timeout, "standard input does not end"))?;
    let bytes = read.map_err(|error| broken(&crate::input::file::plain(&error)))?;
    if bytes.len() > INPUT_BYTES_MAX { Err(broken("is longer than 64 KiB")) } else { Ok(bytes) }
}

fn read_here(until: Until) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(INPUT_BYTES_MAX + 1));
    let mut limited = std::io::stdin().lock().take(INPUT_BYTES_MAX as u64 + 1);
    match until {
        Until::TheEnd => {
            limited.read_to_end(&mut bytes)?;
        }
        Until::EmptyLine => loop {
            let begun = bytes.len();
            let read = limited.read_until(b'\n', &mut bytes)?;
            if read == 0 || bytes.get(begun..).unwrap_or_default().trim_ascii().is_empty() {
                break;
            }
        },
    }
    Ok(bytes)
}
