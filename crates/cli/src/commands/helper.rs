//! `renewd helper`: protocols of programs that ask for credentials. Stdout carries the protocol only, nothing is ever
//! asked of a person, and there is an answer within ten seconds or a failure.
//!
//! Those ten seconds and a refresh do not go together by themselves: whoever ends while a request is on the wire may lose
//! the refresh token that its answer brings. So a helper is two processes. The one that was called speaks the protocol and
//! keeps the time (`ask`); it has another one do the work (`answer`), which ends when everything is saved, and not before,
//! however impatient the caller is.

mod answer;
mod ask;
mod docker;
mod git;
mod headers;
mod input;
mod kubectl;
mod served;

use clap::{Args, Subcommand};
use renewd_core::Span;
use renewd_driver::CredentialName;

use crate::app::App;
use crate::config::parse_duration;
use crate::exit::Failure;
use crate::target::Target;

use answer::Answer;
use docker::Docker;
use git::Git;
use kubectl::Kubectl;

/// Arguments of `helper`.
#[derive(Args, Debug)]
pub(crate) struct Helper {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Subcommand, Debug)]
enum Protocol {
    /// The bare token (coding agents' apiKeyHelper)
    ApiKey(Plain),
    /// {"Authorization":"Bearer …"} (MCP clients' headersHelper)
    Headers(Plain),
    /// git's credential helper
    Git(Git),
    /// The credential plugin of kubectl and of other Kubernetes clients
    Kubectl(Kubectl),
    /// docker's credential helper; the same as docker-credential-renewd
    Docker(Docker),
    /// Does the work of the others
    #[command(hide = true)]
    Answer(Answer),
}

/// A credential and what its token is for.
#[derive(Args, Debug)]
struct Plain {
    /// Which credential
    name: CredentialName,
    #[command(flatten)]
    wanted: Wanted,
}

/// What the token should be like.
#[derive(Args, Clone, Debug, Default)]
struct Wanted {
    #[command(flatten)]
    target: Target,
    /// The token should live at least so long
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "0s", hide_default_value = true)]
    min_validity: Span,
}

/// Answers.
///
/// # Errors
/// Why there is no token.
pub(crate) fn run(args: Helper, app: &App) -> Result<(), Failure> {
    match args.protocol {
        Protocol::ApiKey(plain) => headers::api_key(&plain, app),
        Protocol::Headers(plain) => headers::headers(&plain, app),
        Protocol::Git(args) => git::run(&args, app),
        Protocol::Kubectl(args) => kubectl::run(&args, app),
        Protocol::Docker(args) => docker::run(&args, app),
        Protocol::Answer(args) => answer::run(&args, app),
    }
}
