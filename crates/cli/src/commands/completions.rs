//! `renewd completions`: for the shell that completes.

use clap::{Args, CommandFactory as _};

use crate::app::App;
use crate::cli::Cli;
use crate::exit::Failure;

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// Which shell
    shell: clap_complete::Shell,
}

/// Prints the script.
///
/// # Errors
/// When stdout cannot be written.
pub(crate) fn run(args: &Completions, app: &App) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "renewd", &mut script);
    app.output.data(&script)
}
