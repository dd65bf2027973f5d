//! Asks the agent over its socket: a small HTTP/1.1 client, one request for one connection.
//!
//! An agent is used only when it serves the same state folder: `agent.json` beside the socket says which it is. One
//! that does not answer within [`ANSWER`] is passed over; the work is then done here, under the same claims.

#[cfg(unix)]
mod listening;
pub(crate) mod page;
#[cfg(unix)]
pub(crate) mod wire;
#[cfg(not(unix))]
#[path = "agent_client/nowhere.rs"]
mod wire;
#[cfg(not(unix))]
use wire as listening;

use std::path::{Path, PathBuf};

pub(crate) use listening::{Heard, Listening};

use renewd_core::Span;
use renewd_driver::CredentialName;
use serde::{Deserialize, Serialize};

use crate::commands::logout::server::AtServer;
use crate::config::Config;
use crate::exit::Failure;
use crate::json::{CredentialDocument, CredentialStatus, ErrorDocument, StatusDocument, TokenDocument};
use crate::target::Target;

/// A reload lets requests end that were under way, and may wait for a slow disk.
#[cfg(unix)]
const RELOADING: Span = Span::from_secs(60);

/// An agent that lets a look at its state wait longer is not there.
const ANSWER: Span = Span::from_secs(2);

/// A login is written durably before it is answered for.
const HANDING: Span = Span::from_secs(30);

/// How much longer than the caller's own time a waiting answer may take: the agent gives up first, and says why.
const GRACE: Span = Span::from_secs(5);

/// For a logout, most of which the server may take.
const LOGOUT: Span = Span::from_secs(15);

/// Largest `agent.json`.
const DESCRIPTION_BYTES_MAX: usize = 64 << 10;

/// `agent.json`: where the agent is and what it serves. Written by the agent when it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AgentDescription {
    pub(crate) schema: u32,
    pub(crate) pid: u32,
    pub(crate) state_dir: PathBuf,
    pub(crate) socket: PathBuf,
    /// The bound address of the status page, where there is one.
    #[serde(default)]
    pub(crate) status_addr: Option<String>,
    pub(crate) version: String,
    /// What its records are kept in: `memory`, or their folder. One of before does not say.
    #[serde(default)]
    pub(crate) store: Option<String>,
}

impl AgentDescription {
    /// Where it stands for a socket.
    pub(crate) fn path_beside(socket: &Path) -> PathBuf {
        socket.with_file_name("agent.json")
    }
}

/// `POST …/token`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TokenQuestion {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_whole")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_number"))]
    pub(crate) min_validity_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_whole")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_number"))]
    pub(crate) timeout_s: Option<u64>,
    /// The ID token that came with it, in its place: `renewd token --id-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<bool>,
    #[serde(flatten)]
    pub(crate) target: Target,
}

/// `POST …/rejected`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RejectedQuestion {
    #[serde(deserialize_with = "whole")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) epoch: u64,
    #[serde(deserialize_with = "whole")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_whole")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_number"))]
    pub(crate) timeout_s: Option<u64>,
    #[serde(flatten)]
    pub(crate) target: Target,
}

/// The greatest number up to which every whole one has a float of its own.
const FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// A whole number, written as one or with a point and nothing behind it: JSON knows no difference, and some writers
/// make floats of everything.
fn whole<'d, D: serde::Deserializer<'d>>(from: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let float = || {
        let float = number.as_f64().filter(|n| (0.0..=FLOAT_MAX).contains(n) && n.fract() == 0.0)?;
        format!("{float:.0}").parse().ok()
    };
    number.as_u64().or_else(float).ok_or_else(|| {
        serde::de::Error::custom(format!("{number} is no whole number from 0 to {}", u64::MAX))
    })
}

fn maybe_whole<'d, D: serde::Deserializer<'d>>(from: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] u64);
    Ok(Option::<Whole>::deserialize(from)?.map(|number| number.0))
}

/// The answer to it, as far as a client reads it: a newer token, or none where the 401 is to be passed on.
#[derive(Deserialize)]
struct Renewed {
    #[serde(default)]
    token: Option<TokenDocument>,
}

/// The answer to a logout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LoggedOutDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    /// The login is over here.
    pub(crate) done: bool,
    /// What became of it at the server.
    #[serde(default)]
    pub(crate) at_server: AtServer,
}

/// Why there is no agent to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAgent {
    /// None was started.
    Absent,
    /// One that serves another state folder.
    Elsewhere(PathBuf),
    /// What stands there is not ours or does not answer; half a sentence for people.
    Silent(String),
}

