//! What a test may choose about the authorization server.

use super::class::AsClass;
use super::login::LoginConfig;
use std::fmt;

/// Milliseconds in an hour: the access token lifetime most providers use, and our default.
const HOUR_MS: u64 = 3_600_000;

/// Configuration of an [`AsModel`](crate::AsModel). All durations are milliseconds.
///
/// ```
/// use renewd_testkit::{AsClass, AsConfig};
/// let config = AsConfig { class: AsClass::P3, grace_ms: 10_000, ..AsConfig::default() };
/// assert_eq!(config.lifetime_ms, 3_600_000);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AsConfig {
    /// What happens to a used refresh token. Default: [`AsClass::P2`], the strictest.
    pub class: AsClass,
    /// How long an access token really works, in milliseconds. Default: one hour.
    pub lifetime_ms: u64,
    /// What the answer says about the lifetime. Default: the truth as a number.
    pub expires_in: ExpiresIn,
    /// How long a superseded refresh token may be replayed in [`AsClass::P3`] and [`AsClass::P5`]. Default: 30 s.
    pub grace_ms: u64,
    /// How long a refresh token works from when it was issued; `None` (the default): for ever. Where given, answers
    /// carry `refresh_token_expires_in`.
    pub rt_lifetime_ms: Option<u64>,
    /// The greatest number of live refresh tokens, and of live access tokens, in [`AsClass::P6`]. Default: 5.
    pub cap: usize,
    /// Whether issuing a new access token kills the grant's older ones at once. Default: no.
    pub access_dies_on_refresh: bool,
    /// Whether [`AsClass::P0`] repeats the unchanged refresh token in its answer. Default: no.
    pub repeat_refresh_token: bool,
    /// The only client the server knows. Default: `testkit-client`.
    pub client_id: String,
    /// Its secret. `None` (the default): a public client, which sends `client_id` alone.
    pub client_secret: Option<String>,
    /// Which client authentication is accepted where there is a secret. Default: Basic and form.
    pub client_auth: ClientAuth,
    /// `token_type` of the answer. Default: `Bearer`.
    pub token_type: String,
    /// `scope` of the answer; left out where `None` (the default).
    pub scope: Option<String>,
    /// `id_token` of the answer; left out where `None` (the default).
    pub id_token: Option<String>,
    /// Logins, and grants without a refresh token.
    pub login: LoginConfig,
    /// Seed of a model's token mint: the same seed and the same calls give the same tokens. A server that listens draws its
    /// own, so that no two of them issue the same token and no test can know one beforehand.
    pub seed: u64,
}

impl Default for AsConfig {
    fn default() -> Self {
        Self {
            class: AsClass::default(),
            lifetime_ms: HOUR_MS,
            expires_in: ExpiresIn::Number,
            grace_ms: 30_000,
            rt_lifetime_ms: None,
            cap: 5,
            access_dies_on_refresh: false,
            repeat_refresh_token: false,
            client_id: "testkit-client".to_owned(),
            client_secret: None,
            client_auth: ClientAuth::Any,
            token_type: "Bearer".to_owned(),
            scope: None,
            id_token: None,
            login: LoginConfig::default(),
            seed: 1,
        }
    }
}

impl fmt::Debug for AsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsConfig")
            .field("class", &self.class)
            .field("lifetime_ms", &self.lifetime_ms)
            .field("expires_in", &self.expires_in)
            .field("grace_ms", &self.grace_ms)
            .field("rt_lifetime_ms", &self.rt_lifetime_ms)
            .field("cap", &self.cap)
            .field("client_id", &self.client_id)
            .field("confidential", &self.client_secret.is_some())
            .field("client_auth", &self.client_auth)
            .field("login", &self.login)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// How a confidential client has to authenticate (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// HTTP Basic or form parameters.
    #[default]
    Any,
    /// HTTP Basic only (`client_secret_basic`).
    Basic,
    /// Form parameters only (`client_secret_post`).
    Post,
}

/// What the answer says in `expires_in`. The access token itself always lives `lifetime_ms`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiresIn {
    /// Whole seconds as RFC 6749 section 5.1 asks, rounded down, at least 1.
    #[default]
    Number,
    /// The same number as a JSON string.
    Text,
    /// Seconds with three decimals.
    Float,
    /// The member is missing.
    Absent,
    /// `null`.
    Null,
    /// `0`.
    Zero,
    /// `-1`.
    Negative,
    /// `99999999999999999999`, more than 64 bits hold.
    Huge,
    /// This text in place of the value, as it stands: the way to broken JSON.
    Verbatim(String),
}

impl ExpiresIn {
    /// The JSON value to write for a token that lives `lifetime_ms`, or `None` where the member is left out.
    pub(crate) fn json(&self, lifetime_ms: u64) -> Option<String> {
        let whole = (lifetime_ms / 1000).max(1);
        Some(match self {
            Self::Number => whole.to_string(),
            Self::Text => format!("\"{whole}\""),
            Self::Float => format!("{}.{:03}", lifetime_ms / 1000, lifetime_ms % 1000),
            Self::Absent => return None,
            Self::Null => "null".to_owned(),
            Self::Zero => "0".to_owned(),
            Self::Negative => "-1".to_owned(),
            Self::Huge => "99999999999999999999".to_owned(),
            Self::Verbatim(text) => text.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_configuration_hides_the_client_secret() {
        let config = AsConfig { client_secret: Some("s3cret-value".into()), ..AsConfig::default() };
        let shown = format!("{config:?}");
        assert!(shown.contains("confidential: true") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn expires_in_is_written_in_every_shape() {
        let table = [
            (ExpiresIn::Number, Some("90")),
            (ExpiresIn::Text, Some("\"90\"")),
            (ExpiresIn::Float, Some("90.500")),
            (ExpiresIn::Absent, None),
            (ExpiresIn::Null, Some("null")),
            (ExpiresIn::Zero, Some("0")),
            (ExpiresIn::Negative, Some("-1")),
            (ExpiresIn::Huge, Some("99999999999999999999")),
            (ExpiresIn::Verbatim("{".into()), Some("{")),
        ];
        for (shape, text) in table {
            assert_eq!(shape.json(90_500).as_deref(), text, "{shape:?}");
        }
        assert_eq!(ExpiresIn::Number.json(400).as_deref(), Some("1"), "a sub-second lifetime is not 0");
    }
}
