use super::*;
use renewd_core::Span;
use std::path::Path;

struct Given {
    dir: tempfile::TempDir,
}

impl Given {
    fn file(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), text).unwrap();
        Self { dir }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("config.toml")
    }

    fn load(&self, env: &[(&str, &str)]) -> Result<Config, Failure> {
        let env = Environment::of(env);
        let places = Places::find(&env, Some(&self.path()), Some(Path::new("/state")))?;
        Config::load(&places, &env)
    }
}

fn name(text: &str) -> CredentialName {
    text.parse().unwrap()
}

const LAYERS: &str =
    "[auth_retrying]\ninterval = \"5m\"\nceiling = \"2h\"\n[credential.a.auth_retrying]\ninterval = \"3m\"\n";

#[test]
fn the_environment_is_over_the_credential_which_is_over_the_top_level_which_is_over_the_default() {
    let given = Given::file(LAYERS);
    let (a, b) = (name("a"), name("b"));
    let plain = given.load(&[]).unwrap();
    assert_eq!(plain.policy(Some(&a)).auth_retrying.interval, Span::from_mins(3));
    assert_eq!(plain.policy(Some(&b)).auth_retrying.interval, Span::from_mins(5));
    assert_eq!(plain.policy(Some(&b)).retry.tries, 5);
    let env = given.load(&[("RENEWD_AUTH_RETRYING_INTERVAL", "90s"), ("RENEWD_RETRY_TRIES", "2")]).unwrap();
    assert_eq!(env.policy(Some(&a)).auth_retrying.interval, Span::from_secs(90));
    assert_eq!(env.policy(None).retry.tries, 2);
    assert!(env.warnings.is_empty());
}

#[test]
fn each_value_tells_where_it_came_from() {
    let given = Given::file(LAYERS);
    let config = given.load(&[("RENEWD_RETRY_MAX", "1m")]).unwrap();
    let origin = |table, key, c: Option<&CredentialName>| {
        config.lookup(table, key, c).map_or(Origin::Default, |e| e.origin).to_string()
    };
    let file = given.path().display().to_string();
    assert_eq!(origin("auth_retrying", "interval", Some(&name("a"))), format!("{file}:5"));
    assert_eq!(origin("auth_retrying", "interval", None), format!("{file}:2"));
    assert_eq!(origin("retry", "max", None), "environment RENEWD_RETRY_MAX");
    assert_eq!(origin("retry", "tries", None), "default");
}

#[test]
fn an_invalid_environment_value_is_one_warning_and_falls_through() {
    let given = Given::file(LAYERS);
    for (variable, value, words) in [
        ("RENEWD_AUTH_RETRYING_INTERVAL", "soon", "is not a duration"),
        ("RENEWD_AUTH_RETRYING_INTERVAL", "0s", "is zero"),
        ("RENEWD_AUTH_RETRYING_INTERVAL", "-5m", "is negative"),
        ("RENEWD_AUTH_RETRYING_INTERVAL", "10", "has no unit"),
        ("RENEWD_AUTH_RETRYING_INTERVAL", "3h", "over auth_retrying.ceiling"),
        ("RENEWD_AUTH_RETRYING_CEILING", "1m", "over auth_retrying.ceiling"),
        ("RENEWD_STORE_KEY", "systemd:../x", "none of keyring"),
        ("RENEWD_STORE_PASSPHRASE_FD", "hunter", "not a whole number"),
        ("RENEWD_STORE_KEYRING_TIMEOUT", "0s", "is zero"),
        ("RENEWD_STORE_KIND", "cloud", "none of file"),
    ] {
        let config = given.load(&[(variable, value)]).unwrap();
        assert_eq!(config.warnings.len(), 1, "{variable}={value}: {:?}", config.warnings);
        assert!(
            config.warnings[0].contains(variable) && config.warnings[0].contains(words),
            "{:?}",
            config.warnings
        );
        assert_eq!(config.policy(None).auth_retrying.interval, Span::from_mins(5));
        assert_eq!(config.policy(None).auth_retrying.ceiling, Span::from_hours(2));
    }
}

#[test]
fn under_and_over_the_file_the_environment_counts_when_it_is_valid() {
    let given = Given::file(LAYERS);
    for (value, millis) in [("1s", 1000), ("1h59m", 7_140_000)] {
        let config = given.load(&[("RENEWD_AUTH_RETRYING_INTERVAL", value)]).unwrap();
        assert_eq!(config.policy(Some(&name("a"))).auth_retrying.interval.as_millis(), millis);
    }
}

