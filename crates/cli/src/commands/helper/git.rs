//! git's credential helper (gitcredentials(7), git-credential(1)): `key=value` lines in and out.
//!
//! git asks (`get`), tells that what it got was taken (`store`) or was refused (`erase`). From version 2.46 on it can be
//! told more: `authtype`, with which the token goes into the header as it is, and `state` with `continue`, with which a
//! refusal in the middle of a command brings it back here with what it was given, and the command goes on with a new token.

mod attributes;

use clap::{Args, ValueEnum};
use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use crate::app::App;
use crate::commands::token::{Format, write};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::input::host::Host;
use crate::obtain::Obtained;

use super::Wanted;
use super::ask::{Deadline, Question, ask};
use super::input::{Until, read};
use super::served::{hosts, username};
use attributes::Attributes;

/// git stops here, rather than ask the next helper and then a person for a password that there is not.
const QUIT: &[u8] = b"quit=1\n";

/// Room for an answer beside its token.
const ANSWER_BYTES: usize = 1024;

/// Arguments of `helper git`.
#[derive(Args, Debug)]
pub(super) struct Git {
    /// Which credential
    #[arg(long, value_name = "NAME")]
    credential: CredentialName,
    /// A server that gets the token, HOST or HOST:PORT; may be repeated [default: helper_hosts, else the token endpoint's]
    #[arg(long, value_name = "HOST")]
    host: Vec<Host>,
    /// The user name beside the token [default: helper_username, else what the host is known to want]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// How the token goes to the server
    #[arg(long, value_name = "HOW", default_value = "auto")]
    authtype: AuthType,
    #[command(flatten)]
    wanted: Wanted,
    /// get, store or erase: git adds it
    operation: String,
}

/// How the token goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuthType {
    /// As a password where the server asks for one, else as a bearer token
    Auto,
    /// As a password
    Basic,
    /// As a bearer token
    Bearer,
}

/// Does what git asks.
///
/// # Errors
/// Why there is no token.
pub(super) fn run(args: &Git, app: &App) -> Result<(), Failure> {
    let deadline = Deadline::begin();
    match args.operation.as_str() {
        "get" => {
            let asked = Attributes::read(&read(Until::EmptyLine, deadline)?);
            get(args, app, &asked, deadline)
        }
        "erase" => {
            let refused = Attributes::read(&read(Until::EmptyLine, deadline)?);
            erase(args, app, &refused, deadline)
        }
        // What is good is kept already. Operations of tomorrow are to be passed over (gitcredentials(7)).
        _ => Ok(()),
    }
}

/// How the host that git names belongs to the credential.
enum Belongs {
    /// By what a flag or the configuration says.
    ByName,
    /// If the token endpoint is there, which the record says.
    IfItsOwn,
}

fn belongs(args: &Git, config: &Config, host: &Host) -> Option<Belongs> {
    match hosts(config, &args.credential, &args.host) {
        Some(hosts) => hosts.contains(host).then_some(Belongs::ByName),
        None => Some(Belongs::IfItsOwn),
    }
}

/// Gives a token for a host of the credential's; nothing for any other. No word either, where it was said which hosts it
/// is for: other helpers may know the other.
fn get(args: &Git, app: &App, asked: &Attributes, deadline: Deadline) -> Result<(), Failure> {
    let config = app.config()?;
    let Some(host) = asked.server() else {
        let named = asked.by_plain_http().filter(|host| {
            hosts(&config, &args.credential, &args.host).is_some_and(|named| named.contains(host))
        });
        if let Some(host) = named {
            app.output.note(&plain_http(&args.credential, &host));
        }
        return Ok(());
    };
    let Some(belongs) = belongs(args, &config, &host) else { return Ok(()) };
    let unsure = matches!(belongs, Belongs::IfItsOwn).then_some(&host);
    // What it was given was refused in this very command.
    let refused = asked.state(&args.credential);
    let question = match refused {
        Some((epoch, generation)) => Question::Newer { epoch, generation, host: unsure },
        None => Question::Token(unsure),
    };
    let found = ask(app, &args.credential, &args.wanted, question, deadline).inspect_err(|failure| {
        let is_told = matches!(failure.exit, Exit::LoginNeeded | Exit::Unavailable | Exit::Timeout);
        if unsure.is_none() || is_told {
            // Nobody listens: then nobody asks a person either.
            let _ = app.output.data(QUIT);
        }
    })?;
    let Some(token) = found else {
        if let Some(host) = unsure {
            app.output.note(&not_its_own(&args.credential, host));
        }
        return Ok(());
    };
    let username = username(&config, &args.credential, args.username.as_deref(), &host)?;
    let answer = answer(args, asked, &token, &username, refused.is_some())?;
    app.output.data(&answer)
}

