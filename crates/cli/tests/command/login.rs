//! Logging in at a real server on loopback: each way, what is kept, what is refused, and who keeps it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};

use renewd_testkit::{
    AsConfig, AuthorizationServer, ClientAuth, Dpop, Fault, LoginConfig, Registration, http_request,
};
use serde_json::Value;

use crate::world::{Ended, World, finish};

const CLIENT: &str = "testkit-client";

fn server(login: LoginConfig) -> AuthorizationServer {
    AuthorizationServer::start(AsConfig { login, ..AsConfig::default() }).unwrap()
}

/// A login that goes on while the test is the person.
struct Going {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Going {
    fn begin(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(&[&["login"][..], args, &["--json"]].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line of that event. Panics with what was said where there is none.
    #[track_caller]
    fn event(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("no {event}: {said}");
            }
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["schema"], 1);
            if value["event"] == event {
                return value;
            }
        }
    }

    fn end(mut self) -> Ended {
        let mut out = String::new();
        self.lines.read_to_string(&mut out).unwrap();
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Ended { code: self.child.wait().unwrap().code().unwrap_or(-1), out, err }
    }
}

/// What a browser does: goes where it is sent.
fn browse(url: &str) {
    let mut next = url.to_owned();
    for _ in 0..4 {
        let rest = next.strip_prefix("http://").unwrap().to_owned();
        let (authority, target) = rest.split_once('/').unwrap();
        let addr: SocketAddr = authority.parse().unwrap();
        let answer = http_request(addr, "GET", &format!("/{target}"), &[], b"").unwrap();
        match answer.header("location") {
            Some(location) => next = location.to_owned(),
            None => return,
        }
    }
    panic!("sent about without end: {next}");
}

fn in_a_browser(world: &World, server: &AuthorizationServer, more: &[&str]) -> Ended {
    let issuer = server.issuer();
    let mut going = Going::begin(world, &[&["work", "--issuer", &issuer, "--no-browser"][..], more].concat());
    let url = going.event("authorize")["url"].as_str().unwrap().to_owned();
    browse(&url);
    going.end()
}

#[test]
fn a_login_in_a_browser_is_a_living_credential() {
    let (world, server) = (World::new(), server(LoginConfig::default()));
    let ended = in_a_browser(&world, &server, &["--client-id", CLIENT, "--scope", "openid repo"]);
    let ended = ended.expect(
        0,
        &[
            "logging work in",
            "in a browser of yours",
            "✓ work: logged in",
            "renewed by its refresh token",
            "renewd token work",
        ],
    );
    let done: Value = serde_json::from_str(ended.out.trim_end()).unwrap();
    assert_eq!((&done["event"], &done["credential"]["token_valid"]), (&"done".into(), &true.into()));
    assert!(done["subject"].is_string(), "{done}");
    let requests = server.totals().token_requests;
    let token = world.run(&["token", "work"]).expect(0, &[]).out;
    assert_eq!(server.totals().token_requests, requests, "the login brought a token: {token}");
    world.run(&["refresh", "work"]).expect(0, &["token refreshed"]);
    assert_eq!(world.status("work")["epoch"], 1);
}

#[test]
fn a_login_with_a_code_shows_it_and_waits_until_it_was_entered() {
    let login = LoginConfig { device_interval_s: Some(1), ..LoginConfig::default() };
    let (world, server) = (World::new(), server(login));
    let issuer = server.issuer();
    let mut going = Going::begin(&world, &["work", "--issuer", &issuer, "--client-id", CLIENT, "--device"]);
    let shown = going.event("device");
    let code = shown["user_code"].as_str().unwrap();
    assert!(
        shown["verification_uri"].as_str().unwrap().starts_with("http://") && shown["expires_in"].is_u64()
    );
    assert!(server.approve_device(code), "{shown}");
    let done = going.event("done");
    assert_eq!(done["credential"]["status"], "running");
    let spaced: String = code.chars().flat_map(|c| [c, ' ']).collect();
    going.end().expect(0, &["with a code on any device", spaced.trim_end(), "logged in"]);
    world.run(&["refresh", "work"]).expect(0, &[]);
}

#[test]
fn without_a_display_the_code_is_taken_and_it_is_said_why() {
    let login = LoginConfig {
        device_approved_at_poll: Some(1),
        device_interval_s: Some(1),
        ..LoginConfig::default()
    };
    let (world, server) = (World::new(), server(login));
    let issuer = server.issuer();
    let ended = world.run(&["login", "work", "--issuer", &issuer, "--client-id", CLIENT]);
    let ended = ended.expect(0, &["with a code on any device (", "On any device, open", "logged in"]);
    assert!(ended.out.is_empty(), "words for people go to standard error: {}", ended.out);
}

