//! The inside of a sealed `NAME.prepared`: what was prepared for the next login, by server.

use renewd_core::Wall;
use renewd_driver::{Prepared, PreparedClient, PreparedFor};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::settings::{RegistrationDto, SigningKeyDto};
use super::text::SecretText;
use super::whole;

/// Encodes all that is kept for one credential.
pub(crate) fn encode_prepared(all: &[Prepared]) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    whole(&AllDto { prepared: all.iter().map(PreparedDto::from).collect() })
}

/// Decodes it again. The error names the place, never a value that could be a secret.
pub(crate) fn decode_prepared(bytes: &[u8]) -> Result<Vec<Prepared>, String> {
    let all: AllDto = serde_json::from_slice(bytes)
        .map_err(|error| format!("line {}, column {}", error.line(), error.column()))?;
    Ok(all.prepared.into_iter().map(Prepared::from).collect())
}

#[derive(Serialize, Deserialize)]
struct AllDto {
    prepared: Vec<PreparedDto>,
}

#[derive(Serialize, Deserialize)]
struct PreparedDto {
    issuer: Option<String>,
    token_endpoint: String,
    #[serde(default)]
    at_ms: i64,
    #[serde(default)]
    dpop_key: Option<SecretText>,
    #[serde(default)]
    client_key: Option<SigningKeyDto>,
    #[serde(default)]
    client: Option<ClientDto>,
}

#[derive(Serialize, Deserialize)]
struct ClientDto {
    id: String,
    #[serde(default)]
    secret: Option<SecretText>,
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    registration: RegistrationDto,
}

impl From<&Prepared> for PreparedDto {
    fn from(prepared: &Prepared) -> Self {
        let Prepared { server, at, dpop_key, client_key, client, .. } = prepared.clone();
        Self {
            issuer: server.issuer,
            token_endpoint: server.token_endpoint,
            at_ms: at.as_unix_millis(),
            dpop_key: dpop_key.map(SecretText),
            client_key: client_key.map(Into::into),
            client: client.map(Into::into),
        }
    }
}

impl From<PreparedDto> for Prepared {
    fn from(dto: PreparedDto) -> Self {
        let server = PreparedFor { issuer: dto.issuer, token_endpoint: dto.token_endpoint };
        let mut prepared = Self::new(server, Wall::from_unix_millis(dto.at_ms));
        prepared.dpop_key = dto.dpop_key.map(|key| key.0);
        prepared.client_key = dto.client_key.map(Into::into);
        prepared.client = dto.client.map(Into::into);
        prepared
    }
}

impl From<PreparedClient> for ClientDto {
    fn from(client: PreparedClient) -> Self {
        let PreparedClient { id, secret, auth, redirect_uris, registration, .. } = client;
        Self { id, secret: secret.map(SecretText), auth, redirect_uris, registration: registration.into() }
    }
}

impl From<ClientDto> for PreparedClient {
    fn from(dto: ClientDto) -> Self {
        let mut client = Self::new(dto.id, dto.registration.into());
        client.secret = dto.secret.map(|secret| secret.0);
        client.auth = dto.auth;
        client.redirect_uris = dto.redirect_uris;
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_place_and_repeats_nothing() {
        let why =
            decode_prepared(br#"{"prepared":[{"token_endpoint":"e","dpop_key":"!secret!"}]}"#).err().unwrap();
        assert!(why.starts_with("line 1, column") && !why.contains("secret"), "{why}");
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_is_missing_has_its_default() {
        let read = decode_prepared(br#"{"prepared":[{"token_endpoint":"e","later":1}],"later":2}"#).unwrap();
        assert_eq!(read.len(), 1);
        assert!(read.iter().all(|one| one.server.issuer.is_none() && one.client.is_none()));
    }
}
