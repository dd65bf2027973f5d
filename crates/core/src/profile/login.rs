//! How a login at a provider begins.

use alloc::borrow::Cow;

use super::{List, Text};

/// What each authorization request makes for itself, or what would change where its answer comes and how it is read
/// (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 9449 §10, OpenID Connect Core §3.1.2.1): neither a profile nor a user sets it.
pub const RESERVED_LOGIN_PARAMETERS: [&str; 10] = [
    "response_type",
    "response_mode",
    "redirect_uri",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "request",
    "request_uri",
];

/// Which redirect addresses a provider takes for programs on a person's own machine (RFC 8252 §7).
#[expect(clippy::exhaustive_enums, reason = "a listener of one's own gets the code, or it does not")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Redirect {
    /// Loopback with whatever port is free (RFC 8252 §7.3), or nothing is known.
    #[default]
    AnyPort,
    /// Loopback, but with the port and path that were registered.
    Registered,
    /// No loopback address: only `https`, where nothing of ours listens. The person pastes the address that the browser
    /// ends at.
    Https,
}

impl Redirect {
    /// As a profile writes it: `any-port`, `registered` or `https`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnyPort => "any-port",
            Self::Registered => "registered",
            Self::Https => "https",
        }
    }

    /// The rule of that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::AnyPort, Self::Registered, Self::Https].into_iter().find(|r| r.name() == name)
    }
}

/// What an authorization request must carry beside RFC 6749 §4.1.1, and who may make one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    /// Scopes to ask for where the user names none: what brings a refresh token, and little else.
    pub scope: List<Text>,
    /// What stands between scopes; a blank (RFC 6749 §3.3) where nothing is said.
    pub scope_separator: Option<Text>,
    /// Further parameters of the authorization request, in order.
    pub parameters: List<(Text, Text)>,
    /// Which redirect addresses are taken.
    pub redirect: Redirect,
    /// Whether the provider takes the parameters of RFC 7636. Servers must ignore what they do not know (RFC 6749
    /// §3.1); false is for those that refuse.
    pub pkce: bool,
    /// The page on which a person registers a client.
    pub client: Option<Text>,
}

impl Login {
    /// Nothing beside RFC 6749 §4.1.1.
    pub const PLAIN: Self = Self {
        scope: Cow::Borrowed(&[]),
        scope_separator: None,
        parameters: Cow::Borrowed(&[]),
        redirect: Redirect::AnyPort,
        pkce: true,
        client: None,
    };
}
