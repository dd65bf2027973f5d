//! Names and places: by what names members are known, and in which order places are asked.

use crate::profile::{FieldMap, Text};

/// What a profile may name a path for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    AccessToken,
    RefreshToken,
    IdToken,
    TokenType,
    Scope,
    ExpiresIn,
    ExpiresAt,
    IssuedAt,
    RefreshExpiresIn,
    Error,
    Description,
}

impl Field {
    pub(super) const COUNT: usize = 11;

    /// The paths of a profile, by what they are for.
    pub(super) fn of_map(map: &FieldMap) -> [(Self, &[Text]); Self::COUNT] {
        [
            (Self::AccessToken, &map.access_token),
            (Self::RefreshToken, &map.refresh_token),
            (Self::IdToken, &map.id_token),
            (Self::TokenType, &map.token_type),
            (Self::Scope, &map.scope),
            (Self::ExpiresIn, &map.expires_in),
            (Self::ExpiresAt, &map.expires_at),
            (Self::IssuedAt, &map.issued_at),
            (Self::RefreshExpiresIn, &map.refresh_token_expires_in),
            (Self::Error, &map.error),
            (Self::Description, &map.error_description),
        ]
    }
}

/// Where a code may stand, in the order in which it is looked for.
#[derive(Clone, Copy)]
pub(super) enum CodePlace {
    /// Where the profile says.
    Mapped,
    Error,
    ErrorObjectCode,
    ErrorObjectType,
    ErrorCode,
    ErrorsType,
    ErrorsCode,
    Code,
    CamelErrorCode,
    /// What an error in a list says of itself beside its code: its reason, or an extension.
    ErrorsCause,
    ErrorObjectStatus,
    WrappedError,
    FaultCode,
    ErrorType,
    ThrownType,
    Name,
    Type,
    Status,
}

/// The first place that is called so by nobody's standard: anything else may stand there too.
pub(super) const WEAK_FROM: usize = CodePlace::ErrorsCode as usize;

/// The first place where a code is but one of the things that are usual there.
pub(super) const LOOSE_FROM: usize = CodePlace::ErrorsCause as usize;

pub(super) const CODE_PLACES: usize = CodePlace::Status as usize + 1;

/// How far what stands in a place is taken for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is the code.
    Firm,
    /// It is the code where nothing was granted, unless it is what firewalls say.
    Weak,
    /// It is the code only where it is a known one.
    Loose,
}

/// Where words for people may stand, the most telling first.
#[derive(Clone, Copy)]
pub(super) enum WordsPlace {
    /// Where the profile says.
    Mapped,
    Description,
    ErrorMessage,
    ErrorsMessage,
    Message,
    Msg,
    Summary,
    Detail,
    Reason,
    Title,
    Fault,
}

pub(super) const WORDS_PLACES: usize = WordsPlace::Fault as usize + 1;

/// Names in the spelling that is looked for, by their letters in lower case.
const SPELLINGS: [(&[u8], &[u8]); 19] = [
    (b"error", b"error"),
    (b"errors", b"errors"),
    (b"errorcode", b"errorCode"),
    (b"errortype", b"error_type"),
    (b"errordescription", b"error_description"),
    (b"error_description", b"error_description"),
    (b"errormessage", b"error_message"),
    (b"code", b"code"),
    (b"message", b"message"),
    (b"detail", b"detail"),
    (b"title", b"title"),
    (b"fault", b"fault"),
    (b"retryafter", b"retry_after"),
    (b"accesstoken", b"accessToken"),
    (b"refreshtoken", b"refreshToken"),
    (b"idtoken", b"idToken"),
    (b"tokentype", b"tokenType"),
    (b"expiresin", b"expiresIn"),
    (b"expiresat", b"expiresAt"),
];

/// The name as it is looked for: `Error` and `ERROR` are `error`, `AccessToken` is `accessToken`.
pub(super) fn spelling(name: &[u8]) -> &[u8] {
    if !name.iter().any(u8::is_ascii_uppercase) {
        return name;
    }
    let known = SPELLINGS.iter().find(|(lower, _)| lower.eq_ignore_ascii_case(name));
    known.map_or(name, |(_, spelling)| *spelling)
}
