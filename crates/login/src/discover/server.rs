//! A server's own metadata (RFC 8414, OpenID Connect Discovery), and what is known of a server in the end.

use std::fmt;

use renewd_core::{RequestPolicy, ServerClock};

use crate::error::{LoginError, LoginErrorKind};
use crate::fetch::{Choice, Horizon, document, fetch, unusable};
use crate::ports::Ports;
use crate::protocol::{Address, Issuer, Reason, ServerMetadata, authorization_server_addresses};
use crate::wire;

/// Who said so.
#[expect(clippy::exhaustive_enums, reason = "whoever weighs origins must weigh each")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The user, by flag or configuration.
    User,
    /// The provider's profile.
    Profile,
    /// The server's metadata, from this address.
    ServerMetadata(Address),
    /// The resource's metadata, from this address.
    ResourceMetadata(Address),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => out.write_str("as you said"),
            Self::Profile => out.write_str("the provider's profile"),
            Self::ServerMetadata(from) => write!(out, "the server's metadata at {from}"),
            Self::ResourceMetadata(from) => write!(out, "the resource's metadata at {from}"),
        }
    }
}

/// A fact and its origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found<T> {
    /// The fact.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// A server that somebody can log in at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Server {
    /// Who it says it is.
    pub issuer: Option<Found<Issuer>>,
    /// See [`Server::token_endpoint`]: always there once [`discover`](crate::discover) returned.
    pub(super) token: Option<Found<Address>>,
    /// RFC 6749 §3.1
    pub authorization_endpoint: Option<Found<Address>>,
    /// RFC 8628 §3.1
    pub device_authorization_endpoint: Option<Found<Address>>,
    /// RFC 7009 §2
    pub revocation_endpoint: Option<Found<Address>>,
    /// RFC 7591 §3
    pub registration_endpoint: Option<Found<Address>>,
    /// RFC 9126 §2
    pub pushed_endpoint: Option<Found<Address>>,
    /// The resource to ask for (RFC 8707), as it calls itself.
    pub resource: Option<Found<String>>,
    /// The scopes that the resource wants: its challenge's, else its metadata's.
    pub scopes: Option<Vec<String>>,
    /// The resource takes tokens only that are bound to a key (RFC 9728 §2).
    pub dpop_bound: bool,
    /// What a person should know.
    pub remarks: Vec<String>,
    pub(super) metadata: Option<ServerMetadata>,
    pub(crate) horizon: Horizon,
    /// What its answers told of its clock so far.
    pub(crate) clock: ServerClock,
}

impl Server {
    /// Nothing is known yet.
    pub(super) fn unknown(horizon: Horizon) -> Self {
        Self {
            issuer: None,
            token: None,
            authorization_endpoint: None,
            device_authorization_endpoint: None,
            revocation_endpoint: None,
            registration_endpoint: None,
            pushed_endpoint: None,
            resource: None,
            scopes: None,
            dpop_bound: false,
            remarks: Vec::new(),
            metadata: None,
            horizon,
            clock: ServerClock::default(),
        }
    }

    /// Where tokens come from (RFC 6749 §3.2).
    ///
    /// # Errors
    /// Never once [`discover`](crate::discover) returned it.
    pub fn token_endpoint(&self) -> Result<&Found<Address>, LoginError> {
        self.token.as_ref().ok_or_else(|| {
            let text = "nothing names the token endpoint: give it with --token-endpoint URL";
            LoginError::new(LoginErrorKind::Configuration, text)
        })
    }

    pub(super) fn with_token_endpoint(self) -> Result<Self, LoginError> {
        self.token_endpoint()?;
        Ok(self)
    }
}

/// A document, and where it stood.
pub(super) struct FoundMetadata {
    metadata: ServerMetadata,
    from: Address,
    horizon: Horizon,
    clock: ServerClock,
}

impl FoundMetadata {
    /// The server it describes; the issuer's name comes from there.
    pub(super) fn server(self, issuer: Origin) -> Server {
        let found = |address: &Option<Address>| {
            let value = address.clone()?;
            Some(Found { value, origin: Origin::ServerMetadata(self.from.clone()) })
        };
        let elsewhere = self.metadata.elsewhere();
        let remarks = elsewhere
            .into_iter()
            .map(|(name, address)| format!("the server keeps its {name} on another host: {}", address.host()))
            .collect();
        Server {
            issuer: Some(Found { value: self.metadata.issuer.clone(), origin: issuer }),
            token: found(&self.metadata.token_endpoint),
            authorization_endpoint: found(&self.metadata.authorization_endpoint),
            device_authorization_endpoint: found(&self.metadata.device_authorization_endpoint),
            revocation_endpoint: found(&self.metadata.revocation_endpoint),
            registration_endpoint: found(&self.metadata.registration_endpoint),
            pushed_endpoint: found(&self.metadata.pushed_authorization_request_endpoint),
            remarks,
            clock: self.clock,
            metadata: Some(self.metadata),
            ..Server::unknown(self.horizon)
        }
    }
}

/// Fetches the metadata of an issuer from the places where they may stand. A place that has none makes way for the next;
/// a document that is not what it must be ends it.
pub(super) async fn metadata_of(
    ports: &Ports,
    issuer: &Issuer,
    choice: Choice,
    policy: &RequestPolicy,
) -> Result<FoundMetadata, LoginError> {
    let mut missed = Vec::new();
    // rfc: 8414-3 8414-3.1 the well-known address is made from the issuer, for each suffix that is in use
    for address in authorization_server_addresses(issuer) {
        let fetched = fetch(ports, &address, choice, "application/json", policy)
            .await
            .map_err(|e| e.at(&format!("the metadata of {}", issuer.as_str())))?;
        match fetched.response.status {
            200 => {}
            400..=499 if fetched.response.status != 429 => {
                missed.push(format!("{address}: HTTP {}", fetched.response.status));
                continue;
            }
            _ => return Err(unusable(&fetched.from, &fetched.response)),
        }
        match ServerMetadata::read(document(&fetched)?, issuer) {
            Ok(metadata) => {
                let mut clock = ServerClock::default();
                wire::hear(&mut clock, &fetched.response, ports.clock.now());
                return Ok(FoundMetadata { metadata, from: fetched.from, horizon: fetched.horizon, clock });
            }
            // A page for people where a document was due: the server knows no such address.
            Err(refusal) if refusal.reason == Reason::NotJson => missed.push(format!("{address}: no JSON")),
            Err(refusal) => {
                return Err(LoginError::refused(&format!("the metadata at {}", fetched.from), &refusal));
            }
        }
    }
    let text = format!(
        "{} has no metadata that anybody could find ({}); check the issuer, or name the endpoints by hand",
        issuer.as_str(),
        missed.join(", ")
    );
    Err(LoginError::new(LoginErrorKind::Refused, text))
}
