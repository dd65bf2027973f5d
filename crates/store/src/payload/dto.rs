//! The layout of a record. Taking a record apart names every field, so that a new field of the core cannot be
//! forgotten here.

use renewd_core::{
    Access, AccessKey, GrantMaterial, Identity, Record, RecordState, RefusedCause, RtExpiry, Span, Wall,
};
use serde::{Deserialize, Serialize};

use super::Version;
use super::parts::{BudgetDto, IntentDto, LastAttemptDto, NotBeforeDto, StampDto, WindowDto};
use super::settings::SettingsDto;
use super::text::{Digest, SecretText};

#[derive(Serialize, Deserialize)]
pub(super) struct RecordDto {
    state: StateDto,
    identity: IdentityDto,
    #[serde(default)]
    settings: SettingsDto,
    #[serde(default)]
    grant: GrantDto,
    #[serde(default)]
    intent: Option<IntentDto>,
    #[serde(default)]
    window: Option<WindowDto>,
    #[serde(default)]
    budget: Option<BudgetDto>,
    #[serde(default)]
    last_refresh: Option<StampDto>,
    #[serde(default)]
    not_before: Option<NotBeforeDto>,
    #[serde(default)]
    max_wall_seen_ms: i64,
    #[serde(default)]
    last_attempt: Option<LastAttemptDto>,
    #[serde(default)]
    rejections: u64,
    #[serde(default)]
    previous_digest: Option<Digest>,
}

impl From<&Record> for RecordDto {
    fn from(record: &Record) -> Self {
        let Record {
            format: _,
            epoch: _,
            generation: _,
            state,
            identity,
            settings,
            grant,
            intent,
            window,
            budget,
            last_refresh,
            not_before,
            max_wall_seen,
            last_attempt,
            rejections,
            previous_digest,
        } = record;
        Self {
            state: (*state).into(),
            identity: identity.into(),
            settings: settings.into(),
            grant: grant.into(),
            intent: intent.as_ref().map(Into::into),
            window: window.as_ref().map(Into::into),
            budget: (*budget).map(Into::into),
            last_refresh: (*last_refresh).map(Into::into),
            not_before: (*not_before).map(Into::into),
            max_wall_seen_ms: max_wall_seen.as_unix_millis(),
            last_attempt: last_attempt.as_ref().map(Into::into),
            rejections: *rejections,
            previous_digest: (*previous_digest).map(Digest),
        }
    }
}

impl RecordDto {
    /// The record; an error names what this version does not know.
    pub(super) fn into_record(
        self,
        format: u32,
        (epoch, generation): Version,
    ) -> Result<Record, &'static str> {
        Ok(Record {
            format,
            epoch,
            generation,
            state: self.state.into_state()?,
            identity: self.identity.into(),
            settings: self.settings.into_settings()?,
            grant: self.grant.into(),
            intent: self.intent.map(Into::into),
            window: self.window.map(Into::into),
            budget: self.budget.map(Into::into),
            last_refresh: self.last_refresh.map(Into::into),
            not_before: self.not_before.map(Into::into),
            max_wall_seen: Wall::from_unix_millis(self.max_wall_seen_ms),
            last_attempt: self.last_attempt.and_then(LastAttemptDto::into_attempt),
            rejections: self.rejections,
            previous_digest: self.previous_digest.map(|d| d.0),
        })
    }
}

/// `kind` is `active`, `refused` or `tombstone`; another one is a newer layout, never a default.
#[derive(Serialize, Deserialize)]
struct StateDto {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(default)]
    at_ms: i64,
}

const CAUSES: [(RefusedCause, &str); 5] = [
    (RefusedCause::GrantRefused, "grant_refused"),
    (RefusedCause::RotationLost, "rotation_lost"),
    (RefusedCause::Ceiling, "ceiling"),
    (RefusedCause::RefreshTokenExpired, "refresh_token_expired"),
    (RefusedCause::NoRefreshToken, "no_refresh_token"),
];

impl From<RecordState> for StateDto {
    fn from(state: RecordState) -> Self {
        match state {
            RecordState::Active => Self { kind: "active".into(), cause: None, at_ms: 0 },
            RecordState::Refused { cause, at } => {
                let name =
                    CAUSES.iter().find(|(known, _)| *known == cause).map(|(_, name)| (*name).to_owned());
                Self { kind: "refused".into(), cause: name, at_ms: at.as_unix_millis() }
            }
            RecordState::Tombstone { at } => {
                Self { kind: "tombstone".into(), cause: None, at_ms: at.as_unix_millis() }
            }
        }
    }
}

