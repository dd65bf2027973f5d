//! What is told to the server when somebody logs out: that its tokens are of no use any more (RFC 7009), and that a client
//! which was registered for this login alone is not needed (RFC 7592).
//!
//! Nobody waits long for it: a few tries, within a few seconds, and then the person is told what the server was not. The
//! tombstone stands by then, whatever comes of this.

use std::time::Duration;

use renewd_core::{
    Answer, Boot, Client, Proving, Record, Response, Secret, Setup, Span, TokenRequest, TokenTypeHint,
};
use renewd_driver::system::{SystemClock, SystemEntropy};
use renewd_driver::{
    Clock, CredentialName, Entropy, Reach, Signer, TokenEndpoint, Web, WebMethod, WebRequest,
};
use renewd_signer::KeySigner;
use renewd_ureq::{UreqWeb, Workers};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::config::Config;
use crate::credential::{Secrets, endpoint, setup, transport};

/// For all of it. A person waits, and the login is over here already.
const PATIENCE: Span = Span::from_secs(10);

/// For one token.
const TRIES_MAX: u32 = 4;

/// Before the second try; doubled for each further one. A server that is starting anew needs moments.
const FIRST_PAUSE: Span = Span::from_millis(400);

/// The most that is read of what a server says of a revocation that it refuses, in characters.
const ERROR_CHARS_MAX: usize = 60;

/// What it is told through.
pub(crate) struct Ports<'a> {
    /// Takes the revocations.
    pub(crate) endpoint: &'a dyn TokenEndpoint,
    /// Takes the end of a registration.
    pub(crate) web: &'a dyn Web,
    /// Proves the client, where it has a key.
    pub(crate) signer: &'a dyn Signer,
    /// Measures the patience.
    pub(crate) clock: &'a dyn Clock,
    /// Numbers requests and spreads tries.
    pub(crate) entropy: &'a dyn Entropy,
}

/// What became of one thing that the server was to forget; an error says why it may not have.
pub(crate) type Told = Result<(), String>;

/// What the server was told. The agent's answer to a logout holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AtServer {
    /// Of the refresh token; none where there was none.
    #[serde(with = "told")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::told"))]
    pub(crate) refresh_token: Option<Told>,
    /// Of the access tokens; none where there were none.
    #[serde(with = "told")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::told"))]
    pub(crate) access_tokens: Option<Told>,
    /// Of the client's registration; none where this login made none.
    #[serde(with = "told")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::told"))]
    pub(crate) registration: Option<Told>,
}

/// In JSON: null, `{"done":true}`, or `{"done":false,"why":"…"}`.
mod told {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Told;

    #[derive(Serialize, Deserialize)]
    struct Document {
        done: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    }

    pub(super) fn serialize<S: Serializer>(told: &Option<Told>, serializer: S) -> Result<S::Ok, S::Error> {
        let document =
            told.as_ref().map(|told| Document { done: told.is_ok(), why: told.as_ref().err().cloned() });
        document.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Told>, D::Error> {
        let document = Option::<Document>::deserialize(deserializer)?;
        Ok(document.map(|told| if told.done { Ok(()) } else { Err(told.why.unwrap_or_default()) }))
    }
}

/// Tells the server of a credential's login over the ways that the configuration names.
///
/// # Errors
/// Why nothing can be said to it: a client secret that cannot be read, say.
pub(crate) async fn tell_configured(
    config: &Config,
    name: &CredentialName,
    record: &Record,
) -> Result<AtServer, String> {
    let setup = setup(config, name, Some(record), Secrets::Read).map_err(|failure| failure.message)?;
    let web = UreqWeb::new(transport(config, name), Workers::default(), Arc::new(SystemClock));
    let ports = Ports {
        endpoint: &endpoint(config, name),
        web: &web,
        signer: &KeySigner::new(),
        clock: &SystemClock,
        entropy: &SystemEntropy,
    };
    Ok(tell(&ports, record, &setup).await)
}

/// Tells the server. The refresh token goes first: most servers end the whole grant with it (RFC 7009 §2.1 wants it of
/// those that can revoke access tokens at all), and where they do not, the access tokens follow.
pub(crate) async fn tell(ports: &Ports<'_>, record: &Record, setup: &Setup) -> AtServer {
    let until = ports.clock.now().boot + PATIENCE;
    let client = Client::clone(&setup.client).named_for(&setup.profile);
    let revoke = |token: &Secret, hint| {
        let at = Proving::at(ports.clock.now().wall);
        TokenRequest::revocation(&record.identity, &client, token, hint, at, &setup.policy.request)
    };
    let mut told = AtServer::default();
    if let Some(token) = &record.grant.refresh_token {
        told.refresh_token = Some(patiently(ports, revoke(token, TokenTypeHint::RefreshToken), until).await);
    }
    for access in &record.grant.access {
        let outcome = patiently(ports, revoke(&access.token, TokenTypeHint::AccessToken), until).await;
        told.access_tokens = Some(told.access_tokens.unwrap_or(Ok(())).and(outcome));
    }
    // Last: a client that is gone can revoke nothing.
    if let Some(request) = unregistration(record, until.since(ports.clock.now().boot)) {
        told.registration = Some(unregister(ports, request).await);
    }
    told
}

/// Revokes one token, as often as it takes and patience lasts.
async fn patiently(ports: &Ports<'_>, request: Option<TokenRequest>, until: Boot) -> Told {
    let Some(request) = request else { return Err("no revocation endpoint is known".into()) };
    let mut why = String::new();
    for number in 1..=TRIES_MAX {
        let left = until.since(ports.clock.now().boot);
        if left.is_zero() {
            break;
        }
        let wait = match step(&once(ports, &request, left).await?) {
            Step::Done => return Ok(()),
            Step::Refused(said) => return Err(said),
            Step::Again { said, wait } => {
                why = said;
                wait
            }
        };
        let pause = wait.unwrap_or_else(|| pause(number, ports.entropy.attempt_id().0));
        let left = until.since(ports.clock.now().boot);
        if number == TRIES_MAX || pause >= left {
            let asked =
                wait.map_or(String::new(), |wait| format!(", which asks to be left alone for {wait}"));
            return Err(format!("{why}{asked}"));
        }
        tokio::time::sleep(Duration::from(pause)).await;
    }
    Err(why)
}

/// One try. A proof is made for each: a server takes none twice.
async fn once(ports: &Ports<'_>, request: &TokenRequest, left: Span) -> Result<Answer, String> {
    let mut request = request.clone();
    request.timeout = request.timeout.min(left);
    request.connect_timeout = request.connect_timeout.min(left);
    ports.signer.prove(&mut request).await?;
    Ok(ports.endpoint.send(ports.entropy.attempt_id(), request).await)
}

/// What an answer to a revocation leads to (RFC 7009 §2.2).
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The token is of no use any more, or never was.
    Done,
    /// No further try will change it.
    Refused(String),
    /// Perhaps next time, after this wait, where the server named one.
    Again { said: String, wait: Option<Span> },
}

