//! Reads the command line, and says what is wrong with it without repeating what could be a token.
//!
//! clap shows an argument it does not expect. Somebody who gives a token as an argument has put it into the shell's
//! history already; it need not go into a log as well.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::output::{ColourChoice, Output, Painter};

/// Longest argument that a message repeats, in bytes.
const SHOWN_BYTES_MAX: usize = 24;

/// The command line, or how the process ends: help and version are done, everything else is wrong usage.
pub(crate) fn command_line(args: impl Iterator<Item = OsString>, env: &Environment) -> Result<Cli, Exit> {
    let args = by_name(args.collect());
    let choice = colour_choice(&args);
    let command = Cli::command().color(ColorChoice::Always);
    command
        .try_get_matches_from(&args)
        .and_then(|m| Cli::from_arg_matches(&m))
        .map_err(|e| say(&e, choice, env))
}

/// The name under which docker starts its helper (docker/docker-credential-helpers).
const DOCKER_HELPER: &str = "docker-credential-renewd";

/// What a program means that starts us under another name.
fn by_name(args: Vec<OsString>) -> Vec<OsString> {
    let called = args.first().and_then(|name| Path::new(name).file_stem());
    if called.is_none_or(|called| called != DOCKER_HELPER) {
        return args;
    }
    ["renewd", "helper", "docker"].map(OsString::from).into_iter().chain(args.into_iter().skip(1)).collect()
}

/// `--color` counts for messages about the command line too, so it is looked for before anything is parsed.
fn colour_choice(args: &[OsString]) -> ColourChoice {
    let texts: Vec<&str> = args.iter().filter_map(|a| a.to_str()).take_while(|a| *a != "--").collect();
    let after = texts.iter().zip(texts.iter().skip(1)).filter(|(a, _)| **a == "--color").map(|(_, b)| *b);
    let joined = texts.iter().filter_map(|a| a.strip_prefix("--color="));
    match after.chain(joined).last() {
        Some("always") => ColourChoice::Always,
        Some("never") => ColourChoice::Never,
        _ => ColourChoice::Auto,
    }
}

fn say(error: &clap::Error, choice: ColourChoice, env: &Environment) -> Exit {
    let to_stdout = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let terminal = if to_stdout { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
    if let Some(failure) = rephrased(error) {
        Output::new(choice, false, env).failure(&failure);
        return Exit::Usage;
    }
    let styled = error.render();
    let text = if Painter::new(choice, terminal, env).is_on() {
        styled.ansi().to_string()
    } else {
        styled.to_string()
    };
    // A reader that went away has seen enough.
    let _ = if to_stdout {
        io::stdout().lock().write_all(text.as_bytes())
    } else {
        io::stderr().lock().write_all(text.as_bytes())
    };
    if to_stdout { Exit::Done } else { Exit::Usage }
}

/// Our own words where clap's would repeat something that could be a secret.
fn rephrased(error: &clap::Error) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let argument = text(ContextKind::InvalidArg)?;
            let hidden = !argument.starts_with('-') || argument.len() > SHOWN_BYTES_MAX;
            hidden.then(|| {
                Failure::usage("an argument that is not expected here (not repeated: it could be a secret)")
                    .advise("secrets come by standard input or --…-file; see renewd COMMAND --help")
            })
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = text(ContextKind::InvalidValue)?;
            let argument = text(ContextKind::InvalidArg).unwrap_or("an argument");
            if value.len() <= SHOWN_BYTES_MAX && !value.chars().any(char::is_control) {
                return None;
            }
            // A name's own error repeats the name.
            let why = std::error::Error::source(error).map(|s| s.to_string()).filter(|w| !w.contains('"'));
            Some(
                Failure::usage(format!(
                    "{argument} {} (the value is not repeated: it could be a secret)",
                    why.as_deref().unwrap_or("has a value that cannot be")
                ))
                .advise("see renewd COMMAND --help"),
            )
        }
        ErrorKind::InvalidSubcommand => {
            let name = text(ContextKind::InvalidSubcommand)?;
            if name.len() > SHOWN_BYTES_MAX {
                return Some(
                    Failure::usage("no such command").advise("see renewd --help for those there are"),
                );
            }
            let meant = error.get(ContextKind::SuggestedSubcommand).is_some();
            let of_profiles = matches!(
                error.get(ContextKind::Usage),
                Some(ContextValue::StyledStr(usage)) if usage.to_string().contains("renewd profiles ")
            );
            let could_be_one = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            // The name of a profile, without the word before it.
            (of_profiles && could_be_one && !meant).then(|| {
                Failure::usage(format!("`renewd profiles {name}` is no command")).advise(format!(
                    "`renewd profiles show {name}` explains that profile; `renewd profiles` lists all"
                ))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod book;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> clap::Error {
        Cli::command().try_get_matches_from(args).unwrap_err()
    }

    #[test]
    fn an_argument_that_could_be_a_token_is_not_repeated() {
        let token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.canary";
        for args in [
            &["renewd", "import", "a", token][..],
            &["renewd", "status", "--color", token],
            &["renewd", token],
            &["renewd", "token", &format!("{token}{token}")],
        ] {
            let failure = rephrased(&refused(args));
            assert!(failure.is_some_and(|f| !f.to_string().contains("canary")), "{args:?}");
        }
    }

    #[test]
    fn a_profile_without_show_before_it_is_told_of_the_command_that_shows_it() {
        let told = rephrased(&refused(&["renewd", "profiles", "github"])).unwrap();
        assert!(told.advice.unwrap().contains("`renewd profiles show github`"));
        for other in
            [&["renewd", "profiles", "shwo"][..], &["renewd", "profiles", "a b"], &["renewd", "github"]]
        {
            assert!(rephrased(&refused(other)).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_misspelt_flag_is_named() {
        assert!(rephrased(&refused(&["renewd", "status", "--jsn"])).is_none());
    }

    #[test]
    fn the_colour_flag_is_found_wherever_it_stands() {
        let args = |all: &[&str]| all.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(colour_choice(&args(&["renewd", "--color", "never", "x"])), ColourChoice::Never);
        assert_eq!(colour_choice(&args(&["renewd", "x", "--color=always"])), ColourChoice::Always);
        assert_eq!(colour_choice(&args(&["renewd", "run", "--", "--color=always"])), ColourChoice::Auto);
    }

    #[test]
    fn the_name_that_docker_starts_is_its_helper() {
        let args = |all: &[&str]| by_name(all.iter().map(OsString::from).collect());
        for name in ["docker-credential-renewd", "/usr/bin/docker-credential-renewd"] {
            assert_eq!(args(&[name, "get"]), ["renewd", "helper", "docker", "get"]);
        }
        assert_eq!(args(&["/usr/bin/renewd", "docker-credential-renewd"])[1], "docker-credential-renewd");
        assert!(args(&[]).is_empty());
    }

    #[test]
    fn the_command_line_fits_together() {
        Cli::command().debug_assert();
    }
}
