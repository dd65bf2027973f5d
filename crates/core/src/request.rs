//! The request that spends a refresh token (RFC 6749 §6), and the one that takes a token back (RFC 7009). Built here,
//! sent elsewhere.
//!
//! Neither type nor body can be printed: the form holds the refresh token, and a header may hold the client's secret.

mod encode;
mod json;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::client::{Client, ClientAuth};
use crate::grant_type::{AssertionClaims, SigningKey, TokenSource};
use crate::policy::RequestPolicy;
use crate::profile::BodyEncoding;
use crate::record::Identity;
use crate::secret::Secret;
use crate::time::{Span, Wall};

pub(crate) use encode::push_base64;

/// Headers that belong to the core or to the transport; a configured one of that name is ignored. `Accept` is not
/// among them: a configured one replaces the default.
const OWN_HEADERS: [&str; 11] = [
    "content-type",
    "authorization",
    "host",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
];

/// A token request, complete but for its proofs.
#[derive(Clone, Hash)]
pub struct TokenRequest {
    /// The pinned token endpoint. The method is always POST.
    pub url: String,
    /// All headers but `Host` and `Content-Length`. Values may hold the client's secret.
    pub headers: Vec<(String, Secret)>,
    /// The form, or the JSON object.
    pub body: Secret,
    /// What the driver's signer must still add; core holds no keys.
    pub proofs: Vec<ProofSpec>,
    /// From DNS to the last byte of the answer.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
}

/// What the driver's signer adds to a request: whatever needs a key, entropy or a file. The order is that of the list;
/// parameters go into the body, which is a form or a JSON object as its `Content-Type` says.
#[non_exhaustive]
#[derive(Clone, Hash)]
pub enum ProofSpec {
    /// `client_assertion_type` and `client_assertion` (RFC 7523 §2.2).
    ClientAssertion {
        /// Signs it.
        key: SigningKey,
        /// Its `iss` and `sub`.
        client_id: String,
        /// Its `aud`.
        audience: String,
        /// Its `iat`: the server's clock, as far as it is known.
        at: Wall,
    },
    /// The parameter `assertion` of a JWT bearer grant (RFC 7523 §2.1).
    Assertion {
        /// What is claimed.
        claims: AssertionClaims,
        /// Its `iat`.
        at: Wall,
    },
    /// A token of somebody else's, as this parameter.
    Token {
        /// `subject_token`, `actor_token` or `assertion`.
        parameter: &'static str,
        /// Where it comes from.
        source: TokenSource,
    },
    /// A `DPoP` header (RFC 9449 §4).
    Dpop {
        /// The key.
        key: Secret,
        /// The nonce the server gave, if it did.
        nonce: Option<String>,
        /// Its `iat`.
        at: Wall,
    },
}

impl ProofSpec {
    /// What is missing, for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientAssertion { .. } => "a client assertion",
            Self::Assertion { .. } => "an assertion",
            Self::Token { .. } => "a token of somebody else's",
            Self::Dpop { .. } => "a DPoP proof",
        }
    }
}

/// What kind of token is to be revoked (RFC 7009 §2.1).
#[expect(clippy::exhaustive_enums, reason = "core holds these two kinds")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`: the server ends the whole grant with it (RFC 7009 §2.1).
    RefreshToken,
}

impl TokenTypeHint {
    /// The value of `token_type_hint`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

impl TokenRequest {
    /// The refresh of RFC 6749 §6, to the pinned token endpoint and nowhere else.
    ///
    /// The form carries, in this order: `grant_type`, `refresh_token`, the client's authentication, `scope`,
    /// `resource` (RFC 8707), and the client's extra parameters, of which those that repeat a name already there are
    /// left out (RFC 6749 §3.2 forbids repetition; only `resource` may repeat). Where the client says so, some have
    /// other names, and the same fields are a JSON object.
    pub fn refresh(
        identity: &Identity,
        client: &Client,
        refresh_token: &Secret,
        policy: &RequestPolicy,
    ) -> Self {
        let mut fields: Vec<encode::Field<'_>> =
            vec![(b"grant_type", b"refresh_token"), (b"refresh_token", refresh_token.expose())];
        push_client(&mut fields, client);
        if let Some(scope) = &client.scope {
            fields.push((b"scope", scope.as_bytes()));
        }
        if let Some(resource) = &identity.resource {
            fields.push((b"resource", resource.as_bytes()));
        }
        rename(&mut fields, client);
        for (name, value) in &client.extra_parameters {
            let taken = name != "resource" && fields.iter().any(|(there, _)| *there == name.as_bytes());
            if !name.is_empty() && !taken {
                fields.push((name.as_bytes(), value.as_bytes()));
            }
        }
        Self::post(&identity.token_endpoint, client, &fields, client.encoding, policy)
    }

