//! `renewd completions`: for the shell that completes, and the names that it asks for.
//!
//! A name is completed while somebody types. So nothing is opened for it: the names stand in the configuration, and beside
//! the records in their folder. No key is read, nobody is asked for anything, and nothing is sent.

mod asked;
mod scripts;

use std::collections::BTreeSet;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use renewd_driver::CredentialName;

use crate::app::App;
use crate::cli::Cli;
use crate::config::Config;
use crate::credential::names_in_folder;
use crate::exit::Failure;

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(required_unless_present = "names", conflicts_with = "names")]
    shell: Option<Shell>,
    /// Print the names of the credentials instead, as the completions ask for them
    #[arg(long)]
    names: bool,
}

/// Prints the script, or the names.
///
/// # Errors
/// When stdout cannot be written; for names, what is wrong with the configuration.
pub(crate) fn run(args: &Completions, app: &App) -> Result<(), Failure> {
    match args.shell {
        Some(shell) => app.output.data(scripts::of(shell, Cli::command()).as_bytes()),
        None => app.output.data(names(&*app.config()?)?.as_bytes()),
    }
}

/// One a line, sorted.
fn names(config: &Config) -> Result<String, Failure> {
    let mut names: BTreeSet<CredentialName> = names_in_folder(config)?.into_iter().collect();
    names.extend(config.credentials().map(|(name, _)| name.clone()));
    Ok(names.iter().map(|name| format!("{name}\n")).collect())
}