/// Why git gets nothing for a host that was named: it will ask for a password next, and say nothing of this.
fn plain_http(name: &CredentialName, host: &Host) -> String {
    format!(
        "renewd: {name}: its token does not go to {host} over plain http, where everybody on the way could read it\n  \
         use https"
    )
}

/// The same for one that was not, where none was. The word goes away with a setting, so that it is never in the way.
fn not_its_own(name: &CredentialName, host: &Host) -> String {
    format!(
        "renewd: {name}: its token is not for {host}, but for the host of its token endpoint, where nothing else is said\n  \
         if it is meant for {host}: helper_hosts = [\"{host}\"] in [credential.{name}], or --host"
    )
}

/// What git is given.
fn answer(
    args: &Git,
    asked: &Attributes,
    token: &Obtained,
    username: &str,
    is_second: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // A token that could end the line and begin another is refused here; what is written ends the line.
    let secret = write(&args.credential, token, Format::Raw)?;
    let mut out = Zeroizing::new(Vec::with_capacity(secret.len() + ANSWER_BYTES));
    let bearer = asked.takes("authtype")
        && match args.authtype {
            AuthType::Auto => asked.is_for_bearer(),
            AuthType::Basic => false,
            AuthType::Bearer => true,
        };
    if !bearer && args.authtype == AuthType::Bearer {
        return Err(Failure::usage("this git cannot be given a bearer token: it knows passwords only")
            .advise("git 2.46 is the first that can; leave --authtype bearer out where the server takes passwords"));
    }
    if bearer {
        // Other helpers must not keep it: it is over soon.
        out.extend_from_slice(b"capability[]=authtype\nauthtype=Bearer\nephemeral=1\ncredential=");
    } else {
        out.extend_from_slice(format!("username={username}\npassword=").as_bytes());
    }
    out.extend_from_slice(&secret);
    if let Some(at) = token.expires {
        out.extend_from_slice(
            format!("password_expiry_utc={}\n", at.as_unix_millis().div_euclid(1000)).as_bytes(),
        );
    }
    if asked.takes("state") {
        let state = attributes::state(&args.credential, token);
        out.extend_from_slice(format!("capability[]=state\nstate[]={state}\n").as_bytes());
        if !is_second {
            // Once: a server that refuses the next one too refuses the login.
            out.extend_from_slice(b"continue=1\n");
        }
    }
    Ok(out)
}

/// A server refused what git was given. Where that is the token that is at hand, a newer one is got; where it is another,
/// that one is over already.
fn erase(args: &Git, app: &App, refused: &Attributes, deadline: Deadline) -> Result<(), Failure> {
    let (Some(host), Some(secret)) = (refused.server(), refused.secret()) else { return Ok(()) };
    let Some(belongs) = belongs(args, &*app.config()?, &host) else { return Ok(()) };
    let unsure = matches!(belongs, Belongs::IfItsOwn).then_some(&host);
    let held = ask(app, &args.credential, &args.wanted, Question::Held(unsure), deadline)?;
    let Some(held) = held.filter(|held| held.access_token.same_as(secret)) else { return Ok(()) };
    let question = Question::Newer { epoch: held.epoch, generation: held.generation, host: None };
    ask(app, &args.credential, &args.wanted, question, deadline).map(drop)
}

#[cfg(test)]
mod tests;
