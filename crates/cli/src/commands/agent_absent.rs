//! `renewd agent` where there is none: it is told, rather than called an unknown word.
//!
//! The agent listens on a Unix socket and knows its callers by their user. Windows would have both in a named pipe; that
//! is another door, with proofs of its own, and nothing that a logon task could start stands there today.

use std::ffi::OsString;

use clap::Args;

use crate::app::App;
use crate::exit::Failure;

/// The agent does not run on this system.
#[derive(Args)]
pub(crate) struct AgentCommand {
    /// What it would have been told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<OsString>,
}

/// Says so.
///
/// # Errors
/// Always.
pub(crate) fn run(_args: &AgentCommand, _app: &App) -> Result<(), Failure> {
    Err(Failure::usage("the agent does not run on this system yet, and so there is nothing to install")
        .advise("`renewd token NAME` gives a token without one; programs of one store share each renewal"))
}
