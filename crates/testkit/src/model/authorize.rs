//! The authorization endpoint (RFC 6749 section 4.1) with a person who decides at once: whoever opens the address is sent
//! back, so that a flow runs without a browser. PKCE (RFC 7636), pushed requests (RFC 9126), `iss` (RFC 9207).

use super::answer::{Asked, malformed, refused};
use super::grants::Issue;
use super::record::{LogEntry, TokenVerdict};
use super::{AsModel, AsReply, Consent, Iss, TokenForm, decode, jose};
use std::collections::BTreeMap;

/// How long a pushed request works, in seconds.
const PUSHED_LIFETIME_S: u64 = 90;

/// Parameters of an authorization request.
pub(crate) type Parameters = BTreeMap<String, String>;

/// A request that was pushed.
pub(crate) struct PushedRequest {
    client: String,
    parameters: Parameters,
    resource: Vec<String>,
}

/// A code that was issued.
pub(crate) struct Code {
    client: String,
    redirect_uri: String,
    challenge: String,
    issued_ms: u64,
    /// The thumbprint that the request bound it to (RFC 9449 section 10).
    jkt: Option<String>,
    scope: Option<String>,
    nonce: Option<String>,
    resource: Vec<String>,
    audience: Option<String>,
    /// The grant that it was exchanged for, by place.
    spent: Option<usize>,
}

impl AsModel {
    /// Answers an authorization request with this query: a redirect, or 400 where nobody may be redirected to.
    pub(crate) fn authorization_request(&mut self, now_ms: u64, issuer: &str, query: &str) -> AsReply {
        let (mut asked, mut resource) = parameters(query);
        let plain = |why: &str| AsReply::new(400, "text/plain", format!("{why}\n"));
        if let Some(uri) = asked.remove("request_uri") {
            match self.pushed.remove(&uri) {
                Some(pushed) if asked.get("client_id") == Some(&pushed.client) => {
                    (asked, resource) = (pushed.parameters, pushed.resource);
                }
                _ => return plain("request_uri is unknown, used, or another client's"),
            }
        }
        let client = asked.get("client_id").cloned().unwrap_or_default();
        let Some(allowed) = self.redirects_of(&client) else { return plain("no such client") };
        let Some(uri) = asked.get("redirect_uri").filter(|uri| may_redirect(&allowed, uri)).cloned() else {
            return plain("redirect_uri is not one of this client's");
        };
        let outcome = self.decide(now_ms, client, &uri, &asked, resource);
        self.redirect(issuer, &uri, asked.get("state").map(String::as_str), outcome)
    }

    fn decide(
        &mut self,
        now_ms: u64,
        client: String,
        uri: &str,
        asked: &Parameters,
        resource: Vec<String>,
    ) -> Result<String, String> {
        let is = |name: &str, value: &str| asked.get(name).is_some_and(|found| found == value);
        if !is("response_type", "code") {
            return Err("unsupported_response_type".into());
        }
        let challenge = asked.get("code_challenge").filter(|text| text.len() == 43);
        let (Some(challenge), true) = (challenge, is("code_challenge_method", "S256")) else {
            return Err("invalid_request".into());
        };
        let form = TokenForm {
            scope: asked.get("scope").cloned(),
            resource: resource.clone(),
            ..TokenForm::default()
        };
        if let Err(refusal) = self.check_targets(&form) {
            return Err(refusal.json_text("error").unwrap_or_default());
        }
        if let Consent::Deny(error) = &self.config.login.consent {
            return Err(error.clone());
        }
        let code = self.mint.code();
        let issued = Code {
            client,
            redirect_uri: uri.to_owned(),
            challenge: challenge.clone(),
            issued_ms: now_ms,
            jkt: asked.get("dpop_jkt").cloned(),
            scope: form.scope,
            nonce: asked.get("nonce").cloned(),
            resource,
            audience: asked.get("audience").cloned(),
            spent: None,
        };
        self.codes.insert(code.clone(), issued);
        Ok(code)
    }

