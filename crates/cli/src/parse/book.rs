//! What the book tells people to type is read by the command line as it is; nothing is run.

use clap::CommandFactory as _;

use crate::cli::Cli;

/// Every page whose lines people copy, from the crate's folder.
const PAGES: [(&str, usize); 10] = [
    ("../../README.md", 8),
    ("../../docs/login.md", 5),
    ("../../docs/providers.md", 200),
    ("../../docs/cli.md", 10),
    ("../../docs/configuration.md", 2),
    ("../../docs/dpop.md", 1),
    ("../../docs/import.md", 4),
    ("../../docs/troubleshooting.md", 1),
    ("../../docs/profiles.md", 0),
    ("../../docs/helpers.md", 0),
];

/// The lines of a page's fenced `sh` blocks; one that goes on behind a backslash is one line.
fn shell_lines(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut is_shell, mut goes_on) = (false, false);
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            (is_shell, goes_on) = (kind == "sh", false);
        } else if is_shell {
            let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
            match lines.last_mut().filter(|_| goes_on) {
                Some(last) => *last = format!("{last} {text}"),
                None => lines.push(text.to_owned()),
            }
            goes_on = more;
        }
    }
    lines
}

/// The words of each command of a line, as a shell has them: as much of one as the book uses. A redirection is no word.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let mut letters = line.chars().peekable();
    let (mut word, mut has_word, mut quote) = (String::new(), false, None);
    loop {
        let letter = letters.next();
        match letter {
            Some(c) if quote == Some(c) => quote = None,
            Some(c) if quote.is_some() => word.push(c),
            Some(c @ ('\'' | '"')) => (quote, has_word) = (Some(c), true),
            Some('#') if !has_word => letters = "".chars().peekable(),
            Some(c) if !c.is_whitespace() && !"|;&".contains(c) => {
                word.push(c);
                has_word = true;
            }
            end => {
                if std::mem::take(&mut has_word) {
                    words.push(std::mem::take(&mut word));
                }
                if end.is_none_or(|c| !c.is_whitespace()) && !words.is_empty() {
                    commands.push(without_redirections(std::mem::take(&mut words)));
                }
                if end.is_none() {
                    return commands;
                }
            }
        }
    }
}

fn without_redirections(words: Vec<String>) -> Vec<String> {
    let (mut kept, mut is_target) = (Vec::new(), false);
    for word in words {
        let sign = word.trim_start_matches(|c: char| c.is_ascii_digit());
        if std::mem::take(&mut is_target) {
            continue;
        }
        match sign {
            "<" | ">" | ">>" => is_target = true,
            _ if sign.starts_with(['<', '>']) => {}
            _ => kept.push(word),
        }
    }
    kept
}

/// The command line of renewd in it, if it is one: behind variables, or run by cargo.
fn of_renewd(words: &[String]) -> Option<Vec<&str>> {
    let words: Vec<&str> = words.iter().map(String::as_str).skip_while(|word| is_variable(word)).collect();
    match words.as_slice() {
        ["renewd", ..] => Some(words),
        ["cargo", "run", rest @ ..] if rest.contains(&"renewd") => {
            Some([&["renewd"], rest.split(|word| *word == "--").nth(1)?].concat())
        }
        _ => None,
    }
}

fn is_variable(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

#[test]
fn every_line_that_the_book_tells_to_type_is_read_by_the_command_line() {
    let profiles: Vec<String> = renewd_core::Profile::built_in().iter().map(|p| p.name.to_string()).collect();
    for (path, at_least) in PAGES {
        let whole = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let page = std::fs::read_to_string(&whole).unwrap();
        let mut read = 0;
        for line in shell_lines(&page) {
            for words in commands(&line) {
                let Some(words) = of_renewd(&words) else { continue };
                let refused = Cli::command().try_get_matches_from(&words).err();
                assert!(refused.is_none(), "{path}: {line}\n{}", refused.unwrap());
                let named = words.iter().skip_while(|word| **word != "--profile").nth(1);
                let is_own = words.contains(&"--profile-file");
                assert!(
                    named.is_none_or(|named| is_own || profiles.iter().any(|p| p == named)),
                    "{path}: {line}: no such profile"
                );
                read += 1;
            }
        }
        assert!(read >= at_least, "{path}: only {read} command lines were found");
    }
}

#[test]
fn a_line_is_taken_apart_as_a_shell_does_it() {
    let parts = |line: &str| commands(line).iter().map(|words| words.join("|")).collect::<Vec<_>>();
    assert_eq!(parts("renewd token a | curl -H @-  # both"), ["renewd|token|a", "curl|-H|@-"]);
    assert_eq!(parts("renewd a --scope \"x y\" 3< FILE > out 2>&1"), ["renewd|a|--scope|x y", "1"]);
    assert_eq!(
        parts("A=1 renewd a --secret fd:3 3<FILE && renewd b#c"),
        ["A=1|renewd|a|--secret|fd:3", "renewd|b#c"]
    );
    let page = "text\n```sh\nrenewd a \\\n    --b\nrenewd c\n```\n```text\nrenewd d\n```\n";
    assert_eq!(shell_lines(page), ["renewd a      --b", "renewd c"]);
    let variable = commands("X_1=2 renewd token a");
    assert_eq!(of_renewd(&variable[0]).unwrap(), ["renewd", "token", "a"]);
    let by_cargo = commands("cargo run --release -p renewd -- demo");
    assert_eq!(of_renewd(&by_cargo[0]).unwrap(), ["renewd", "demo"]);
}
