//! An account of oidc-agent, as `oidc-gen -p ACCOUNT` prints it. The file itself is encrypted, with a password that only
//! oidc-agent asks for.

use super::json::Object;
use super::{Found, Owner};
use crate::exit::Failure;

pub(super) fn read(place: &str, bytes: &[u8]) -> Result<Found, Failure> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Failure::usage(format!(
            "{place}: this is not what `oidc-gen -p` prints; an account's file itself is encrypted"
        ))
        .advise("oidc-gen -p ACCOUNT | renewd import NAME --from oidc-agent"));
    }
    let object = Object::parse(place, bytes)?;
    let account = object.text("name")?.unwrap_or_else(|| "ACCOUNT".into());
    let owner = Owner {
        name: "oidc-agent".into(),
        stop: format!(
            "unload the account (`oidc-add -r {account}`) and move its file out of oidc-agent's folder (`oidc-gen -d` \
             would end the token at the server)"
        ),
    };
    let token = object
        .secret("refresh_token")?
        .ok_or_else(|| object.wrong("refresh_token", "is missing: this account gets its tokens otherwise"))?;
    let mut found = Found::new(place, owner, Some(token));
    found.client_id = Some(object.needed("client_id")?);
    found.client_secret = object.secret("client_secret")?;
    // Versions before 4 call it otherwise.
    found.issuer = object.text("issuer_url")?.or(object.text("issuer")?);
    if found.issuer.is_none() {
        return Err(object.wrong("issuer_url", "is missing"));
    }
    found.audience = object.text("audience")?;
    // A refresh without a scope keeps the one that was granted (RFC 6749 §6).
    if let Some(authorities) = object.text("cert_path")? {
        found.remarks.push(format!(
            "oidc-agent trusts the certificates in {authorities}; where the server needs that, set request.ca_file"
        ));
    }
    Ok(found)
}
