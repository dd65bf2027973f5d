//! What works without a network: import, status, logout, doctor.

use crate::world::{CANARY, World, set_writable};

const ENDPOINT: &str = "https://as.example/token";

#[test]
fn an_import_shows_in_status_and_keeps_its_secret() {
    let world = World::new();
    let ended =
        world.import("github", ENDPOINT, CANARY, &["--scope", "repo"]).expect(0, &["github", "imported"]);
    assert!(ended.out.is_empty());
    let table = world.run(&["status"]).expect(0, &["no agent is running"]).out;
    assert!(
        table.contains("github") && table.contains("● running") && table.contains("when asked for"),
        "{table}"
    );
    assert_eq!(table, world.run(&["list"]).out);
    let json = world.run(&["status", "--json"]).expect(0, &[]).json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["health"], "healthy");
    let credential = &json["credentials"][0];
    for (field, value) in [
        ("name", serde_json::json!("github")),
        ("status", "running".into()),
        ("health", "healthy".into()),
        ("cause", serde_json::Value::Null),
        ("phase", "fresh".into()),
        ("epoch", 1.into()),
        ("generation", 0.into()),
        ("token_expires_at", serde_json::Value::Null),
        ("token_valid", false.into()),
        ("saved", true.into()),
        ("in_doubt", false.into()),
        ("last_attempt", serde_json::Value::Null),
        ("refreshes", 0.into()),
        ("rejections", 0.into()),
        ("advice", serde_json::Value::Null),
        ("login_command", serde_json::Value::Null),
    ] {
        assert_eq!(credential[field], value, "{field}");
    }
    world.run(&["status", "--check"]).expect(0, &[]);
    for entry in std::fs::read_dir(world.state().join("credentials")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes()), "the record is sealed");
    }
}

#[test]
fn an_existing_name_needs_replace_which_keeps_what_is_not_given() {
    let world = World::new();
    world.import("a", ENDPOINT, CANARY, &["--scope", "repo", "--as-class", "p3"]).expect(0, &[]);
    world.import("a", ENDPOINT, "rt-two", &[]).expect(2, &["a exists already", "--replace"]);
    world.feed(&["import", "a", "--replace"], b"rt-two\n").expect(0, &["imported"]);
    let json = world.run(&["status", "--json"]).json();
    assert_eq!(json["credentials"][0]["epoch"], 2);
    let shown = world.run(&["config", "show", "a"]).out;
    for (key, value) in
        [("token_endpoint", ENDPOINT), ("scope", "repo"), ("as_class", "P3"), ("client_id", "testkit-client")]
    {
        assert!(shown.lines().any(|l| l.starts_with(key) && l.contains(value)), "{key}: {shown}");
    }
}

#[test]
fn a_client_secret_goes_to_its_own_server_only() {
    let world = World::new();
    let secret = world.file("cs", "the-secret\n");
    world.import("a", ENDPOINT, CANARY, &["--client-secret-file", secret.to_str().unwrap()]).expect(0, &[]);
    let kept = |world: &World| world.run(&["config", "show", "a"]).out.contains("kept in the record");
    assert!(kept(&world));
    world.feed(&["import", "a", "--replace"], b"rt-two\n").expect(0, &[]);
    assert!(kept(&world));
    world.import("a", "https://other.example/token", "rt-three", &["--replace"]).expect(0, &[]);
    assert!(!kept(&world));
}

#[test]
fn after_a_logout_a_client_that_had_a_secret_is_told_to_log_in_and_not_to_find_the_secret() {
    let world = World::new();
    let secret = world.file("cs", "the-secret\n");
    let more = ["--client-auth", "basic", "--client-secret-file", secret.to_str().unwrap()];
    world.import("a", ENDPOINT, CANARY, &more).expect(0, &[]);
    world.run(&["logout", "a"]);
    world.run(&["token", "a"]).expect(3, &["login needed"]);
}

#[test]
fn a_client_secret_comes_by_descriptor_too() {
    let world = World::new();
    world.file("cs", "the-secret\n");
    let binary = env!("CARGO_BIN_EXE_renewd");
    let mut shell = std::process::Command::new("/bin/sh");
    let script = format!(
        "exec {binary} import a --token-endpoint {ENDPOINT} --client-id c --client-secret-file fd:3 3< cs"
    );
    shell.args(["-c", &script]).env_clear().env("HOME", world.path("")).env("RENEWD_STORE_KEY", "file");
    shell.current_dir(world.path(""));
    crate::world::finish(shell, CANARY.as_bytes()).expect(0, &["imported"]);
    assert!(world.run(&["config", "show", "a"]).out.contains("kept in the record"));
}

#[test]
fn a_refresh_token_of_another_record_is_refused_and_its_holder_named() {
    let world = World::new();
    world.import("first", ENDPOINT, CANARY, &[]).expect(0, &[]);
    world
        .import("second", ENDPOINT, CANARY, &[])
        .expect(2, &["belongs to credential first", "renewd token first"]);
    world.run(&["token", "second"]).expect(3, &[]);
    world.import("first", ENDPOINT, CANARY, &["--replace"]).expect(0, &[]);
}

