//! One file for each command: its arguments and what it does. The table is [`dispatch`].

#[cfg(unix)]
pub(crate) mod agent;
#[cfg(not(unix))]
#[path = "agent_absent.rs"]
pub(crate) mod agent;
pub(crate) mod completions;
pub(crate) mod config;
#[cfg(all(unix, feature = "demo"))]
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod helper;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod profiles;
pub(crate) mod refresh;
pub(crate) mod rekey;
#[cfg(unix)]
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod token;

use crate::app::App;
use crate::cli::Command;
use crate::exit::Failure;
use crate::json::{ErrorDocument, line};

/// Does what was asked.
///
/// # Errors
/// Why it was not done.
pub(crate) fn dispatch(command: Command, app: &App) -> Result<(), Failure> {
    let json = match &command {
        Command::Token(args) => args.wants_json(),
        Command::Status(args) => args.json,
        Command::Login(args) => args.json,
        Command::Explain(args) => args.json,
        Command::History(args) => args.json,
        Command::Profiles(args) => args.wants_json(),
        Command::Agent(_) => false,
        #[cfg(unix)]
        Command::Run(_) => false,
        #[cfg(all(unix, feature = "demo"))]
        Command::Demo(_) => false,
        Command::Init(_)
        | Command::Import(_)
        | Command::Rekey(_)
        | Command::Refresh(_)
        | Command::Logout(_)
        | Command::Helper(_)
        | Command::Config(_)
        | Command::Doctor(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
    };
    let done = match command {
        #[cfg(all(unix, feature = "demo"))]
        Command::Demo(args) => demo::run(&args, app),
        Command::Init(args) => init::run(&args, app),
        Command::Import(args) => import::run(&args, app),
        Command::Login(args) => login::run(&args, app),
        Command::Rekey(args) => rekey::run(&args, app),
        Command::Token(args) => token::run(&args, app),
        Command::Refresh(args) => refresh::run(&args, app),
        Command::Agent(args) => agent::run(&args, app),
        #[cfg(unix)]
        Command::Run(args) => run::run(args, app),
        Command::Status(args) => status::run(&args, app),
        Command::History(args) => history::run(&args, app),
        Command::Explain(args) => explain::run(&args, app),
        Command::Profiles(args) => profiles::run(&args, app),
        Command::Logout(args) => logout::run(&args, app),
        Command::Helper(args) => helper::run(args, app),
        Command::Config(args) => config::run(&args, app),
        Command::Doctor(args) => doctor::run(&args, app),
        Command::Completions(args) => completions::run(&args, app),
        Command::Man(args) => man::run(&args, app),
    };
    if let (Err(failure), true) = (&done, json)
        && !failure.silent
    {
        app.output.data(&line(&ErrorDocument::new(failure))?)?;
    }
    done
}
