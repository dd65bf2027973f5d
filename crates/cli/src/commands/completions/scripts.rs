//! The scripts: what clap generates, and the names of credentials beside it. clap's own way of asking the program is not
//! a stable part of it yet; what is added here is one function for each shell.

use clap::{Command, ValueHint};
use clap_complete::Shell;

use super::asked::{Asked, is_credential};

/// Marks the places for the generators of zsh and fish. No argument of ours is a user of the system, so that their words
/// for one stand nowhere else.
const MARK: ValueHint = ValueHint::Username;

const BASH: &str = include_str!("names.bash");
const ZSH: &str = include_str!("names.zsh");
const FISH: &str = include_str!("names.fish");

/// Of one shell.
pub(super) fn of(shell: Shell, command: Command) -> String {
    let asked = Asked::of(command.clone());
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut marked(command), "renewd", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => {
            // What completes everything else goes by another name; ours calls it.
            script.replacen("_renewd() {", "_renewd_words() {", 1) + &filled(BASH, &asked, "|", bash_word)
        }
        // Before the last lines, which call the function when the shell has loaded the file for a first completion.
        Shell::Zsh => match script.rfind("\nif [ \"$funcstack[1]\"") {
            Some(end) => {
                let (before, after) = script.split_at(end);
                before.replace(":_users'", ":_renewd_names'") + "\n" + ZSH + after
            }
            None => script,
        },
        Shell::Fish => {
            script.replace("(__fish_complete_users)", "(__renewd_names)")
                + &filled(FISH, &asked, " ", |word| format!("'{word}'"))
        }
        _ => script,
    }
}

fn marked(command: Command) -> Command {
    let command = command.mut_args(|arg| if is_credential(&arg) { arg.value_hint(MARK) } else { arg });
    command.mut_subcommands(marked)
}

/// A pattern of `case` that is that word.
fn bash_word(word: &str) -> String {
    format!("\"{word}\"")
}

fn filled(template: &str, asked: &Asked, between: &str, quoted: impl Fn(&str) -> String) -> String {
    let list = |words: &std::collections::BTreeSet<String>| {
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(between)
    };
    template
        .replace("@COMMANDS@", &list(&asked.commands))
        .replace("@OPTIONS@", &list(&asked.options))
        .replace("@VALUED@", &list(&asked.valued))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn no_argument_of_ours_has_the_mark_already() {
        fn look(command: &Command) {
            assert!(
                command.get_arguments().all(|arg| arg.get_value_hint() != MARK),
                "{}",
                command.get_name()
            );
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }

    #[test]
    fn each_script_asks_for_names_and_holds_no_place_that_was_not_filled() {
        for (shell, asks) in [
            (Shell::Bash, "_renewd_words \"$@\""),
            (Shell::Zsh, ":name -- Which credential:_renewd_names'"),
            (Shell::Fish, "-l credential -d 'Which credential' -r -f -a \"(__renewd_names)\""),
        ] {
            let script = of(shell, Cli::command());
            assert!(script.contains(asks), "{shell}");
            assert!(script.contains("completions --names"), "{shell}");
            for left in ["@COMMANDS@", "@OPTIONS@", "@VALUED@", "_users"] {
                assert!(!script.contains(left), "{shell}: {left}");
            }
        }
    }
}