#[test]
fn the_same_login_again_needs_nothing_said_and_another_one_needs_leave() {
    let (world, server) = (World::new(), server(LoginConfig::default()));
    in_a_browser(&world, &server, &["--client-id", CLIENT, "--scope", "repo"]).expect(0, &[]);
    // Nothing but the name: everything else stands in the record.
    let mut again = Going::begin(&world, &["work", "--no-browser"]);
    let url = again.event("authorize")["url"].as_str().unwrap().to_owned();
    assert!(url.contains("scope=repo") && url.contains(CLIENT), "{url}");
    browse(&url);
    again.end().expect(0, &["logged in"]);
    assert_eq!(world.status("work")["epoch"], 2);
    let other = World::new();
    let issuer = server.issuer();
    let ended = world.run(&["login", "work", "--issuer", &issuer, "--client-id", "another", "--no-browser"]);
    ended.expect(
        2,
        &["work is another login: the client is testkit-client there, and would be another", "--replace"],
    );
    assert_eq!(world.status("work")["epoch"], 2, "nothing was touched");
    assert!(!other.state().exists());
}

#[test]
fn a_client_that_proves_itself_logs_in_without_a_person() {
    let config = AsConfig {
        client_secret: Some("s3cret".into()),
        client_auth: ClientAuth::Basic,
        ..AsConfig::default()
    };
    let (world, server) = (World::new(), AuthorizationServer::start(config).unwrap());
    let secret = world.file("cs", "s3cret\n");
    let issuer = server.issuer();
    let args = [
        "login",
        "ci",
        "--issuer",
        &issuer,
        "--client-id",
        CLIENT,
        "--client-secret-file",
        secret.to_str().unwrap(),
        "--client-auth",
        "basic",
        "--grant",
        "client-credentials",
        "--scope",
        "build",
    ];
    world.run(&args).expect(0, &["by client credentials", "renewed by the client's own credentials"]);
    let first = world.run(&["token", "ci"]).expect(0, &[]).out;
    world.run(&["refresh", "ci"]).expect(0, &["token refreshed"]);
    assert_ne!(world.run(&["token", "ci"]).out, first);
    world.run(&["login", "ci"]).expect(0, &["by client credentials"]);
}

#[test]
fn an_issuer_from_the_configuration_or_an_import_is_asked_as_it_was_written() {
    let server = server(LoginConfig::default());
    let issuer = server.issuer();
    let configured = World::new();
    configured.configure(&format!("[credential.work]\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n"));
    let imported = World::new();
    let token = server.token_url();
    let import = ["import", "work", "--token-endpoint", &token, "--client-id", CLIENT, "--issuer", &issuer];
    imported.feed(&import, b"a-refresh-token\n").expect(0, &[]);
    for world in [&configured, &imported] {
        let mut going = Going::begin(world, &["work", "--no-browser"]);
        browse(going.event("authorize")["url"].as_str().unwrap());
        going.end().expect(0, &["logged in"]);
    }
}

#[test]
fn a_grant_in_the_configuration_needs_no_login_at_all() {
    let config = AsConfig {
        client_secret: Some("s3cret".into()),
        client_auth: ClientAuth::Post,
        ..AsConfig::default()
    };
    let (world, server) = (World::new(), AuthorizationServer::start(config).unwrap());
    world.file("cs", "s3cret\n");
    world.configure(&format!(
        "[credential.ci]\ngrant = \"client_credentials\"\ntoken_endpoint = \"{}\"\nclient_id = \"{CLIENT}\"\n\
         client_secret_file = \"{}\"\n",
        server.token_url(),
        world.path("cs").display()
    ));
    assert_eq!(world.run(&["token", "ci"]).expect(0, &[]).out.lines().count(), 1);
    assert_eq!(world.status("ci")["status"], "running");
}

#[test]
fn a_server_that_makes_clients_is_asked_for_one_and_only_once() {
    let login = LoginConfig { registration: Registration::Open, ..LoginConfig::default() };
    let (world, server) = (World::new(), server(login));
    // The first login is left before its end; the client that was made for it serves the second.
    let issuer = server.issuer();
    let mut left = Going::begin(&world, &["work", "--issuer", &issuer, "--no-browser"]);
    left.event("authorize");
    left.child.kill().unwrap();
    left.child.wait().unwrap();
    assert_eq!(server.registered_clients().len(), 1);
    let ended = in_a_browser(&world, &server, &[]);
    ended.expect(0, &["that was registered for this login before", "logged in"]);
    assert_eq!(server.registered_clients().len(), 1);
    world.run(&["refresh", "work"]).expect(0, &[]);
    // With the login goes what was made for it, in this order: a client that is gone revokes nothing.
    let ended = world.run(&["logout", "work"]).expect(0, &["revoked at the server", "deleted at the server"]);
    assert!(!ended.err.contains("not revoked"), "{}", ended.err);
    assert_eq!(server.registered_clients().len(), 0);
}