impl NoAgent {
    /// Why, for people.
    #[cfg(unix)]
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Absent => "none was started".into(),
            Self::Elsewhere(state) => format!("the one there serves {}", state.display()),
            Self::Silent(why) => why.clone(),
        }
    }
}

/// An agent that answered.
pub(crate) struct Agent {
    socket: PathBuf,
    /// What it says of itself.
    pub(crate) description: AgentDescription,
}

/// What became of a question.
pub(crate) enum Asked<T> {
    /// The answer.
    Answer(T),
    /// The agent's own failure, to be passed on.
    Refused(Failure),
    /// No answer: go direct.
    Silent(String),
}

/// The socket that the configuration names.
///
/// # Errors
/// When nothing says where the state is.
pub(crate) fn socket(config: &Config) -> Result<PathBuf, Failure> {
    match config.path("agent", "socket", None) {
        Some(path) => Ok(path),
        None => config.places().socket(),
    }
}

impl Agent {
    /// The agent of this configuration, when one is there and answers.
    pub(crate) fn find(config: &Config) -> Result<Self, NoAgent> {
        let (Ok(socket), Ok(state)) = (socket(config), config.places().state()) else {
            return Err(NoAgent::Absent);
        };
        wire::check_owner(&socket)?;
        let path = AgentDescription::path_beside(&socket);
        let silent = |why: &str| NoAgent::Silent(format!("{} {why}", path.display()));
        if !path.exists() {
            // A service manager may listen there, and starts the agent for whoever asks first. It answers once it is up,
            // and has said by then where everything is.
            let _ = wire::exchange(&socket, "GET", "/healthz", &[], ANSWER);
        }
        let bytes =
            crate::input::file::read_checked(&path, DESCRIPTION_BYTES_MAX).map_err(|e| silent(e.text()))?;
        let description: AgentDescription =
            serde_json::from_slice(&bytes).map_err(|_| silent("is not what an agent writes"))?;
        if !same_folder(&description.state_dir, state) {
            return Err(NoAgent::Elsewhere(description.state_dir));
        }
        Ok(Self { socket, description })
    }

