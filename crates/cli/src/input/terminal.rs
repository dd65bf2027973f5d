//! Asks a person at the terminal: for a secret, without showing it, or for a choice.
//!
//! Line mode would cut a token at 4 095 bytes and leave the terminal silent after an interrupt, so a secret is taken
//! byte by byte with echo, line editing and signals off, and the old settings come back however it ends. Passphrases are
//! asked for at the controlling terminal rather than on standard input: that may be a pipe with a refresh token.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

use super::file::{SECRET_BYTES_MAX, plain};
use crate::exit::Failure;

const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// The controlling terminal of this process.
const TERMINAL: &str = "/dev/tty";

/// Longest answer to a visible question, in bytes: paths are the longest.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Whether a person can be asked: they read standard error, and this process has the terminal to itself. One in the
/// background would be stopped by the system when it asks.
pub(crate) fn person_is_here() -> bool {
    io::stderr().is_terminal() && open().is_ok_and(|terminal| is_in_front(&terminal))
}

fn open() -> io::Result<File> {
    File::options().read(true).write(true).open(TERMINAL)
}

fn is_in_front(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|front| front == rustix::process::getpgrp())
}

/// Gives the terminal its settings back when dropped.
struct Silent<'t, T: AsFd> {
    terminal: &'t T,
    before: Termios,
}

impl<'t, T: AsFd> Silent<'t, T> {
    fn begin(terminal: &'t T) -> Result<Self, Failure> {
        let before = tcgetattr(terminal)
            .map_err(|e| Failure::usage(format!("the terminal's settings cannot be read: {e}")))?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(terminal, OptionalActions::Flush, &silent)
            .map_err(|e| Failure::usage(format!("the terminal cannot be silenced: {e}")))?;
        Ok(Self { terminal, before })
    }
}

impl<T: AsFd> Drop for Silent<'_, T> {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Shows `prompt` on standard error and reads one line of standard input, which is a terminal, unseen. `what` names the
/// secret for people: "the refresh token".
///
/// # Errors
/// A usage failure, when the terminal cannot be used, the line is too long, or the person interrupts.
pub(super) fn read_hidden(prompt: &str, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    hidden(&io::stdin(), io::stdin().lock(), prompt, what)
}

/// Shows `prompt` on standard error and reads one line of the controlling terminal unseen.
///
/// # Errors
/// As [`read_hidden`].
pub(crate) fn ask_hidden(prompt: &str, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let terminal = open()
        .map_err(|e| Failure::usage(format!("{what}: the terminal cannot be opened: {}", plain(&e))))?;
    hidden(&terminal, io::BufReader::with_capacity(1, &terminal), prompt, what)
}

fn hidden(
    terminal: &impl AsFd,
    source: impl io::BufRead,
    prompt: &str,
    what: &str,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut stderr = io::stderr();
    let line = {
        // Silent first: what is typed as soon as the prompt is seen must not be shown.
        let _silent = Silent::begin(terminal)?;
        let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
        read_line(source, what)
    };
    let _ = writeln!(stderr);
    line
}

/// Shows `prompt` on standard error and reads one line of the controlling terminal, seen. Empty at its end.
///
/// # Errors
/// A usage failure, when the terminal cannot be used.
pub(crate) fn ask(prompt: &str) -> Result<String, Failure> {
    let terminal =
        open().map_err(|e| Failure::usage(format!("the terminal cannot be opened: {}", plain(&e))))?;
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    let mut line = String::new();
    io::BufReader::new(terminal.take(ANSWER_BYTES_MAX))
        .read_line(&mut line)
        .map_err(|e| Failure::usage(format!("the terminal cannot be read: {}", plain(&e))))?;
    Ok(line.trim().to_owned())
}

/// A line for the person who is being asked.
pub(crate) fn say(text: &str) {
    // Nobody can be told that standard error is gone.
    let _ = writeln!(io::stderr(), "{text}");
}

fn read_line(source: impl io::BufRead, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for everything at once: a buffer that grows leaves copies of a secret behind.
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    for byte in source.bytes() {
        match byte.map_err(|e| Failure::usage(format!("the terminal cannot be read: {}", plain(&e))))? {
            b'\n' | b'\r' | END_OF_INPUT => return Ok(line),
            INTERRUPT => return Err(Failure::usage("interrupted; nothing was done")),
            BACKSPACE | DELETE => drop(line.pop()),
            _ if line.len() == SECRET_BYTES_MAX => {
                return Err(Failure::usage(format!("{what} is longer than {SECRET_BYTES_MAX} bytes")));
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
        let read = |bytes: &'static [u8]| read_line(bytes, "the token");
        assert_eq!(read(b"rt-2\x7f1\rmore").unwrap().as_slice(), b"rt-1");
        assert_eq!(read(b"rt-1").unwrap().as_slice(), b"rt-1");
        assert!(read(b"rt\x03").unwrap_err().message.contains("interrupted"));
    }
}
