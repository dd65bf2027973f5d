//! docker's credential helper (docker/docker-credential-helpers): an operation as the only argument, a server or an
//! object on standard input, an object on standard output.
//!
//! docker takes the words of a failure from standard output too: they are part of this protocol. It starts a helper
//! without telling it anything else, so that the registry decides which credential is meant: `helper_hosts`.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use renewd_core::Secret;
use renewd_driver::CredentialName;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::commands::token::{Format, write};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::input::host::Host;
use crate::json::{exposed, line};

use super::Wanted;
use super::ask::{Deadline, Question, ask};
use super::input::{Until, read};
use super::served::{hosts, username};

/// What docker compares the words of a failure with, to the letter, before it goes on without a credential.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The same for an operation on no server.
const NO_SERVER: &str = "no credentials server URL";

/// Arguments of `helper docker`.
#[derive(Args, Debug)]
pub(super) struct Docker {
    /// Which credential [default: the one whose helper_hosts name the registry]
    #[arg(long, value_name = "NAME")]
    credential: Option<CredentialName>,
    /// A registry that gets the token, HOST or HOST:PORT; may be repeated [default: helper_hosts]
    #[arg(long, value_name = "HOST", requires = "credential")]
    host: Vec<Host>,
    /// The user name beside the token [default: helper_username, else what the host is known to want]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    #[command(flatten)]
    wanted: Wanted,
    /// What docker asks for
    operation: Operation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// A user name and a token for a registry
    Get,
    /// To keep what was typed, which is refused but for our own
    Store,
    /// To forget, which is refused: `renewd logout` does it
    Erase,
    /// The registries, each with its user name
    List,
    /// Whose helper this is
    Version,
}

#[derive(Serialize)]
struct Given<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    #[serde(rename = "Username")]
    username: &'a str,
    #[serde(rename = "Secret", with = "exposed")]
    secret: &'a Secret,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "ServerURL")]
    server: String,
    #[serde(rename = "Username")]
    username: String,
}

/// Does what docker asks. Words go to standard output, and the exit code is always 1: docker knows no other.
///
/// # Errors
/// That it was not done, when that has been said.
pub(super) fn run(args: &Docker, app: &App) -> Result<(), Failure> {
    act(args, app).or_else(|failure| {
        let words = match failure.to_string() {
            words if words.is_empty() => "renewd failed; its log says why".into(),
            words => crate::output::without_controls(&words),
        };
        app.output.data(format!("{}\n", words.trim_end()).as_bytes())?;
        Err(Failure::silent(Exit::Internal))
    })
}

fn act(args: &Docker, app: &App) -> Result<(), Failure> {
    let deadline = Deadline::begin();
    let config = app.config()?;
    match args.operation {
        Operation::Get => get(args, app, &config, deadline),
        Operation::Store => store(args, &config, deadline),
        Operation::Erase => erase(args, &config, deadline),
        Operation::List => app.output.data(&line(&list(args, &config)?)?),
        Operation::Version => {
            app.output.data(format!("docker-credential-renewd {}\n", env!("CARGO_PKG_VERSION")).as_bytes())
        }
    }
}

/// Credentials and their registries.
fn served(args: &Docker, config: &Config) -> Vec<(CredentialName, Vec<Host>)> {
    let of = |name: &CredentialName| Some((name.clone(), hosts(config, name, &args.host)?));
    match &args.credential {
        Some(name) => of(name).into_iter().collect(),
        None => config.credentials().filter_map(|(name, _)| of(name)).collect(),
    }
}

/// The one credential that is for a registry.
fn whose(args: &Docker, config: &Config, server: &str) -> Result<(CredentialName, Host), Failure> {
    if server.is_empty() {
        return Err(Failure::usage(NO_SERVER));
    }
    let nobody = || Failure::usage(NOT_FOUND);
    let host = Host::of_url(server).ok_or_else(nobody)?;
    let mut all =
        served(args, config).into_iter().filter(|(_, hosts)| hosts.contains(&host)).map(|(name, _)| name);
    let name = all.next().ok_or_else(nobody)?;
    match all.next() {
        None => Ok((name, host)),
        Some(other) => {
            Err(Failure::configuration(format!("{host} stands in helper_hosts of {name} and of {other}"))
                .advise("a registry belongs to one of them"))
        }
    }
}

fn get(args: &Docker, app: &App, config: &Config, deadline: Deadline) -> Result<(), Failure> {
    let server = text(deadline)?;
    let (name, host) = whose(args, config, &server)?;
    let username = username(config, &name, args.username.as_deref(), &host)?;
    let found = ask(app, &name, &args.wanted, Question::Token(None), deadline)?
        .ok_or_else(|| Failure::internal(format!("{name}: neither a token nor why there is none")))?;
    // What no header can carry is refused here.
    write(&name, &found, Format::Raw)?;
    let given = Given { server: &server, username: &username, secret: &found.access_token };
    app.output.data(&line(&given)?)
}

/// `docker login` keeps what it logged in with, which may be what it got here. Anything else would be lost if it were
/// taken silently.
fn store(args: &Docker, config: &Config, deadline: Deadline) -> Result<(), Failure> {
    let bytes = read(Until::TheEnd, deadline)?;
    let typed: Typed = serde_json::from_slice(&bytes)
        .map_err(|_| Failure::usage("standard input is not what docker gives a helper to store"))?;
    let refused = |name: &str| {
        Failure::usage("renewd keeps no passwords: it logs in by itself").advise(format!(
            "renewd login {name}, and helper_hosts of that credential; or take credHelpers for this registry back"
        ))
    };
    let (name, host) = whose(args, config, &typed.server).map_err(|_| refused("NAME"))?;
    if typed.username == username(config, &name, args.username.as_deref(), &host)? {
        return Ok(());
    }
    Err(refused(name.as_str()))
}

/// `docker logout` is for this registry; the login may be for more.
fn erase(args: &Docker, config: &Config, deadline: Deadline) -> Result<(), Failure> {
    let server = text(deadline)?;
    match whose(args, config, &server) {
        Ok((name, _)) => Err(Failure::usage(format!(
            "the login {name} is renewd's, and is not only for this registry"
        ))
        .advise(format!(
            "`renewd logout {name}` ends it; without helper_hosts and credHelpers docker gets it no more"
        ))),
        // Nothing is kept of it.
        Err(failure) if failure.message == NOT_FOUND => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn list(args: &Docker, config: &Config) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for (name, hosts) in served(args, config) {
        for host in hosts {
            let username = username(config, &name, args.username.as_deref(), &host)?;
            all.insert(host.to_string(), username);
        }
    }
    Ok(all)
}

/// A server's name on standard input.
fn text(deadline: Deadline) -> Result<String, Failure> {
    let bytes = read(Until::TheEnd, deadline)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::usage("the server is no text"))?;
    Ok(text.trim().to_owned())
}
