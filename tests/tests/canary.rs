//! No secret is written where it was not asked for: everything is run at the finest log level with tokens that nobody
//! could guess, and all output and all files are searched for them in every encoding that a leak could take.

#![cfg(unix)]

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use renewd_e2e::testkit::{
    AsConfig, AsModel, AuthorizationServer, ClientAuth, Fault, ProtectedApi, TokenForm,
};
use renewd_e2e::{Agent, Home, QUICK_RETRY, Ran, Running};
use serde_json::json;

/// Tokens that the server has issued by the end of a test, and some.
const TOKENS: usize = 40;

/// So much of a secret, from either end, is a leak too.
const FRAGMENT: usize = 16;

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// What to look for, with the name of what it would give away.
struct Needles(Vec<(String, String)>);

impl Needles {
    fn of(secrets: &[(String, String)]) -> Self {
        Self(secrets.iter().flat_map(|(name, secret)| encodings(name, secret)).collect())
    }

    /// What a text gives away.
    fn found_in(&self, text: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, needle)| text.contains(needle.as_str()))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// A secret as it might come to light.
fn encodings(name: &str, secret: &str) -> Vec<(String, String)> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = |upper: bool, all: bool| -> String {
        let plain = |byte: u8| !all && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        bytes
            .iter()
            .map(|&byte| match (plain(byte), upper) {
                (true, _) => char::from(byte).to_string(),
                (false, true) => format!("%{byte:02X}"),
                (false, false) => format!("%{byte:02x}"),
            })
            .collect()
    };
    let mut forms = vec![
        ("raw", secret.to_owned()),
        ("its beginning", secret[..FRAGMENT].to_owned()),
        ("its end", secret[secret.len() - FRAGMENT..].to_owned()),
        ("upper-case hex", hex.to_uppercase()),
        ("hex", hex),
        ("form encoding", percent(true, false)),
        ("lower-case form encoding", percent(false, false)),
        ("percent encoding", percent(true, true)),
        ("JSON", json!(secret).to_string().trim_matches('"').to_owned()),
        ("Debug", format!("{secret:?}").trim_matches('"').to_owned()),
        ("bytes", format!("{bytes:?}").trim_matches(['[', ']']).to_owned()),
        ("reversed", secret.chars().rev().collect()),
    ];
    // Inside something longer, a secret begins at any of three places of a base64 group.
    for before in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(b'x', before).chain(bytes.iter().copied()).collect();
        let whole = padded.len() / 3 * 3;
        let skip = if before == 0 { 0 } else { 4 };
        forms.push(("base64", STANDARD_NO_PAD.encode(&padded[..whole])[skip..].to_owned()));
        forms.push(("base64url", URL_SAFE_NO_PAD.encode(&padded[..whole])[skip..].to_owned()));
    }
    forms.into_iter().map(|(form, text)| (format!("{name} ({form})"), text)).collect()
}

/// Every token that a server of that seed issues to its first grant, in order: the same model issues the same ones.
fn tokens_of(seed: u64) -> Vec<(String, String)> {
    let mut model = AsModel::new(AsConfig { seed, ..AsConfig::default() });
    let login = model.mint_grant(0);
    let mut refresh_token = login.refresh_token;
    let mut all = vec![
        ("refresh token 0".into(), refresh_token.clone()),
        ("access token 0".into(), login.access_token),
    ];
    for number in 1..TOKENS {
        let form = TokenForm::refresh(&refresh_token).client("testkit-client");
        let answer = renewd_e2e::json(&String::from_utf8_lossy(&model.token_request(0, &form).body));
        let text = |key: &str| answer[key].as_str().expect("the model issues tokens").to_owned();
        refresh_token = text("refresh_token");
        all.push((format!("refresh token {number}"), refresh_token.clone()));
        all.push((format!("access token {number}"), text("access_token")));
    }
    all
}

/// Everything that was said, by whom.
#[derive(Default)]
struct Heard(Vec<(String, String)>);

