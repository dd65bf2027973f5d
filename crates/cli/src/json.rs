//! The JSON that scripts rely on. Every document carries `"schema":1`; fields are added, never changed.
//!
//! The same types are read back where one process of ours asks another, hence texts rather than enums: a reader of
//! tomorrow's answer must not fail over a status it does not know.

pub(crate) mod exposed;
mod failure;
mod line;
mod status;

use renewd_core::Secret;
use serde::{Deserialize, Serialize};

pub(crate) use failure::ErrorDocument;
pub(crate) use line::line;
pub(crate) use status::{
    AnnouncedStatus, AttemptStatus, CredentialDocument, CredentialStatus, SinkStatus, StatusDocument,
    login_command,
};

/// The schema of every document here.
pub(crate) const SCHEMA: u32 = 1;

/// `token --format json`, and the answer of the agent's `POST …/token`. It holds the token: it is written where it
/// was asked for, and nowhere else.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TokenDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    #[serde(with = "exposed")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub(crate) access_token: Secret,
    pub(crate) token_type: String,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) expires_at: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) epoch: u64,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) generation: u64,
    pub(crate) scope: Option<String>,
    /// What it is for, where the login or the caller named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    /// It lives shorter than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) short: Option<bool>,
}

/// `explain --json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExplainDocument {
    pub(crate) schema: u32,
    pub(crate) verdict: &'static str,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) may_have_rotated: bool,
    pub(crate) expires_in: Option<u64>,
    pub(crate) rotated: Option<bool>,
    pub(crate) token_type: Option<String>,
    pub(crate) oauth_error: Option<String>,
    pub(crate) rule: String,
    pub(crate) message: Option<String>,
}
