//! `application_default_credentials.json`, as `gcloud auth application-default login` writes it, and the key file of a
//! service account, which has the same place and form.

use std::path::PathBuf;

use renewd_core::{AssertionClaims, GrantType, JwtBearer, Secret, SigningKey, Span};

use super::json::Object;
use super::{Found, Owner};
use crate::environment::Environment;
use crate::exit::Failure;

/// The file's name in gcloud's folder.
pub(super) const FILE: &str = "application_default_credentials.json";

/// The provider's profile.
const PROFILE: &str = "google";

/// The only universe whose endpoints the profile knows.
const UNIVERSE: &str = "googleapis.com";

/// What service accounts are usually given; what they may do is decided by their roles.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The longest that Google takes.
const LIFETIME: Span = Span::from_hours(1);

/// gcloud's folder.
pub(super) fn folder(env: &Environment) -> Option<PathBuf> {
    env.folder("CLOUDSDK_CONFIG")
        .or_else(|| env.folder("APPDATA").filter(|_| cfg!(windows)).map(|data| data.join("gcloud")))
        .or_else(|| env.folder("HOME").map(|home| home.join(".config/gcloud")))
}

pub(super) fn read(place: &str, bytes: &[u8], scope: &[String]) -> Result<Found, Failure> {
    let object = Object::parse(place, bytes)?;
    if object.text("universe_domain")?.is_some_and(|universe| universe != UNIVERSE) {
        return Err(object.wrong("universe_domain", "is not googleapis.com, and no other is known here"));
    }
    match object.needed("type")?.as_str() {
        "authorized_user" => user(place, &object),
        "service_account" => service_account(place, &object, scope),
        other
        @ ("external_account" | "impersonated_service_account" | "external_account_authorized_user") => {
            Err(object.wrong(
                "type",
                &format!("is {other}: that holds no refresh token and no key, but says where to get tokens"),
            ))
        }
        _ => Err(object.wrong("type", "is neither authorized_user nor service_account")),
    }
}

fn user(place: &str, object: &Object<'_>) -> Result<Found, Failure> {
    let owner = Owner {
        name: "gcloud".into(),
        stop: format!(
            "remove {place} (`gcloud auth application-default revoke` would end the token at Google)"
        ),
    };
    let token = object.secret("refresh_token")?.ok_or_else(|| object.wrong("refresh_token", "is missing"))?;
    let mut found = Found::new(place, owner, Some(token));
    found.profile = Some(PROFILE.into());
    found.client_id = Some(object.needed("client_id")?);
    found.client_secret = object.secret("client_secret")?;
    if object.text("quota_project_id")?.is_some() {
        found
            .remarks
            .push("the quota project of that file is not kept: send x-goog-user-project yourself".into());
    }
    Ok(found)
}

fn service_account(place: &str, object: &Object<'_>, scope: &[String]) -> Result<Found, Failure> {
    let owner = Owner { name: "that service account".into(), stop: format!("remove {place}") };
    let token_uri = object.needed("token_uri")?;
    let key = object.needed("private_key")?;
    if !key.starts_with("-----BEGIN ") {
        return Err(object.wrong("private_key", "is no PEM block"));
    }
    let scope = if scope.is_empty() { SCOPE.to_owned() } else { scope.join(" ") };
    let claims = AssertionClaims {
        key: SigningKey {
            material: Secret::from(key),
            key_id: object.text("private_key_id")?,
            algorithm: Some("RS256".into()),
        },
        issuer: object.needed("client_email")?,
        subject: None,
        audience: token_uri.clone(),
        claims: vec![("scope".into(), scope.clone())],
        lifetime: LIFETIME,
    };
    let mut found = Found::new(place, owner, None);
    found.grant_type = GrantType::JwtBearer(JwtBearer::Signed(claims));
    found.profile = Some(PROFILE.into());
    found.client_id = Some(String::new());
    found.client_auth = Some("none".into());
    found.token_endpoint = Some(token_uri);
    found.remarks.push(format!(
        "it signs for the scope {scope}; --scope names another. Its key is kept sealed here, and still lies in {place}"
    ));
    Ok(found)
}
