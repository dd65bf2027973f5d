//! Missing, malformed and hostile input: every command says what is wrong and exits with the code of the contract.

use crate::world::{CANARY, World};

/// A token as it might be given in the wrong place.
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZW5ld2QifQ.c2lnbmF0dXJlLW9mLWEtY2FuYXJ5";

#[test]
fn wrong_usage_is_exit_2_and_says_what_is_wrong() {
    let world = World::new();
    let ep = ["--token-endpoint", "https://as.example/token", "--client-id", "c"];
    let import = |more: &[&'static str]| [&["import", "a"], &ep[..], more].concat();
    for (args, words) in [
        (vec![], &["Usage"][..]),
        (vec!["frobnicate"], &["frobnicate"]),
        (vec!["status", "--jsn"], &["--jsn"]),
        (vec!["status", "--color", "pink"], &["pink"]),
        (vec!["--log", "loud", "status"], &["loud"]),
        (vec!["token"], &["<NAME>"]),
        (vec!["token", "../x"], &["must begin with a letter or digit"]),
        (vec!["token", "a", "--min-validity", "soon"], &["is not a duration"]),
        (vec!["token", "a", "--min-validity", "10"], &["has no unit"]),
        (vec!["token", "a", "--timeout", "0s"], &["is zero"]),
        (vec!["token", "a", "--timeout", "-5s"], &["is negative"]),
        (vec!["token", "a", "--format", "yaml"], &["yaml"]),
        (vec!["refresh", "a b"], &["may hold only"]),
        (vec!["status", "--check", "--json"], &["--check"]),
        (vec!["logout"], &["<NAME>"]),
        (vec!["helper"], &["api-key"]),
        (vec!["helper", "git"], &["git"]),
        (vec!["config"], &["show"]),
        (vec!["completions", "csh"], &["csh"]),
        (vec!["explain"], &["--status"]),
        (vec!["import"], &["<NAME>"]),
        (vec!["import", "a"], &["--token-endpoint"]),
        (vec!["import", "a", "--token-endpoint", "https://as.example/token"], &["--client-id"]),
        (
            vec!["import", "a", "--token-endpoint", "as.example", "--client-id", "c"],
            &["--token-endpoint is not a URL"],
        ),
        (vec!["import", "a", "--token-endpoint", "http://as.example/t", "--client-id", "c"], &["https only"]),
        (
            vec!["import", "a", "--token-endpoint", "https://u:p@as.example/", "--client-id", "c"],
            &["user name or password"],
        ),
        (
            import(&["--profile", "nobody-s"]),
            &["no provider profile is called \"nobody-s\"", "renewd profiles"],
        ),
        (import(&["--profile", "genric"]), &["did you mean generic?"]),
        (import(&["--as-class", "P9"]), &["--as-class is none of P0"]),
        (import(&["--scope", "a\"b"]), &["--scope"]),
        (import(&["--resource", ""]), &["--resource is empty"]),
        (import(&["--client-auth", "basic"]), &["--client-auth basic needs a client secret"]),
        (import(&["--client-secret-file", "fd:0"]), &["two readers of standard input"]),
        (import(&["--client-secret-file", "-"]), &["two readers of standard input"]),
        (import(&["--client-secret-file", "/dev/stdin"]), &["two readers of standard input"]),
        (import(&["--client-secret-file", "fd:x"]), &["fd:N"]),
        (import(&["--client-secret-file", "fd:999"]), &["descriptor 999 is not open"]),
        (import(&["--client-secret-file", "/nonexistent"]), &["/nonexistent does not exist"]),
    ] {
        let ended = world.feed(&args, CANARY.as_bytes()).expect(2, words);
        assert!(ended.out.is_empty(), "{args:?}: {}", ended.out);
    }
    assert!(!world.state().exists() || !world.state().join("credentials/a.record").exists());
}

#[test]
fn a_refresh_token_that_is_none_is_refused_without_repeating_it() {
    let world = World::new();
    let args = ["import", "a", "--token-endpoint", "https://as.example/token", "--client-id", "c"];
    let long = format!("{CANARY}{}", "x".repeat(40_000));
    let json = format!("{{\"refresh_token\":\"{CANARY}\"}}");
    for (stdin, word) in [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (&*format!("{CANARY}\nsecond"), "more than one line"),
        (&*format!("{CANARY}\0"), "control character"),
        (&*format!("{CANARY}\x1b[2J"), "control character"),
        (&*format!("{CANARY}\u{fc}"), "outside ASCII"),
        (&*long, "longer than"),
        (&*json, "JSON document"),
    ] {
        world.feed(&args, stdin.as_bytes()).expect(2, &[word, "renewd import NAME"]);
    }
    world.feed(&args, b"\xff\xfe\x00r").expect(2, &["standard input"]);
    assert!(!world.state().join("credentials/a.record").exists());
}

#[test]
fn a_token_in_the_wrong_place_is_not_repeated() {
    let world = World::new();
    let too_long = "x".repeat(70);
    for args in [
        &["import", "a", JWT][..],
        &["import", "a", "--refresh-token", JWT],
        &[JWT],
        &["token", "a", JWT],
        &["token", JWT],
        &["token", &too_long],
        &["status", JWT],
        &["logout", JWT],
        &["explain", "--status", JWT],
        &["explain", "--status", "400", "--header", JWT],
        &["status", "--color", JWT],
        &["token", "a", "--timeout", JWT],
        &["helper", "api-key", JWT],
        &["config", "show", JWT],
        &["import", "a", "--token-endpoint", JWT, "--client-id", "c"],
        &["import", "a", "--as-class", JWT, "--token-endpoint", "https://as.example/", "--client-id", "c"],
    ] {
        let ended = world.run(args);
        assert!(matches!(ended.code, 2 | 3), "{args:?}: {} {}", ended.code, ended.err);
        assert!(!ended.err.contains(JWT) && !ended.out.contains(JWT), "{args:?}: {}", ended.err);
        assert!(!ended.err.is_empty());
    }
}

#[test]
fn arguments_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new();
    for args in [&["token"][..], &["import"], &["status"], &["--log"], &[]] {
        let mut command = world.command(args);
        command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
        crate::world::finish(command, b"").expect(2, &[]);
    }
}

