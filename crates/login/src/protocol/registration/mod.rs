//! Dynamic registration (RFC 7591): the client tells a server of itself, and gets an id.

mod document;

use renewd_core::{Registration, RequestPolicy, Secret, Span, TokenRequest, Wall};
use serde_json::{Map, Value, json};

use super::address::Address;
use super::denial::Denial;
use super::json::{Object, read_object};
use super::refusal::{Reason, Refusal};

pub use document::{check_client_document, check_client_id, client_document};

const ANSWER: &str = "client registration";

/// How the client is called where a person sees it.
const CLIENT_NAME: &str = "renewd";

/// `software_id`: the same for every copy of this program, so that a server can tell what it registered.
const SOFTWARE_ID: &str = "6f7cb7f2-6f3d-4d6b-9a3e-5d1a0f9c2e64";

const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";

/// What the client says of itself.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationRequest<'a> {
    /// Loopback redirect addresses; empty for a client that only uses the device grant.
    pub redirect_uris: &'a [&'a str],
    /// `grant_types`, as the wire calls them.
    pub grant_types: &'a [&'a str],
    /// `none`, `basic`, `post` or `private_key_jwt`, as [`renewd_core::ClientAuth::name`] says it.
    pub auth_method: &'a str,
    /// `token_endpoint_auth_signing_alg`, for `private_key_jwt`.
    pub signing_alg: Option<&'a str>,
    /// `jwks`: the public keys as a JSON object, for `private_key_jwt`.
    pub jwks: Option<&'a str>,
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2).
    pub dpop_bound: bool,
    /// `scope` that it will ask for.
    pub scope: Option<&'a str>,
}

impl RegistrationRequest<'_> {
    /// The request (RFC 7591 §3.1), with the token that some servers want for it.
    ///
    /// # Errors
    /// Where the request itself is none: a method that cannot be registered, keys that are no JSON.
    pub fn build(
        &self,
        endpoint: &Address,
        initial_token: Option<&Secret>,
        policy: &RequestPolicy,
    ) -> Result<TokenRequest, Refusal> {
        let mut headers = vec![
            ("Accept".to_owned(), Secret::from("application/json")),
            ("Content-Type".to_owned(), Secret::from("application/json")),
        ];
        if let Some(token) = initial_token {
            let value = [b"Bearer ", token.expose()].concat();
            headers.push(("Authorization".to_owned(), Secret::new(value)));
        }
        Ok(TokenRequest {
            url: endpoint.as_str().to_owned(),
            headers,
            body: Secret::from_string(Value::Object(self.metadata()?).to_string()),
            proofs: Vec::new(),
            timeout: policy.timeout,
            connect_timeout: policy.connect_timeout,
        })
    }

    /// Client metadata (RFC 7591 §2): what is registered, and what a client id metadata document says.
    fn metadata(&self) -> Result<Map<String, Value>, Refusal> {
        let response_types: &[&str] = if self.grant_types.contains(&CODE) { &["code"] } else { &[] };
        let mut metadata = Map::new();
        let mut put = |name: &str, value: Value| metadata.insert(name.to_owned(), value);
        put("client_name", json!(CLIENT_NAME));
        put("software_id", json!(SOFTWARE_ID));
        put("software_version", json!(env!("CARGO_PKG_VERSION")));
        // OpenID Connect Registration §2: only native clients have loopback redirect addresses.
        put("application_type", json!("native"));
        put("grant_types", json!(self.grant_types));
        put("response_types", json!(response_types));
        put("token_endpoint_auth_method", json!(on_the_wire(self.auth_method)?));
        if !self.redirect_uris.is_empty() {
            put("redirect_uris", json!(self.redirect_uris));
        }
        if let Some(alg) = self.signing_alg {
            put("token_endpoint_auth_signing_alg", json!(alg));
        }
        if let Some(jwks) = self.jwks {
            let keys = serde_json::from_str(jwks).ok().filter(Value::is_object);
            put("jwks", keys.ok_or_else(|| Refusal::new(Reason::NotJson, "jwks"))?);
        }
        if self.dpop_bound {
            put("dpop_bound_access_tokens", json!(true));
        }
        if let Some(scope) = self.scope {
            put("scope", json!(scope));
        }
        Ok(metadata)
    }
}

