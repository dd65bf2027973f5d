//! `renewd agent`: keep every credential, and serve tokens to whoever asks on the socket.

mod install;

use clap::{Args, Subcommand};

use crate::agent_client::{Agent, Asked};
use crate::app::App;
use crate::exit::{Exit, Failure};
use crate::output::without_controls;

/// Keep every credential and serve tokens, in the foreground, until stopped.
#[derive(Args)]
pub(crate) struct AgentCommand {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Tell the running agent to read its configuration anew
    Reload,
    /// Have the system start the agent at each login
    Install(install::Install),
}

/// Does it.
///
/// # Errors
/// What kept the agent from starting, or from being told.
pub(crate) fn run(args: &AgentCommand, app: &App) -> Result<(), Failure> {
    match &args.action {
        None => crate::agent::serve(app),
        Some(Action::Reload) => reload(app),
        Some(Action::Install(args)) => install::run(args, app),
    }
}

fn reload(app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let agent = Agent::find(&config).map_err(|why| {
        Failure::new(Exit::Usage, format!("no agent to tell: {}", why.sentence()))
            .advise("renewd agent starts one")
    })?;
    match agent.reload() {
        Asked::Answer(came) => {
            for setting in &came.needs_restart {
                app.output.warn(&format!("{setting} has changed; it holds from the agent's next start"));
            }
            let [first, more @ ..] = came.problems.as_slice() else {
                app.output.note("renewd: the agent has read its configuration anew");
                return Ok(());
            };
            for problem in more {
                app.output.warn(&without_controls(problem));
            }
            Err(Failure::configuration(format!("the configuration is in force but for this: {first}")))
        }
        Asked::Refused(failure) => Err(failure),
        Asked::Silent(why) => {
            Err(Failure::new(Exit::Unavailable, format!("the agent does not answer: {why}")))
        }
    }
}
