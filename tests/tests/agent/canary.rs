//! No secret is written where it was not asked for: one walk through every command with tokens that nobody could guess,
//! everything said at trace level, and everything that comes out searched. `cargo xtask test` then runs all other tests of
//! this crate in the same way; here is what they do not pass by, and the proof that a leak would be seen.

#![cfg(unix)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use renewd_e2e::disclosure::{self, intend};
use renewd_e2e::testkit::SecretKind;
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ClientAuth, Fault, ProtectedApi, issued_after};
use renewd_e2e::{Agent, Home, QUICK_RETRY, Ran, Running, at_point, wait_for};
use serde_json::json;

/// Characters that every encoding writes in another way, among enough of the others.
fn client_secret() -> String {
    let random =
        AuthorizationServer::start(AsConfig::default()).expect("a server can be started").mint_grant();
    format!("c/s+{}=&%\"{}~", &random.refresh_token[3..25], &random.access_token[3..25])
}

/// Answers that show what they were sent, in every place that ends up in a message.
fn indiscreet(refresh_token: &str, secret: &str) -> Vec<Fault> {
    let description = format!("the token {refresh_token} of the client with {secret} is not liked");
    let body = |error: &str| {
        json!({"error": error, "error_description": description, "error_uri": description}).to_string()
    };
    let status = |code: u16, body: String| Fault::Status { code, retry_after: None, body };
    vec![
        status(400, body("temporarily_unavailable")),
        status(403, format!("<!DOCTYPE html><p>{description}")),
        status(500, description.clone()),
        status(400, body(refresh_token)),
        status(400, json!({"error": {"code": secret, "message": description}}).to_string()),
        Fault::Raw(
            format!("HTTP/1.1 418 {description}\r\nContent-Type: text/{refresh_token}\r\nX: {secret}\r\nContent-Length: 0\r\n\r\n")
                .into_bytes(),
        ),
        Fault::Raw(format!("{refresh_token} is no HTTP\r\n\r\n").into_bytes()),
        Fault::Redirect { location: format!("http://127.0.0.1:1/{refresh_token}?{secret}") },
        Fault::status_retry_after(429, description.clone()),
    ]
}

/// The refresh token issued last.
fn current_refresh_token() -> String {
    let issued = issued_after(0);
    let last = issued.iter().rfind(|secret| secret.text.starts_with("rt_"));
    last.expect("a login was made").text.clone()
}

/// A login with a client secret, and all that is searched at the end of it.
struct World {
    server: AuthorizationServer,
    api: ProtectedApi,
    home: Home,
    secret: String,
    client_auth: &'static str,
}

impl World {
    fn new(client_auth: &'static str, accepted: ClientAuth) -> Self {
        disclosure::insist();
        let secret = client_secret();
        let server = AuthorizationServer::start(AsConfig {
            client_secret: Some(secret.clone()),
            client_auth: accepted,
            ..AsConfig::default()
        })
        .expect("a server can be started");
        let api = ProtectedApi::start(&server).expect("an API can be started");
        let home = Home::with(&format!(
            "{QUICK_RETRY}[auth_retrying]\ninterval = \"200ms\"\n[refresh]\nsettle = \"200ms\"\n\
             [agent]\nstatus = \"127.0.0.1:0\"\n\
             [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
            api.url()
        ));
        Self { server, api, home, secret, client_auth }
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.home.run(args)
    }

    fn log_in(&self) {
        let secret_file = self.home.private_file("client-secret", &self.secret);
        let secret_file = secret_file.to_str().expect("a path of ours is text");
        self.home.import_with(
            "work",
            &self.server,
            &["--client-auth", self.client_auth, "--client-secret-file", secret_file],
        );
        // What was imported is known here from now on only as a record.
        fs::remove_file(secret_file).expect("one's own file can be removed");
    }

    fn alone(&self) {
        for format in ["raw", "header", "json", "env"] {
            let given = self.run(&["token", "work", "--format", format]).succeeded();
            assert!(
                !disclosure::search(given.stdout.as_bytes()).is_empty(),
                "{format} gives the access token"
            );
        }
        for helper in [&["helper", "api-key", "work"][..], &["helper", "headers", "work"]] {
            let given = self.run(helper).succeeded();
            assert!(
                !disclosure::search(given.stdout.as_bytes()).is_empty(),
                "{helper:?} gives the access token"
            );
        }
        self.run(&["refresh", "work"]).succeeded();
    }