/// What came of it (RFC 7591 §3.2.1).
#[derive(Clone)]
pub struct Registered {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`, where the client has to use one.
    pub client_secret: Option<Secret>,
    /// How it authenticates: `none`, `basic`, `post` or `private_key_jwt`.
    pub auth_method: &'static str,
    /// Whether refresh tokens come: false where the server registered the client without that grant.
    pub may_refresh: bool,
    /// Whether all its tokens must be bound by DPoP.
    pub dpop_bound: bool,
    /// What the record keeps.
    pub registration: Registration,
}

impl Registered {
    /// Reads the answer to this request, received at this time.
    ///
    /// # Errors
    /// The server's refusal, or where the client was registered so that this login cannot work.
    pub fn read(
        status: u16,
        body: &[u8],
        asked: &RegistrationRequest<'_>,
        endpoint: &Address,
        at: Wall,
    ) -> Result<Self, Refusal> {
        if let Some(denial) = Denial::of_body(body) {
            return Err(denial.refusal(ANSWER));
        }
        if !(200..300).contains(&status) {
            return Err(Refusal::new(Reason::Status, ANSWER).found(&format!("HTTP {status}")));
        }
        let object = read_object(body, ANSWER)?;
        let client_id = object.required_text("client_id")?;
        if !client_id.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err(Refusal::new(Reason::Value, "client_id").found(client_id));
        }
        let secret = object.secret("client_secret")?;
        let auth_method = auth_method(&object, asked, secret.is_some())?;
        let grants = object.texts("grant_types")?;
        check_grants(grants.as_deref(), asked)?;
        check_redirects(&object, asked)?;
        let client_uri = object.address("registration_client_uri")?;
        if let Some(uri) = client_uri.as_ref().filter(|uri| !endpoint.may_lead_to(uri)) {
            return Err(Refusal::new(Reason::PrivateHost, "registration_client_uri").found(uri.as_str()));
        }
        Ok(Self {
            client_id: client_id.to_owned(),
            client_secret: secret.filter(|_| matches!(auth_method, "basic" | "post")),
            auth_method,
            may_refresh: grants.is_none_or(|grants| grants.iter().any(|grant| grant == REFRESH)),
            dpop_bound: object.flag("dpop_bound_access_tokens")?,
            registration: Registration {
                endpoint: endpoint.as_str().to_owned(),
                at,
                secret_expires: secret_expires(&object)?,
                client_uri: client_uri.map(|uri| uri.as_str().to_owned()),
                access_token: object.secret("registration_access_token")?,
            },
        })
    }
}

/// The method's name in metadata.
fn on_the_wire(method: &str) -> Result<&'static str, Refusal> {
    match method {
        "none" => Ok("none"),
        "basic" => Ok("client_secret_basic"),
        "post" => Ok("client_secret_post"),
        "private_key_jwt" => Ok("private_key_jwt"),
        other => Err(Refusal::new(Reason::ClientAuth, "token_endpoint_auth_method").found(other)),
    }
}

/// How the client was registered to authenticate. A server may give a secret to a client that asked for none; it must
/// not take the key from one that has a key.
fn auth_method(
    object: &Object,
    asked: &RegistrationRequest<'_>,
    has_secret: bool,
) -> Result<&'static str, Refusal> {
    const NAME: &str = "token_endpoint_auth_method";
    let method = match (object.text(NAME)?, asked.auth_method) {
        (Some("none"), "none") => "none",
        (Some("private_key_jwt") | None, "private_key_jwt") => "private_key_jwt",
        (Some("client_secret_basic"), "none" | "basic" | "post") | (None, "basic") => "basic",
        (Some("client_secret_post"), "none" | "basic" | "post") | (None, "post") => "post",
        // RFC 7591 §2: unsaid, it is basic; a client without a secret has nothing to authenticate with.
        (None, "none") => {
            if has_secret {
                "basic"
            } else {
                "none"
            }
        }
        (told, _) => return Err(Refusal::new(Reason::ClientAuth, NAME).found(told.unwrap_or_default())),
    };
    if matches!(method, "basic" | "post") && !has_secret {
        return Err(object.missing("client_secret"));
    }
    Ok(method)
}

/// Without refresh tokens a login still works; without its own grant it does not.
fn check_grants(registered: Option<&[String]>, asked: &RegistrationRequest<'_>) -> Result<(), Refusal> {
    let Some(registered) = registered else { return Ok(()) };
    let lost =
        asked.grant_types.iter().find(|asked| **asked != REFRESH && !registered.iter().any(|g| g == *asked));
    lost.map_or(Ok(()), |lost| {
        Err(Refusal::new(Reason::Registration, "grant_types").found(&format!("without {lost}")))
    })
}

fn check_redirects(object: &Object, asked: &RegistrationRequest<'_>) -> Result<(), Refusal> {
    let Some(registered) = object.texts("redirect_uris")? else { return Ok(()) };
    let lost = asked.redirect_uris.iter().find(|asked| !registered.iter().any(|uri| uri == *asked));
    lost.map_or(Ok(()), |lost| {
        Err(Refusal::new(Reason::Registration, "redirect_uris").found(&format!("without {lost}")))
    })
}

/// RFC 7591 §3.2.1: seconds since 1970, and zero means never.
fn secret_expires(object: &Object) -> Result<Option<Wall>, Refusal> {
    match object.whole("client_secret_expires_at")? {
        None | Some(0) => Ok(None),
        Some(seconds) if seconds < 0 => {
            Err(Refusal::new(Reason::Value, "client_secret_expires_at").found(&seconds.to_string()))
        }
        Some(seconds) => {
            let span = Span::from_secs(u64::try_from(seconds).unwrap_or(0));
            Ok(Some(Wall::from_unix_millis(0) + span))
        }
    }
}

#[cfg(test)]
mod tests;
