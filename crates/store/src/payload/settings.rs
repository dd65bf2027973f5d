//! The settings of a record. What a version before grant types would misread is a record of a newer format to it.

use renewd_core::{
    AsClass, AssertionClaims, GrantType, JwtBearer, Registration, Settings, SigningKey, Span, TokenExchange,
    TokenSource, Wall,
};
use serde::{Deserialize, Serialize};

use super::text::SecretText;

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub(super) struct SettingsDto {
    client_auth: Option<String>,
    client_secret: Option<SecretText>,
    scope: Option<String>,
    as_class: Option<String>,
    grace_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_type: Option<GrantTypeDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key: Option<SigningKeyDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_key: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<RegistrationDto>,
}

impl From<&Settings> for SettingsDto {
    fn from(settings: &Settings) -> Self {
        let Settings {
            client_auth,
            client_secret,
            scope,
            as_class,
            grace,
            grant_type,
            audience,
            client_key,
            dpop_key,
            registration,
        } = settings.clone();
        Self {
            client_auth,
            client_secret: client_secret.map(SecretText),
            scope,
            as_class: as_class.map(|class| class.name().to_owned()),
            grace_ms: grace.map(Span::as_millis),
            grant_type: GrantTypeDto::of(grant_type),
            audience,
            client_key: client_key.map(Into::into),
            dpop_key: dpop_key.map(SecretText),
            registration: registration.map(Into::into),
        }
    }
}

impl SettingsDto {
    /// The settings; an error names what this version does not know.
    pub(super) fn into_settings(self) -> Result<Settings, &'static str> {
        Ok(Settings {
            client_auth: self.client_auth,
            client_secret: self.client_secret.map(|s| s.0),
            scope: self.scope,
            as_class: self.as_class.and_then(|name| AsClass::from_name(&name)),
            grace: self.grace_ms.map(Span::from_millis),
            grant_type: self.grant_type.map_or(Ok(GrantType::RefreshToken), GrantTypeDto::into_type)?,
            audience: self.audience,
            client_key: self.client_key.map(Into::into),
            dpop_key: self.dpop_key.map(|s| s.0),
            registration: self.registration.map(Into::into),
        })
    }
}

/// `kind` is `client_credentials`, `token_exchange` or `jwt_bearer`; another one is a newer layout, never a default.
#[derive(Serialize, Deserialize)]
struct GrantTypeDto {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exchange: Option<ExchangeDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<SourceDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<ClaimsDto>,
}

impl GrantTypeDto {
    fn of(grant_type: GrantType) -> Option<Self> {
        let plain = |kind: &str| Self { kind: kind.into(), exchange: None, given: None, signed: None };
        Some(match grant_type {
            GrantType::ClientCredentials => plain("client_credentials"),
            GrantType::TokenExchange(exchange) => {
                Self { exchange: Some(exchange.into()), ..plain("token_exchange") }
            }
            GrantType::JwtBearer(JwtBearer::Given(source)) => {
                Self { given: SourceDto::of(source), ..plain("jwt_bearer") }
            }
            GrantType::JwtBearer(JwtBearer::Signed(claims)) => {
                Self { signed: Some(claims.into()), ..plain("jwt_bearer") }
            }
            _ => return None,
        })
    }

