//! Clients: the one of the configuration, those that registered (RFC 7591), and how each proves itself.

use super::jose::{self, Jws};
use super::{AsModel, AsReply, ClientAuth, Registration, TokenForm};
use serde_json::{Map, Value, json};

/// How far the clocks of client and server may be apart, in milliseconds: `iat` may lie so far ahead, `exp` so far back.
const ASSERTION_SKEW_MS: i64 = 30_000;

/// An assertion may live so long, in milliseconds; the standards ask for a short time without naming one.
const ASSERTION_LIFETIME_MAX_MS: i64 = 300_000;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that registered.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RegisteredClient {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) token: String,
    /// What it said of itself, with what was added.
    pub(crate) metadata: Value,
}

/// Who asks.
pub(crate) struct KnownClient {
    pub(crate) id: String,
    pub(crate) is_public: bool,
}

/// What a client proves itself with.
struct Known {
    secret: Option<String>,
    auth: ClientAuth,
    keys: Option<String>,
}

impl AsModel {
    /// RFC 6749 section 2.3.1 and RFC 7523 section 2.2, and the answer of section 5.2 where it fails.
    pub(super) fn authenticate(&mut self, form: &TokenForm) -> Result<KnownClient, AsReply> {
        let refusal = || {
            let refusal = AsReply::error(401, "invalid_client", "client authentication failed");
            match form.basic.is_some() {
                true => refusal.with("WWW-Authenticate", "Basic realm=\"testkit\""),
                false => refusal,
            }
        };
        if self.client_refused {
            return Err(refusal());
        }
        if let Some(assertion) = form.parameter("client_assertion") {
            let id = self.assert_client(form, assertion).map_err(|why| {
                AsReply::error(401, "invalid_client", &format!("the client assertion is refused: {why}"))
            })?;
            return Ok(KnownClient { id, is_public: false });
        }
        let named = form.basic.as_ref().map(|(id, _)| id.as_str()).or(form.client_id.as_deref());
        let id = named.ok_or_else(refusal)?.to_owned();
        let known = self.known(&id).ok_or_else(refusal)?;
        let posted = (form.client_id.as_deref(), form.client_secret.as_deref());
        let in_basic = form.basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        let proved = match (&known.secret, in_basic, posted) {
            (Some(secret), Some(pair), (_, None)) => {
                known.auth != ClientAuth::Post && pair == (id.as_str(), secret)
            }
            (Some(secret), None, (Some(posted_id), Some(posted))) => {
                known.auth != ClientAuth::Basic && posted_id == id && posted == secret
            }
            (None, None, (Some(_), _)) => known.keys.is_none(),
            (None, Some((_, "")), _) => known.keys.is_none(),
            _ => false,
        };
        if proved { Ok(KnownClient { id, is_public: known.secret.is_none() }) } else { Err(refusal()) }
    }

    fn known(&self, id: &str) -> Option<Known> {
        let config = &self.config;
        if id == config.client_id {
            return Some(Known {
                secret: config.client_secret.clone(),
                auth: config.client_auth,
                keys: config.login.client_keys.clone(),
            });
        }
        let client = self.registered.iter().find(|client| client.id == id)?;
        let auth = match client.metadata["token_endpoint_auth_method"].as_str() {
            Some("client_secret_post") => ClientAuth::Post,
            Some("client_secret_basic") => ClientAuth::Basic,
            _ => ClientAuth::Any,
        };
        let keys = client.metadata.get("jwks").map(Value::to_string);
        Some(Known { secret: client.secret.clone(), auth, keys })
    }

    /// The redirect addresses of a client; none where there is no such client.
    pub(super) fn redirects_of(&self, id: &str) -> Option<Vec<String>> {
        if id == self.config.client_id {
            return Some(self.config.login.redirect_uris.clone());
        }
        let client = self.registered.iter().find(|client| client.id == id)?;
        let listed = client.metadata["redirect_uris"].as_array().cloned().unwrap_or_default();
        Some(listed.iter().filter_map(|uri| uri.as_str().map(str::to_owned)).collect())
    }

