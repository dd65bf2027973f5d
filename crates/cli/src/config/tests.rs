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
            "[credential.a]\nprofile = \"nobody-s\"",
            2,
            "no provider profile is called \"nobody-s\"; `renewd profiles` lists all there are",
        ),
        (
            "\n[[proxy]]\nlisten = \"127.0.0.1:1\"\nupstream = \"https://a.example\"",
            2,
            "needs the key credential",
        ),
        ("[store]\nkind = \"cloud\"", 2, "none of file, keyring, memory"),
        ("[store]\nkey = \"systemd:\"", 2, "none of keyring, file, file:PATH"),
        ("[credential.a]\ngrant = \"token_exchange\"", 2, "needs subject_token_file"),
        ("[credential.a]\nsubject_token_file = \"/t\"", 2, "only with grant = \"token_exchange\""),
        ("[credential.a]\ngrant = \"jwt_bearer\"", 2, "needs one of assertion_file and assertion_key_file"),
        (
            "[credential.a]\ngrant = \"jwt_bearer\"\nassertion_file = \"/a\"\nassertion_subject = \"s\"",
            4,
            "for an assertion that is signed here",
        ),
        (
            "[credential.a]\nclient_key_file = \"/k\"\nclient_key_keyring = \"k\"",
            3,
            "a client_key_file and a client_key_keyring",
        ),
        (
            "[credential.a]\ntoken_endpoint = \"https://a.example/t\"\nclient_id = \"c\"\nseed_file = \"/s\"\n\
             grant = \"client_credentials\"",
            4,
            "its grant has none",
        ),
        ("[[sink]]\ncredential = \"a\"", 1, "[[sink]] needs the key path"),
        ("[[sink]]\ncredential = \"a\"\npath = \"/t/\"", 3, "names a folder"),
        ("[[sink]]\ncredential = \"a\"\npath = \"/t\"\nmode = \"0602\"", 4, "everybody write"),
        ("[[sink]]\ncredential = \"a\"\npath = \"/t\"\nresource = \"x\"", 1, "absolute URI"),
        (
            "[[sink]]\ncredential = \"a\"\npath = \"/x/t\"\n[[sink]]\ncredential = \"b\"\npath = \"/x/y/../t\"",
            6,
            "two token files",
        ),
        (
            "[store]\nkey = \"file\"\n[[sink]]\ncredential = \"a\"\npath = \"/s\"\n[credential.a]\nclient_secret_file = \"/s\"",
            5,
            "credential.client_secret_file",
        ),
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
    let [only] = &proxies[0].routes[..] else { panic!("{:?}", proxies[0].routes) };
    assert_eq!(only.upstream, "https://api.example/");
    assert_eq!(only.replay_limit, 65_536);
    assert!(only.prefix.is_root() && only.strip_prefix);
    assert_eq!(proxies[0].listen, renewd_proxy::Listen::Unix(given.dir.path().join("p.sock")));
}

#[test]
fn a_route_takes_from_its_proxy_what_it_does_not_say_itself() {
    let given = Given::file(
        "[[proxy]]\nlisten = \"127.0.0.1:1\"\ncredential = \"a\"\nreplay_limit = \"64KiB\"\nupstream_http2 = \"off\"\n\
         [[proxy.route]]\nprefix = \"/git\"\nupstream = \"https://git.example\"\n\
         [[proxy.route]]\nprefix = \"/rpc/\"\nupstream = \"http://127.0.0.1:2\"\ncredential = \"b\"\nstrip_prefix = false\n\
         upstream_http2 = \"prior-knowledge\"\nscope = \"read\"\n",
    );
    let proxies = given.load(&[]).unwrap().proxies();
    let [git, rpc] = &proxies[0].routes[..] else { panic!("{:?}", proxies[0].routes) };
    assert_eq!((git.prefix.to_string().as_str(), git.credential.as_str()), ("/git/", "a"));
    assert_eq!((git.replay_limit, git.upstream_http2), (65_536, renewd_proxy::UpstreamHttp2::Off));
    assert!(git.strip_prefix && git.target.scope.is_empty());
    assert_eq!((rpc.credential.as_str(), rpc.strip_prefix), ("b", false));
    assert_eq!(rpc.upstream_http2, renewd_proxy::UpstreamHttp2::PriorKnowledge);
    assert_eq!(rpc.target.scope, ["read"]);
}