#[test]
fn no_client_and_no_way_to_one_says_where_and_with_which_address() {
    let login = LoginConfig { registration: Registration::Closed, ..LoginConfig::default() };
    let (world, server) = (World::new(), server(login));
    let issuer = server.issuer();
    world.run(&["login", "work", "--issuer", &issuer, "--no-browser"]).expect(
        2,
        &[
            "login of work needs --client-id",
            "register one at",
            "http://127.0.0.1/callback",
            "--client-id ID",
        ],
    );
    world.run(&["login", "work"]).expect(2, &["--issuer URL", "--resource URL", "--profile P"]);
}

#[test]
fn tokens_are_bound_to_a_key_that_outlives_a_login_that_was_left() {
    let login = LoginConfig { dpop: Dpop::Required, dpop_nonce: true, ..LoginConfig::default() };
    let (world, server) = (World::new(), server(login));
    let issuer = server.issuer();
    let args = ["work", "--issuer", &issuer, "--client-id", CLIENT, "--no-browser", "--dpop"];
    let mut left = Going::begin(&world, &args);
    let first = left.event("authorize")["url"].as_str().unwrap().to_owned();
    left.child.kill().unwrap();
    left.child.wait().unwrap();
    let mut going = Going::begin(&world, &args);
    let second = going.event("authorize")["url"].as_str().unwrap().to_owned();
    let bound = |url: &str| url.split('&').find(|part| part.starts_with("dpop_jkt=")).map(String::from);
    assert!(bound(&first).is_some() && bound(&first) == bound(&second), "{first} {second}");
    browse(&second);
    going.end().expect(0, &["logged in"]);
    world.run(&["refresh", "work"]).expect(0, &[]);
    let json = world.run(&["token", "work", "--format", "json"]).expect(0, &[]).json();
    assert_eq!(json["token_type"], "DPoP");
}

#[test]
fn an_interrupted_login_leaves_nothing() {
    use rustix::process::{Pid, Signal, kill_process};
    let (world, server) = (World::new(), server(LoginConfig::default()));
    let issuer = server.issuer();
    let mut going =
        Going::begin(&world, &["work", "--issuer", &issuer, "--client-id", CLIENT, "--no-browser"]);
    going.event("authorize");
    kill_process(Pid::from_child(&going.child), Signal::INT).unwrap();
    let ended = going.end();
    assert_eq!(ended.code, -1, "by the signal");
    assert!(ended.err.contains("interrupted; nothing was kept"), "{}", ended.err);
    world.run(&["status", "work"]).expect(3, &["no credential is called work"]);
}

#[test]
fn a_refusal_by_the_person_is_exit_3_and_in_json() {
    let login = LoginConfig {
        consent: renewd_testkit::Consent::Deny("access_denied".into()),
        ..LoginConfig::default()
    };
    let (world, server) = (World::new(), server(login));
    let ended = in_a_browser(&world, &server, &["--client-id", CLIENT])
        .expect(3, &["the server refused: the person or a rule there did not agree (access_denied"]);
    let error: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&"login_denied".into(), &3.into()));
}

#[test]
fn a_login_goes_to_the_agent_that_keeps_everything_in_memory() {
    let (world, server) = (World::new(), server(LoginConfig::default()));
    world.configure("[store]\nkind = \"memory\"\n");
    let issuer = server.issuer();
    let args = ["login", "work", "--issuer", &issuer, "--client-id", CLIENT, "--no-browser"];
    world.run(&args).expect(2, &["start the agent first"]);
    let _agent = world.agent(&[]);
    let ended = in_a_browser(&world, &server, &["--client-id", CLIENT]);
    ended.expect(0, &["the login goes to the agent", "kept in      the agent (process"]);
    let requests = server.totals().token_requests;
    world.run(&["token", "work"]).expect(0, &[]);
    assert_eq!(server.totals().token_requests, requests, "the agent has it at once, and its token with it");
    world.run(&["refresh", "work"]).expect(0, &[]);
    // Again, with nothing said: the agent tells what the login was made with, and no secret of it.
    let mut again = Going::begin(&world, &["work", "--no-browser"]);
    let url = again.event("authorize")["url"].as_str().unwrap().to_owned();
    browse(&url);
    again.end().expect(0, &["logged in"]);
    assert_eq!(world.status("work")["epoch"], 2);
    world
        .run(&["login", "work", "--issuer", &issuer, "--client-id", "another", "--no-browser"])
        .expect(2, &["is another login"]);
    let log = std::fs::read_to_string(world.path("agent.log")).unwrap();
    let token = world.run(&["token", "work"]).out;
    assert!(log.contains("handed over") && !log.contains(token.trim_end()), "{log}");
}

