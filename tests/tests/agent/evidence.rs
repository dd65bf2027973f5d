//! What a failure looked like reaches every place that shows it, and nothing else of the answer does: no piece of what was
//! sent, however it is written, and nothing that turns or hides text.

#![cfg(unix)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ClientAuth, Fault, ProtectedApi, TlsIdentity};
use renewd_e2e::{Agent, Home, QUICK_RETRY, wait_for};
use serde_json::{Value, json};

/// Pieces of a secret of this length and longer are looked for.
const PIECE_BYTES: usize = 8;

const CLIENT_SECRET: &str = "Cs7Gh2Kp9Wq4Xz6Tb3Nm";

struct World {
    home: Home,
    server: AuthorizationServer,
    refresh_token: String,
    _api: ProtectedApi,
}

impl World {
    fn new() -> Self {
        let server = AuthorizationServer::start(AsConfig {
            client_secret: Some(CLIENT_SECRET.into()),
            client_auth: ClientAuth::Post,
            ..AsConfig::default()
        })
        .expect("a server can be started");
        let api = ProtectedApi::start(&server).expect("an API can be started");
        let home = Home::with(&format!(
            "{QUICK_RETRY}[auth_retrying]\ninterval = \"1h\"\n[refresh]\nsettle = \"100ms\"\n[agent]\nstatus = \"127.0.0.1:0\"\n\
             [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
            api.url()
        ));
        let secret = home.private_file("client-secret", CLIENT_SECRET);
        let secret = secret.to_str().expect("a path of ours is text");
        let grant =
            home.import_with("work", &server, &["--client-auth", "post", "--client-secret-file", secret]);
        Self { home, server, refresh_token: grant.refresh_token, _api: api }
    }

    /// A refresh without an agent, with everything logged: what it said on both streams.
    fn logged(&self, name: &str, format: &str) -> String {
        let args = ["refresh", name, "--timeout", "20s", "--log", "trace", "--log-format", format];
        let output = self.home.command(args).output().expect("the binary runs");
        assert_ne!(output.status.code(), Some(0));
        String::from_utf8([output.stdout, output.stderr].concat()).expect("it writes text")
    }

    /// What commands and files show of a credential.
    fn shown(&self, name: &str) -> Vec<(String, String)> {
        let mut shown = Vec::new();
        for args in [
            &["status"][..],
            &["status", name],
            &["status", name, "--json"],
            &["history", name],
            &["history", name, "--json"],
            &["token", name, "--format", "json", "--timeout", "1s"],
            &["token", name, "--timeout", "1s"],
        ] {
            let ran = self.home.run(args);
            shown.push((args.join(" "), format!("{}{}", ran.stdout, ran.stderr)));
        }
        let journal = self.home.state().join(format!("journal/{name}.jsonl"));
        shown.push(("journal".into(), fs::read_to_string(journal).expect("there is a journal")));
        shown
    }
}

/// Until what the agent tries by itself is over: an attempt of its own that is under way answers for the next refresh
/// that is asked for, by what the server said before.
fn wait_for_long_cadence(agent: &Agent) {
    wait_for("auth_retrying", || (agent.credential("work")["status"] == "auth_retrying").then_some(()));
}

/// Everything that is sent to listeners, until the agent ends.
fn listen(agent: &Agent) -> JoinHandle<String> {
    let mut stream = agent.socket().connect().expect("the agent listens");
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is asked");
    std::thread::spawn(move || {
        let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = stream.read(&mut piece) {
            heard.extend_from_slice(&piece[..n]);
        }
        String::from_utf8_lossy(&heard).into_owned()
    })
}

/// Every text in which a piece of the secret could stand, in lower case; letters and digits alone.
fn pieces(secret: &str) -> Vec<String> {
    let solid = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let plain = solid(secret);
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let mut texts = vec![plain.chars().rev().collect(), plain];
    texts.extend(["", "x", "id"].map(|before| {
        let coded = solid(&STANDARD.encode(format!("{before}{secret}")));
        coded[4..coded.len() - 4].to_owned()
    }));
    let windows = |text: &str, length: usize| -> Vec<String> {
        text.as_bytes().windows(length).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
    };
    let mut all: Vec<String> = texts.iter().flat_map(|text| windows(text, PIECE_BYTES + 2)).collect();
    all.extend(windows(&hex, PIECE_BYTES * 2));
    all
}