    fn assert_client(&mut self, form: &TokenForm, assertion: &str) -> Result<String, &'static str> {
        let must = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(why) };
        must(
            form.parameter("client_assertion_type") == Some(JWT_BEARER),
            "client_assertion_type is another",
        )?;
        must(form.basic.is_none() && form.client_secret.is_none(), "the client proves itself twice")?;
        let token = Jws::read(assertion).ok_or("it is no JWS")?;
        let id = token.text("sub").ok_or("sub is missing")?.to_owned();
        must(token.text("iss") == Some(&id), "iss is not sub")?;
        must(form.client_id.as_ref().is_none_or(|named| *named == id), "client_id is another")?;
        let keys = self.known(&id).and_then(|known| known.keys).ok_or("no key of this client is known")?;
        must(jose::signed_by_one_of(&token, &keys), "no key of this client signed it")?;
        self.timely(&token, form, ASSERTION_LIFETIME_MAX_MS)?;
        let jti = token.text("jti").ok_or("jti is missing")?;
        must(self.seen_assertions.is_new(jti), "jti was seen before")?;
        Ok(id)
    }

    /// `aud`, `iat` and `exp` of an assertion (RFC 7523 section 3).
    pub(super) fn timely(
        &self,
        token: &Jws,
        form: &TokenForm,
        lifetime_max_ms: i64,
    ) -> Result<(), &'static str> {
        let must = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(why) };
        let expires = token.time_ms("exp").ok_or("exp is missing")?;
        let Some(arrival) = &form.arrival else { return Ok(()) };
        let token_endpoint = format!("{}/token", arrival.issuer);
        let names = [arrival.issuer.as_str(), &token_endpoint, &arrival.url];
        must(token.is_for(&names), "aud names neither this issuer nor this endpoint")?;
        let now = i64::try_from(arrival.unix_ms).unwrap_or(i64::MAX);
        must(expires > now.saturating_sub(ASSERTION_SKEW_MS), "exp is in the past")?;
        let issued = token.time_ms("iat").unwrap_or(now);
        must(issued <= now.saturating_add(ASSERTION_SKEW_MS), "iat is in the future")?;
        let far = now.saturating_add(lifetime_max_ms + ASSERTION_SKEW_MS);
        must(expires <= far, "exp is too far away")
    }

    /// Registers a client (RFC 7591 section 3); `issuer` is where it can be read again.
    pub(crate) fn register(&mut self, issuer: &str, bearer: Option<&str>, body: &[u8]) -> AsReply {
        match &self.config.login.registration {
            Registration::Closed => return AsReply::new(404, "text/plain", "no such route\n"),
            Registration::Token(token) if bearer != Some(token) => {
                return AsReply::error(401, "invalid_token", "an initial access token is needed")
                    .with("WWW-Authenticate", "Bearer realm=\"testkit\"");
            }
            Registration::Token(_) | Registration::Open => {}
        }
        let Ok(Value::Object(mut metadata)) = serde_json::from_slice::<Value>(body) else {
            return AsReply::error(400, "invalid_client_metadata", "the body is no JSON object");
        };
        if let Err((code, why)) = checked(&metadata) {
            return AsReply::error(400, code, why);
        }
        let id = format!("registered-{}", self.registered.len() + 1);
        let method = metadata.get("token_endpoint_auth_method").and_then(Value::as_str);
        let secret = match method.unwrap_or("client_secret_basic") {
            "none" | "private_key_jwt" => None,
            _ => Some(self.mint.client_secret()),
        };
        let token = self.mint.registration_token();
        metadata.insert("client_id".into(), id.as_str().into());
        metadata.insert("registration_access_token".into(), token.as_str().into());
        metadata.insert("registration_client_uri".into(), format!("{issuer}/register/{id}").into());
        if let Some(secret) = &secret {
            metadata.insert("client_secret".into(), secret.as_str().into());
            metadata.insert("client_secret_expires_at".into(), 0.into());
        }
        let metadata = Value::Object(metadata);
        self.registered.push(RegisteredClient { id, secret, token, metadata: metadata.clone() });
        AsReply::json(201, metadata.to_string())
    }

    /// Reads or deletes a registration (RFC 7592 sections 2.1 and 2.3).
    pub(crate) fn manage(&mut self, method: &str, id: &str, bearer: Option<&str>) -> AsReply {
        let found = self.registered.iter().position(|client| client.id == id);
        let found = found.filter(|at| bearer == Some(&self.registered[*at].token));
        match (method, found) {
            (_, None) => AsReply::error(401, "invalid_token", "no such registration, or not its token"),
            ("DELETE", Some(at)) => {
                self.registered.remove(at);
                AsReply { status: 204, headers: Vec::new(), body: Vec::new() }
            }
            (_, Some(at)) => AsReply::json(200, self.registered[at].metadata.to_string()),
        }
    }

    /// Deletes a registration, as a server does that forgets clients after a while; `false` if there is none.
    pub fn forget_client(&mut self, id: &str) -> bool {
        let before = self.registered.len();
        self.registered.retain(|client| client.id != id);
        self.registered.len() != before
    }

    /// What the clients that registered said of themselves, without their secrets.
    pub fn registered_clients(&self) -> Vec<Value> {
        let without_secrets = |client: &RegisteredClient| {
            let mut shown = client.metadata.clone();
            if let Some(members) = shown.as_object_mut() {
                members.remove("client_secret");
                members.remove("registration_access_token");
            }
            shown
        };
        self.registered.iter().map(without_secrets).collect()
    }
}

/// RFC 7591 section 2, as far as a mistake would hide a client's fault.
fn checked(metadata: &Map<String, Value>) -> Result<(), (&'static str, &'static str)> {
    let grants = metadata.get("grant_types").cloned().unwrap_or_else(|| json!(["authorization_code"]));
    let redirects =
        metadata.get("redirect_uris").and_then(Value::as_array).is_some_and(|uris| !uris.is_empty());
    let needs =
        grants.as_array().is_some_and(|grants| grants.iter().any(|grant| grant == "authorization_code"));
    if needs && !redirects {
        return Err(("invalid_redirect_uri", "the code grant needs redirect_uris"));
    }
    match metadata.get("token_endpoint_auth_method").and_then(Value::as_str) {
        Some("private_key_jwt") if metadata.get("jwks").is_none() && metadata.get("jwks_uri").is_none() => {
            Err(("invalid_client_metadata", "private_key_jwt needs jwks"))
        }
        Some("none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt") | None => Ok(()),
        Some(_) => Err(("invalid_client_metadata", "this token_endpoint_auth_method is not supported")),
    }
}
