//! An answer as the server means to send it, before the network gets at it.

use super::config::AsConfig;
use std::fmt;

/// A complete HTTP answer. `Debug` shows sizes, not the tokens in the body.
#[derive(Clone, PartialEq, Eq)]
pub struct AsReply {
    /// HTTP status.
    pub status: u16,
    /// Header fields but `Content-Length` and `Connection`, which whoever sends it adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl AsReply {
    /// An answer with a content type and a body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into() }
    }

    /// A JSON answer of a token endpoint, with the headers RFC 6749 section 5.1 asks for.
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/json", body)
            .with("Cache-Control", "no-store")
            .with("Pragma", "no-cache")
    }

    /// An error answer of RFC 6749 section 5.2.
    pub(crate) fn error(status: u16, code: &str, description: &str) -> Self {
        let body = serde_json::json!({ "error": code, "error_description": description });
        Self::json(status, body.to_string())
    }

    /// The same with one more header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A string member of the JSON body, for tests of the model alone.
    pub fn json_text(&self, member: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        value.get(member)?.as_str().map(str::to_owned)
    }
}

impl fmt::Debug for AsReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsReply")
            .field("status", &self.status)
            .field("content_type", &self.header("content-type"))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What an answer hands out.
#[derive(Default)]
pub(crate) struct Tokens<'a> {
    pub(crate) access: &'a str,
    pub(crate) refresh: Option<&'a str>,
    /// Bound to a key (RFC 9449 section 5).
    pub(crate) bound: bool,
    /// The scope to repeat where the configuration names none.
    pub(crate) scope: Option<&'a str>,
    pub(crate) id_token: Option<&'a str>,
    /// RFC 8693 section 2.2.1.
    pub(crate) issued_type: Option<&'a str>,
}

/// The success answer of RFC 6749 section 5.1. Written by hand, because `expires_in` may be asked to be broken.
pub(crate) fn tokens(config: &AsConfig, issued: &Tokens<'_>) -> AsReply {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let token_type = if issued.bound { "DPoP" } else { &config.token_type };
    let mut members = vec![("access_token", quoted(issued.access)), ("token_type", quoted(token_type))];
    members.extend(config.expires_in.json(config.lifetime_ms).map(|value| ("expires_in", value)));
    if let Some(token) = issued.refresh {
        members.push(("refresh_token", quoted(token)));
        let seconds = config.rt_lifetime_ms.map(|lifetime| (lifetime / 1000).to_string());
        members.extend(seconds.map(|value| ("refresh_token_expires_in", value)));
    }
    members.extend(config.scope.as_deref().or(issued.scope).map(|scope| ("scope", quoted(scope))));
    members.extend(config.id_token.as_deref().or(issued.id_token).map(|token| ("id_token", quoted(token))));
    members.extend(issued.issued_type.map(|kind| ("issued_token_type", quoted(kind))));
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    AsReply::json(200, format!("{{{}}}", members.join(",")))
}