#[track_caller]
fn check(place: &str, text: &str, pieces: &[String]) {
    let solid: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    for piece in pieces {
        assert!(!solid.contains(piece), "{place} shows {piece}:\n{text}");
    }
    let odd = |c: char| {
        (c.is_control() && c != '\n' && c != '\r')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert!(!text.contains(odd), "{place} holds what steers or hides: {text:?}");
    for line in text.lines() {
        let json = line.strip_prefix("data: ").unwrap_or(line);
        if let Ok(value) = serde_json::from_str::<Value>(json) {
            each_text(&value, &mut |text| assert!(!text.contains(odd), "{place}: {text:?}"));
        }
    }
}

fn each_text(value: &Value, act: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => act(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, act)),
        Value::Object(members) => members.values().for_each(|member| each_text(member, act)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A secret as servers and those who stand before them write it.
fn written(secret: &str) -> Vec<String> {
    let each = |write: fn(char) -> String| secret.chars().map(write).collect::<String>();
    let between = |between: &str| secret.chars().map(String::from).collect::<Vec<_>>().join(between);
    vec![
        secret.to_owned(),
        secret.to_uppercase(),
        secret[..secret.len() - 4].to_owned(),
        format!("\u{1b}[31m{secret}\u{1b}[0m\u{202e}\r\n\0"),
        each(|c| format!("%{:02X}", c as u32)),
        each(|c| format!("%25{:02x}", c as u32)),
        each(|c| format!("&#x{:X};", c as u32)),
        each(|c| format!("\\u{:04x}", c as u32)),
        each(|c| format!("={:02X}", c as u32)),
        each(|c| format!("{:02x}", c as u32)),
        each(|c| format!("{}, ", c as u32)),
        STANDARD.encode(format!("testkit-client:{secret}")),
        STANDARD.encode(STANDARD.encode(secret)),
        secret.chars().rev().collect(),
        between(" "),
        between("\u{200b}"),
        between("<wbr>"),
        between("\u{1b}[1m"),
        each(|c| char::from_u32(c as u32 + 0xfee0).map(String::from).unwrap_or_default()),
    ]
}

fn raw(status: u16, headers: &str, body: &str) -> Fault {
    let head = format!(
        "HTTP/1.1 {status} Odd\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Fault::Raw([head.as_bytes(), body.as_bytes()].concat())
}

/// The text in every place of an answer that ends up in a message.
fn answers(text: &str) -> Vec<Fault> {
    let json = |value: &Value| raw(400, "Content-Type: application/json\r\n", &value.to_string());
    let header: String = text.chars().filter(|c| c.is_ascii_graphic() && *c != '"' && *c != '\\').collect();
    vec![
        json(&json!({"error": "odd_error", "error_description": format!("no such token: {text}")})),
        json(&json!({"error": text, "message": {"deep": text}})),
        raw(403, "Content-Type: text/html\r\n", &format!("<title>no {text}</title>")),
        raw(
            401,
            &format!(
                "WWW-Authenticate: Bearer error=\"odd\", error_description=\"no {header}\"\r\nContent-Type: text/{header}\r\n"
            ),
            "",
        ),
    ]
}

#[test]
fn no_echo_in_any_way_of_writing_reaches_any_place_that_shows_a_failure() {
    let world = World::new();
    // Before the agent's own first attempt: a success would spend the token that is echoed below, and leave another.
    world.server.set_fault(Fault::WafBlock);
    let mut command = world.home.command(["agent"]);
    command.args(["--log", "trace", "--log-format", "json"]);
    let agent = Agent::start_at(command, &world.home.socket());
    let heard = listen(&agent);
    wait_for_long_cadence(&agent);
    let proxy = wait_for("a proxy", || {
        let described = fs::read_to_string(world.home.socket().with_file_name("agent.json")).ok()?;
        let described: Value = serde_json::from_str(&described).ok()?;
        described["proxies"][0]["url"].as_str().and_then(renewd_e2e::Door::of_url)
    });
    let secrets = [world.refresh_token.as_str(), CLIENT_SECRET];
    let pieces: Vec<String> = secrets.into_iter().flat_map(pieces).collect();
    let mut seen = 0;
    for (at, text) in secrets.into_iter().flat_map(written).enumerate() {
        let answers = answers(&text);
        // Each way of writing in two places, all places in turn.
        for fault in [&answers[at % 4], &answers[(at + 1 + at / 4) % 4]] {
            world.server.set_fault(fault.clone());
            let refused = agent.socket().post("/v1/credentials/work/refresh", &json!({"timeout_s": 20}));
            assert_ne!(refused.status, 200);
            check("the agent's refusal", &refused.text(), &pieces);
            let shown = agent.socket().get("/v1/credentials/work");
            check("the agent's view", &shown.text(), &pieces);
            assert!(shown.json()["last_attempt"]["http_status"].is_u64(), "{}", shown.text());
            seen += 1;
        }
        if at % 6 == 0 {
            check("the proxy", &proxy.get("/").text(), &pieces);
        }
    }
    assert!(seen > 70);
    for target in ["/v1/credentials", "/metrics"] {
        check(target, &agent.status_address().get(target).text(), &pieces);
    }
    for (place, text) in world.shown("work") {
        check(&place, &text, &pieces);
    }
    check("the agent's log", &agent.said(), &pieces);
    agent.stop();
    let heard = heard.join().expect("the listener ends");
    check("events", &heard, &pieces);
    assert!(heard.matches("attempt_failed").count() > 70, "{heard}");
    for (at, format) in ["text", "json", "text", "json"].into_iter().enumerate() {
        let text = &written(secrets[at / 2])[3];
        world.server.set_fault(answers(text)[at % 3].clone());
        check("a command's log", &world.logged("work", format), &pieces);
    }
}

#[test]
fn the_search_finds_what_it_is_to_find() {
    let pieces = pieces(CLIENT_SECRET);
    for text in [
        CLIENT_SECRET.to_owned(),
        CLIENT_SECRET[..PIECE_BYTES + 2].to_uppercase(),
        written(CLIENT_SECRET)[9].clone(),
        written(CLIENT_SECRET)[11].clone(),
        written(CLIENT_SECRET)[13].clone(),
        written(CLIENT_SECRET)[14].clone(),
        "a\u{202e}b".into(),
        r#"{"a":["\u001b[2J"]}"#.into(),
    ] {
        let found = std::panic::catch_unwind(|| check("a test", &text, &pieces));
        assert!(found.is_err(), "{text}");
    }
    check("a test", r#"{"a":"the moon is wrong"}"#, &pieces);
}

/// What every place must show of a situation.
struct Looks {
    http_status: Option<u16>,
    content_type: Option<&'static str>,
    oauth_error: Option<&'static str>,
    message: &'static str,
    rule: &'static str,
}

impl Looks {
    #[track_caller]
    fn like(&self, place: &str, attempt: &Value) {
        assert_eq!(attempt["http_status"], json!(self.http_status), "{place}: {attempt}");
        assert_eq!(attempt["content_type"], json!(self.content_type), "{place}: {attempt}");
        assert_eq!(attempt["oauth_error"], json!(self.oauth_error), "{place}: {attempt}");
        assert_eq!(attempt["rule"], self.rule, "{place}: {attempt}");
        let message = attempt["message"].as_str().unwrap_or_default();
        assert!(message.contains(self.message), "{place}: {attempt}");
    }

    /// In a sentence.
    #[track_caller]
    fn told(&self, place: &str, text: &str) {
        let status = self.http_status.map(|status| format!("HTTP {status}"));
        let kind = self.content_type.filter(|_| self.oauth_error.is_none());
        for part in status.as_deref().into_iter().chain(kind).chain(self.oauth_error) {
            assert!(text.contains(part), "{place} does not say {part}: {text}");
        }
    }
}

fn situations() -> Vec<(&'static str, Fault, Looks)> {
    let description = r#"{"error":"odd_error","error_description":"the moon is wrong"}"#;
    vec![
        (
            "a firewall's page",
            raw(403, "Content-Type: text/html; charset=utf-8\r\n", "<title>Request blocked</title>"),
            Looks {
                http_status: Some(403),
                content_type: Some("text/html"),
                oauth_error: None,
                message: "Request blocked",
                rule: "client-error-without-oauth-code",
            },
        ),
        (
            "an error of the server",
            raw(400, "Content-Type: application/json\r\n", description),
            Looks {
                http_status: Some(400),
                content_type: Some("application/json"),
                oauth_error: Some("odd_error"),
                message: "the moon is wrong",
                rule: "client-error-with-unknown-code",
            },
        ),
        (
            "a connection that is closed",
            Fault::Drop,
            Looks {
                http_status: None,
                content_type: None,
                oauth_error: None,
                message: "",
                rule: "no-answer",
            },
        ),
    ]
}

const TLS: Looks =
    Looks { http_status: None, content_type: None, oauth_error: None, message: "", rule: "tls-failed" };

#[test]
fn status_type_code_and_words_of_a_failure_are_in_every_place_that_shows_it() {
    let world = World::new();
    let identity = TlsIdentity::localhost().expect("a certificate can be made");
    let strange =
        AuthorizationServer::start_tls(AsConfig::default(), &identity).expect("a server can be started");
    world.home.import("tls", &strange);
    let (_, first, _) = situations().swap_remove(0);
    world.server.set_fault(first);
    let agent = Agent::start(&world.home);
    wait_for_long_cadence(&agent);
    let heard = listen(&agent);
    let proxy = agent.proxy();
    let status_of = |name: &str| {
        let refused =
            agent.socket().post(&format!("/v1/credentials/{name}/refresh"), &json!({"timeout_s": 20}));
        assert_ne!(refused.status, 200);
        agent.credential(name)["last_attempt"].take()
    };
    let mut all: Vec<(&str, Looks)> = Vec::new();
    for (what, fault, looks) in situations() {
        world.server.set_fault(fault);
        looks.like(what, &status_of("work"));
        let problem = proxy.get("/").json();
        looks.like("the proxy", &problem["last_attempt"]);
        looks.told("the proxy's detail", problem["detail"].as_str().unwrap_or_default());
        looks.like("status --json", &world.home.status("work")["last_attempt"]);
        looks.told("status", &world.home.run(["status", "work"]).succeeded().stdout);
        let failed = world.home.run(["token", "work", "--format", "json", "--timeout", "1s"]);
        looks.told("token", failed.json()["error"]["message"].as_str().unwrap_or_default());
        let history = world.home.run(["history", "work", "--events"]).succeeded().stdout;
        looks.told(
            "history",
            history.lines().rfind(|line| line.contains("attempt failed")).unwrap_or_default(),
        );
        all.push((what, looks));
    }
    TLS.like("a strange certificate", &status_of("tls"));
    let certificate = world.home.status("tls")["last_attempt"]["message"].take();
    assert!(certificate.as_str().is_some_and(|m| m.to_lowercase().contains("certificate")), "{certificate}");
    let said = agent.said();
    agent.stop();
    let heard = heard.join().expect("the listener ends");
    let journal =
        fs::read_to_string(world.home.state().join("journal/work.jsonl")).expect("there is a journal");
    for (what, looks) in &all {
        let failed = |text: &str| -> Value {
            let lines =
                text.lines().filter_map(|l| serde_json::from_str(l.strip_prefix("data: ").unwrap_or(l)).ok());
            let mut failed =
                lines.filter(|e: &Value| e["event"] == "attempt_failed" && e["rule"] == looks.rule);
            failed.next().unwrap_or_else(|| panic!("{what} is missing in {text}"))
        };
        looks.like("journal", &failed(&journal));
        looks.like("events", &failed(&heard));
        looks.told("the agent's lines", &said);
    }
}

#[test]
fn logs_of_both_formats_have_each_part_of_it_by_name() {
    let world = World::new();
    for (what, fault, looks) in situations() {
        world.server.set_fault(fault);
        let text = world.logged("work", "text");
        let line = text
            .lines()
            .find(|l| l.contains("an attempt failed"))
            .unwrap_or_else(|| panic!("{what}: {text}"));
        looks.told("the log", &line.replace("http_status=", "HTTP "));
        assert!(line.contains(looks.rule) && line.contains(looks.message), "{line}");
        let text = world.logged("work", "json");
        let mut lines = text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
        let event = lines
            .find(|l| l.to_string().contains("an attempt failed"))
            .unwrap_or_else(|| panic!("{what}: {text}"));
        let fields = &event["fields"];
        assert_eq!(fields["rule"], looks.rule, "{event}");
        assert_eq!(
            fields.get("http_status").and_then(Value::as_u64),
            looks.http_status.map(u64::from),
            "{event}"
        );
        assert_eq!(fields.get("content_type").and_then(Value::as_str), looks.content_type, "{event}");
        assert_eq!(fields.get("oauth_error").and_then(Value::as_str), looks.oauth_error, "{event}");
    }
}
