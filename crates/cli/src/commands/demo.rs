//! `renewd demo`: see it work before you trust it with anything.

use clap::Args;

use crate::app::App;
use crate::demo::{Ended, SPEEDS, play};
use crate::exit::Failure;

/// A program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Starts an authorization server, a protected API, an agent with a proxy and a client, all on loopback \
                  and in a folder that is removed at the end. Nothing of yours is read or changed."
)]
pub(crate) struct Demo {
    /// How many times faster than life, 10 to 600
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u16).range(SPEEDS))]
    speed: u16,
    /// End after the outage, as it does without a terminal
    #[arg(long)]
    once: bool,
}

/// Plays it.
///
/// # Errors
/// What did not happen, or what the accounts at the end disagree about.
pub(crate) fn run(args: &Demo, app: &App) -> Result<(), Failure> {
    match play(args.speed, args.once, app)? {
        Ended::Well => Ok(()),
        Ended::Interrupted => {
            app.output.note("renewd: ended early; nothing was left behind");
            std::process::exit(INTERRUPTED)
        }
    }
}
