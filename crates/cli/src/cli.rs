//! The command line, as the contract names it. A command that does not work yet is absent here, and so from `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(all(unix, feature = "demo"))]
use crate::commands::demo;
#[cfg(unix)]
use crate::commands::run;
use crate::commands::{
    agent, completions, config, doctor, explain, helper, history, import, init, login, logout, man, profiles,
    refresh, rekey, status, token,
};
use crate::logging::{LogFormat, LogLevel};
use crate::output::ColourChoice;

/// Keeps OAuth access tokens alive for long-running work.
///
/// Log in once; from then on `renewd token NAME` gives a valid access token, whatever the network, the
/// clock or another process did in between.
#[derive(Parser)]
#[command(name = "renewd", version, max_term_width = 100, disable_help_subcommand = false)]
#[command(
    after_help = "Exit codes: 0 done, 1 internal error, 2 usage, 3 login needed, 4 temporarily unavailable, \
                        5 store unavailable, 6 configuration error, 124 timeout."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The configuration [default: $XDG_CONFIG_HOME/renewd/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where records live [default: $XDG_STATE_HOME/renewd]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Take a provider profile from a file, before one of that name; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) profile_file: Vec<PathBuf>,
    /// Read the store's passphrase from an open descriptor
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16))]
    pub(crate) passphrase_fd: Option<u16>,
    /// Log to stderr
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log: Option<LogLevel>,
    /// How to log
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColourChoice,
    /// Say only what failed
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Watch an outage in fast motion: a server, an API, the agent and its proxy
    #[cfg(all(unix, feature = "demo"))]
    Demo(demo::Demo),
    /// Make the store, and choose where its key lies
    Init(init::Init),
    /// Log in: in a browser, with a code on another device, or without a person
    Login(Box<login::Login>),
    /// Keep a refresh token, read from standard input
    Import(import::Import),
    /// Print a valid access token
    Token(token::Token),
    /// Refresh now
    Refresh(refresh::Refresh),
    /// Run a command with a token that stays valid
    #[cfg(unix)]
    Run(run::Run),
    /// Keep every credential and serve tokens, until stopped
    #[cfg_attr(not(unix), command(hide = true))]
    Agent(agent::AgentCommand),
    /// Show what stands and what is wrong
    #[command(visible_alias = "list")]
    Status(status::Status),
    /// Show what happened to a credential
    History(history::History),
    /// Read a token endpoint's answer and say what it means
    Explain(explain::Explain),
    /// List the provider profiles, or explain one
    Profiles(profiles::ProfilesCommand),
    /// Forget the tokens here and revoke them at the server
    Logout(logout::Logout),
    /// Seal every record with another key
    Rekey(rekey::Rekey),
    /// Speak the protocols of programs that ask for credentials
    Helper(helper::Helper),
    /// Show or check the configuration
    Config(config::ConfigCommand),
    /// Look for what is wrong on this machine
    Doctor(doctor::Doctor),
    /// Print the completions of a shell
    Completions(completions::Completions),
    /// Print the manual page, or write all of them into a folder
    Man(man::Man),
}

impl Command {
    /// Whether somebody who sits at the terminal may be asked for a passphrase, or to unlock a keyring. Helpers answer
    /// programs, `run` gives the terminal to its command, and what is printed for programs is called by programs.
    pub(crate) fn may_ask(&self) -> bool {
        match self {
            Self::Init(args) => args.may_ask(),
            Self::Status(args) => args.is_for_a_person(),
            Self::History(args) => !args.json,
            Self::Import(_)
            | Self::Login(_)
            | Self::Token(_)
            | Self::Refresh(_)
            | Self::Logout(_)
            | Self::Rekey(_)
            | Self::Config(_)
            | Self::Doctor(_) => true,
            Self::Agent(_) => true,
            #[cfg(unix)]
            Self::Run(_) => false,
            #[cfg(all(unix, feature = "demo"))]
            Self::Demo(_) => false,
            Self::Explain(_) | Self::Profiles(_) | Self::Helper(_) | Self::Completions(_) | Self::Man(_) => {
                false
            }
        }
    }
}
