//! Profiles whose names begin with `y`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, FieldMap, Login, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const YAHOO: Profile = Profile {
    name: Borrowed("yahoo"),
    title: Borrowed("Yahoo"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://api.login.yahoo.com")),
        token: Some(Borrowed("https://api.login.yahoo.com/oauth2/get_token")),
        authorization: Some(Borrowed("https://api.login.yahoo.com/oauth2/request_auth")),
        revocation: Some(Borrowed("https://api.login.yahoo.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("api.login.yahoo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developer.yahoo.com/apps/")),
        ..Login::PLAIN
    },
    fields: FieldMap {
        error: Borrowed(&[Borrowed("error"), Borrowed("error.errorId")]),
        error_description: Borrowed(&[Borrowed("error_description"), Borrowed("error.localizedMessage")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("INVALID_REFRESH_TOKEN"),
                    Borrowed("TOKEN_EXPIRED"),
                    Borrowed("TOKEN_REVOKED"),
                    Borrowed("INVALID_GRANT"),
                    Borrowed("ACCOUNT_NOT_AUTHORIZED"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://developer.yahoo.com/oauth2/guide/errors/")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("INVALID_INPUT"),
                    Borrowed("INVALID_CLIENT"),
                    Borrowed("UNSUPPORTED_GRANT_TYPE"),
                    Borrowed("INVALID_REDIRECT_URI"),
                    Borrowed("UNAUTHORIZED_CLIENT"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: Some(Borrowed("https://developer.yahoo.com/oauth2/guide/errors/")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developer.yahoo.com/oauth2/guide/flows_authcode/"),
        Borrowed("https://developer.yahoo.com/oauth2/guide/errors/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("the answer carries a refresh token; it is seen to stay the same"),
    )]),
    ..Profile::GENERIC
};

pub(super) const YANDEX: Profile = Profile {
    name: Borrowed("yandex"),
    title: Borrowed("Yandex ID"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://oauth.yandex.com/token")),
        authorization: Some(Borrowed("https://oauth.yandex.com/authorize")),
        device_authorization: Some(Borrowed("https://oauth.yandex.com/device/code")),
        hosts: Borrowed(&[Borrowed("oauth.yandex.com"), Borrowed("oauth.yandex.ru")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://oauth.yandex.com/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://yandex.com/dev/id/doc/en/tokens/refresh-client"),
        Borrowed("https://yandex.com/dev/id/doc/en/codes/screen-code-oauth"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new pair; what happens to the old one is not documented for every app",
        ),
    )]),
    ..Profile::GENERIC
};