#[test]
fn a_running_agent_has_a_login_at_once() {
    let (world, server) = (World::new(), server(LoginConfig::default()));
    in_a_browser(&world, &server, &["--client-id", CLIENT]).expect(0, &[]);
    let _agent = world.agent(&[]);
    server.set_fault(Fault::InvalidGrant);
    world.run(&["refresh", "work"]).expect(3, &["renewd login work"]);
    let status = world.status("work");
    let request = &status["login_request"];
    assert_eq!(
        (&request["epoch"], &request["cause"], &request["command"]),
        (&1.into(), &"grant_refused".into(), &"renewd login work".into()),
        "{status}"
    );
    server.set_fault(Fault::Ok);
    let mut again = Going::begin(&world, &["work", "--no-browser"]);
    let url = again.event("authorize")["url"].as_str().unwrap().to_owned();
    browse(&url);
    let done = again.event("done");
    assert_eq!(done["credential"]["epoch"], 2);
    again.end().expect(0, &[]);
    let status = world.status("work");
    assert_eq!(
        (&status["status"], &status["epoch"], &status["login_request"]),
        (&"running".into(), &2.into(), &Value::Null)
    );
    world.run(&["token", "work"]).expect(0, &[]);
}

#[test]
fn what_one_server_was_shown_is_shown_to_no_other() {
    let (world, one, other) = (World::new(), server(LoginConfig::default()), server(LoginConfig::default()));
    let subject = world.file("subject", "somebodys-token\n");
    let subject = subject.to_str().unwrap();
    let exchange = |issuer: &str, more: &[&str]| {
        let args = [
            "login",
            "work",
            "--replace",
            "--issuer",
            issuer,
            "--client-id",
            CLIENT,
            "--grant",
            "token-exchange",
        ];
        world.run(&[&args[..], more].concat())
    };
    let kind = ["--subject-token-type", "urn:ietf:params:oauth:token-type:jwt"];
    exchange(&one.issuer(), &[&["--subject-token-file", subject][..], &kind].concat())
        .expect(0, &["logged in"]);
    exchange(&one.issuer(), &[]).expect(0, &["logged in"]);
    exchange(&other.issuer(), &[]).expect(2, &["needs --subject-token-file"]);
    assert_eq!(other.totals().token_requests, 0);
}

#[test]
fn what_cannot_be_is_told_before_anything_is_sent() {
    let (world, server) = (World::new(), server(LoginConfig::default()));
    let issuer = server.issuer();
    for (more, words) in [
        (&["--grant", "token-exchange", "--client-id", "c"][..], "needs --subject-token-file"),
        (&["--grant", "jwt-bearer", "--client-id", "c"], "--assertion-key-file"),
        (&["--client-id", "c", "--no-browser", "--redirect-uri", "javascript:alert(1)"], "redirect address"),
        (&["--client-id", "c", "--no-browser", "--parameter", "state=x"], "renewd sets it itself"),
        (&["--client-id", "c", "--no-browser", "--client-auth", "basic"], "--client-secret-file"),
        (&["--client-id", "c", "--client-secret-file", "-", "--client-key-file", "-"], "two readers"),
        (&["--client-id", "c", "--as-class", "P9"], "P0, P1"),
    ] {
        let ended = world.run(&[&["login", "work", "--issuer", &issuer][..], more].concat());
        ended.expect(2, &[words]);
    }
    let key = world.file("key", "no key at all\n");
    let ended = finish(
        world.command(&[
            "login",
            "work",
            "--issuer",
            &issuer,
            "--client-id",
            "c",
            "--client-key-file",
            key.to_str().unwrap(),
        ]),
        b"",
    );
    ended.expect(2, &["the client's key"]);
    assert_eq!(server.totals().token_requests, 0);
}

