//! The corpus of what a login may be told (`tests/corpus/login`): every case, with the outcome that stands beside it.

use std::collections::BTreeSet;
use std::path::Path;

use renewd_core::{Secret, Wall};
use renewd_login::protocol::{
    Address, Callback, CallbackExpected, Challenge, DeviceAnswer, Issuer, Reason, Refusal, Registered,
    RegistrationRequest, ResourceMetadata, ServerMetadata, check_client_id, read_callback,
};
use serde::Deserialize;

/// The state of the login that the callbacks are for.
const STATE: &str = "S-of-this-login";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Documents {
    document: Vec<Document>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    id: String,
    kind: String,
    asked: Option<String>,
    body: Option<String>,
    with: Option<String>,
    without: Option<String>,
    repeat: Option<String>,
    times: Option<usize>,
    reason: Option<String>,
    at: Option<String>,
}

impl Document {
    /// The members of an ordinary document of this kind.
    fn ordinary(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind.as_str() {
            "server" | "code-flow" => &[
                ("issuer", r#""https://as.example""#),
                ("authorization_endpoint", r#""https://as.example/authorize""#),
                ("token_endpoint", r#""https://as.example/token""#),
            ],
            "resource" => &[
                ("resource", r#""https://mcp.example/mcp""#),
                ("authorization_servers", r#"["https://as.example"]"#),
            ],
            "device" => &[
                ("device_code", r#""dc""#),
                ("user_code", r#""WXYZ-1234""#),
                ("verification_uri", r#""https://as.example/device""#),
                ("expires_in", "900"),
            ],
            "registration" => &[("client_id", r#""c1""#)],
            _ => &[],
        }
    }

    fn text(&self) -> String {
        let text = self.body.clone().unwrap_or_else(|| {
            let kept = self.ordinary().iter().filter(|(name, _)| self.without.as_deref() != Some(name));
            let mut members: Vec<String> = kept.map(|(name, value)| format!("\"{name}\":{value}")).collect();
            members.extend(self.with.clone());
            format!("{{{}}}", members.join(","))
        });
        repeated(&text, self.repeat.as_deref(), self.times)
    }

    fn read(&self) -> Result<(), Refusal> {
        let text = self.text();
        let asked = |usual: &str| self.asked.clone().unwrap_or_else(|| usual.to_owned());
        let address = |usual: &str| Address::parse(&asked(usual)).unwrap();
        let server = || {
            let issuer = Issuer::parse(&asked("https://as.example")).unwrap();
            ServerMetadata::read(text.as_bytes(), &issuer)
        };
        match self.kind.as_str() {
            "server" => server().map(drop),
            "code-flow" => server()?.code_flow().map(drop),
            "resource" => {
                ResourceMetadata::read(text.as_bytes(), &address("https://mcp.example/mcp")).map(drop)
            }
            "challenge" => Challenge::read(&[&text], &address("https://mcp.example/mcp")).map(drop),
            "address" => Address::parse(&text).map(drop),
            "issuer" => Issuer::parse(&text).map(drop),
            "client-id" => check_client_id(&text).map(drop),
            "device" => DeviceAnswer::read(200, text.as_bytes()).map(drop),
            "registration" => {
                let asked = RegistrationRequest {
                    redirect_uris: &["http://127.0.0.1/callback"],
                    grant_types: &["authorization_code", "refresh_token"],
                    auth_method: "none",
                    signing_alg: None,
                    jwks: None,
                    dpop_bound: false,
                    scope: None,
                };
                let endpoint = address("https://as.example/register");
                Registered::read(201, text.as_bytes(), &asked, &endpoint, Wall::from_unix_millis(0)).map(drop)
            }
            other => panic!("{}: no such kind {other}", self.id),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Callbacks {
    callback: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: String,
    target: String,
    issuer: Option<String>,
    promised: Option<bool>,
    repeat: Option<String>,
    times: Option<usize>,
    code: Option<String>,
    denied: Option<String>,
    elsewhere: Option<bool>,
    stranger: Option<String>,
    reason: Option<String>,
}

impl Request {
    /// What must come of it, and what does.
    fn outcomes(&self) -> (String, String) {
        let expected = [
            self.code.as_ref().map(|code| format!("code {code}")),
            self.denied.as_ref().map(|error| format!("denied {error}")),
            self.elsewhere.map(|_| "elsewhere".to_owned()),
            self.stranger.as_ref().map(|reason| format!("stranger {reason}")),
            self.reason.as_ref().map(|reason| format!("refused {reason}")),
        ];
        let expected: Vec<String> = expected.into_iter().flatten().collect();
        assert_eq!(expected.len(), 1, "{}: one outcome", self.id);

        let issuer = match self.issuer.as_deref() {
            None => Some(Issuer::parse("https://as.example").unwrap()),
            Some("") => None,
            Some(text) => Some(Issuer::parse(text).unwrap()),
        };
        let state = Secret::from(STATE);
        let expecting = CallbackExpected {
            path: "/callback",
            state: &state,
            issuer: issuer.as_ref(),
            iss_promised: self.promised.unwrap_or(true),
        };
        let target = repeated(&self.target, self.repeat.as_deref(), self.times);
        let found = match read_callback(&target, &expecting) {
            Ok(Callback::Code(code)) => format!("code {}", code.expose_str().unwrap()),
            Ok(Callback::Denied(denial)) => {
                assert!(!denial.to_string().contains(is_hidden), "{}: {denial:?}", self.id);
                assert!(denial.uri.is_none(), "{}: {denial:?}", self.id);
                format!("denied {}", denial.error)
            }
            Ok(Callback::Elsewhere) => "elsewhere".to_owned(),
            Ok(Callback::Stranger(refusal)) => format!("stranger {}", shown(&refusal)),
            Err(refusal) => format!("refused {}", shown(&refusal)),
        };
        (expected.concat(), found)
    }
}

fn repeated(text: &str, repeat: Option<&str>, times: Option<usize>) -> String {
    text.replace("{REPEAT}", &repeat.unwrap_or_default().repeat(times.unwrap_or(0)))
}

/// The reason's name, after a look at whether the sentence may be shown.
fn shown(refusal: &Refusal) -> &'static str {
    let sentence = refusal.to_string();
    assert!(sentence.len() < 700 && !sentence.contains(is_hidden), "{sentence:?}");
    refusal.reason.name()
}

fn is_hidden(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/login").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Faults are collected, so that one run tells all of them.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

// rfc-test: 8414-3.3 8414-4 8414-6.2 7636-7.2 9700-4.7.1
#[test]
fn every_document_is_taken_or_refused_for_the_reason_that_stands_beside_it() {
    let documents: Documents = toml::from_str(&file("documents.toml")).unwrap();
    let mut faults = Vec::new();
    for document in &documents.document {
        let found = document.read();
        let expected = document.reason.as_deref();
        let at_is_right = match (&found, &document.at) {
            (Err(refusal), Some(at)) => refusal.at == *at,
            _ => true,
        };
        if found.as_ref().err().map(shown) != expected || !at_is_right {
            faults.push(format!("{}: {found:?} instead of {expected:?}", document.id));
        }
    }
    none(&faults);
    assert!(documents.document.len() > 120, "{}", documents.document.len());
}

// rfc-test: 6749-10.12 6749-10.14 6749-4.1.2-2 8252-8.10-2 9207-2.4 9207-2.4-2 9207-2.4-3 9700-2.1 9700-2.1-3 9700-4.4.2
#[test]
fn every_callback_ends_as_stands_beside_it() {
    let callbacks: Callbacks = toml::from_str(&file("callbacks.toml")).unwrap();
    let mut faults = Vec::new();
    for request in &callbacks.callback {
        let (expected, found) = request.outcomes();
        if expected != found {
            faults.push(format!("{}: {found} instead of {expected}", request.id));
        }
    }
    none(&faults);
    assert!(callbacks.callback.len() > 50, "{}", callbacks.callback.len());
}

#[test]
fn every_case_has_a_name_of_its_own_and_a_reason_that_exists() {
    let documents: Documents = toml::from_str(&file("documents.toml")).unwrap();
    let callbacks: Callbacks = toml::from_str(&file("callbacks.toml")).unwrap();
    let ids =
        documents.document.iter().map(|case| &case.id).chain(callbacks.callback.iter().map(|case| &case.id));
    let ids: Vec<&String> = ids.collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let named: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    let of_documents = documents.document.iter().filter_map(|case| case.reason.as_deref());
    let of_callbacks =
        callbacks.callback.iter().flat_map(|case| [case.reason.as_deref(), case.stranger.as_deref()]);
    for reason in of_documents.chain(of_callbacks.flatten()) {
        assert!(named.contains(reason), "{reason}");
    }
}
