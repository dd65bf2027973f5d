//! Client id metadata documents (draft-ietf-oauth-client-id-metadata-document): a client whose id is the address of a
//! document that describes it. The user hosts the document; servers fetch it instead of registering anybody.

use serde_json::{Value, json};

use super::RegistrationRequest;
use crate::protocol::address::Address;
use crate::protocol::json::read_object;
use crate::protocol::refusal::{Reason, Refusal};

const CLIENT_ID: &str = "client_id";

/// Checks a client id that is an address.
///
/// # Errors
/// [`Reason::ClientId`] where it is an address that no client id may be, else as [`Address::parse`].
pub fn check_client_id(text: &str) -> Result<Address, Refusal> {
    let address = Address::parse(text).map_err(|refusal| refusal.in_member(CLIENT_ID))?;
    let dots = address.path().split('/').any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    });
    if !address.is_https() || address.path().is_empty() || dots {
        return Err(Refusal::new(Reason::ClientId, CLIENT_ID).found(text));
    }
    Ok(address)
}

/// The document to host at this address.
///
/// # Errors
/// Where the address can be no client id, or the client would authenticate with a secret that server and client share:
/// there is nobody to give it out.
pub fn client_document(client_id: &Address, client: &RegistrationRequest<'_>) -> Result<String, Refusal> {
    check_client_id(client_id.as_str())?;
    if !matches!(client.auth_method, "none" | "private_key_jwt") {
        return Err(Refusal::new(Reason::ClientAuth, "token_endpoint_auth_method").found(client.auth_method));
    }
    let mut metadata = client.metadata()?;
    metadata.insert(CLIENT_ID.to_owned(), json!(client_id.as_str()));
    serde_json::to_string_pretty(&Value::Object(metadata))
        .map_err(|_| Refusal::new(Reason::NotJson, CLIENT_ID))
}

/// Checks the document that lies at this client id, before a login relies on it: a server would refuse it with less to
/// read.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_client_document(
    body: &[u8],
    client_id: &Address,
    redirect_uri: Option<&str>,
) -> Result<(), Refusal> {
    let object = read_object(body, "client id metadata document")?;
    let named = object.required_text(CLIENT_ID)?;
    if named != client_id.as_str() {
        return Err(Refusal::new(Reason::Value, CLIENT_ID).found(named));
    }
    if object.has("client_secret") {
        return Err(Refusal::new(Reason::Value, "client_secret").found("anybody can read it"));
    }
    let method = object.text("token_endpoint_auth_method")?.unwrap_or("none");
    if !matches!(method, "none" | "private_key_jwt") {
        return Err(Refusal::new(Reason::ClientAuth, "token_endpoint_auth_method").found(method));
    }
    let listed = object.texts("redirect_uris")?.unwrap_or_default();
    match redirect_uri {
        Some(uri) if !listed.iter().any(|entry| entry == uri || is_same_but_for_port(entry, uri)) => {
            Err(Refusal::new(Reason::Registration, "redirect_uris").found(&format!("without {uri}")))
        }
        _ => Ok(()),
    }
}

/// RFC 8252 §7.3: a server must not look at the port of a loopback redirect.
fn is_same_but_for_port(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (Address::parse(one), Address::parse(other)) else { return false };
    let same = one.host() == other.host() && one.path() == other.path() && one.query() == other.query();
    same && !one.is_https() && !other.is_https()
}
