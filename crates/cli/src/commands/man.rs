//! `renewd man`: the manual pages, from the same table as `--help`. Packages write them when they are built.

mod synopsis;

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::app::App;
use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::input::file::plain;

/// Arguments of `man`.
#[derive(Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder, which must be there
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Prints or writes them.
///
/// # Errors
/// When stdout or the folder cannot be written.
pub(crate) fn run(args: &Man, app: &App) -> Result<(), Failure> {
    let command = synopsis::given(Cli::command(), "");
    if let Some(folder) = &args.to {
        return clap_mangen::generate_to(command, folder).map_err(|e| {
            Failure::new(
                Exit::Configuration,
                format!("{} cannot be written: {}", folder.display(), plain(&e)),
            )
        });
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|e| Failure::internal(format!("the page cannot be written: {}", plain(&e))))?;
    app.output.data(&page)
}
