//! What a person or a script gets to see: data on stdout, words on stderr.

pub(crate) mod colour;
pub(crate) mod evidence;
pub(crate) mod time;

use std::io::{self, IsTerminal as _, Write as _};

use crate::environment::Environment;
use crate::exit::{Exit, Failure};

pub(crate) use colour::{ColourChoice, Painter};

/// Where output goes and how it looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    quiet: bool,
    /// Paints stdout.
    pub(crate) out: Painter,
    /// Paints stderr.
    pub(crate) err: Painter,
}

impl Output {
    /// By the flags, the environment and what the two streams are.
    pub(crate) fn new(choice: ColourChoice, quiet: bool, env: &Environment) -> Self {
        Self {
            quiet,
            out: Painter::new(choice, io::stdout().is_terminal(), env),
            err: Painter::new(choice, io::stderr().is_terminal(), env),
        }
    }

    /// Whether notes are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Data, as it is.
    ///
    /// # Errors
    /// When stdout cannot be written. A reader that went away is no error worth a word.
    pub(crate) fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                return Failure::silent(Exit::Done);
            }
            let why = crate::input::file::plain(&error);
            Failure::internal(format!("standard output cannot be written: {why}"))
        })
    }

    /// A word for people; `-q` silences it.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Something is wrong and the command goes on; `-q` silences it.
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            self.say(&format!("{} {text}", self.err.yellow("warning:")));
        }
    }

    /// Why the command failed. `-q` does not silence it.
    pub(crate) fn failure(&self, failure: &Failure) {
        if !failure.silent {
            self.say(&format!("{} {}", self.err.red("renewd:"), without_controls(&failure.to_string())));
        }
    }

    fn say(&self, text: &str) {
        // Nobody can be told that stderr is gone.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// The columns of the terminal that standard output is; none where it is no terminal, or does not say.
#[cfg(unix)]
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Unknown here.
#[cfg(not(unix))]
pub(crate) fn columns() -> Option<usize> {
    None
}

/// The text without what a terminal obeys: file names that others chose stand in messages.
pub(crate) fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_steer_the_terminal_and_keeps_its_lines() {
        assert_eq!(
            without_controls("/tmp/\u{1b}[31mx\u{9b}2J\r is\n  so: \u{e9}"),
            "/tmp/\u{fffd}[31mx\u{fffd}2J\u{fffd} is\n  so: \u{e9}"
        );
    }
}
