//! `renewd run`: a command that gets a token, and keeps getting one for as long as it lives.
//!
//! The credential is kept here, in this process, for the life of the child: no agent is needed, and one that runs does
//! no harm, because both refresh under the same claims. The child gets what was asked for and nothing else of ours:
//! `grants` makes it, `keeping` keeps the credential behind it, `child` starts the command and waits, `signals` passes
//! on what was meant for it, `token_file` is the file behind `--file`.

mod child;
mod grants;
mod keeping;
mod signals;
mod token_file;

use std::ffi::OsString;

use renewd_driver::CredentialName;

use crate::app::App;
use crate::exit::Failure;

use child::Ended;
use grants::Grants;
use keeping::Kept;
use signals::Signals;

/// What was asked for.
pub(crate) struct Plan {
    /// Whose token.
    pub(crate) name: CredentialName,
    /// Variables that are set to the URL of a private proxy to that upstream.
    pub(crate) proxies: Vec<(Variable, renewd_proxy::Upstream)>,
    /// Variables that are set to the path of a token file.
    pub(crate) files: Vec<Variable>,
    /// Variables that are set to the token itself.
    pub(crate) tokens: Vec<Variable>,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Variable(String);

impl Variable {
    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Variable {
    type Err = String;

    /// Letters, digits and `_`, as shells can name it (POSIX, Base Definitions 3.216).
    fn from_str(text: &str) -> Result<Self, String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty() {
            return Err("needs the name of a variable".into());
        }
        if !text.chars().all(good) || text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("is not the name of a variable: letters, digits and _, no digit first".into());
        }
        Ok(Self(text.into()))
    }
}

/// Runs the command to its end. The exit code is the child's; what could not be saved is said, and becomes the exit
/// code only where the child had none to complain about.
///
/// # Errors
/// What kept the command from starting; exit 5 when new tokens could not be saved and the child ended well.
pub(crate) fn run(plan: &Plan, app: &App) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("run")
        .enable_all()
        .build()
        .map_err(|e| Failure::internal(format!("no runtime can be started: {e}")))?;
    runtime.block_on(live(plan, app))
}

async fn live(plan: &Plan, app: &App) -> Result<u8, Failure> {
    let config = app.config()?;
    let mut signals = Signals::begin()?;
    let kept = Kept::begin(app, &config, &plan.name)?;
    let lived = serve(plan, app, &config, &kept, &mut signals).await;
    let saved = kept.end(app).await;
    match (lived, saved) {
        (Ok(0), Err(lost)) => Err(lost),
        (lived, saved) => {
            if let Err(lost) = saved {
                app.output.failure(&lost);
            }
            lived
        }
    }
}

/// Everything between the credential's first moment here and its last.
async fn serve(
    plan: &Plan,
    app: &App,
    config: &crate::config::Config,
    kept: &Kept,
    signals: &mut Signals,
) -> Result<u8, Failure> {
    let mut grants = tokio::select! {
        grants = Grants::make(plan, app, config, kept) => grants?,
        signal = signals.fatal() => return Ok(signals::exit_code(signal)),
    };
    let started = child::start(&plan.command, grants.variables(), &app.env, config);
    grants.forget_variables();
    // The command has the user's own limit on core files by now; we need none any more.
    crate::harden::seal();
    let ended = match started {
        Err(refused) => refused,
        Ok(child) => child::wait(child, signals, grants.beside(app)).await?,
    };
    grants.end().await;
    if let Ended::NotStarted { code, why } = ended {
        app.output.failure(&Failure::usage(why));
        return Ok(code);
    }
    Ok(ended.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_as_a_shell_can_name_it() {
        for good in ["GITHUB_TOKEN", "_x", "a1"] {
            assert_eq!(good.parse::<Variable>().unwrap().as_str(), good);
        }
        for bad in ["", "1A", "A-B", "A B", "A=B", "\u{fc}", "A\0"] {
            assert!(bad.parse::<Variable>().is_err(), "{bad:?}");
        }
    }
}
