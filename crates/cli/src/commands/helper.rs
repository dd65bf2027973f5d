//! `renewd helper`: protocols of programs that ask for credentials. Stdout carries the protocol only, nothing is ever
//! asked of a person, and there is an answer within ten seconds or a failure.

use clap::{Args, Subcommand};
use renewd_core::Span;
use renewd_driver::CredentialName;
use serde_json::json;
use zeroize::Zeroizing;

use crate::app::App;
use crate::commands::token::{Format, authorization, write};
use crate::exit::Failure;
use crate::obtain::obtain;
use crate::target::Target;

/// A program that waits for its helper longer than this believes it dead.
const ANSWER: Span = Span::from_secs(10);

/// Arguments of `helper`.
#[derive(Args, Debug)]
pub(crate) struct Helper {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Subcommand, Debug)]
enum Protocol {
    /// The bare token (coding agents' apiKeyHelper)
    ApiKey {
        /// Which credential
        name: CredentialName,
    },
    /// {"Authorization":"Bearer …"} (MCP clients' headersHelper)
    Headers {
        /// Which credential
        name: CredentialName,
    },
}

/// Answers.
///
/// # Errors
/// Why there is no token.
pub(crate) fn run(args: Helper, app: &App) -> Result<(), Failure> {
    match args.protocol {
        Protocol::ApiKey { name } => obtain(app, &name, &Target::default(), Span::ZERO, ANSWER, |token| {
            app.output.data(&write(&name, token, Format::Raw)?)
        }),
        Protocol::Headers { name } => obtain(app, &name, &Target::default(), Span::ZERO, ANSWER, |token| {
            let value = authorization(token);
            let text = std::str::from_utf8(&value)
                .map_err(|_| Failure::internal(format!("the token of {name} is no text")))?;
            let line = Zeroizing::new(format!("{}\n", json!({ "Authorization": text })));
            app.output.data(line.as_bytes())
        }),
    }
}