#[test]
fn a_logout_leaves_a_tombstone_that_an_import_may_replace() {
    let world = World::new();
    world.import("a", ENDPOINT, CANARY, &[]).expect(0, &[]);
    world.run(&["logout", "a"]).expect(0, &["logged out", "no revocation endpoint is known"]);
    world.run(&["logout", "a"]).expect(0, &["logged out already"]);
    let json = world.run(&["status", "--json"]).json();
    let credential = &json["credentials"][0];
    assert_eq!(
        (&credential["status"], &credential["cause"]),
        (&"unauthenticated".into(), &"logged_out".into())
    );
    assert_eq!(credential["login_command"], "renewd login a");
    assert_eq!(json["health"], "unhealthy");
    let check = world.run(&["status", "--check"]).expect(3, &[]);
    assert!(check.out.is_empty() && check.err.is_empty());
    world.run(&["token", "a"]).expect(3, &["login needed (logged_out)", "renewd login a"]);
    world.run(&["refresh", "a"]).expect(3, &["login needed"]);
    world.feed(&["import", "a"], b"rt-new\n").expect(0, &["imported"]);
    world.run(&["status", "--check"]).expect(0, &[]);
}

#[test]
fn a_configured_credential_without_a_record_needs_a_login() {
    let world = World::new();
    world.configure("[credential.a]\ntoken_endpoint = \"https://as.example/token\"\nclient_id = \"c\"\n");
    let json = world.run(&["status", "--json"]).expect(0, &[]).json();
    assert_eq!(json["credentials"][0]["cause"], "no_grant");
    let login = "renewd login a";
    assert_eq!(json["credentials"][0]["login_command"], login);
    let token = world.run(&["token", "a"]).expect(3, &[login]);
    assert!(!token.err.contains("--replace"), "{}", token.err);
    world.run(&["status", "--check"]).expect(3, &[]);
    world.feed(&["import", "a"], b"rt\n").expect(0, &["imported"]);
    world.run(&["status", "--check"]).expect(0, &[]);
}

#[test]
fn a_watcher_prints_at_once_and_again_when_something_changed() {
    use std::io::BufRead as _;
    let world = World::new();
    let mut command = world.command(&["status", "--watch", "--json"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let count = |line: Option<std::io::Result<String>>| {
        let document: serde_json::Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        document["credentials"].as_array().unwrap().len()
    };
    assert_eq!(count(lines.next()), 0);
    world.import("a", ENDPOINT, CANARY, &[]).expect(0, &[]);
    assert_eq!(count(lines.next()), 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn nothing_there_is_no_error() {
    let world = World::new();
    assert!(world.run(&["status"]).expect(0, &["no credentials yet"]).out.is_empty());
    let json = world.run(&["status", "--json"]).expect(0, &[]).json();
    assert_eq!(json, serde_json::json!({"schema": 1, "health": "healthy", "credentials": []}));
    world.run(&["status", "--check"]).expect(0, &[]);
    assert!(!world.state().exists());
}

#[test]
fn the_doctor_tells_what_is_wrong_with_the_store_and_how_to_mend_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let fine = world.run(&["doctor"]).expect(0, &[]).out;
    assert!(fine.lines().all(|l| l.starts_with('✓')), "{fine}");
    world.import("a", ENDPOINT, CANARY, &[]).expect(0, &[]);
    let fine = world.run(&["doctor"]).expect(0, &[]).out;
    assert!(fine.contains("✓ a: running") && fine.contains("✓ locks"), "{fine}");
    let dir = world.state().join("credentials");
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = world.run(&["doctor"]).expect(5, &[]);
    assert!(ended.out.contains("✗") && ended.out.contains("chmod"), "{}", ended.out);
    world.run(&["token", "a"]).expect(5, &["chmod"]);
    world.run(&["status"]).expect(5, &["chmod"]);
    world.run(&["status", "--check"]).expect(5, &[]);
}

#[test]
fn a_lost_key_and_a_damaged_record_are_exit_5_and_never_a_logout() {
    let world = World::new();
    world.import("a", ENDPOINT, CANARY, &[]).expect(0, &[]);
    let key = world.state().join("key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    for args in [&["status"][..], &["token", "a"], &["refresh", "a"], &["logout", "a"]] {
        world.run(args).expect(5, &["the key", "restore it from a backup"]);
    }
    write_private(&key, &kept);
    world.run(&["status", "--check"]).expect(0, &[]);
    write_private(&world.state().join("credentials/a.record"), b"not a record");
    let json = world.run(&["token", "a", "--format", "json"]).expect(5, &["a.damaged-1"]).json();
    assert_eq!(json["error"]["code"], "store_unavailable");
    world.run(&["status", "--check"]).expect(5, &[]);
    world
        .feed(&["import", "a", "--token-endpoint", ENDPOINT, "--client-id", "c"], b"rt-new\n")
        .expect(0, &["imported"]);
    world.run(&["status", "--check"]).expect(0, &[]);
}

#[test]
fn a_store_that_cannot_be_written_is_exit_5() {
    let world = World::new();
    world.import("a", ENDPOINT, CANARY, &[]).expect(0, &[]);
    let dir = world.state().join("credentials");
    if set_writable(&dir, false) {
        world.import("b", ENDPOINT, "rt-b", &[]).expect(5, &["credentials"]);
        assert!(set_writable(&dir, true));
    }
    // Whoever may write everywhere still cannot make a folder where a file stands.
    let file = world.file("occupied", "");
    world
        .feed(
            &[
                "import",
                "b",
                "--token-endpoint",
                ENDPOINT,
                "--client-id",
                "c",
                "--state-dir",
                file.to_str().unwrap(),
            ],
            b"rt-b",
        )
        .expect(5, &["occupied"]);
}

fn write_private(path: &std::path::Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
