//! The configuration: where values come from, and what is said about wrong ones.

use crate::world::{CANARY, World};

#[test]
fn a_wrong_configuration_is_exit_6_and_names_file_line_and_key() {
    for (text, line, words) in [
        (
            "[auth_retrying]\nintervall = \"1m\"",
            2,
            "unknown key auth_retrying.intervall; did you mean interval?",
        ),
        ("[auth_retrying]\ninterval = \"0s\"", 2, "is zero"),
        ("[auth_retrying]\ninterval = \"25h\"", 2, "over its auth_retrying.ceiling"),
        ("[credential.a]\nclient_secret = \"rt-canary-51c39e\"", 2, "client_secret_file"),
        ("[refresh]\nwindow = 900", 2, "without a unit"),
        ("not toml", 1, "no TOML"),
        ("[hooks]\non_unauthenticated = [\"true\"]", 2, "absolute path"),
        ("[[sink]]\ncredential = \"a\"\npth = \"/t\"", 3, "unknown key sink.pth; did you mean path?"),
        ("[[proxy]]\nlisten = \"0.0.0.0:8787\"", 2, "not loopback; use 127.0.0.1"),
        ("[[proxies]]\nlisten = \"127.0.0.1:1\"", 1, "unknown key proxies; did you mean proxy?"),
        ("[[sinks]]\npath = \"/t\"", 1, "unknown key sinks; did you mean sink?"),
        ("[[proxy]]\n[[proxy.routes]]\nprefix = \"/a/\"", 2, "unknown key proxy.routes; did you mean route?"),
        (
            "[[proxy]]\n[[proxy.route]]\nprefx = \"/a/\"",
            3,
            "unknown key proxy.route.prefx; did you mean prefix?",
        ),
    ] {
        let world = World::new();
        world.configure(text);
        for args in [&["status"][..], &["config", "check"], &["config", "show"], &["token", "a"], &["doctor"]]
        {
            let ended = world.run(args);
            assert_eq!(ended.code, 6, "{args:?}: {}", ended.err);
            // The doctor reports on stdout.
            let said = if args == ["doctor"] { &ended.out } else { &ended.err };
            assert!(said.contains(words), "{args:?}: {said}");
            assert!(said.contains(&format!("config.toml:{line}: ")), "{args:?}: {said}");
        }
    }
}

#[test]
fn a_json_caller_gets_the_configuration_error_in_json() {
    let world = World::new();
    world.configure("nonsense = 1");
    let json = world.run(&["token", "a", "--format", "json"]).expect(6, &["nonsense"]).json();
    assert_eq!(json["error"]["code"], "configuration");
    assert_eq!(json["error"]["exit"], 6);
}

