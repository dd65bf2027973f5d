//! `renewd profiles`: the providers that renewd knows, and what it knows of one.

mod document;
mod explained;
mod list;

use clap::{Args, Subcommand};

use crate::app::App;
use crate::exit::Failure;
use crate::json::line;
use crate::output::{columns, without_controls};

use document::{ListDocument, ProfileDocument};

/// Arguments of `profiles`.
#[derive(Args, Debug)]
pub(crate) struct ProfilesCommand {
    #[command(subcommand)]
    what: Option<What>,
    /// For programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Explain one: where it is, what a refresh carries, how its answers are read, and how sure that is
    Show {
        /// The profile's name
        #[arg(value_name = "P")]
        profile: String,
        /// As a file that `--profile-file` takes, to begin your own from
        #[arg(long)]
        toml: bool,
    },
}

impl ProfilesCommand {
    /// Whether a program asks.
    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }
}

/// Lists, or explains one.
///
/// # Errors
/// A configuration failure; a usage failure for a name that nobody has.
pub(crate) fn run(args: &ProfilesCommand, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let profiles = config.profiles();
    match &args.what {
        None if args.json => app.output.data(&line(&ListDocument::new(&profiles.all()))?),
        None => {
            app.output.data(
                without_controls(&list::table(&profiles.all(), columns(), app.output.out)).as_bytes(),
            )?;
            app.output.note("`renewd profiles show NAME` explains one");
            Ok(())
        }
        Some(What::Show { profile, toml }) => {
            let Some(known) = profiles.named(profile) else {
                let (message, advice) = profiles.unknown(profile);
                return Err(Failure::usage(message).advise(advice));
            };
            if args.json && *toml {
                return Err(Failure::usage("--json and --toml are two ways of writing the same profile")
                    .advise("leave one of them out"));
            }
            if *toml {
                return app.output.data(renewd_profiles::to_toml(known.profile).as_bytes());
            }
            if args.json {
                return app.output.data(&line(&ProfileDocument::new(known))?);
            }
            let settle = config.policy(None).settle();
            app.output.data(explained::text(known, settle, columns(), app.output.out).as_bytes())
        }
    }
}