    fn redirect(
        &self,
        issuer: &str,
        uri: &str,
        state: Option<&str>,
        outcome: Result<String, String>,
    ) -> AsReply {
        let mut fields = match &outcome {
            Ok(code) => vec![("code", code.as_str())],
            Err(error) => {
                vec![("error", error.as_str()), ("error_description", "decided by the test server")]
            }
        };
        fields.extend(state.map(|state| ("state", state)));
        match &self.config.login.redirect_issuer {
            Iss::Right => fields.push(("iss", issuer)),
            Iss::Wrong(other) => fields.push(("iss", other)),
            Iss::Absent | Iss::Withheld => {}
        }
        let query: Vec<String> =
            fields.into_iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let joint = if uri.contains('?') { '&' } else { '?' };
        AsReply::new(302, "text/plain", "").with("Location", &format!("{uri}{joint}{}", query.join("&")))
    }

    /// Takes an authorization request in before the person is sent (RFC 9126 section 2).
    pub(crate) fn pushed_request(&mut self, form: &TokenForm, body: &str) -> AsReply {
        let client = match self.authenticate(form) {
            Ok(client) => client.id,
            Err(refusal) => return refusal,
        };
        let (mut parameters, resource) = parameters(body);
        for own in ["client_secret", "client_assertion", "client_assertion_type"] {
            parameters.remove(own);
        }
        parameters.insert("client_id".into(), client.clone());
        if parameters.contains_key("request_uri") {
            return AsReply::error(400, "invalid_request", "request_uri may not be pushed");
        }
        let uri = format!("urn:ietf:params:oauth:request_uri:{}", self.mint.name());
        self.pushed.insert(uri.clone(), PushedRequest { client, parameters, resource });
        let body = serde_json::json!({ "request_uri": uri, "expires_in": PUSHED_LIFETIME_S });
        AsReply::json(201, body.to_string())
    }

    /// RFC 6749 section 4.1.3 with RFC 7636 section 4.6. A code that comes twice ends what it brought (section 4.1.2).
    pub(super) fn exchange_code(
        &mut self,
        asked: &Asked<'_>,
        entry: &mut LogEntry,
    ) -> (TokenVerdict, AsReply) {
        let form = asked.form;
        let (Some(code), Some(verifier)) = (form.parameter("code"), form.parameter("code_verifier")) else {
            return malformed("invalid_request", "code or code_verifier is missing");
        };
        let lifetime_ms = self.config.login.code_lifetime_ms;
        let Some(found) = self.codes.get_mut(code) else { return refused(TokenVerdict::GrantRefused) };
        if let Some(brought) = found.spent {
            self.end_family(brought);
            return refused(TokenVerdict::GrantRefused);
        }
        let holds = found.client == asked.client.id
            && form.parameter("redirect_uri") == Some(&found.redirect_uri)
            && jose::hash(verifier) == found.challenge
            && found.jkt.as_ref().is_none_or(|bound| asked.jkt.as_ref() == Some(bound))
            && asked.now_ms < found.issued_ms.saturating_add(lifetime_ms);
        found.spent = Some(self.grants.len());
        if !holds {
            self.codes.remove(code);
            return refused(TokenVerdict::GrantRefused);
        }
        let issue = Issue {
            subject: Some("person".into()),
            refresh: true,
            scope: found.scope.clone(),
            nonce: found.nonce.clone(),
            resource: found.resource.clone(),
            audience: found.audience.clone(),
        };
        self.issue(asked, issue, entry)
    }
}

/// Parameters by name, the last one counting, and every `resource`.
pub(super) fn parameters(query: &str) -> (Parameters, Vec<String>) {
    let (mut parameters, mut resource) = (Parameters::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Ok(name), Ok(value)) = (decode(name.as_bytes()), decode(value.as_bytes())) else { continue };
        if name == "resource" {
            resource.push(value);
        } else {
            parameters.insert(name, value);
        }
    }
    (parameters, resource)
}

/// Compared to the letter, but for the port of a loopback address (RFC 8252 section 7.3). Without a list any such
/// address will do.
fn may_redirect(allowed: &[String], uri: &str) -> bool {
    let loopback = without_port(uri);
    if allowed.is_empty() {
        return loopback.is_some();
    }
    allowed.iter().any(|one| one == uri || (loopback.is_some() && without_port(one) == loopback))
}

/// A loopback address without its port; none for every other.
fn without_port(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("http://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rfind(':')
        .filter(|at| !authority[*at..].contains(']'))
        .map_or(authority, |at| &authority[..at]);
    matches!(host, "127.0.0.1" | "[::1]").then(|| format!("{host}{path}"))
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