fn step(answer: &Answer) -> Step {
    let response = match answer {
        Answer::Response(response) => response,
        Answer::Failed(failure) => return Step::Again { said: failure.message.clone(), wait: None },
    };
    match response.status {
        // RFC 7009 §2.2: a token that the server does not know is answered so as well.
        200..=299 => Step::Done,
        408 | 429 | 500..=599 => {
            Step::Again { said: format!("HTTP {}", response.status), wait: retry_after(response) }
        }
        status => Step::Refused(refusal(status, response)),
    }
}

/// Seconds: what servers send with a 503 (RFC 7009 §2.2.1). A date is passed over: the pause is short in any case.
fn retry_after(response: &Response) -> Option<Span> {
    let header = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    header.1.trim().parse().ok().map(Span::from_secs)
}

fn refusal(status: u16, response: &Response) -> String {
    #[derive(serde::Deserialize)]
    struct Error {
        error: String,
    }
    let code = serde_json::from_slice::<Error>(response.body.expose()).ok().map(|e| e.error);
    // RFC 6749 §5.2: anything else may hold what it was sent.
    let code = code.filter(|code| {
        code.len() <= ERROR_CHARS_MAX && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    });
    match code.as_deref() {
        // RFC 7009 §2.2.1
        Some("unsupported_token_type") => {
            "the server does not revoke tokens of this type (unsupported_token_type)".into()
        }
        Some(code) => format!("HTTP {status} ({code})"),
        None => format!("HTTP {status}"),
    }
}

/// Doubled each time, and spread by a quarter: everybody's server comes back at the same moment.
fn pause(number: u32, random: u128) -> Span {
    let whole = FIRST_PAUSE.as_millis() << (number - 1).min(8);
    let spread = u64::try_from(random % 1000).unwrap_or_default();
    Span::from_millis(whole - whole / 4 + whole / 2 * spread / 1000)
}

/// The request that takes a registration back (RFC 7592 §2.3): none where the server gave nothing to manage it with.
fn unregistration(record: &Record, left: Span) -> Option<WebRequest> {
    let registration = record.settings.registration.as_ref()?;
    let (uri, token) = (registration.client_uri.as_ref()?, registration.access_token.as_ref()?);
    let mut request = WebRequest::get(uri.clone(), left, left, Reach::Anywhere);
    request.method = WebMethod::Delete;
    let mut bearer = b"Bearer ".to_vec();
    bearer.extend_from_slice(token.expose());
    request.headers.push(("Authorization".into(), Secret::new(bearer)));
    Some(request)
}

async fn unregister(ports: &Ports<'_>, request: WebRequest) -> Told {
    if request.timeout.is_zero() {
        return Err("there was no time left to try".into());
    }
    match ports.web.exchange(request).await.answer {
        // It is gone, or was before.
        Answer::Response(r) if (200..=299).contains(&r.status) || [404, 410].contains(&r.status) => Ok(()),
        // RFC 7592 §2.3
        Answer::Response(r) if r.status == 405 => {
            Err("the server lets nobody delete clients (HTTP 405)".into())
        }
        Answer::Response(r) => Err(format!("HTTP {}", r.status)),
        Answer::Failed(failure) => Err(failure.message),
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
