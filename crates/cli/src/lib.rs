//! `renewd`: the command, and what it offers to programs that renewd lives in. The interface is [`main`] and [`embed`];
//! the rest is public at most so that its readers can be fuzzed.
//!
//! Layout: `cli` says what can be asked, one file in `commands` answers each; `config` is the configuration and
//! where every value came from; `input` and `output` are the edges; `credential` puts a credential together from
//! its record and the configuration, and `transact` runs one transaction over the real ports. Everything that goes
//! wrong is a `exit::Failure`: what, where, what to do, and the exit code of the contract.

#[cfg(unix)]
mod agent;
mod agent_client;
mod app;
mod cli;
mod commands;
mod config;
mod credential;
#[cfg(all(unix, feature = "demo"))]
mod demo;
pub mod embed;
mod environment;
mod exit;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod harden;
#[cfg(unix)]
mod hooks;
mod input;
#[cfg(unix)]
mod interrupt;
#[cfg(not(unix))]
#[path = "interrupt_absent.rs"]
mod interrupt;
mod journal;
mod json;
mod logging;
mod obtain;
mod output;
mod parse;
mod profiles;
#[cfg(unix)]
mod run;
#[cfg(test)]
mod schema;
mod target;
#[cfg(all(unix, debug_assertions))]
mod test_points;
#[cfg(not(all(unix, debug_assertions)))]
#[path = "test_points_absent.rs"]
mod test_points;
#[cfg(unix)]
mod token_file;
mod transact;

use std::process::ExitCode;

use environment::Environment;

/// Runs the command line of this process and gives its exit code.
pub fn main() -> ExitCode {
    harden::begin();
    harden::panics();
    // The hook has said what is to be said; a bug must still end with the exit code of one.
    let end = std::panic::catch_unwind(|| run(&Environment::capture()));
    ExitCode::from(end.unwrap_or(exit::Exit::Internal).code())
}

fn run(env: &Environment) -> exit::Exit {
    match parse::command_line(std::env::args_os(), env) {
        Err(end) => end,
        Ok(cli) => {
            #[cfg(unix)]
            let starts_a_program = matches!(cli.command, cli::Command::Run(_));
            #[cfg(not(unix))]
            let starts_a_program = false;
            if !starts_a_program {
                harden::seal();
            }
            let helper = matches!(cli.command, cli::Command::Helper(_));
            let app = app::App::new(cli.global, env.clone(), cli.command.may_ask()).of_helper(helper);
            match test_points::arm(env).and_then(|()| commands::dispatch(cli.command, &app)) {
                Ok(()) => exit::Exit::Done,
                Err(failure) => {
                    app.output.failure(&failure);
                    failure.exit
                }
            }
        }
    }
}
