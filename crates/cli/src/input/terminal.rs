//! Asks for a secret at a terminal without showing it.
//!
//! Line mode would cut a token at 4 095 bytes and leave the terminal silent after an interrupt, so bytes are taken one
//! by one with echo, line editing and signals off, and the old settings come back however it ends.

use std::io::{self, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::file::SECRET_BYTES_MAX;
use crate::exit::Failure;

const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// Gives the terminal its settings back when dropped.
struct Silent(Termios);

impl Silent {
    fn begin() -> Result<Self, Failure> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)
            .map_err(|e| Failure::usage(format!("the terminal's settings cannot be read: {e}")))?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&stdin, OptionalActions::Flush, &silent)
            .map_err(|e| Failure::usage(format!("the terminal cannot be silenced: {e}")))?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Shows `prompt` on stderr and reads one line unseen.
pub(super) fn read_hidden(prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    let line = {
        let _silent = Silent::begin()?;
        read_line(io::stdin().lock())
    };
    let _ = writeln!(stderr);
    line
}

fn read_line(source: impl io::BufRead) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    for byte in source.bytes() {
        match byte.map_err(|e| Failure::usage(format!("the terminal cannot be read: {e}")))? {
            b'\n' | b'\r' | END_OF_INPUT => return Ok(line),
            INTERRUPT => return Err(Failure::usage("interrupted; nothing was imported")),
            BACKSPACE | DELETE => drop(line.pop()),
            _ if line.len() == SECRET_BYTES_MAX => {
                return Err(Failure::usage(format!(
                    "the refresh token is longer than {SECRET_BYTES_MAX} bytes"
                )));
            }
            other => line.push(other),
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_enter_and_backspace_takes_one_back() {
        assert_eq!(read_line(&b"rt-2\x7f1\rmore"[..]).unwrap().as_slice(), b"rt-1");
        assert_eq!(read_line(&b"rt-1"[..]).unwrap().as_slice(), b"rt-1");
        assert!(read_line(&b"rt\x03"[..]).unwrap_err().message.contains("interrupted"));
    }
}
