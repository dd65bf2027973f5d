//! A JSON document of one's own: a token endpoint's answer, and beside it what the answer does not say. The keys stand in
//! `docs/import.md`.

use super::json::Object;
use super::{Found, Owner};
use crate::exit::Failure;

pub(super) fn read(place: &str, bytes: &[u8]) -> Result<Found, Failure> {
    let object = Object::parse(place, bytes)?;
    let owner = Owner {
        name: "whoever else uses that file".into(),
        stop: "let it ask renewd (`renewd token NAME`), and remove the refresh token from its file".into(),
    };
    let token = object.secret("refresh_token")?.ok_or_else(|| object.wrong("refresh_token", "is missing"))?;
    let mut found = Found::new(place, owner, Some(token));
    found.client_id = object.text("client_id")?;
    found.client_secret = object.secret("client_secret")?;
    found.client_auth = object.text("client_auth")?;
    if !matches!(found.client_auth.as_deref(), None | Some("none" | "basic" | "post")) {
        return Err(object.wrong("client_auth", "is none of none, basic, post"));
    }
    found.profile = object.text("profile")?;
    found.issuer = object.text("issuer")?;
    found.token_endpoint = object.text("token_endpoint")?;
    found.revocation_endpoint = object.text("revocation_endpoint")?;
    found.resource = object.text("resource")?;
    found.audience = object.text("audience")?;
    Ok(found)
}
