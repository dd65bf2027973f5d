//! Where a provider is, and what it wants in a request.

use alloc::borrow::Cow;

use super::{List, Text};

/// Where a provider's endpoints are. A text with `{…}` in it is a template: whoever uses the profile fills it in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// The issuer (RFC 8414 §2).
    pub issuer: Option<Text>,
    /// RFC 6749 §3.2
    pub token: Option<Text>,
    /// RFC 6749 §3.1
    pub authorization: Option<Text>,
    /// RFC 8628 §3.1
    pub device_authorization: Option<Text>,
    /// RFC 7009 §2
    pub revocation: Option<Text>,
    /// Hosts that belong to this provider and to nobody else: `accounts.example.com`, or `*.example.com` for what lies
    /// below. By them a profile is chosen where none is named.
    pub hosts: List<Text>,
}

impl Endpoints {
    /// Nothing is known.
    pub const NONE: Self = Self {
        issuer: None,
        token: None,
        authorization: None,
        device_authorization: None,
        revocation: None,
        hosts: Cow::Borrowed(&[]),
    };
}

/// A way in which clients prove themselves at the token endpoint (OpenID Connect Core §9).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientAuthMethod {
    /// `none`: a public client.
    None,
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
    /// `private_key_jwt`
    PrivateKeyJwt,
}

impl ClientAuthMethod {
    /// As the configuration writes it: `none`, `basic`, `post`, `private_key_jwt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Post => "post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Basic, Self::Post, Self::PrivateKeyJwt].into_iter().find(|m| m.name() == name)
    }
}

/// How the body of a token request is written.
#[expect(clippy::exhaustive_enums, reason = "no token endpoint takes a third form")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BodyEncoding {
    /// `application/x-www-form-urlencoded` (RFC 6749 §4).
    #[default]
    Form,
    /// A JSON object, which some providers want instead.
    Json,
}

/// What a refresh request must carry beside RFC 6749 §6.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshRequest {
    /// Whether the scope must be named again. Elsewhere it is left out: the grant's own scope holds then.
    pub scope: bool,
    /// Parameters, in order.
    pub parameters: List<(Text, Text)>,
    /// Headers, in order.
    pub headers: List<(Text, Text)>,
    /// How the body is written.
    pub encoding: BodyEncoding,
    /// RFC 6749's parameters that this provider takes by other names, in order: `client_id` as `client_key`. The client's
    /// own hold for a revocation too.
    pub names: List<(Text, Text)>,
}

impl RefreshRequest {
    /// Nothing beside RFC 6749 §6.
    pub const PLAIN: Self = Self {
        scope: false,
        parameters: Cow::Borrowed(&[]),
        headers: Cow::Borrowed(&[]),
        encoding: BodyEncoding::Form,
        names: Cow::Borrowed(&[]),
    };
}