#[test]
fn a_credential_that_nobody_knows_is_exit_3_and_the_nearest_one_is_named() {
    let world = World::new();
    for args in [
        &["token", "github"][..],
        &["refresh", "github"],
        &["status", "github"],
        &["logout", "github"],
        &["helper", "api-key", "github"],
        &["helper", "headers", "github"],
        &["config", "show", "github"],
    ] {
        let ended = world.run(args).expect(3, &["no credential is called github", "renewd login github"]);
        assert!(ended.out.is_empty(), "{args:?}: {}", ended.out);
    }
    assert!(!world.state().exists(), "whoever only asks makes nothing");
    world.import("github", "https://as.example/token", CANARY, &[]).expect(0, &["imported"]);
    world.run(&["token", "githbu"]).expect(3, &["did you mean github?"]);
    let json = world.run(&["token", "githbu", "--format", "json"]).expect(3, &["githbu"]).json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["error"]["exit"], 3);
    assert_eq!(json["error"]["code"], "no_grant");
    assert_eq!(json["error"]["credential"], "githbu");
}

#[test]
fn without_a_home_the_message_says_what_to_set() {
    let world = World::new();
    for args in [
        &["token", "a"][..],
        &["status"],
        &["import", "a", "--token-endpoint", "https://a.b/", "--client-id", "c"],
    ] {
        let mut command = world.command(args);
        command.env_remove("HOME");
        crate::world::finish(command, b"rt").expect(6, &["HOME", "--state-dir"]);
    }
    let mut command = world.command(&["completions", "bash"]);
    command.env_remove("HOME");
    crate::world::finish(command, b"").expect(0, &[]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let world = World::new();
    let mut command = world.command(&["completions", "bash"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let world = World::new();
    let mut command = world.command(&["completions", "bash"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"));
}

#[test]
fn help_and_version_go_to_stdout() {
    let world = World::new();
    let version = world.run(&["--version"]).expect(0, &[]);
    assert_eq!(version.out, format!("renewd {}\n", env!("CARGO_PKG_VERSION")));
    let help = world.run(&["--help"]).expect(0, &[]);
    for command in [
        "init", "login", "rekey", "import", "token", "refresh", "status", "explain", "profiles", "logout",
        "helper", "config", "doctor",
    ] {
        assert!(help.out.contains(&format!("\n  {command}")), "{command}: {}", help.out);
        assert!(world.run(&[command, "--help"]).expect(0, &[]).out.contains("Usage"));
    }
    world.run(&["login"]).expect(2, &["<NAME>"]);
}

#[test]
fn every_shell_gets_completions() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let out = world.run(&["completions", shell]).expect(0, &[]).out;
        assert!(out.contains("renewd") && out.contains("min-validity"), "{shell}");
    }
}

#[test]
fn colour_is_for_those_who_want_it() {
    let world = World::new();
    world.import("a", "https://as.example/token", CANARY, &[]).expect(0, &[]);
    assert!(!world.run(&["status"]).out.contains('\x1b'));
    assert!(world.run(&["status", "--color", "always"]).out.contains('\x1b'));
    assert!(world.run(&["--color=always", "status", "x"]).err.contains('\x1b'));
    assert!(world.run(&["--color=always", "frobnicate"]).err.contains('\x1b'));
    assert!(!world.run(&["frobnicate"]).err.contains('\x1b'));
}
