//! renewd inside another program: what the C library and the Python package are made of, and nothing else is.
//!
//! It answers as `renewd token` does: the same configuration, the same records, the same claims; an agent that serves
//! the same state folder is asked first. Without one the credential is kept here, by the blocking driver, ahead of its
//! expiry, until the session is closed. Other than the command it changes nothing about the process that it lives in:
//! no signal handler, no limit, no locked memory, nothing on standard output or standard error, no question to a
//! person, no browser.
//!
//! A fork of the process may go on with a [`Session`]: it is opened anew there, since threads and claims stay with the
//! parent. Locks that another thread of the parent held at that moment are never asked for again.

mod error;
mod here;
mod token;

use std::path::PathBuf;
use std::sync::OnceLock;

use renewd_driver::CredentialName;
use zeroize::Zeroizing;

pub use error::{About, Error};
pub use token::{Renewal, Token, Wanted};

use crate::exit::Failure;
use here::Here;

/// Which configuration and state. What is none is as for the command: flag, then environment, then default.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The configuration file, as `--config`.
    pub config: Option<PathBuf>,
    /// Where records live, as `--state-dir`.
    pub state_dir: Option<PathBuf>,
}

/// A program's view of the credentials of its user. Any number of threads may use one at once.
pub struct Session {
    options: Options,
    /// The first process's; each fork's hangs on that of its parent. `None` only while it is dropped.
    first: Option<Box<Opened>>,
}

/// What one process has open.
struct Opened {
    process: u32,
    here: Here,
    fork: OnceLock<Box<Opened>>,
}

impl Session {
    /// Reads the configuration. Nothing else is touched: no record, no keyring, no network.
    ///
    /// # Errors
    /// 6 where the configuration is wrong; 2 where a path cannot be resolved.
    pub fn open(options: Options) -> Result<Self, Error> {
        let first = Some(Box::new(Opened::new(&options)?));
        Ok(Self { options, first })
    }

    /// Begins to keep a credential, so that a token is at hand when it is asked for. Does not wait for one. Where an
    /// agent keeps it, that is enough.
    ///
    /// # Errors
    /// 3 where nobody logged in under that name; 2, 5 and 6 as for the command.
    pub fn keep(&self, name: &str) -> Result<(), Error> {
        let name = named(name)?;
        Ok(self.here()?.keep(&name)?)
    }

    /// A valid token.
    ///
    /// # Errors
    /// Why there is none, with the exit code of the command for it.
    pub fn token(&self, wanted: &Wanted) -> Result<Token, Error> {
        let asked = wanted.asked()?;
        Ok(self.here()?.token(&asked)?)
    }

    /// The token, if a valid one is in this process's memory: nobody is asked and nothing is waited for.
    pub fn at_hand(&self, wanted: &Wanted) -> Option<Token> {
        self.here().ok()?.at_hand(&wanted.asked().ok()?)
    }

    /// A resource server answered 401 to the token of this epoch and generation: gives a newer one, or says that one
    /// this young would be refused just so.
    ///
    /// # Errors
    /// Why there is no newer one.
    pub fn rejected(&self, wanted: &Wanted, epoch: u64, generation: u64) -> Result<Renewal, Error> {
        let asked = wanted.asked()?;
        Ok(self.here()?.rejected(&asked, epoch, generation)?)
    }

    /// One refresh now, as `renewd refresh`: of the login's own token.
    ///
    /// # Errors
    /// Why that attempt failed.
    pub fn refresh(&self, wanted: &Wanted) -> Result<(), Error> {
        let asked = wanted.asked()?;
        Ok(self.here()?.refresh(&asked)?)
    }

    /// What `renewd status --json` prints, of all credentials or of one.
    ///
    /// # Errors
    /// 3 where there is none of that name; 5 and 6 as for the command.
    pub fn status(&self, name: Option<&str>) -> Result<String, Error> {
        let name = name.map(named).transpose()?;
        Ok(self.here()?.status(&self.options, name)?)
    }

    /// Finishes what is under way and saves it. A request that is on its way is waited for until it has its answer or its
    /// time is over; whoever waits for a token is told at once that the session is closed, as is everybody afterwards.
    ///
    /// # Errors
    /// 5 where new tokens could not be saved; it names what is lost.
    pub fn close(&self) -> Result<(), Error> {
        match self.last() {
            Some(opened) if opened.process == std::process::id() => Ok(opened.here.end()?),
            // What was opened is another process's.
            Some(_) | None => Ok(()),
        }
    }

    fn last(&self) -> Option<&Opened> {
        let mut opened = self.first.as_deref()?;
        while let Some(fork) = opened.fork.get() {
            opened = fork;
        }
        Some(opened)
    }

    fn here(&self) -> Result<&Here, Failure> {
        let opened = self.last().filter(|opened| !opened.here.has_ended()).ok_or_else(here::closed)?;
        if opened.process == std::process::id() {
            return Ok(&opened.here);
        }
        let fresh = Box::new(Opened::new(&self.options)?);
        Ok(&opened.fork.get_or_init(|| fresh).here)
    }

    fn end(&mut self) -> Result<(), Failure> {
        let process = std::process::id();
        let mut ended = Ok(());
        let mut next = self.first.take();
        while let Some(mut opened) = next {
            next = opened.fork.take();
            if opened.process == process {
                ended = opened.here.end();
            } else {
                // Its threads are the parent's, and its locks may be held by one of them.
                std::mem::forget(opened);
            }
        }
        ended
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(failure) = self.end() {
            tracing::error!(%failure, "a session was dropped, and not everything could be saved");
        }
    }
}

impl Opened {
    fn new(options: &Options) -> Result<Self, Failure> {
        Ok(Self { process: std::process::id(), here: Here::open(options)?, fork: OnceLock::new() })
    }
}

fn named(name: &str) -> Result<CredentialName, Failure> {
    // It is not repeated, as its own error would: somebody may have given a token for a name.
    name.parse().map_err(|_| {
        Failure::usage(
            "the credential's name is no name: those hold letters, digits, '.', '_' and '-', and are short",
        )
    })
}

/// From now on a panic in this library says where, never what: its message could hold whatever a function was given.
/// For hosts whose own code is not Rust, and so have no hook that this would take the place of.
pub fn quiet_panics() {
    crate::harden::panics();
}

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is no secret, though it came in a vector that is overwritten.
fn text(bytes: &Zeroizing<Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
