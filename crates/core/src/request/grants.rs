//! One builder for each grant, and what they have in common: the client's authentication, names and encodings of the
//! provider, and the list of proofs that the driver's signer adds.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::headers::headers;
use super::{ProofSpec, Proving, TokenRequest, TokenTypeHint, encode, json};
use crate::client::{Client, ClientAuth};
use crate::grant_type::{GrantType, JwtBearer, TokenExchange, TokenSource};
use crate::policy::RequestPolicy;
use crate::profile::BodyEncoding;
use crate::record::Identity;
use crate::secret::Secret;

/// What an authorization code is exchanged with.
#[derive(Clone, Copy)]
pub struct AuthorizationCode<'a> {
    /// `code`, as it came in the redirect.
    pub code: &'a Secret,
    /// `redirect_uri`, exactly as it stood in the authorization request (RFC 6749 §4.1.3).
    pub redirect_uri: &'a str,
    /// `code_verifier` (RFC 7636 §4.5).
    pub verifier: &'a Secret,
}

impl TokenRequest {
    /// The refresh of RFC 6749 §6, to the pinned token endpoint and nowhere else.
    ///
    /// The form carries, in this order: `grant_type`, `refresh_token`, the client's authentication, `scope`,
    /// `resource` (RFC 8707), `audience`, and the client's extra parameters, of which those that repeat a name already
    /// there are left out (RFC 6749 §3.2 forbids repetition; only `resource` may repeat). Where the client says so, some
    /// have other names, and the same fields are a JSON object.
    pub fn refresh(
        identity: &Identity,
        client: &Client,
        refresh_token: &Secret,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Self {
        let mut draft = Draft::new(identity, client, "refresh_token");
        draft.put(b"refresh_token", refresh_token.expose());
        draft.put_client();
        draft.put_scope();
        draft.put_resource();
        draft.put_audience();
        draft.post(proving, policy)
    }

    /// The client's [grant type](Client::grant_type) run once more: client credentials (RFC 6749 §4.4.2), token exchange
    /// (RFC 8693 §2.1) or JWT bearer (RFC 7523 §2.1). None where the client renews by a refresh token.
    pub fn grant(
        identity: &Identity,
        client: &Client,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Option<Self> {
        let mut draft = Draft::new(identity, client, client.grant_type.name());
        match &client.grant_type {
            GrantType::RefreshToken => return None,
            GrantType::ClientCredentials => {}
            GrantType::TokenExchange(exchange) => draft.put_exchange(exchange),
            GrantType::JwtBearer(JwtBearer::Given(source)) => draft.put_token("assertion", source),
            GrantType::JwtBearer(JwtBearer::Signed(claims)) => {
                draft.proofs.push(ProofSpec::Assertion { claims: claims.clone(), at: proving.at });
            }
        }
        draft.put_client();
        draft.put_scope();
        draft.put_resource();
        draft.put_audience();
        Some(draft.post(proving, policy))
    }

    /// The exchange of an authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5). Scope and audience were named
    /// in the authorization request and are not repeated; the resource is (RFC 8707 §2.2).
    pub fn authorization_code(
        identity: &Identity,
        client: &Client,
        code: &AuthorizationCode<'_>,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Self {
        let mut draft = Draft::new(identity, client, "authorization_code");
        draft.put(b"code", code.code.expose());
        // rfc: 6749-4.1.3 redirect_uri is repeated as it stood in the authorization request
        draft.put(b"redirect_uri", code.redirect_uri.as_bytes());
        // rfc: 7636-4.5 the verifier goes with the code
        draft.put(b"code_verifier", code.verifier.expose());
        draft.put_client();
        draft.put_resource();
        draft.post(proving, policy)
    }

    /// One poll of the device grant (RFC 8628 §3.4).
    pub fn device_code(
        identity: &Identity,
        client: &Client,
        device_code: &Secret,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Self {
        // rfc: 8628-3.4 grant_type, device_code and client_id are named in every poll
        let mut draft = Draft::new(identity, client, "urn:ietf:params:oauth:grant-type:device_code");
        draft.put(b"device_code", device_code.expose());
        draft.put_client();
        draft.put_resource();
        draft.post(proving, policy)
    }

    /// The revocation of RFC 7009 §2.1, always a form; none where no revocation endpoint is known. A client assertion in
    /// it names the token endpoint as its audience, or on another host the issuer; a DPoP proof is not asked for.
    pub fn revocation(
        identity: &Identity,
        client: &Client,
        token: &Secret,
        hint: TokenTypeHint,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Option<Self> {
        let endpoint = identity.revocation_endpoint.as_deref()?;
        let mut draft = Draft::empty(identity, client);
        draft.put(b"token", token.expose());
        draft.put(b"token_type_hint", hint.name().as_bytes());
        draft.put_client();
        draft.rename();
        Some(draft.post_to(endpoint, BodyEncoding::Form, proving, policy))
    }

    /// Any other form that a client must prove itself with: a device authorization request (RFC 8628 §3.1), say. Always a
    /// form; the fields first, then the client's authentication.
    pub fn form_to(
        url: &str,
        identity: &Identity,
        client: &Client,
        fields: &[(&str, &[u8])],
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> Self {
        let mut draft = Draft::empty(identity, client);
        for (name, value) in fields {
            draft.put(name.as_bytes(), value);
        }
        if fields.iter().any(|(name, _)| *name == "client_id") {
            draft.put_secret();
        } else {
            draft.put_client();
        }
        draft.rename();
        draft.post_to(url, BodyEncoding::Form, proving, policy)
    }
}

/// A request that is being put together.
struct Draft<'a> {
    identity: &'a Identity,
    client: &'a Client,
    fields: Vec<encode::Field<'a>>,
    /// Those that fill in parameters; the proofs of the client and of possession come behind them.
    proofs: Vec<ProofSpec>,
}

impl<'a> Draft<'a> {
    fn empty(identity: &'a Identity, client: &'a Client) -> Self {
        Self { identity, client, fields: Vec::new(), proofs: Vec::new() }
    }

    fn new(identity: &'a Identity, client: &'a Client, grant_type: &'a str) -> Self {
        Self { fields: vec![(b"grant_type", grant_type.as_bytes())], ..Self::empty(identity, client) }
    }

    fn put(&mut self, name: &'a [u8], value: &'a [u8]) {
        self.fields.push((name, value));
    }

    /// The client's own fields (RFC 6749 §2.3, §3.2.1).
    fn put_client(&mut self) {
        let client = self.client;
        match &client.auth {
            ClientAuth::Basic(_) => {}
            // A client that signs names itself beside its assertion: some servers look it up before they read that.
            ClientAuth::None | ClientAuth::Post(_) | ClientAuth::PrivateKeyJwt { .. } => {
                // rfc: 6749-3.2.1 a client that does not authenticate names itself
                if !client.id.is_empty() {
                    self.put(b"client_id", client.id.as_bytes());
                }
            }
        }
        self.put_secret();
    }

    /// With Basic the body repeats nothing: two methods in one request are forbidden.
    fn put_secret(&mut self) {
        // rfc: 6749-3.2.1-2 who holds a secret or a key shows it in every request
        // rfc: 6749-2.3 one method of authentication in a request, never two
        if let ClientAuth::Post(secret) = &self.client.auth {
            self.put(b"client_secret", secret.expose());
        }
    }

    fn put_scope(&mut self) {
        if let Some(scope) = &self.client.scope {
            self.put(b"scope", scope.as_bytes());
        }
    }

    fn put_resource(&mut self) {
        if let Some(resource) = &self.identity.resource {
            self.put(b"resource", resource.as_bytes());
        }
    }

    fn put_audience(&mut self) {
        if let Some(audience) = &self.client.audience {
            self.put(b"audience", audience.as_bytes());
        }
    }

    fn put_exchange(&mut self, exchange: &'a TokenExchange) {
        if let Some(requested) = &exchange.requested_type {
            self.put(b"requested_token_type", requested.as_bytes());
        }
        self.put_token("subject_token", &exchange.subject);
        self.put(b"subject_token_type", exchange.subject_type.as_bytes());
        if let Some((actor, kind)) = &exchange.actor {
            self.put_token("actor_token", actor);
            self.put(b"actor_token_type", kind.as_bytes());
        }
    }

    /// What is kept here goes out at once; what lies in a file is read when the request leaves.
    fn put_token(&mut self, parameter: &'static str, source: &'a TokenSource) {
        match source {
            TokenSource::Kept(token) => self.put(parameter.as_bytes(), token.expose()),
            TokenSource::File(_) => {
                self.proofs.push(ProofSpec::Token { parameter, source: source.clone() });
            }
        }
    }

    /// To the token endpoint: with the client's extra parameters, and bound to its key.
    fn post(mut self, proving: Proving<'_>, policy: &RequestPolicy) -> TokenRequest {
        let (identity, client) = (self.identity, self.client);
        self.rename();
        for (name, value) in &client.extra_parameters {
            // rfc: 6749-3.2-2 no parameter stands twice
            let taken = name != "resource" && self.has(name);
            if !name.is_empty() && !taken {
                self.put(name.as_bytes(), value.as_bytes());
            }
        }
        let mut request = self.post_to(&identity.token_endpoint, client.encoding, proving, policy);
        if let Some(key) = &client.dpop_key {
            let nonce = proving.nonce.map(String::from);
            request.proofs.push(ProofSpec::Dpop { key: key.clone(), nonce, at: proving.at });
        }
        request
    }

    /// Whether a field stands there, or will when the proofs are filled in.
    fn has(&self, name: &str) -> bool {
        let assertion = matches!(self.client.auth, ClientAuth::PrivateKeyJwt { .. });
        self.fields.iter().any(|(there, _)| *there == name.as_bytes())
            || self.proofs.iter().any(|proof| proof.parameter() == Some(name))
            || (assertion && matches!(name, "client_assertion" | "client_assertion_type"))
    }

    fn post_to(
        self,
        url: &str,
        encoding: BodyEncoding,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> TokenRequest {
        let Self { identity, client, fields, mut proofs } = self;
        if let ClientAuth::PrivateKeyJwt { key, audience } = &client.auth {
            proofs.push(ProofSpec::ClientAssertion {
                key: key.clone(),
                client_id: client.id.clone(),
                audience: audience.clone().unwrap_or_else(|| String::from(assertion_audience(identity, url))),
                at: proving.at,
            });
        }
        // rfc: 6749-2.3.1-2 secrets and tokens stand in the body or a header, never in the address
        // rfc: 9700-4.3.2 nor does any token
        let (content_type, body) = match encoding {
            BodyEncoding::Form => ("application/x-www-form-urlencoded", encode::form(&fields)),
            BodyEncoding::Json => ("application/json", json::object(&fields)),
        };
        TokenRequest {
            url: url.to_string(),
            headers: headers(client, content_type),
            body: Secret::new(body),
            proofs,
            timeout: policy.timeout,
            connect_timeout: policy.connect_timeout,
        }
    }

    /// Calls the fields as the server does. A name that is taken would make two of one, so its field keeps the usual
    /// one.
    fn rename(&mut self) {
        for (usual, name) in &self.client.parameter_names {
            let taken = name.is_empty() || self.fields.iter().any(|(there, _)| *there == name.as_bytes());
            let field = self.fields.iter_mut().find(|(there, _)| !taken && *there == usual.as_bytes());
            if let Some(field) = field {
                field.0 = name.as_bytes();
            }
        }
    }
}

/// Whom a client assertion that is shown at this address is for: the token endpoint (RFC 7523 §3). Metadata can name
/// somebody else's token endpoint, and beside it an address of its own: what is signed for the one and shown at the
/// other could be spent there. So an address of another origin gets it for the issuer alone (RFC 9126 §2), of whom it
/// is known that the metadata are his.
fn assertion_audience<'a>(identity: &'a Identity, url: &str) -> &'a str {
    match &identity.issuer {
        Some(issuer) if origin(url) != origin(&identity.token_endpoint) => issuer,
        _ => &identity.token_endpoint,
    }
}

/// Scheme, host and port, as they are written.
fn origin(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |at| at + "://".len());
    let end = url.get(begin..).and_then(|rest| rest.find(['/', '?', '#'])).map(|at| begin + at);
    end.and_then(|end| url.get(..end)).unwrap_or(url)
}