    /// The command that `run` starts sees what it was to see, and its file is gone afterwards.
    fn with_children(&self) {
        let upstream = format!("API={}", self.api.url());
        for (flags, reads) in [
            (&["--env", "TOKEN"][..], "$TOKEN"),
            (&["--file", "PLACE"], "$(cat $PLACE)"),
            (&["--proxy", &upstream], "${API##*/~}"),
        ] {
            let seen = self.home.path().join(format!("seen{}", flags[0]));
            let wait = format!("while test ! -e {}; do sleep 0.05; done", seen.display());
            let script = format!("test -n \"{reads}\" && echo ready >&2 && {wait}");
            let mut args = vec!["run", "work"];
            args.extend(flags);
            args.extend(["--", "/bin/sh", "-c", &script]);
            let mut command = self.home.command(args);
            command.env("PATH", "/usr/bin:/bin");
            let mut running = Running::start(command, b"");
            wait_for("the command", || running.stderr().contains("ready").then_some(()));
            running.overhear();
            fs::write(seen, "").expect("a file can be written");
            running.finish().succeeded();
        }
    }

    fn with_an_agent(&self) {
        let agent = Agent::start(&self.home);
        let proxy = agent.proxy();
        assert_eq!(proxy.get("/before").status, 200);
        let asked = agent.socket().post("/v1/credentials/work/token", &json!({}));
        assert!(!disclosure::search(&asked.body).is_empty(), "the API gives the access token");
        self.api.revoke_current();
        assert_eq!(proxy.request("POST", "/echo", &[], b"a body").expect("an answer").status, 200);
        for fault in indiscreet(&current_refresh_token(), &self.secret) {
            self.server.set_fault(fault.clone());
            assert_ne!(self.run(&["refresh", "work"]).code, Some(0), "{fault}");
            self.run(&["status"]).succeeded();
            self.run(&["status", "work"]).succeeded();
            self.run(&["status", "--json"]).succeeded();
        }
        let status = agent.status_address();
        for target in ["/v1/credentials", "/v1/credentials/work", "/metrics", "/readyz", "/healthz"] {
            assert!(!status.get(target).body.is_empty(), "{target}");
        }
        self.api.revoke_current();
        assert!(matches!(proxy.get("/without").status, 401 | 503), "no token can be had");
        self.server.set_fault(Fault::Ok);
        self.run(&["refresh", "work"]).succeeded();
        assert_eq!(proxy.get("/after").status, 200);
        agent.stop().succeeded();
    }

    fn what_only_reads(&self) {
        let current = current_refresh_token();
        let said = format!(
            "{{\"error\":\"invalid_grant\",\"error_description\":\"{current} was {}\"}}",
            self.secret
        );
        let body = self.home.private_file("body", &said);
        let sent = self.home.private_file("sent", &current);
        let path = |path: &std::path::Path| path.to_str().expect("a path of ours is text").to_owned();
        let (body, sent) = (path(&body), path(&sent));
        // Its own input is what it is asked to explain; what was sent is left out of it.
        intend(
            "stdout of renewd explain",
            SecretKind::ClientSecret,
            "it stands in the answer to be explained",
        );
        let files = ["--body", &body, "--sent-refresh-token-file", &sent];
        self.run(&[&["explain", "--status", "400", "--json"][..], &files].concat()).succeeded();
        for args in [
            &["history", "work"][..],
            &["history", "work", "--events"],
            &["history", "work", "--json"],
            &["config", "show"],
            &["config", "show", "work"],
            &["config", "check"],
            &["status", "work", "--json"],
        ] {
            self.run(args).succeeded();
        }
        self.run(&["doctor"]);
        self.run(&["logout", "work"]).succeeded();
        self.run(&["token", "work"]).failed(3);
    }

    /// What was typed in the wrong place is not repeated.
    fn wrong_places(&self) {
        let endpoint = self.server.token_url();
        let mut import =
            self.home.command(["import", "other", "--token-endpoint", &endpoint, "--client-id", "x"]);
        import.env("RENEWD_AUTH_RETRYING_INTERVAL", "soon");
        let two_lines = format!("{}\n{}\n", current_refresh_token(), self.secret);
        Running::start(import, two_lines.as_bytes()).finish().failed(2);
        self.home.configure(&format!("[credential.work]\nclient_secret = {}\n", json!(self.secret)));
        self.run(&["config", "check"]).failed(6);
        fs::remove_file(self.home.configuration()).expect("one's own file can be removed");
    }
}

fn whole_flow(client_auth: &'static str, accepted: ClientAuth) {
    let world = World::new(client_auth, accepted);
    world.log_in();
    world.alone();
    world.with_children();
    world.with_an_agent();
    world.what_only_reads();
    world.wrong_places();
    assert!(world.home.state().join("journal/work.jsonl").is_file(), "there is a journal to be searched");
    // The home and everything in it is searched when it goes.
}

#[test]
fn nothing_is_given_away_with_a_client_secret_in_the_form() {
    whole_flow("post", ClientAuth::Post);
}

#[test]
fn nothing_is_given_away_with_a_client_secret_in_a_header() {
    whole_flow("basic", ClientAuth::Basic);
}

