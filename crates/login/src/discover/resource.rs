//! From a resource to its authorization server (RFC 9728), as clients of the Model Context Protocol do.

use renewd_core::RequestPolicy;

use crate::discover::server::{Found, Origin, Server, metadata_of};
use crate::error::{LoginError, LoginErrorKind};
use crate::fetch::{Choice, Horizon, document, fetch, unusable};
use crate::ports::Ports;
use crate::protocol::{
    Address, Challenge, Issuer, Reason, Refusal, ResourceMatch, ResourceMetadata,
    protected_resource_addresses,
};

/// What a resource may answer with.
const ACCEPT: &str = "application/json, text/event-stream";

/// The server that gives tokens for this resource.
pub(super) async fn server_of(
    ports: &Ports,
    resource: &Address,
    policy: &RequestPolicy,
) -> Result<Server, LoginError> {
    let asked = fetch(ports, resource, Choice::Own, ACCEPT, policy)
        .await
        .map_err(|e| e.at("asking the resource where to log in"))?;
    if asked.response.status >= 500 {
        return Err(unusable(&asked.from, &asked.response));
    }
    let headers: Vec<&str> = asked
        .response
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"))
        .map(|(_, value)| value.as_str())
        .collect();
    let challenge = Challenge::read(&headers, resource)
        .map_err(|e| LoginError::refused(&format!("the challenge of {resource}"), &e))?;
    let named = challenge.as_ref().and_then(|challenge| challenge.resource_metadata.clone());
    let (metadata, from) = match named {
        Some(address) => fetched_from(ports, &[address], resource, asked.horizon, policy).await?,
        None => {
            let places = protected_resource_addresses(resource);
            fetched_from(ports, &places, resource, asked.horizon, policy).await?
        }
    };
    let issuer = only_server(resource, &metadata)?;
    if !resource.may_lead_to(issuer.address()) {
        let refusal = Refusal {
            reason: Reason::PrivateHost,
            at: "authorization_servers".into(),
            detail: issuer.as_str().to_owned(),
        };
        return Err(LoginError::refused(&format!("the metadata at {from}"), &refusal));
    }
    // The resource is the user's; its authorization server is what the resource leads to. What that one names in turn
    // may go no further than the resource itself could.
    let found = metadata_of(ports, issuer, Choice::Foreign(asked.horizon), policy).await?;
    let mut server = found.server(Origin::ResourceMetadata(from.clone()));
    if metadata.matched == ResourceMatch::BasePath {
        server.remarks.push(format!(
            "tokens are asked for {}, which the resource's metadata names for all below it",
            metadata.resource
        ));
    }
    server.resource = Some(Found { value: metadata.resource, origin: Origin::ResourceMetadata(from) });
    let wanted = challenge.and_then(|challenge| challenge.scope);
    server.scopes = wanted.map(|scope| scope.split(' ').map(str::to_owned).collect()).or(metadata.scopes);
    server.dpop_bound = metadata.dpop_bound;
    Ok(server)
}

/// The metadata of the resource, from the first of these places that has some.
async fn fetched_from(
    ports: &Ports,
    places: &[Address],
    resource: &Address,
    horizon: Horizon,
    policy: &RequestPolicy,
) -> Result<(ResourceMetadata, Address), LoginError> {
    let mut missed = Vec::new();
    for place in places {
        let fetched = fetch(ports, place, Choice::Foreign(horizon), "application/json", policy)
            .await
            .map_err(|e| e.at(&format!("the metadata of the resource {resource}")))?;
        match fetched.response.status {
            200 => {}
            400..=499 if fetched.response.status != 429 => {
                missed.push(format!("{place}: HTTP {}", fetched.response.status));
                continue;
            }
            _ => return Err(unusable(&fetched.from, &fetched.response)),
        }
        match ResourceMetadata::read(document(&fetched)?, resource) {
            Ok(metadata) => return Ok((metadata, fetched.from)),
            Err(refusal) if refusal.reason == Reason::NotJson && places.len() > 1 => {
                missed.push(format!("{place}: no JSON"));
            }
            Err(refusal) => {
                return Err(LoginError::refused(&format!("the metadata at {}", fetched.from), &refusal));
            }
        }
    }
    let text = format!(
        "{resource} does not say where to log in ({}); name its authorization server with --issuer URL",
        missed.join(", ")
    );
    Err(LoginError::new(LoginErrorKind::Refused, text))
}

/// The one server that the resource names. Which of several to trust is the user's choice (RFC 9728 §7.6).
fn only_server<'a>(resource: &Address, metadata: &'a ResourceMetadata) -> Result<&'a Issuer, LoginError> {
    match metadata.authorization_servers.as_slice() {
        [only] => Ok(only),
        several => {
            let names: Vec<&str> = several.iter().map(Issuer::as_str).collect();
            let text = format!(
                "{resource} takes tokens of several servers: {}; choose one with --issuer URL",
                names.join(", ")
            );
            Err(LoginError::new(LoginErrorKind::Ambiguous, text))
        }
    }
}