    fn into_type(self) -> Result<GrantType, &'static str> {
        let unknown = "a grant type that this version does not know";
        match (self.kind.as_str(), self.exchange, self.given, self.signed) {
            ("client_credentials", ..) => Ok(GrantType::ClientCredentials),
            ("token_exchange", Some(exchange), ..) => Ok(GrantType::TokenExchange(exchange.into_exchange()?)),
            ("jwt_bearer", _, Some(given), _) => {
                Ok(GrantType::JwtBearer(JwtBearer::Given(given.into_source()?)))
            }
            ("jwt_bearer", _, _, Some(signed)) => Ok(GrantType::JwtBearer(JwtBearer::Signed(signed.into()))),
            _ => Err(unknown),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ExchangeDto {
    subject: SourceDto,
    subject_type: String,
    #[serde(default)]
    actor: Option<SourceDto>,
    #[serde(default)]
    actor_type: Option<String>,
    #[serde(default)]
    requested_type: Option<String>,
}

impl From<TokenExchange> for ExchangeDto {
    fn from(exchange: TokenExchange) -> Self {
        let TokenExchange { subject, subject_type, actor, requested_type } = exchange;
        let (actor, actor_type) = actor.unzip();
        Self {
            subject: SourceDto::of(subject).unwrap_or_default(),
            subject_type,
            actor: actor.and_then(SourceDto::of),
            actor_type,
            requested_type,
        }
    }
}

impl ExchangeDto {
    fn into_exchange(self) -> Result<TokenExchange, &'static str> {
        let actor = self.actor.map(SourceDto::into_source).transpose()?;
        Ok(TokenExchange {
            subject: self.subject.into_source()?,
            subject_type: self.subject_type,
            actor: actor.zip(self.actor_type),
            requested_type: self.requested_type,
        })
    }
}

#[derive(Serialize, Deserialize, Default)]
struct SourceDto {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<SecretText>,
}

impl SourceDto {
    fn of(source: TokenSource) -> Option<Self> {
        match source {
            TokenSource::File(path) => Some(Self { file: Some(path), kept: None }),
            TokenSource::Kept(token) => Some(Self { file: None, kept: Some(SecretText(token)) }),
            _ => None,
        }
    }

    fn into_source(self) -> Result<TokenSource, &'static str> {
        match (self.file, self.kept) {
            (Some(path), None) => Ok(TokenSource::File(path)),
            (None, Some(token)) => Ok(TokenSource::Kept(token.0)),
            _ => Err("a source of tokens that this version does not know"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ClaimsDto {
    key: SigningKeyDto,
    issuer: String,
    #[serde(default)]
    subject: Option<String>,
    audience: String,
    #[serde(default)]
    claims: Vec<(String, String)>,
    lifetime_ms: u64,
}

impl From<AssertionClaims> for ClaimsDto {
    fn from(claims: AssertionClaims) -> Self {
        let AssertionClaims { key, issuer, subject, audience, claims, lifetime } = claims;
        Self { key: key.into(), issuer, subject, audience, claims, lifetime_ms: lifetime.as_millis() }
    }
}

impl From<ClaimsDto> for AssertionClaims {
    fn from(dto: ClaimsDto) -> Self {
        let ClaimsDto { key, issuer, subject, audience, claims, lifetime_ms } = dto;
        let lifetime = Span::from_millis(lifetime_ms);
        Self { key: key.into(), issuer, subject, audience, claims, lifetime }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SigningKeyDto {
    material: SecretText,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    algorithm: Option<String>,
}

impl From<SigningKey> for SigningKeyDto {
    fn from(SigningKey { material, key_id, algorithm }: SigningKey) -> Self {
        Self { material: SecretText(material), key_id, algorithm }
    }
}

impl From<SigningKeyDto> for SigningKey {
    fn from(SigningKeyDto { material, key_id, algorithm }: SigningKeyDto) -> Self {
        Self { material: material.0, key_id, algorithm }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct RegistrationDto {
    endpoint: String,
    #[serde(default)]
    at_ms: i64,
    #[serde(default)]
    secret_expires_ms: Option<i64>,
    #[serde(default)]
    client_uri: Option<String>,
    #[serde(default)]
    access_token: Option<SecretText>,
}

impl From<Registration> for RegistrationDto {
    fn from(registration: Registration) -> Self {
        let Registration { endpoint, at, secret_expires, client_uri, access_token } = registration;
        Self {
            endpoint,
            at_ms: at.as_unix_millis(),
            secret_expires_ms: secret_expires.map(Wall::as_unix_millis),
            client_uri,
            access_token: access_token.map(SecretText),
        }
    }
}

impl From<RegistrationDto> for Registration {
    fn from(dto: RegistrationDto) -> Self {
        Self {
            endpoint: dto.endpoint,
            at: Wall::from_unix_millis(dto.at_ms),
            secret_expires: dto.secret_expires_ms.map(Wall::from_unix_millis),
            client_uri: dto.client_uri,
            access_token: dto.access_token.map(|s| s.0),
        }
    }
}