#[test]
fn a_login_without_a_refresh_token_says_that_it_ends_and_how_another_begins() {
    let world = World::new();
    let server = AuthorizationServer::start(AsConfig {
        client_secret: Some("s3cret".into()),
        client_auth: ClientAuth::Post,
        ..AsConfig::default()
    })
    .unwrap();
    // What no server here does by itself: the record of a login that brought an access token alone.
    let mut options = renewd_store::FileStoreOptions::new(world.state());
    options.key = renewd_store::KeyChoice::from_setting("file", &world.state()).unwrap();
    let store = renewd_store::FileStore::open(options).unwrap();
    let now = renewd_driver::Clock::now(&renewd_driver::system::SystemClock);
    let identity = renewd_core::Identity {
        token_endpoint: server.token_url(),
        client_id: CLIENT.into(),
        ..renewd_core::Identity::default()
    };
    let access = renewd_core::Access {
        key: renewd_core::AccessKey::default(),
        token: renewd_core::Secret::from("at-1"),
        token_type: "Bearer".into(),
        issued: renewd_core::Stamp::new(
            now,
            renewd_driver::Clock::boot_id(&renewd_driver::system::SystemClock),
        ),
        lifetime: renewd_core::Span::from_hours(1),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant = renewd_core::GrantMaterial { access: vec![access], ..renewd_core::GrantMaterial::default() };
    let record = renewd_core::Record::new(1, identity, renewd_core::Settings::default(), grant, now);
    let name = "work".parse().unwrap();
    let put = renewd_driver::CredentialStore::put(&store, &name, &record, renewd_driver::Expect::Absent);
    assert!(renewd_blocking::block_on(put).is_ok());
    drop(store);
    assert_eq!(world.run(&["token", "work"]).expect(0, &[]).out, "at-1\n");
    let words = ["came without a refresh token", "valid until", "renewd login work"];
    world.run(&["refresh", "work"]).expect(3, &words);
    let _agent = world.agent(&[]);
    world.run(&["refresh", "work"]).expect(3, &words);
    assert_eq!(server.totals().token_requests, 0);
}

#[test]
fn a_name_that_is_a_providers_is_enough_where_nothing_else_says_where() {
    let (world, server) = (World::new(), server(LoginConfig::default()));
    world.configure(&format!("[profile.acme.endpoints]\nissuer = \"{}\"\n", server.issuer()));
    let mut going = Going::begin(&world, &["acme", "--client-id", CLIENT, "--no-browser"]);
    browse(going.event("authorize")["url"].as_str().unwrap());
    let words = ["nothing else says where to log acme in", "(profile acme)", "✓ acme: logged in"];
    going.end().expect(0, &words);

    // Whatever says where goes before it: the name is only a name then.
    let issuer = server.issuer();
    let args =
        ["login", "google", "--issuer", &issuer, "--client-id", CLIENT, "--grant", "client-credentials"];
    let ended = world.run(&args);
    assert!(!ended.err.contains("Google"), "{}", ended.err);
}

#[test]
fn a_name_with_nothing_that_says_where_is_told_of_the_flags_and_of_the_list_of_providers() {
    let world = World::new();
    let words = ["nothing says where", "--issuer", "--resource", "--profile", "`renewd profiles`"];
    world.run(&["login", "foo"]).expect(2, &words);
    world.run(&["login", "gogle"]).expect(2, &["did you mean google?"]);
    world.run(&["login", "generic"]).expect(2, &words);
    world
        .run(&["login", "google"])
        .expect(2, &["(profile google)", "--client-id", "https://console.cloud.google.com/"]);
}

#[test]
fn a_secret_without_the_client_whose_it_is_registers_no_other_client() {
    let login = LoginConfig { registration: Registration::Open, ..LoginConfig::default() };
    let (world, server) = (World::new(), server(login));
    world.file("secret", "a-secret");
    let issuer = server.issuer();
    let args = [
        "login",
        "ci",
        "--issuer",
        &issuer,
        "--client-secret-file",
        "secret",
        "--grant",
        "client-credentials",
    ];
    let ended = world.run(&args).expect(2, &["--client-id", "the client whose secret it is"]);
    assert!(!ended.err.contains("registered"), "{}", ended.err);
}

#[test]
fn an_entry_of_the_configuration_without_a_login_is_told_of_the_command_that_makes_it() {
    let world = World::new();
    world.configure("[credential.conf]\nissuer = \"https://as.example\"\nclient_id = \"a\"\ngrant = \"client_credentials\"\n");
    let ended =
        world.run(&["token", "conf"]).expect(3, &["conf stands in the configuration", "renewd login conf"]);
    assert!(!ended.err.contains("did you mean"), "{}", ended.err);
}