#[test]
fn routes_that_leave_something_open_are_named() {
    const PROXY: &str = "[[proxy]]\nlisten = \"127.0.0.1:1\"\n";
    const ROUTE: &str = "[[proxy.route]]\nprefix = \"/a/\"\nupstream = \"https://a\"\n";
    for (rest, what) in [
        (ROUTE.to_owned(), "[[proxy.route]] needs the key credential"),
        (format!("upstream = \"https://b\"\n{ROUTE}credential = \"a\"\n"), "credential beside upstream"),
        (format!("credential = \"a\"\n{ROUTE}{ROUTE}"), "two routes have the prefix /a/"),
        (
            format!("credential = \"a\"\nscope = [\"x\"]\n{ROUTE}"),
            "proxy.scope is of the proxy's own upstream",
        ),
        ("credential = \"a\"\n[[proxy.route]]\nprefix = \"/a/\"\n".to_owned(), "needs the key upstream"),
        (
            format!("credential = \"a\"\nupstream = \"https://b\"\n{}", ROUTE.replace("/a/", "/")),
            "the prefix / is what proxy.upstream is for",
        ),
    ] {
        let error = Given::file(&format!("{PROXY}{rest}")).load(&[]).err().unwrap().to_string();
        assert!(error.contains(what), "{rest}: {error}");
    }
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

const OWN: &str = "[profile.acme]\nas_class = \"P3\"\ngrace = \"30s\"\n[profile.acme.endpoints]\n\
                   token = \"https://id.acme.example/token\"\nhosts = [\"id.acme.example\"]\n";

#[test]
fn a_profile_of_the_users_own_is_read_with_the_rest() {
    let config = Given::file(OWN).load(&[]).unwrap();
    let acme = config.profiles().named("acme").unwrap();
    assert_eq!(acme.profile.grace, Span::from_secs(30));
    assert!(acme.source.is_own() && acme.source.to_string().ends_with("config.toml:1"), "{}", acme.source);
    let by_host = config.profiles().for_server(None, "https://id.acme.example/token");
    assert_eq!(by_host.map(|p| p.name.as_ref()), Some("acme"));
    assert!(config.profiles().for_server(None, "https://other.example/token").is_none());
}

#[test]
fn one_that_is_called_as_a_built_in_takes_its_place() {
    let config = Given::file("[profile.generic]\ntitle = \"Ours\"\nas_class = \"P0\"").load(&[]).unwrap();
    assert_eq!(config.profiles().named("generic").unwrap().profile.title, "Ours");
    let named = config.profiles().all().iter().filter(|k| k.profile.name == "generic").count();
    assert_eq!(named, 1);
}

#[test]
fn what_is_wrong_with_a_profile_is_told_by_its_line() {
    for (text, line, words) in [
        ("[profile.acme]\nas_clas = \"P3\"", 2, "did you mean as_class?"),
        ("[profile.acme]\nas_class = \"P9\"", 2, "P9"),
        ("[profile.acme]\n[[profile.acme.override]]\nname = \"a\"\nverdict = \"success\"", 4, "success"),
        ("profile = 3", 1, "profile must be a table"),
        ("[profile]\nacme = 3", 2, "acme"),
    ] {
        let failure = Given::file(text).load(&[]).unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Configuration);
        assert!(failure.message.contains(words), "{text}: {}", failure.message);
        assert!(failure.message.contains(&format!("config.toml:{line}: ")), "{text}: {}", failure.message);
    }
}

#[test]
fn a_profile_says_what_an_entry_then_need_not_say() {
    for entry in [
        "[credential.a]\nprofile = \"acme\"\ngrace = \"10s\"",
        "[credential.a]\ntoken_endpoint = \"https://id.acme.example/token\"\ngrace = \"10s\"",
        "[credential.a]\nprofile = \"acme\"\nclient_id = \"c\"\nseed_file = \"/x\"",
    ] {
        Given::file(&format!("{OWN}{entry}")).load(&[]).unwrap();
    }
    // Chosen for its issuer's host alone, it sends no seed to another.
    let elsewhere = OWN.replace("hosts = [\"id.acme.example\"]", "hosts = [\"accounts.bank.example\"]");
    let entry =
        "[credential.a]\nissuer = \"https://accounts.bank.example\"\nclient_id = \"c\"\nseed_file = \"/x\"";
    let failure = Given::file(&format!("{elsewhere}{entry}")).load(&[]).unwrap_err();
    assert!(failure.message.contains("seed_file needs token_endpoint"), "{}", failure.message);
    let strict = format!("{OWN}[credential.a]\nprofile = \"acme\"\nas_class = \"P2\"\ngrace = \"10s\"");
    assert!(Given::file(&strict).load(&[]).unwrap_err().message.contains("only with as_class"));
}

#[test]
fn a_profile_file_goes_before_the_configuration_and_two_of_one_name_are_refused() {
    let given = Given::file(OWN);
    let write = |path: &str, text: &str| {
        let path = given.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let load = |files: &[std::path::PathBuf]| {
        let env = Environment::of(&[]);
        let places = Places::find(&env, Some(&given.path()), Some(Path::new("/state")))?;
        Config::load(&places.with_profile_files(files)?, &env)
    };
    let acme = write("acme.toml", "as_class = \"P0\"");
    let config = load(std::slice::from_ref(&acme)).unwrap();
    let found = config.profiles().named("acme").unwrap();
    assert_eq!((found.profile.as_class.name(), found.source), ("P0", &Source::File(acme.clone().into())));
    let twice = load(&[acme, write("b/acme.toml", "")]).unwrap_err();
    assert!(twice.message.contains("two profile files are called acme"), "{}", twice.message);
    let bad = load(&[write("bad.toml", "\nas_class = 3")]).unwrap_err();
    assert!(bad.message.contains("bad.toml:2: "), "{}", bad.message);
    let absent = load(&[given.dir.path().join("none.toml")]).unwrap_err();
    assert!(absent.message.contains("none.toml does not exist"), "{}", absent.message);
    assert_eq!(absent.exit, crate::exit::Exit::Configuration);
}

#[test]
fn a_hundred_thousand_keys_are_refused_in_a_few_lines() {
    let many = |each: fn(usize) -> String, count| (0..count).map(each).collect::<String>();
    let keys = many(|i| format!("k{i} = 1\n"), 100_000);
    let message = Given::file(&keys).load(&[]).unwrap_err().message;
    assert!(message.lines().count() < 60 && message.ends_with("and 99950 more"), "{} bytes", message.len());
    let profiles = many(|i| format!("[profile.p{i}]\n"), 20_000);
    let message = Given::file(&profiles).load(&[]).unwrap_err().message;
    assert!(message.contains("profile has 20000 tables; at most 256 are read"), "{} bytes", message.len());
}