#[test]
fn a_panic_with_a_token_in_its_message_says_where_it_was_and_nothing_else() {
    let world = World::new("post", ClientAuth::Post);
    world.log_in();
    let issued = issued_after(0).len();
    let command = at_point(world.home.command(["refresh", "work"]), "send.after=panic");
    let ran = Running::start(command, b"").finish();
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
    assert!(issued_after(issued).len() >= 2, "there were tokens in the message");
    assert!(ran.stderr.contains("internal error at") && ran.stderr.contains("test_points"), "{ran:?}");
    let agent =
        Agent::start_at(at_point(world.home.command(["agent"]), "send.after=panic"), &world.home.socket());
    world.run(&["refresh", "work"]);
    agent.wait_said("internal error at");
}

/// What the search says about a program that prints a token in some way.
fn verdict(script: &str, token: &str) -> String {
    let home = Home::new();
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", script]).env_clear().env("PATH", "/usr/bin:/bin");
    // What was given on standard input is in no argument.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Running::start(command, token.as_bytes()).finish();
        drop(home);
    }));
    outcome.err().and_then(|panic| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[test]
fn a_program_that_prints_a_token_fails_its_test_however_the_token_is_written() {
    disclosure::provoke();
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let token = server.mint_grant().refresh_token;
    let hex = "od -An -v -tx1 | tr -d ' \\n'";
    for (script, encoding) in [
        ("cat", "Raw"),
        ("cat >&2", "Raw"),
        ("cut -c 20-30", "Raw"),
        ("printf client:; cat | base64 -w 0", "Base64"),
        ("{ printf client:; cat; } | base64 -w 0", "Base64"),
        (hex, "Hex"),
        (&format!("{hex} | tr a-f A-F"), "Hex"),
        (&format!("{hex} | sed 's/../%&/g'"), "Percent"),
        (&format!("{hex} | sed 's/../\\\\u00&/g'"), "UnicodeEscape"),
        ("od -An -v -tu1 | tr -s ' \\n' , | tr , '\\n' | sed '/^$/d' | paste -sd,", "ByteList"),
    ] {
        let said = verdict(script, &token);
        assert!(said.starts_with("LEAK: a secret in std"), "{script}: {said:?}");
        assert!(said.contains("RefreshToken") && said.contains(encoding), "{script}: {said}");
        assert!(disclosure::search(said.as_bytes()).is_empty(), "and the report does not repeat it");
    }
    assert_eq!(verdict("cat | wc -c", &token), "", "what gives nothing away is let through");
}

#[test]
fn a_token_in_an_argument_in_an_environment_in_a_file_or_in_an_answer_fails_the_test() {
    disclosure::provoke();
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let token = server.mint_grant().access_token;
    let failure = |act: &dyn Fn()| -> String {
        let outcome = catch_unwind(AssertUnwindSafe(act));
        outcome.err().and_then(|panic| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    };
    let shell = |script: &str| {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().env("PATH", "/usr/bin:/bin");
        command
    };
    let argument = failure(&|| drop(Running::start(shell(&format!("true {token}")), b"").finish()));
    assert!(argument.contains("LEAK: a secret in arguments and environment of sh"), "{argument}");
    let environment = failure(&|| {
        let mut command = shell("true");
        command.env("TOKEN", &token);
        Running::start(command, b"").finish();
    });
    assert!(environment.contains("LEAK") && environment.contains("TOKEN="), "{environment}");
    for name in ["state/leak", &format!("state/{token}")] {
        let file = failure(&|| {
            let home = Home::new();
            fs::write(home.path().join(name), &token).expect("a file can be written");
        });
        assert!(file.contains("LEAK") && file.contains("AccessToken"), "{file}");
    }
    let answer = failure(&|| {
        let api = ProtectedApi::start(&server).expect("an API can be started");
        let door = renewd_e2e::Door::Tcp(api.addr());
        let bearer = format!("Bearer {token}");
        let echoed = door.request("POST", "/echo", &[("Authorization", &bearer)], token.as_bytes());
        assert_eq!(echoed.expect("an answer").status, 200);
    });
    assert!(answer.contains("LEAK: a secret in answer to POST /echo"), "{answer}");
}

#[test]
fn what_is_intended_in_one_place_is_a_leak_in_every_other() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let login = server.mint_grant();
    let leaks = |place: &str, text: &str| disclosure::leaks_in(&[place], text.as_bytes()).len();
    assert_eq!(leaks("stdout of renewd token", &login.access_token), 0);
    assert!(leaks("stdout of renewd token", &login.refresh_token) > 0, "that was not asked for");
    assert!(leaks("stderr of renewd token", &login.access_token) > 0);
    assert!(leaks("stdout of renewd status", &login.access_token) > 0);
    assert_eq!(leaks("answer to POST /v1/credentials/work/token", &login.access_token), 0);
    assert!(leaks("answer to GET /v1/credentials/work", &login.access_token) > 0);
    assert_eq!(
        disclosure::INTENDED.iter().filter(|entry| entry.secret == SecretKind::RefreshToken).count(),
        0
    );
}
