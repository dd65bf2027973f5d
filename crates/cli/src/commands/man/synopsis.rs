//! The synopsis of each page: what a person types, in that order. The generator's own mixes the options of a command with
//! those of every command, without their values.

use clap::{Arg, ArgAction, Command};

/// In place of the options that every command has. They stand in each page by themselves.
const OF_EVERY_COMMAND: &str = "[GLOBAL OPTIONS]";

/// The same table with a synopsis for each command that has none of its own. `path` is what is typed before the name.
pub(super) fn given(command: Command, path: &str) -> Command {
    let path =
        if path.is_empty() { command.get_name().into() } else { format!("{path} {}", command.get_name()) };
    let command = match command.get_overridden_usage() {
        Some(_) => command,
        None => {
            let usage = usage(&command, &path);
            command.override_usage(usage)
        }
    };
    command.mut_subcommands(|below| given(below, &path))
}

fn usage(command: &Command, path: &str) -> String {
    let mut words = vec![path.to_owned()];
    // In the order of the table, as --help has them.
    let own = command.get_arguments().filter(|arg| !arg.is_positional());
    words.extend(own.filter(|arg| !arg.is_hide_set() && !arg.is_global_set()).map(option));
    words.push(OF_EVERY_COMMAND.into());
    words.extend(command.get_positionals().filter(|arg| !arg.is_hide_set()).map(positional));
    if command.has_subcommands() {
        words.push(if command.is_subcommand_required_set() { "COMMAND …" } else { "[COMMAND …]" }.into());
    }
    words.join(" ")
}

/// `[--scope S]…`.
fn option(arg: &Arg) -> String {
    let mut text = match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => String::new(),
    };
    if arg.get_action().takes_values() {
        text = format!("{text} {}", value(arg));
    }
    bracketed(arg, text)
}

fn positional(arg: &Arg) -> String {
    bracketed(arg, value(arg))
}

fn value(arg: &Arg) -> String {
    match arg.get_value_names() {
        Some(names) => names.join(" "),
        None => arg.get_id().as_str().to_ascii_uppercase(),
    }
}

fn bracketed(arg: &Arg, text: String) -> String {
    let several = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
    let text = if arg.is_required_set() { text } else { format!("[{text}]") };
    if several { text + "…" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    /// The synopsis of that command's page.
    fn of(path: &[&str]) -> String {
        let all = given(Cli::command(), "");
        let mut command = &all;
        for name in path {
            command = command.find_subcommand(name).unwrap();
        }
        command.get_overridden_usage().unwrap().to_string()
    }

    #[test]
    fn a_synopsis_is_what_is_typed_in_that_order_and_with_values() {
        assert_eq!(of(&[]), "renewd [GLOBAL OPTIONS] COMMAND …");
        assert_eq!(
            of(&["token"]),
            "renewd token [--scope S]… [--resource URL] [--audience A] [--min-validity D] [--timeout D] \
             [--format FORMAT] [--id-token] [GLOBAL OPTIONS] NAME"
        );
        assert_eq!(of(&["status"]), "renewd status [--json] [--watch] [--check] [GLOBAL OPTIONS] [NAME]");
        assert!(of(&["helper", "git"]).starts_with("renewd helper git --credential NAME "));
        assert!(of(&["helper", "git"]).ends_with(" [GLOBAL OPTIONS] OPERATION"));
        assert!(of(&["agent"]).ends_with(" [COMMAND …]"));
        #[cfg(unix)]
        assert!(of(&["run"]).starts_with("renewd run NAME [--proxy VAR=UPSTREAM]… "), "its own stays");
    }
}