    /// Hears from now on that something happened.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn listen(&self) -> std::io::Result<Listening> {
        Listening::begin(&self.socket)
    }

    /// Every credential.
    pub(crate) fn all(&self) -> Asked<StatusDocument> {
        self.ask("GET", "/v1/credentials", &[], ANSWER)
    }

    /// One credential; also how it is found out whether the agent lives.
    pub(crate) fn one(&self, name: &CredentialName) -> Asked<CredentialStatus> {
        match self.ask::<CredentialDocument>("GET", &format!("/v1/credentials/{name}"), &[], ANSWER) {
            Asked::Answer(document) => Asked::Answer(document.credential),
            Asked::Refused(failure) => Asked::Refused(failure),
            Asked::Silent(why) => Asked::Silent(why),
        }
    }

    /// A token.
    pub(crate) fn token(
        &self,
        name: &CredentialName,
        target: &Target,
        min_validity: Span,
        timeout: Span,
    ) -> Asked<TokenDocument> {
        let question = TokenQuestion {
            target: target.clone(),
            min_validity_s: (!min_validity.is_zero()).then(|| min_validity.as_secs_ceil()),
            timeout_s: Some(timeout.as_secs_ceil()),
            id_token: None,
        };
        self.act(name, "token", &question, timeout)
    }

    /// A newer token than the one of this epoch and generation, which a resource server refused; none where the refusal is
    /// to be passed on.
    pub(crate) fn rejected(
        &self,
        name: &CredentialName,
        target: &Target,
        (epoch, generation): (u64, u64),
        timeout: Span,
    ) -> Asked<Option<TokenDocument>> {
        let timeout_s = Some(timeout.as_secs_ceil());
        let question = RejectedQuestion { epoch, generation, timeout_s, target: target.clone() };
        match self.act::<Renewed>(name, "rejected", &question, timeout) {
            Asked::Answer(renewed) => Asked::Answer(renewed.token),
            Asked::Refused(failure) => Asked::Refused(failure),
            Asked::Silent(why) => Asked::Silent(why),
        }
    }

    /// A refresh now.
    pub(crate) fn refresh(&self, name: &CredentialName, timeout: Span) -> Asked<CredentialStatus> {
        let question = TokenQuestion { timeout_s: Some(timeout.as_secs_ceil()), ..TokenQuestion::default() };
        match self.act::<CredentialDocument>(name, "refresh", &question, timeout) {
            Asked::Answer(document) => Asked::Answer(document.credential),
            Asked::Refused(failure) => Asked::Refused(failure),
            Asked::Silent(why) => Asked::Silent(why),
        }
    }

    /// A logout, where the records are the agent's alone. It tells the server before it answers.
    pub(crate) fn logout(&self, name: &CredentialName) -> Asked<AtServer> {
        match self.act::<LoggedOutDocument>(name, "logout", &TokenQuestion::default(), LOGOUT) {
            Asked::Answer(document) => Asked::Answer(document.at_server),
            Asked::Refused(failure) => Asked::Refused(failure),
            Asked::Silent(why) => Asked::Silent(why),
        }
    }

    /// Hears that the record was written by this process: a login or a logout. One that does not answer, or does not
    /// know the credential yet, finds it by itself a little later.
    pub(crate) fn changed(&self, name: &CredentialName) {
        let path = format!("/v1/credentials/{name}/changed");
        if let Asked::Silent(why) = self.ask::<serde::de::IgnoredAny>("POST", &path, &[], ANSWER) {
            tracing::debug!(%name, why, "the agent was not told");
        }
    }

    /// Hands a login over to be kept there, as whoever cannot open its store must. True: over another login too.
    pub(crate) fn hand_over(
        &self,
        name: &CredentialName,
        record: &renewd_core::Record,
        replace: bool,
    ) -> Result<CredentialStatus, Failure> {
        let what = |why: String| Failure::internal(format!("{name}: the login {why}")).about(name);
        let bytes = renewd_store::encode_handover(record).map_err(what)?;
        let path = format!("/v1/credentials/{name}/login{}", if replace { "?replace=true" } else { "" });
        match self.ask::<CredentialDocument>("POST", &path, &bytes, HANDING) {
            Asked::Answer(document) => Ok(document.credential),
            Asked::Refused(failure) => Err(failure),
            Asked::Silent(why) => Err(Failure::new(
                crate::exit::Exit::Store,
                format!("{name}: the agent did not take the login: {why}"),
            )
            .advise("is it of the same version? restart it, and log in again")
            .about(name)),
        }
    }

    /// What a login that the agent keeps was made with, without a secret; none where it keeps none of that name.
    pub(crate) fn login(&self, name: &CredentialName) -> Option<renewd_core::Record> {
        let path = format!("/v1/credentials/{name}/login");
        match self.ask::<serde_json::Value>("GET", &path, &[], ANSWER) {
            Asked::Answer(document) => renewd_store::decode_handover(document.to_string().as_bytes()).ok(),
            Asked::Refused(_) | Asked::Silent(_) => None,
        }
    }

    /// Has it read its configuration anew.
    #[cfg(unix)]
    pub(crate) fn reload(&self) -> Asked<crate::agent::ReloadDocument> {
        self.ask("POST", "/v1/reload", &[], RELOADING)
    }

    fn act<T: for<'d> Deserialize<'d>>(
        &self,
        name: &CredentialName,
        action: &str,
        question: &impl Serialize,
        timeout: Span,
    ) -> Asked<T> {
        let body = serde_json::to_vec(question).unwrap_or_default();
        self.ask("POST", &format!("/v1/credentials/{name}/{action}"), &body, timeout + GRACE)
    }

    fn ask<T: for<'d> Deserialize<'d>>(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        within: Span,
    ) -> Asked<T> {
        match wire::exchange(&self.socket, method, path, body, within) {
            Err(why) => Asked::Silent(why),
            Ok((200..=299, bytes)) => match serde_json::from_slice(&bytes) {
                Ok(answer) => Asked::Answer(answer),
                Err(_) => Asked::Silent("it gave an answer that cannot be read".into()),
            },
            // One that does not know the credential has not read the store anew yet.
            Ok((404, _)) => Asked::Silent("it does not know the credential".into()),
            Ok((status, bytes)) => match serde_json::from_slice::<ErrorDocument>(&bytes) {
                Ok(document) => Asked::Refused(document.error.into_failure()),
                Err(_) => Asked::Silent(format!("it answered with status {status}")),
            },
        }
    }
}

fn same_folder(a: &Path, b: &Path) -> bool {
    let real = |p: &Path| std::fs::canonicalize(p).unwrap_or_else(|_| p.to_owned());
    a == b || real(a) == real(b)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
