//! Names of credentials, as the shells complete them: asked in real shells, of the program itself.

use std::process::Command;

use crate::world::{CANARY, Ended, World, finish};

/// Where this is 1, every shell must be there.
const REQUIRED_ENV: &str = "RENEWD_SHELLS_REQUIRED";

/// A home with three credentials: two logged in, one configured.
fn world() -> World {
    let world = World::new();
    world.configure("[credential.wiki]\n");
    world.import("work", "https://as.example/token", CANARY, &[]).expect(0, &[]);
    world.import("github", "https://as.example/token", "rt-canary-51c39e-2", &[]).expect(0, &[]);
    world
}

/// That shell with the environment of the world, and `renewd` on its path; none where it is not installed.
fn shell(world: &World, program: &str, args: &[&str]) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let at = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    let Some(at) = at else {
        assert!(
            std::env::var(REQUIRED_ENV).as_deref() != Ok("1"),
            "{REQUIRED_ENV} is 1, and {program} is not here"
        );
        println!("skipped: {program} is not installed");
        return None;
    };
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_renewd")).parent().unwrap().to_path_buf();
    let mut command = world.command(&[]);
    let folders = std::iter::once(built).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).unwrap());
    let kept: Vec<_> = command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
    let mut shell = Command::new(at);
    shell.args(args).env_clear().envs(kept).current_dir(world.path("."));
    Some(shell)
}

/// What bash offers for these words, the last of which is being typed.
fn in_bash(world: &World, words: &str) -> Vec<String> {
    let script = world.file("completions.bash", world.run(&["completions", "bash"]).expect(0, &[]).out);
    let program = format!(
        "source '{}'; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _renewd renewd \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let shell = shell(world, "bash", &["--norc", "-c", &program]).expect("bash is everywhere");
    offered(finish(shell, b"").expect(0, &[]))
}

fn offered(ended: Ended) -> Vec<String> {
    assert_eq!(ended.err, "");
    ended.out.lines().map(String::from).collect()
}

const ALL: [&str; 3] = ["github", "wiki", "work"];

#[test]
fn the_names_are_those_of_the_configuration_and_of_the_store_and_need_no_key() {
    let world = world();
    assert_eq!(world.run(&["completions", "--names"]).expect(0, &[]).out, "github\nwiki\nwork\n");
    // The key is gone: nothing was opened.
    std::fs::remove_file(world.state().join("key")).unwrap();
    world.run(&["token", "work"]).expect(5, &[]);
    let named = world.run(&["completions", "--names"]).expect(0, &[]);
    assert_eq!((named.out.as_str(), named.err.as_str()), ("github\nwiki\nwork\n", ""));
    world.run(&["completions", "--names", "bash"]).expect(2, &[]);
    world.run(&["completions"]).expect(2, &[]);
    assert_eq!(World::new().run(&["completions", "--names"]).expect(0, &[]).out, "");
}

#[test]
fn bash_completes_names_where_one_is_asked_for() {
    let world = world();
    for words in [
        "renewd token ''",
        "renewd refresh ''",
        "renewd status ''",
        "renewd list ''",
        "renewd history ''",
        "renewd logout ''",
        "renewd run ''",
        "renewd login ''",
        "renewd config show ''",
        "renewd helper api-key ''",
        "renewd --log debug token ''",
        "renewd token --min-validity 5m ''",
        "renewd explain --credential ''",
        "renewd explain --credential = ''",
        "renewd helper git --credential '='",
    ] {
        assert_eq!(in_bash(&world, words), ALL, "{words}");
    }
    assert_eq!(in_bash(&world, "renewd token w"), ["wiki", "work"]);
}

#[test]
fn bash_completes_everything_else_as_before() {
    let world = world();
    let some = |words: &str, wanted: &str| {
        let offered = in_bash(&world, words);
        assert!(offered.iter().any(|word| word == wanted), "{words}: {offered:?}");
        assert!(ALL.iter().all(|name| !offered.iter().any(|word| word == name)), "{words}: {offered:?}");
    };
    some("renewd ''", "token");
    some("renewd token --m", "--min-validity");
    some("renewd agent ''", "install");
    some("renewd token work --format ''", "json");
    for words in ["renewd token work ''", "renewd run work -- ''", "renewd run work -- token ''"] {
        let offered = in_bash(&world, words);
        assert!(ALL.iter().all(|name| !offered.iter().any(|word| word == name)), "{words}: {offered:?}");
    }
}

#[test]
fn bash_asks_with_the_places_that_the_line_names_and_is_silent_where_they_are_wrong() {
    let world = world();
    let other = world.file("other.toml", "[credential.elsewhere]\n");
    let other = other.display();
    for words in
        [format!("renewd --config '{other}' token e"), format!("renewd --config = '{other}' token 'e'")]
    {
        assert_eq!(in_bash(&world, &words), ["elsewhere"], "{words}");
    }
    let wrong = in_bash(&world, "renewd --config /nowhere.toml token ''");
    assert!(wrong.iter().all(|word| !ALL.contains(&word.as_str())), "{wrong:?}");
}

#[test]
fn zsh_asks_the_program_for_names() {
    let world = world();
    let script = world.file("_renewd", world.run(&["completions", "zsh"]).expect(0, &[]).out);
    let program = format!(
        "compdef() {{ }}; compadd() {{ while [[ $1 != -a ]]; do shift; done; print -rl -- ${{(P)2}}; }}; \
         source '{}'; typeset -A opt_args; _renewd_names; \
         opt_args=(--config '/no\\ where'); _renewd_names",
        script.display()
    );
    let Some(zsh) = shell(&world, "zsh", &["-f", "-c", &program]) else { return };
    let named = offered(finish(zsh, b"").expect(0, &[]));
    assert_eq!(
        named.iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        ALL.iter().collect::<Vec<_>>()
    );
}

#[test]
fn fish_completes_names_where_one_is_asked_for() {
    let world = world();
    let script = world.file("renewd.fish", world.run(&["completions", "fish"]).expect(0, &[]).out);
    let offers = |line: &str| {
        let program = format!("source '{}'; complete -C '{line}'", script.display());
        let fish = shell(&world, "fish", &["--no-config", "-c", &program])?;
        let offered = offered(finish(fish, b"").expect(0, &[]));
        let words = offered.iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        Some(words.filter(|word| ALL.contains(&word.as_str())).collect::<Vec<_>>())
    };
    for line in [
        "renewd token ",
        "renewd --log debug history ",
        "renewd config show ",
        "renewd explain --credential ",
    ] {
        let Some(offered) = offers(line) else { return };
        assert_eq!(offered, ALL, "{line}");
    }
    for line in ["renewd ", "renewd token work ", "renewd run work -- "] {
        assert_eq!(offers(line).unwrap_or_default(), Vec::<String>::new(), "{line}");
    }
}