#[test]
fn what_does_not_fit_together_is_an_error_with_its_line() {
    for (text, line, words) in [
        ("[auth_retrying]\ninterval = \"2h\"\nceiling = \"1h\"", 2, "is over its auth_retrying.ceiling"),
        ("[auth_retrying]\nceiling = \"5m\"", 2, "(10m) is over its auth_retrying.ceiling (5m)"),
        ("[credential.a.auth_retrying]\ninterval = \"2d\"", 2, "of credential a"),
        ("[credential.a]\nseed_file = \"/x\"", 2, "needs token_endpoint and client_id"),
        ("[credential.a]\ngrace = \"10s\"", 2, "only with as_class"),
        (
            "[credential.a]\nprofile = \"github\"",
            2,
            "no provider profile is called \"github\"; known: generic",
        ),
        (
            "\n[[proxy]]\nlisten = \"127.0.0.1:1\"\nupstream = \"https://a.example\"",
            2,
            "needs the key credential",
        ),
        ("[store]\nkind = \"cloud\"", 2, "none of file, keyring, memory"),
        ("[store]\nkey = \"systemd:\"", 2, "none of keyring, file, file:PATH"),
        ("[hooks]\non_unauthenticated = [\"/bin/true\"]", 2, "not supported yet"),
        ("[[sink]]\ncredential = \"a\"\npath = \"/t\"", 1, "not supported yet"),
    ] {
        let given = Given::file(text);
        let failure = given.load(&[]).unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Configuration);
        assert!(failure.message.contains(words), "{text}: {}", failure.message);
        assert!(failure.message.contains(&format!("config.toml:{line}: ")), "{text}: {}", failure.message);
    }
}

#[test]
fn a_named_file_must_exist_and_an_unnamed_one_need_not() {
    let env = Environment::of(&[("HOME", "/nonexistent")]);
    let places = Places::find(&env, None, None).unwrap();
    assert!(Config::load(&places, &env).unwrap().file().is_none());
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("c.toml");
    let places = Places::find(&env, Some(&gone), None).unwrap();
    let expected = format!("{} does not exist", gone.display());
    assert!(Config::load(&places, &env).unwrap_err().message.contains(&expected));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_write_is_refused_and_a_link_to_a_good_one_is_not() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let given = Given::file("[retry]\ntries = 3\n");
    let link = given.dir.path().join("link.toml");
    symlink(given.path(), &link).unwrap();
    let env = Environment::default();
    let places = Places::find(&env, Some(&link), None).unwrap();
    assert_eq!(Config::load(&places, &env).unwrap().policy(None).retry.tries, 3);
    std::fs::set_permissions(given.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let error = Config::load(&places, &env).unwrap_err();
    assert!(error.message.contains("can be written by others"), "{}", error.message);
}

#[test]
fn bytes_that_are_no_text_are_told_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, b"[retry]\ntries = 3\n\xff").unwrap();
    let env = Environment::default();
    let places = Places::find(&env, Some(&path), None).unwrap();
    assert!(Config::load(&places, &env).unwrap_err().message.contains("config.toml:3: this is no UTF-8"));
}

#[test]
fn misspelt_variables_are_found_with_the_nearest_known_one() {
    let env = Environment::of(&[("RENEWD_AUTH_RETRYING_INTERVALL", "1m"), ("RENEWD_RETRY_MAX", "1m")]);
    let unknown = Config::unknown_variables(&env);
    assert_eq!(
        unknown,
        [("RENEWD_AUTH_RETRYING_INTERVALL".into(), Some("RENEWD_AUTH_RETRYING_INTERVAL".into()))]
    );
}

#[test]
fn proxies_are_read_whole() {
    let given = Given::file(
        "[[proxy]]\nlisten = \"unix:p.sock\"\nupstream = \"https://API.example\"\ncredential = \"a\"\nreplay_limit = \"64KiB\"\n",
    );
    let config = given.load(&[]).unwrap();
    let proxies = config.proxies();
    assert_eq!(proxies[0].upstream, "https://api.example/");
    assert_eq!(proxies[0].replay_limit, 65_536);
    assert_eq!(proxies[0].listen, renewd_proxy::Listen::Unix(given.dir.path().join("p.sock")));
}

#[test]
fn a_bad_value_that_could_hold_a_password_or_a_key_is_not_repeated() {
    for text in [
        "[request]\nproxy = \"http://u:hunter2@p:1\"\n",
        "[store]\nkey = \"hunter2\"\n",
        "[store]\nkey = \"passphrase:hunter2\"\n",
        "[credential.a]\ntoken_endpoint = \"https://u:hunter2@h/\"\n",
        "[[proxy]]\nlisten = \"127.0.0.1:1\"\nupstream = \"https://u:hunter2@h\"\ncredential = \"a\"\n",
    ] {
        let error = Given::file(text).load(&[]).err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let nothing = Given::file("");
    let env = [("RENEWD_REQUEST_PROXY", "http://u:hunter2@p:1"), ("RENEWD_STORE_KEY", "hunter2")];
    let warnings = nothing.load(&env).unwrap().warnings.join("\n");
    assert!(warnings.contains("RENEWD_STORE_KEY is none of"), "{warnings}");
    assert!(warnings.contains("RENEWD_REQUEST_PROXY holds a user name"), "{warnings}");
    assert!(!warnings.contains("hunter2"), "{warnings}");
    let harmless = Given::file("[request]\nproxy = \"ftp://p:1\"\n").load(&[]).err().unwrap().to_string();
    assert!(harmless.contains("ftp://p:1"), "{harmless}");
}
