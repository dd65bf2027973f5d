//! Where the command line asks for the name of a credential: from the table of the commands itself, by the type of the
//! argument, so that a command of tomorrow is completed like those of today.

use std::any::TypeId;
use std::collections::BTreeSet;

use clap::{Arg, Command};
use renewd_driver::CredentialName;

/// Where it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Commands whose first argument it is: `token`, `helper headers`.
    pub(super) commands: BTreeSet<String>,
    /// Options whose value it is.
    pub(super) options: BTreeSet<String>,
    /// Every option that has a value: what follows it is no argument.
    pub(super) valued: BTreeSet<String>,
}

/// Whether that argument is one.
pub(super) fn is_credential(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<CredentialName>()
}

impl Asked {
    /// Of a whole command line.
    pub(super) fn of(mut command: Command) -> Self {
        command.build();
        let mut asked = Self::default();
        asked.look(&command, "");
        asked
    }

    fn look(&mut self, command: &Command, path: &str) {
        if command.get_positionals().next().is_some_and(is_credential) {
            self.commands.insert(path.into());
        }
        for option in command.get_opts() {
            let long = option.get_long_and_visible_aliases().unwrap_or_default();
            let short = option.get_short_and_visible_aliases().unwrap_or_default();
            let spelt = long.iter().map(|l| format!("--{l}")).chain(short.iter().map(|s| format!("-{s}")));
            for spelt in spelt {
                if is_credential(option) {
                    self.options.insert(spelt.clone());
                }
                self.valued.insert(spelt);
            }
        }
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            for name in std::iter::once(below.get_name()).chain(below.get_visible_aliases()) {
                let path = if path.is_empty() { name.into() } else { format!("{path} {name}") };
                self.look(below, &path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn every_command_that_names_a_credential_is_seen() {
        let asked = Asked::of(Cli::command());
        for command in [
            "token",
            "refresh",
            "status",
            "list",
            "history",
            "logout",
            "run",
            "login",
            "config show",
            "helper api-key",
            "helper headers",
            "helper kubectl",
        ] {
            assert!(asked.commands.contains(command) || cfg!(not(unix)), "{command}: {asked:?}");
        }
        for command in ["", "explain", "profiles show", "helper", "completions", "agent"] {
            assert!(!asked.commands.contains(command), "{command}: {asked:?}");
        }
        assert!(asked.options.contains("--credential"), "{asked:?}");
        assert!(asked.valued.contains("--min-validity") && !asked.valued.contains("--json"), "{asked:?}");
    }

    #[test]
    fn no_option_has_a_value_with_one_command_and_none_with_another() {
        fn flags(command: &Command, found: &mut BTreeSet<String>) {
            let plain = command.get_arguments().filter(|arg| !arg.get_action().takes_values());
            found.extend(plain.filter_map(|arg| Some(format!("--{}", arg.get_long()?))));
            command.get_subcommands().for_each(|below| flags(below, found));
        }
        let mut command = Cli::command();
        command.build();
        let mut found = BTreeSet::new();
        flags(&command, &mut found);
        let both: Vec<_> = Asked::of(Cli::command()).valued.intersection(&found).cloned().collect();
        assert_eq!(both, Vec::<String>::new(), "the shells cannot tell what follows it");
    }
}