impl Heard {
    fn add(&mut self, who: &str, text: impl Into<String>) {
        self.0.push((who.to_owned(), text.into()));
    }

    /// Output for people, and for programs where it is not the token that was asked for.
    fn ran(&mut self, who: &str, ran: &Ran, with_stdout: bool) {
        self.add(&format!("stderr of {who}"), ran.stderr.clone());
        if with_stdout {
            self.add(&format!("stdout of {who}"), ran.stdout.clone());
        }
    }

    /// Every file below that folder, and its name.
    fn files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("one's own folder can be read") {
            let path = entry.expect("its entries too").path();
            if path.is_dir() && !path.is_symlink() {
                self.files(&path);
            } else {
                // A socket cannot be read, its name can.
                let content = fs::read(&path).unwrap_or_default();
                self.add(&path.display().to_string(), path.display().to_string());
                self.add(&path.display().to_string(), String::from_utf8_lossy(&content));
            }
        }
    }
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

fn whole_flow(client_auth: &str, accepted: ClientAuth) {
    let seed = random();
    let secret = format!("c/s+{:016x}=&%\"{:016x}~", random(), random());
    let server = AuthorizationServer::start(AsConfig {
        seed,
        client_secret: Some(secret.clone()),
        client_auth: accepted,
        ..AsConfig::default()
    })
    .expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let tokens = tokens_of(seed);
    let mut secrets = tokens.clone();
    secrets.push(("the client's secret".into(), secret.clone()));
    let needles = Needles::of(&secrets);

    let home = Home::with(&format!(
        "{QUICK_RETRY}[auth_retrying]\ninterval = \"200ms\"\n[refresh]\nsettle = \"200ms\"\n[agent]\nstatus = \"127.0.0.1:0\"\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        api.url()
    ));
    let secret_file = home.private_file("client-secret", &secret);
    let mut heard = Heard::default();
    let traced = |args: &[&str]| home.command(["--log", "trace"].iter().chain(args));
    let run = |args: &[&str]| Running::start(traced(args), b"").finish();

    // Alone.
    let login = server.mint_grant();
    assert_eq!(login.refresh_token, tokens[0].1, "the copy of the model issues the server's tokens");
    let endpoint = server.token_url();
    let mut import =
        traced(&["import", "work", "--token-endpoint", &endpoint, "--client-id", "testkit-client"]);
    import.args(["--client-auth", client_auth, "--client-secret-file"]).arg(&secret_file);
    heard.ran("import", &Running::start(import, login.refresh_token.as_bytes()).finish().succeeded(), true);
    // What was imported is known here from now on only as a record.
    fs::remove_file(&secret_file).expect("one's own file can be removed");
    for format in ["raw", "header", "json", "env"] {
        let given = run(&["token", "work", "--format", format]).succeeded();
        assert!(given.stdout.contains(&tokens[3].1), "{format} gives the access token");
        heard.ran("token", &given, false);
    }
    heard.ran("refresh", &run(&["refresh", "work"]).succeeded(), true);

    // With an agent, through refusals and an outage.
    let agent = Agent::start_at(traced(&["agent"]), &home.socket());
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", agent.pid());
        heard.add(&path, String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()));
    }
    let proxy = agent.proxy();
    assert_eq!(proxy.get("/before").status, 200);
    api.revoke_current();
    assert_eq!(proxy.request("POST", "/echo", &[], b"a body").expect("an answer").status, 200);
    let issued = server.totals().successes as usize;
    let current = &tokens[2 * issued].1;
    for fault in indiscreet(current, &secret) {
        server.set_fault(fault.clone());
        let seen = run(&["refresh", "work"]);
        assert_ne!(seen.code, Some(0), "{fault}");
        heard.ran("refresh in an outage", &seen, true);
        heard.ran("status", &run(&["status"]).succeeded(), true);
        heard.ran("status NAME", &run(&["status", "work"]).succeeded(), true);
        heard.add("status --json", run(&["status", "--json"]).succeeded().stdout);
    }
    let status = agent.status_address();
    for target in ["/v1/credentials", "/v1/credentials/work", "/metrics", "/readyz", "/healthz"] {
        heard.add(target, status.get(target).text());
    }
    server.set_fault(Fault::Ok);
    home.run(["refresh", "work"]).succeeded();
    assert_eq!(proxy.get("/after").status, 200);
    assert!(2 * server.totals().successes < TOKENS as u64, "all tokens are among those looked for");

    // What only reads.
    let said = format!("{{\"error\":\"invalid_grant\",\"error_description\":\"{current} was {secret}\"}}");
    let body = home.private_file("body", &said);
    let sent = home.private_file("sent", current);
    let mut explain = traced(&["explain", "--status", "400", "--json", "--body"]);
    explain.arg(&body).arg("--sent-refresh-token-file").arg(&sent);
    let explained = Running::start(explain, b"").finish().succeeded();
    heard.add("explain, but for what it was given to read", explained.stderr);
    fs::remove_file(body).and_then(|()| fs::remove_file(sent)).expect("one's own files can be removed");
    for args in [
        &["history", "work"][..],
        &["history", "work", "--json"],
        &["config", "show"],
        &["config", "show", "work"],
        &["config", "check"],
        &["status", "work", "--json"],
    ] {
        heard.ran(&args.join(" "), &run(args).succeeded(), true);
    }
    heard.ran("doctor", &run(&["doctor"]), true);
    heard.ran("logout", &run(&["logout", "work"]).succeeded(), true);
    heard.ran("token after logout", &run(&["token", "work"]).failed(3), true);
    let last = agent.stop().succeeded();
    assert!(last.stderr.contains(" DEBUG "), "the log was on:\n{}", last.stderr);
    heard.ran("agent", &last, true);

    // What was typed in the wrong place is not repeated.
    let mut import = traced(&["import", "other", "--token-endpoint", &endpoint, "--client-id", "x"]);
    import.env("RENEWD_AUTH_RETRYING_INTERVAL", "soon");
    let two_lines = format!("{}\n{}\n", tokens[4].1, secret);
    heard.ran("import of two lines", &Running::start(import, two_lines.as_bytes()).finish().failed(2), true);
    home.configure(&format!("[credential.work]\nclient_secret = {}\n", json!(secret)));
    heard.ran("a secret in the configuration", &run(&["config", "check"]).failed(6), true);
    fs::remove_file(home.configuration()).expect("one's own file can be removed");
    heard.files(home.path());

    for source in ["journal/work.jsonl", "state/renewd/credentials/", "/metrics", "stderr of agent"] {
        let has = |(who, text): &(String, String)| who.contains(source) && !text.is_empty();
        assert!(heard.0.iter().any(has), "{source} was searched");
    }
    let leaks: Vec<String> = heard
        .0
        .iter()
        .flat_map(|(who, text)| needles.found_in(text).into_iter().map(move |what| format!("{who}: {what}")))
        .collect();
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
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
fn the_search_finds_a_secret_however_it_is_written() {
    let secret = format!("a/b+{:016x}\"\\é", random());
    let needles = Needles::of(&[("it".into(), secret.clone())]);
    let hex = |upper: bool| -> String {
        let digits = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        if upper { digits.to_uppercase() } else { digits }
    };
    for leak in [
        format!("before {secret} after"),
        format!("token={}…", &secret[..20]),
        hex(false),
        hex(true),
        STANDARD_NO_PAD.encode(format!("client:{secret}")),
        STANDARD_NO_PAD.encode(format!("client-x:{secret}")),
        URL_SAFE_NO_PAD.encode(format!("client-xy:{secret}:")),
        json!({ "error": secret }).to_string(),
        format!("{:?}", Some(&secret)),
        format!("{:?}", secret.as_bytes()),
        format!("refresh_token={}", secret.replace('/', "%2F").replace('+', "%2B")),
    ] {
        assert!(!needles.found_in(&leak).is_empty(), "{leak}");
    }
    assert!(needles.found_in("nothing here").is_empty());
}
