//! `renewd run`: a command with a token that stays valid for as long as it runs.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Args;
use renewd_driver::CredentialName;
use renewd_proxy::Upstream;

use crate::app::App;
use crate::exit::Failure;
use crate::input::url::{Url, UrlUse};
use crate::run::{Plan, Variable};

/// Arguments of `run`.
#[derive(Args)]
#[command(
    override_usage = "renewd run NAME [--proxy VAR=UPSTREAM]… [--file VAR]… [--env VAR]… -- COMMAND…",
    after_help = "Examples:
  renewd run github --proxy GITHUB_API=https://api.github.com -- ./sync
  renewd run github --file TOKEN_FILE -- my-daemon

A proxy adds the token and answers a 401 with a new one. A file always holds a valid token. A variable is set once, \
and its token expires there. The exit code is the command's: 128+n after signal n, 126 or 127 where it cannot be run. \
Variables that begin with RENEWD_ are kept from it."
)]
pub(crate) struct Run {
    /// Which credential
    name: CredentialName,
    /// Set VAR to the URL of a private proxy to UPSTREAM; may be repeated
    #[arg(long, value_name = "VAR=UPSTREAM", value_parser = proxy)]
    proxy: Vec<(Variable, Upstream)>,
    /// Set VAR to the path of a file that always holds a valid token; may be repeated
    #[arg(long, value_name = "VAR")]
    file: Vec<Variable>,
    /// Set VAR to a token, once; may be repeated
    #[arg(long, value_name = "VAR")]
    env: Vec<Variable>,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Half a sentence for people where it is none. It repeats nothing: there could be a password in the URL.
fn proxy(text: &str) -> Result<(Variable, Upstream), String> {
    let (variable, upstream) =
        text.split_once('=').ok_or("needs VAR=UPSTREAM, like API=https://api.example.org")?;
    let variable = variable.parse().map_err(|why| format!("{why} (before the =)"))?;
    let url = Url::parse(upstream, UrlUse::Upstream).map_err(|why| format!("has an upstream that {why}"))?;
    let upstream = url.to_string().parse().map_err(|why: renewd_proxy::UpstreamError| why.to_string())?;
    Ok((variable, upstream))
}

/// Runs the command and ends this process with its exit code.
///
/// # Errors
/// What kept it from starting; exit 5 when new tokens could not be saved and the command itself ended well.
pub(crate) fn run(args: Run, app: &App) -> Result<(), Failure> {
    let Run { name, proxy, file, env, command } = args;
    let mut all = BTreeSet::new();
    for variable in proxy.iter().map(|(variable, _)| variable).chain(&file).chain(&env) {
        if !all.insert(variable.clone()) {
            return Err(Failure::usage(format!("{} is to be set twice", variable.as_str()))
                .advise("give each --proxy, --file and --env a variable of its own"));
        }
    }
    if all.is_empty() {
        return Err(Failure::usage("nothing says how the command is to get its token").advise(format!(
            "renewd run {name} --proxy VAR=UPSTREAM -- … (or --file VAR, or --env VAR); see renewd run --help"
        )));
    }
    match crate::run::run(&Plan { name, proxies: proxy, files: file, tokens: env, command }, app)? {
        0 => Ok(()),
        // Everything has ended in order by now; a failure of ours would be another exit code than the command's.
        code => std::process::exit(code.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_checked_and_never_repeated() {
        let (variable, upstream) = proxy("API=https://API.example/v1").unwrap();
        assert_eq!((variable.as_str(), upstream.to_string().as_str()), ("API", "https://api.example/v1"));
        for (text, why) in [
            ("API", "VAR=UPSTREAM"),
            ("=https://api.example", "before the ="),
            ("A-B=https://api.example", "letters, digits and _"),
            ("API=", "is empty"),
            ("API=http://api.example", "https only"),
            ("API=https://user:pw@api.example", "user name or password"),
        ] {
            let error = proxy(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("pw"), "{text}: {error}");
        }
    }
}
