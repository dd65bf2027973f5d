//! Profiles whose names begin with `r`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const RAMP: Profile = Profile {
    name: Borrowed("ramp"),
    title: Borrowed("Ramp"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.ramp.com/developer/v1/token")),
        authorization: Some(Borrowed("https://app.ramp.com/v1/authorize")),
        revocation: Some(Borrowed("https://api.ramp.com/developer/v1/token/revoke")),
        hosts: Borrowed(&[Borrowed("api.ramp.com"), Borrowed("demo-api.ramp.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    sources: Borrowed(&[Borrowed("https://docs.ramp.com/developer-api/v1/authorization")]),
    unsure: Borrowed(&[(Borrowed("as_class"), Borrowed("not documented; the strict case is assumed"))]),
    ..Profile::GENERIC
};

pub(super) const REDDIT: Profile = Profile {
    name: Borrowed("reddit"),
    title: Borrowed("Reddit"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        token: Some(Borrowed("https://www.reddit.com/api/v1/access_token")),
        authorization: Some(Borrowed("https://www.reddit.com/api/v1/authorize")),
        revocation: Some(Borrowed("https://www.reddit.com/api/v1/revoke_token")),
        hosts: Borrowed(&[Borrowed("www.reddit.com"), Borrowed("ssl.reddit.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("identity")]),
        parameters: Borrowed(&[(Borrowed("duration"), Borrowed("permanent"))]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.reddit.com/prefs/apps")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                members: Borrowed(&[
                    MemberIs { path: Borrowed("error"), equals: Borrowed(&[Borrowed("400")]) },
                    MemberIs { path: Borrowed("message"), equals: Borrowed(&[Borrowed("Bad Request")]) },
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: None,
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 401, to: 401 }]),
                members: Borrowed(&[
                    MemberIs { path: Borrowed("error"), equals: Borrowed(&[Borrowed("401")]) },
                    MemberIs { path: Borrowed("message"), equals: Borrowed(&[Borrowed("Unauthorized")]) },
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client id or secret is wrong"),
            source: Some(Borrowed("https://github.com/reddit-archive/reddit/wiki/OAuth2")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://github.com/reddit-archive/reddit/wiki/OAuth2"),
        Borrowed("https://github.com/praw-dev/prawcore/pull/115"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("documented as permanent; clients saw refreshes answered with a new one beside the old"),
        ),
        (
            Borrowed("override.refresh-token-dead"),
            Borrowed(
                "what a dead refresh token is seen to get; Reddit's documentation names only invalid_grant",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const RINGCENTRAL: Profile = Profile {
    name: Borrowed("ringcentral"),
    title: Borrowed("RingCentral"),
    as_class: AsClass::P4,
    endpoints: Endpoints {
        token: Some(Borrowed("https://platform.ringcentral.com/restapi/oauth/token")),
        authorization: Some(Borrowed("https://platform.ringcentral.com/restapi/oauth/authorize")),
        device_authorization: Some(Borrowed(
            "https://platform.ringcentral.com/restapi/oauth/device-authorization",
        )),
        revocation: Some(Borrowed("https://platform.ringcentral.com/restapi/oauth/revoke")),
        hosts: Borrowed(&[
            Borrowed("platform.ringcentral.com"),
            Borrowed("platform.devtest.ringcentral.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.ringcentral.com/my-account.html")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errors[*].errorCode"),
                    equals: Borrowed(&[Borrowed("CMN-301")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://developers.ringcentral.com/guide/basics/rate-limits")),
        },
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errors[*].errorCode"),
                    equals: Borrowed(&[
                        Borrowed("OAU-210"),
                        Borrowed("OAU-211"),
                        Borrowed("OAU-213"),
                        Borrowed("OAU-232"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://developers.ringcentral.com/guide/authentication/refresh-tokens")),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errors[*].errorCode"),
                    equals: Borrowed(&[Borrowed("OAU-123"), Borrowed("OAU-153")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client is refused"),
            source: Some(Borrowed("https://github.com/ringcentral/ringcentral-api-docs/pull/33")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.ringcentral.com/guide/authentication/refresh-tokens"),
        Borrowed("https://developers.ringcentral.com/api-reference/Get-Token"),
        Borrowed("https://github.com/tylerlong/ringcentral-token-refresh-experiment"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "measured by a developer of theirs; the documentation says only that a refresh token works once",
            ),
        ),
        (
            Borrowed("override.refresh-token-dead"),
            Borrowed(
                "the numbers are seen beside `Token not found` and `Token revoked`; the list is not documented",
            ),
        ),
    ]),
    ..Profile::GENERIC
};
