//! What is known of a provider: where its endpoints are, how its client proves itself, how it treats a spent refresh
//! token, and how its answers differ from everybody else's.
//!
//! A profile is data. The built-in ones are written as TOML in `crates/core/profiles/` and stand here as constant
//! tables; a user's own are parsed outside core and look the same. Whatever a profile says holds for its provider
//! alone: the rules of [`judge`](crate::judge) stay general.

mod class;
mod facts;
mod find;
mod login;
mod reading;
mod table;

use alloc::borrow::Cow;

use crate::time::Span;

pub use class::AsClass;
pub use facts::{BodyEncoding, ClientAuthMethod, Endpoints, RefreshRequest};
pub use login::{Login, RESERVED_LOGIN_PARAMETERS, Redirect};
pub use reading::{FieldMap, MemberIs, Override, StatusRange, When};

/// A text that is built in or was read at run time.
pub type Text = Cow<'static, str>;

/// A list that is built in or was read at run time.
pub type List<T> = Cow<'static, [T]>;

/// A provider's habits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Its name (`generic` where nothing is known), kebab-case.
    pub name: Text,
    /// Its name for people.
    pub title: Text,
    /// How it treats a spent refresh token.
    pub as_class: AsClass,
    /// How long a superseded refresh token still works (P3).
    pub grace: Span,
    /// Where it is.
    pub endpoints: Endpoints,
    /// How its clients prove themselves, the usual way first; empty where nothing is known.
    pub client_auth: List<ClientAuthMethod>,
    /// How long an access token lives whose answer does not say so (RFC 6749 §5.1); none where nothing is known.
    pub lifetime: Option<Span>,
    /// The least time between two refreshes, where the provider counts them.
    pub min_interval: Option<Span>,
    /// How a login begins.
    pub login: Login,
    /// What a refresh request must carry.
    pub refresh: RefreshRequest,
    /// Where its answers keep what belongs in RFC 6749's members.
    pub fields: FieldMap,
    /// Answers that mean something else here than elsewhere; the first that fits decides.
    pub overrides: List<Override>,
    /// Where the facts come from: addresses of public documentation.
    pub sources: List<Text>,
    /// What is not sure: the key in question and why.
    pub unsure: List<(Text, Text)>,
}

impl Profile {
    /// Nothing is known: P2, no grace.
    pub const GENERIC: Self = Self {
        name: Cow::Borrowed("generic"),
        title: Cow::Borrowed("any authorization server"),
        as_class: AsClass::P2,
        grace: Span::ZERO,
        endpoints: Endpoints::NONE,
        client_auth: Cow::Borrowed(&[]),
        lifetime: None,
        min_interval: None,
        login: Login::PLAIN,
        refresh: RefreshRequest::PLAIN,
        fields: FieldMap::STANDARD,
        overrides: Cow::Borrowed(&[]),
        sources: Cow::Borrowed(&[]),
        unsure: Cow::Borrowed(&[]),
    };

    /// Nothing is known: P2, no grace.
    pub fn generic() -> Self {
        Self::GENERIC
    }

    /// How long an unsettled request of this provider must be waited out, given the policy's `settle`: inside a
    /// grace a replay is harmless, and waiting past it would spend it.
    pub fn settle(&self, policy_settle: Span) -> Span {
        if self.as_class == AsClass::P3 && !self.grace.is_zero() {
            policy_settle.min(self.grace.fraction(1, 2))
        } else {
            policy_settle
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::GENERIC
    }
}