    /// The revocation of RFC 7009 §2.1, always a form; none where no revocation endpoint is known.
    pub fn revocation(
        identity: &Identity,
        client: &Client,
        token: &Secret,
        hint: TokenTypeHint,
        policy: &RequestPolicy,
    ) -> Option<Self> {
        let endpoint = identity.revocation_endpoint.as_deref()?;
        let mut fields: Vec<encode::Field<'_>> =
            vec![(b"token", token.expose()), (b"token_type_hint", hint.name().as_bytes())];
        push_client(&mut fields, client);
        rename(&mut fields, client);
        Some(Self::post(endpoint, client, &fields, BodyEncoding::Form, policy))
    }

    fn post(
        url: &str,
        client: &Client,
        fields: &[encode::Field<'_>],
        encoding: BodyEncoding,
        policy: &RequestPolicy,
    ) -> Self {
        let (content_type, body) = match encoding {
            BodyEncoding::Form => ("application/x-www-form-urlencoded", encode::form(fields)),
            BodyEncoding::Json => ("application/json", json::object(fields)),
        };
        Self {
            url: String::from(url),
            headers: headers(client, content_type),
            body: Secret::new(body),
            proofs: Vec::new(),
            timeout: policy.timeout,
            connect_timeout: policy.connect_timeout,
        }
    }
}

/// The client's own fields (RFC 6749 §2.3, §3.2.1). With Basic the body repeats nothing: two methods in one request
/// are forbidden.
fn push_client<'a>(fields: &mut Vec<encode::Field<'a>>, client: &'a Client) {
    match &client.auth {
        ClientAuth::None | ClientAuth::Post(_) if !client.id.is_empty() => {
            fields.push((b"client_id", client.id.as_bytes()));
        }
        ClientAuth::None | ClientAuth::Post(_) | ClientAuth::Basic(_) | ClientAuth::PrivateKeyJwt { .. } => {}
    }
    // A client that signs names itself beside its assertion: some servers look it up before they read that.
    if matches!(client.auth, ClientAuth::PrivateKeyJwt { .. }) && !client.id.is_empty() {
        fields.push((b"client_id", client.id.as_bytes()));
    }
    if let ClientAuth::Post(secret) = &client.auth {
        fields.push((b"client_secret", secret.expose()));
    }
}

/// Calls the fields as the server does. A name that is taken would make two of one, so its field keeps the usual one.
fn rename<'a>(fields: &mut [encode::Field<'a>], client: &'a Client) {
    for (usual, name) in &client.parameter_names {
        let taken = name.is_empty() || fields.iter().any(|(there, _)| *there == name.as_bytes());
        if let Some(field) = fields.iter_mut().find(|(there, _)| !taken && *there == usual.as_bytes()) {
            field.0 = name.as_bytes();
        }
    }
}

fn headers(client: &Client, content_type: &str) -> Vec<(String, Secret)> {
    let mut headers = vec![
        (String::from("Accept"), Secret::from("application/json")),
        (String::from("Content-Type"), Secret::from(content_type)),
    ];
    if let ClientAuth::Basic(secret) = &client.auth {
        let value = encode::basic(client.id.as_bytes(), secret.expose());
        headers.push((String::from("Authorization"), Secret::new(value)));
    }
    for (name, value) in &client.extra_headers {
        if name.eq_ignore_ascii_case("accept") && is_header_value(value) {
            headers[0].1 = Secret::from(value.as_str());
        } else if is_header_name(name) && is_header_value(value) && !is_own(name) {
            headers.push((name.clone(), Secret::from(value.as_str())));
        }
    }
    headers
}

fn is_own(name: &str) -> bool {
    name.eq_ignore_ascii_case("accept") || OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// RFC 9110 §5.1: a token.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// RFC 9110 §5.5, without its obsolete parts: nothing that could end the header.
fn is_header_value(value: &str) -> bool {
    value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
}

#[cfg(test)]
mod tests;