impl StateDto {
    fn into_state(self) -> Result<RecordState, &'static str> {
        let at = Wall::from_unix_millis(self.at_ms);
        match (self.kind.as_str(), self.cause.as_deref()) {
            ("active", _) => Ok(RecordState::Active),
            ("tombstone", _) => Ok(RecordState::Tombstone { at }),
            ("refused", Some(name)) => CAUSES
                .iter()
                .find(|(_, known)| *known == name)
                .map(|(cause, _)| RecordState::Refused { cause: *cause, at })
                .ok_or("a cause that this version does not know"),
            _ => Err("a state that this version does not know"),
        }
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub(super) struct IdentityDto {
    issuer: Option<String>,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
    client_id: String,
    resource: Option<String>,
    profile: String,
}

impl From<&Identity> for IdentityDto {
    fn from(identity: &Identity) -> Self {
        let Identity { issuer, token_endpoint, revocation_endpoint, client_id, resource, profile } =
            identity.clone();
        Self { issuer, token_endpoint, revocation_endpoint, client_id, resource, profile }
    }
}

impl From<IdentityDto> for Identity {
    fn from(dto: IdentityDto) -> Self {
        let IdentityDto { issuer, token_endpoint, revocation_endpoint, client_id, resource, profile } = dto;
        Self { issuer, token_endpoint, revocation_endpoint, client_id, resource, profile }
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct GrantDto {
    refresh_token: Option<SecretText>,
    rt_expiry: Option<RtExpiryDto>,
    id_token: Option<SecretText>,
    access: Vec<AccessDto>,
}

#[derive(Serialize, Deserialize)]
struct RtExpiryDto {
    issued: StampDto,
    lifetime_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct AccessDto {
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    token: SecretText,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    issued: StampDto,
    #[serde(default)]
    lifetime_ms: u64,
    #[serde(default)]
    lifetime_given: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    granted: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brought_by: Option<u64>,
}

impl From<&GrantMaterial> for GrantDto {
    fn from(grant: &GrantMaterial) -> Self {
        let GrantMaterial { refresh_token, rt_expiry, id_token, access } = grant;
        Self {
            refresh_token: refresh_token.clone().map(SecretText),
            rt_expiry: rt_expiry.map(|RtExpiry { issued, lifetime }| RtExpiryDto {
                issued: issued.into(),
                lifetime_ms: lifetime.as_millis(),
            }),
            id_token: id_token.clone().map(SecretText),
            access: access.iter().map(Into::into).collect(),
        }
    }
}

impl From<GrantDto> for GrantMaterial {
    fn from(dto: GrantDto) -> Self {
        Self {
            refresh_token: dto.refresh_token.map(|s| s.0),
            rt_expiry: dto
                .rt_expiry
                .map(|e| RtExpiry { issued: e.issued.into(), lifetime: Span::from_millis(e.lifetime_ms) }),
            id_token: dto.id_token.map(|s| s.0),
            access: dto.access.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&Access> for AccessDto {
    fn from(access: &Access) -> Self {
        let Access { key, token, token_type, issued, lifetime, lifetime_given, granted, brought_by } = access;
        let AccessKey { scope, resource, audience } = key.clone();
        Self {
            scope,
            resource,
            audience,
            token: SecretText(token.clone()),
            token_type: token_type.clone(),
            issued: (*issued).into(),
            lifetime_ms: lifetime.as_millis(),
            lifetime_given: *lifetime_given,
            granted: granted.clone(),
            brought_by: *brought_by,
        }
    }
}

impl From<AccessDto> for Access {
    fn from(dto: AccessDto) -> Self {
        Self {
            key: AccessKey { scope: dto.scope, resource: dto.resource, audience: dto.audience },
            token: dto.token.0,
            token_type: dto.token_type,
            issued: dto.issued.into(),
            lifetime: Span::from_millis(dto.lifetime_ms),
            lifetime_given: dto.lifetime_given,
            granted: dto.granted,
            brought_by: dto.brought_by,
        }
    }
}
