//! What one process gives away: its words, and the arguments and environments of itself and of what it starts.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::disclosure;
use crate::wait::Stopwatch;

/// Options before a subcommand that take a value.
const VALUED: [&str; 6] = ["--config", "--state-dir", "--log", "--log-format", "--color", "--passphrase-fd"];

/// Between two looks at a process and its children, in milliseconds.
const LOOK_EVERY_MS: u64 = 100;

/// What is known of a process from the command that starts it.
pub(crate) struct Watch {
    /// Its name in a report: `renewd token`.
    name: String,
    /// For what its children may know: each flag of `run`.
    flags: Vec<String>,
    state: Option<std::path::PathBuf>,
    seen: HashSet<(bool, Vec<u8>)>,
    last: Option<Stopwatch>,
}

impl Watch {
    pub(crate) fn of(command: &Command) -> Self {
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let state = command.get_envs().find(|(name, _)| *name == "XDG_STATE_HOME");
        let state = state.and_then(|(_, value)| value).map(|folder| Path::new(folder).join("renewd"));
        let (name, flags) = name(&words);
        // Of itself that is all, however soon it ends.
        let mut given = words.join("\0").into_bytes();
        for (variable, value) in command.get_envs() {
            let value = value.unwrap_or_default();
            given.extend([b"\0", variable.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat());
        }
        Self { name, flags, state, seen: HashSet::from([(false, given)]), last: None }
    }

    /// Looks at the arguments and the environment of the process and all below it, now and then.
    pub(crate) fn look(&mut self, pid: u32) {
        if disclosure::is_on() && self.last.is_none_or(|last| last.ms() >= LOOK_EVERY_MS) {
            self.last = Some(Stopwatch::start());
            self.look_now(pid);
        }
    }

    /// The same at once.
    pub(crate) fn look_now(&mut self, pid: u32) {
        let mut all = vec![pid];
        while let Some(one) = all.pop() {
            let read = |file: &str| fs::read(format!("/proc/{one}/{file}")).unwrap_or_default();
            let words = read("cmdline");
            let program = words.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            let is_child = one != pid && !program.ends_with(b"renewd");
            self.seen.insert((is_child, words));
            // That of a process which is not to be read by others of its user is empty, but for root.
            self.seen.insert((is_child, read("environ")));
            let threads = fs::read_dir(format!("/proc/{one}/task")).into_iter().flatten().flatten();
            for thread in threads {
                let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
                all.extend(list.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
            }
        }
    }

    /// At its end: everything that came out of it.
    ///
    /// # Panics
    /// When it gave something away.
    #[track_caller]
    pub(crate) fn check(&self, stdout: &[u8], stderr: &[u8]) {
        if !disclosure::is_on() {
            return;
        }
        if let Some(state) = &self.state {
            disclosure::learn_key(state);
        }
        disclosure::check(&[&format!("stdout of {}", self.name)], stdout);
        disclosure::check(&[&format!("stderr of {}", self.name)], stderr);
        let own = [format!("arguments and environment of {}", self.name)];
        let child = format!("environment of a child of {}", self.name);
        let mut children: Vec<String> = self.flags.iter().map(|flag| format!("{child} {flag}")).collect();
        children.push(child);
        for (is_child, text) in &self.seen {
            let places = if *is_child { children.as_slice() } else { &own };
            disclosure::check(&places.iter().map(String::as_str).collect::<Vec<_>>(), text);
        }
    }
}

/// `renewd` and its subcommand, and the flags before a `--`; another program's own name.
fn name(words: &[String]) -> (String, Vec<String>) {
    let file = |word: &String| Path::new(word).file_name().map(|name| name.to_string_lossy().into_owned());
    let Some(at) = words.iter().position(|word| file(word).as_deref() == Some("renewd")) else {
        return (words.first().and_then(file).unwrap_or_default(), Vec::new());
    };
    let mut rest = words[at + 1..].iter();
    let mut name = "renewd".to_owned();
    while let Some(word) = rest.next() {
        if VALUED.contains(&word.as_str()) {
            rest.next();
        } else if !word.starts_with('-') && !word.contains('/') {
            // A path is what a shell around it was given.
            name = format!("{name} {word}");
            // These two have subcommands of their own.
            if word != "helper" && word != "config" {
                break;
            }
        }
    }
    let flags = rest.take_while(|word| *word != "--").filter(|word| word.starts_with("--"));
    (name, flags.cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_by_its_subcommand_however_it_is_started() {
        for (line, expected) in [
            ("/x/renewd --log trace token work --timeout 60s", "renewd token"),
            ("nsenter --target 1 --mount -- /x/renewd refresh work", "renewd refresh"),
            ("/x/renewd --log trace helper api-key work", "renewd helper api-key"),
            ("/x/renewd config show work", "renewd config show"),
            ("sh -c SCRIPT /x/renewd /x/config/renewd/one --log trace token work", "renewd token"),
            ("/x/renewd --version", "renewd"),
            ("/x/stranger tcp 127.0.0.1:1", "stranger"),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(name(&words).0, expected, "{line}");
        }
        let words = ["renewd", "run", "work", "--env", "T", "--", "sh", "--login"].map(str::to_owned);
        assert_eq!(name(&words).1, ["--env"]);
    }
}
