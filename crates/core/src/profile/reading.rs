//! How a provider's answers differ from everybody else's.
//!
//! A *path* names a member of a JSON answer: names joined by dots, an element of an array by its number in brackets
//! (`data.access_token`, `errors[0].resource`), `[*]` for any element.

use alloc::borrow::Cow;

use super::{List, Text};
use crate::time::Span;
use crate::verdict::Verdict;

/// Where a provider keeps what RFC 6749 §5.1 gives other names. Each is a list of paths, tried in order before the
/// standard name; empty for the standard name alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldMap {
    /// The access token.
    pub access_token: List<Text>,
    /// The new refresh token.
    pub refresh_token: List<Text>,
    /// The ID token.
    pub id_token: List<Text>,
    /// The token type.
    pub token_type: List<Text>,
    /// The scope granted.
    pub scope: List<Text>,
    /// The lifetime in seconds.
    pub expires_in: List<Text>,
    /// The moment of expiry: seconds or milliseconds since the Unix epoch, or RFC 3339.
    pub expires_at: List<Text>,
    /// The moment of issue, in the same shapes: expiry is measured from it rather than from the answer's `Date`.
    pub issued_at: List<Text>,
    /// The lifetime of the new refresh token in seconds.
    pub refresh_token_expires_in: List<Text>,
    /// The error code.
    pub error: List<Text>,
    /// What the server says to people.
    pub error_description: List<Text>,
}

impl FieldMap {
    /// The standard names alone.
    pub const STANDARD: Self = Self {
        access_token: Cow::Borrowed(&[]),
        refresh_token: Cow::Borrowed(&[]),
        id_token: Cow::Borrowed(&[]),
        token_type: Cow::Borrowed(&[]),
        scope: Cow::Borrowed(&[]),
        expires_in: Cow::Borrowed(&[]),
        expires_at: Cow::Borrowed(&[]),
        issued_at: Cow::Borrowed(&[]),
        refresh_token_expires_in: Cow::Borrowed(&[]),
        error: Cow::Borrowed(&[]),
        error_description: Cow::Borrowed(&[]),
    };
}

/// An answer that means something else at this provider than elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Override {
    /// Its name, kebab-case; evidence shows it as the rule `PROFILE/NAME`.
    pub name: Text,
    /// When it decides.
    pub when: When,
    /// What it decides. Never a success: that needs a token.
    pub verdict: Verdict,
    /// Whether the refresh token may have been rotated all the same.
    pub may_have_rotated: bool,
    /// How long to leave the server alone, where the answer does not say.
    pub retry_after: Option<Span>,
    /// For people, where the server says nothing itself; may be empty.
    pub message: Text,
    /// Where this is known from: an address of public documentation. What is not sure stands in
    /// [`Profile::unsure`](super::Profile::unsure) under `override.NAME`.
    pub source: Option<Text>,
}

/// When an [`Override`] decides: every condition that is given must hold. At least one is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct When {
    /// The status code is in one of these; empty for any.
    pub status: List<StatusRange>,
    /// The error code is one of these, in any case and with any separators; empty for any.
    pub code: List<Text>,
    /// The server's words contain one of these, in any case; empty for any.
    pub words: List<Text>,
    /// All of these members have one of their values.
    pub members: List<MemberIs>,
    /// The first 4 KiB of the decoded body contain one of these, in any case; empty for any. For pages.
    pub page: List<Text>,
}

impl When {
    /// No condition.
    pub const ANY: Self = Self {
        status: Cow::Borrowed(&[]),
        code: Cow::Borrowed(&[]),
        words: Cow::Borrowed(&[]),
        members: Cow::Borrowed(&[]),
        page: Cow::Borrowed(&[]),
    };
}

/// Status codes from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

/// A member of a JSON answer that has one of some values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberIs {
    /// The path.
    pub path: Text,
    /// The values: strings in any case, numbers and words (`true`) as they are written. Empty where it only has to be
    /// there.
    pub equals: List<Text>,
}