#[test]
fn each_effective_value_tells_where_it_came_from() {
    let world = World::new().with("RENEWD_AUTH_RETRYING_CEILING", "12h");
    world.configure(
        "demand_timeout = \"3s\"\n[auth_retrying]\ninterval = \"5m\"\n[credential.github]\nscope = [\"repo\"]\n[credential.github.refresh]\nwindow = \"1m\"\n\
         [[sink]]\ncredential = \"github\"\npath = \"/run/app/token\"\nmode = \"0640\"\n\
         format = \"env\"\nscope = [\"read\", \"write\"]\n\
         [[proxy]]\nlisten = \"127.0.0.1:8787\"\nupstream = \"https://api.example\"\ncredential = \"github\"\n\
         access = \"path-secret\"\n[[proxy.route]]\nprefix = \"/wiki/\"\nupstream = \"https://wiki.example\"\n\
         credential = \"github\"\naudience = \"wiki\"\n",
    );
    world.import("github", "https://as.example/token", CANARY, &[]).expect(0, &[]);
    let lines = |args: &[&str]| -> Vec<String> {
        world
            .run(args)
            .expect(0, &[])
            .out
            .lines()
            .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    let file = world.path(".config/renewd/config.toml").display().to_string();
    let all = lines(&["config", "show"]);
    let one = lines(&["config", "show", "github"]);
    for (shown, line) in [
        (&all, format!("auth_retrying.interval = 5m # {file}:3")),
        (&all, "auth_retrying.ceiling = 12h # environment RENEWD_AUTH_RETRYING_CEILING".into()),
        (&all, "retry.tries = 5 # default".into()),
        (&all, "refresh.window = min(15m, 25% of the lifetime) # default".into()),
        (&all, format!("sink = /run/app/token (0640) of github # {file}:8")),
        (&all, format!("sink.format = env # {file}:12")),
        (&all, format!("sink.mode = 0640 # {file}:11")),
        (&all, "sink.on_unavailable = remove # default".into()),
        (&all, "sink.folder = own # default".into()),
        (&all, format!("sink.scope = read write # {file}:13")),
        (&all, "sink.audience = the login's # default".into()),
        (&all, format!("proxy.access = path-secret # {file}:18")),
        (&all, format!("proxy.demand_timeout = 3s # {file}:1")),
        (&all, "proxy.route.strip_prefix = true # default".into()),
        (&all, format!("proxy.route.audience = wiki # {file}:23")),
        (&one, format!("refresh.window = 1m # {file}:7")),
        (&one, format!("scope = repo # {file}:5")),
        (&one, "token_endpoint = https://as.example/token # login".into()),
        (&one, "client_id = testkit-client # login".into()),
    ] {
        assert!(shown.contains(&line), "{line:?} is not in {shown:#?}");
    }
    let flagged = lines(&["config", "show", "--state-dir", "/tmp/elsewhere"]);
    assert!(flagged.contains(&"state_dir = /tmp/elsewhere # flag --state-dir".into()), "{flagged:#?}");
}

#[test]
fn an_invalid_variable_is_one_warning_and_the_default_holds() {
    let world = World::new().with("RENEWD_AUTH_RETRYING_INTERVAL", "soon");
    let ended =
        world.run(&["config", "show"]).expect(0, &["RENEWD_AUTH_RETRYING_INTERVAL", "is not a duration"]);
    assert_eq!(ended.err.matches("RENEWD_AUTH_RETRYING_INTERVAL").count(), 1, "{}", ended.err);
    assert!(
        ended
            .out
            .lines()
            .any(|l| l.starts_with("auth_retrying.interval") && l.contains("10m") && l.contains("default"))
    );
    assert!(world.run(&["-q", "status"]).expect(0, &[]).err.is_empty());
}

#[test]
fn a_misspelt_variable_is_found_by_config_check_and_doctor() {
    let world = World::new().with("RENEWD_AUTH_RETRYING_INTERVALL", "1m");
    world.run(&["config", "check"]).expect(0, &["did you mean RENEWD_AUTH_RETRYING_INTERVAL?"]);
    assert!(
        world.run(&["doctor"]).expect(0, &[]).out.contains("did you mean RENEWD_AUTH_RETRYING_INTERVAL?")
    );
}

#[test]
fn a_named_file_must_exist_and_may_be_a_link_and_nobody_else_may_write_it() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let world = World::new();
    world.run(&["--config", "none.toml", "status"]).expect(6, &["none.toml does not exist"]);
    world.run(&["--config", "/", "status"]).expect(6, &["is a folder"]);
    let file = world.file("mine.toml", "[retry]\ntries = 2\n");
    symlink(&file, world.path("link.toml")).unwrap();
    let shown = world.run(&["config", "show", "--config", "link.toml"]).expect(0, &[]).out;
    assert!(shown.lines().any(|l| l.starts_with("retry.tries") && l.ends_with("link.toml:2")), "{shown}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    world.run(&["--config", "link.toml", "status"]).expect(6, &["can be written by others", "chmod"]);
}

#[test]
fn another_server_or_client_than_the_login_is_pinned_to_is_exit_6() {
    for (line, word) in [
        ("token_endpoint = \"https://evil.example/token\"", "token_endpoint"),
        ("client_id = \"other\"", "client_id"),
        ("issuer = \"https://evil.example\"", "issuer"),
        ("resource = \"https://api.example\"", "resource"),
    ] {
        let world = World::new();
        let more = ["--issuer", "https://as.example"];
        world.import("a", "https://as.example/token", CANARY, &more).expect(0, &[]);
        world.configure(&format!("[credential.a]\n{line}\n"));
        for args in [&["token", "a"][..], &["refresh", "a"], &["status"], &["config", "check"]] {
            world.run(args).expect(6, &[word, "pinned", "log in again", "config.toml:2"]);
        }
    }
    let world = World::new();
    world.import("a", "https://as.example/token", CANARY, &[]).expect(0, &[]);
    world.configure("[credential.a]\ntoken_endpoint = \"https://AS.example:443/token\"\n");
    world.run(&["config", "check"]).expect(0, &["is right"]);
}

#[test]
fn a_client_secret_that_cannot_be_read_is_told_when_it_is_needed() {
    let world = World::new();
    world.import("a", "https://as.example/token", CANARY, &[]).expect(0, &[]);
    world.configure("[credential.a]\nclient_secret_file = \"cs\"\n");
    world.run(&["status"]).expect(0, &[]);
    world.run(&["config", "check"]).expect(6, &["the client secret", "cs does not exist"]);
    world.run(&["token", "a"]).expect(6, &["cs does not exist"]);
    let ended = world.run(&["doctor"]).expect(6, &[]);
    assert!(ended.out.contains("✗ the client secret"), "{}", ended.out);
}

#[test]
fn a_key_source_that_contradicts_the_store_is_exit_6() {
    // The configuration is to be heard: an empty variable counts as unset.
    let world = World::new().with("RENEWD_STORE_KEY", "");
    world.configure("[store]\nkey = \"file\"\n");
    world.import("a", "https://as.example/token", CANARY, &[]).expect(0, &[]);
    world.configure("[store]\nkey = \"file:other-key\"\n");
    world.run(&["status"]).expect(6, &["store.key", "was made with"]);
}

#[test]
fn a_credential_that_a_token_file_or_a_proxy_names_and_nobody_has_is_told_by_check_and_doctor() {
    let world = World::new();
    world.configure(
        "[credential.github]\n\
         [[sink]]\npath = \"/run/app/token\"\ncredential = \"gitub\"\n\
         [[proxy]]\nlisten = \"127.0.0.1:8787\"\nupstream = \"https://api.example\"\ncredential = \"later\"\n\
         [[proxy.route]]\nprefix = \"/wiki/\"\nupstream = \"https://wiki.example\"\ncredential = \"wiki\"\n",
    );
    let file = world.path(".config/renewd/config.toml").display().to_string();
    let missing = [
        (4, "sink.credential names gitub", "did you mean github? Else `renewd login gitub --profile P`"),
        (8, "proxy.credential names later", "`renewd login later --profile P`"),
        (12, "proxy.route.credential names wiki", "until then requests there are not served"),
    ];
    let checked = world.run(&["config", "check"]).expect(0, &["is right"]);
    let looked = world.run(&["doctor"]).expect(0, &[]);
    for said in [&checked.err, &looked.out] {
        for (line, what, advice) in missing {
            let what = format!("{file}:{line}: {what}, which is neither configured nor logged in");
            assert!(said.contains(&what), "{what:?} is not in {said}");
            assert!(said.contains(advice), "{advice:?} is not in {said}");
        }
        assert!(!said.contains("names github"), "{said}");
    }
    // A login is enough, and so is an entry.
    for (name, token) in [("later", CANARY), ("wiki", "rt-canary-51c39e-2"), ("gitub", "rt-canary-51c39e-3")]
    {
        world.import(name, "https://as.example/token", token, &[]).expect(0, &[]);
    }
    assert!(!world.run(&["config", "check"]).expect(0, &[]).err.contains("neither configured"));
    assert!(!world.run(&["doctor"]).expect(0, &[]).out.contains("neither configured"));
}
