//! Profiles whose names begin with `t`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile, Redirect,
    RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const TESLA: Profile = Profile {
    name: Borrowed("tesla"),
    title: Borrowed("Tesla (Fleet API)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://auth.tesla.com/oauth2/v3")),
        token: Some(Borrowed("https://fleet-auth.prd.vn.cloud.tesla.com/oauth2/v3/token")),
        authorization: Some(Borrowed("https://auth.tesla.com/oauth2/v3/authorize")),
        hosts: Borrowed(&[
            Borrowed("auth.tesla.com"),
            Borrowed("auth.tesla.cn"),
            Borrowed("fleet-auth.prd.vn.cloud.tesla.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.tesla.com/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.tesla.com/docs/fleet-api/authentication/third-party-tokens"),
        Borrowed("https://developer.tesla.com/docs/fleet-api/authentication/overview"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("grace"),
        Borrowed(
            "clients report that the last refresh token that was used works for a day more; not in the documentation now",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const TIKTOK: Profile = Profile {
    name: Borrowed("tiktok"),
    title: Borrowed("TikTok (Login Kit, Content API)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://open.tiktokapis.com/v2/oauth/token/")),
        authorization: Some(Borrowed("https://www.tiktok.com/v2/auth/authorize/")),
        revocation: Some(Borrowed("https://open.tiktokapis.com/v2/oauth/revoke/")),
        hosts: Borrowed(&[Borrowed("open.tiktokapis.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("user.info.basic")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developers.tiktok.com/apps")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        names: Borrowed(&[(Borrowed("client_id"), Borrowed("client_key"))]),
        ..RefreshRequest::PLAIN
    },
    fields: FieldMap {
        access_token: Borrowed(&[Borrowed("access_token"), Borrowed("data.access_token")]),
        refresh_token: Borrowed(&[Borrowed("refresh_token"), Borrowed("data.refresh_token")]),
        scope: Borrowed(&[Borrowed("scope"), Borrowed("data.scope")]),
        expires_in: Borrowed(&[Borrowed("expires_in"), Borrowed("data.expires_in")]),
        refresh_token_expires_in: Borrowed(&[
            Borrowed("refresh_expires_in"),
            Borrowed("data.refresh_expires_in"),
        ]),
        error_description: Borrowed(&[Borrowed("error_description"), Borrowed("data.description")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 299 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("data.error_code"),
                    equals: Borrowed(&[Borrowed("10008"), Borrowed("10010"), Borrowed("10012")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://developers.tiktok.com/doc/oauth-error-handling")),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("data.error_code"),
                    equals: Borrowed(&[
                        Borrowed("10002"),
                        Borrowed("10003"),
                        Borrowed("10004"),
                        Borrowed("10005"),
                        Borrowed("10006"),
                        Borrowed("10007"),
                        Borrowed("10009"),
                        Borrowed("10011"),
                        Borrowed("10013"),
                        Borrowed("10014"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed("https://developers.tiktok.com/doc/oauth-error-handling")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.tiktok.com/doc/oauth-user-access-token-management"),
        Borrowed("https://developers.tiktok.com/doc/oauth-error-handling"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("the answer may carry another refresh token, which must be used from then on"),
        ),
        (
            Borrowed("override.refresh-token-dead"),
            Borrowed("numbers of the first version of the API, which is retired"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const TIKTOK_BUSINESS: Profile = Profile {
    name: Borrowed("tiktok-business"),
    title: Borrowed("TikTok for Business"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://business-api.tiktok.com/open_api/v1.3/tt_user/oauth2/refresh_token/")),
        authorization: Some(Borrowed("https://business-api.tiktok.com/portal/auth")),
        hosts: Borrowed(&[Borrowed("business-api.tiktok.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(24)),
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    fields: FieldMap {
        access_token: Borrowed(&[Borrowed("data.access_token")]),
        refresh_token: Borrowed(&[Borrowed("data.refresh_token")]),
        token_type: Borrowed(&[Borrowed("data.token_type")]),
        scope: Borrowed(&[Borrowed("data.scope")]),
        expires_in: Borrowed(&[Borrowed("data.expires_in")]),
        refresh_token_expires_in: Borrowed(&[Borrowed("data.refresh_token_expires_in")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[Borrowed("40100"), Borrowed("40133"), Borrowed("50002")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://business-api.tiktok.com/portal/docs?id=1737172488964097")),
        },
        Override {
            name: Borrowed("busy"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[Borrowed("50000"), Borrowed("51305"), Borrowed("60000")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server failed"),
            source: Some(Borrowed("https://business-api.tiktok.com/portal/docs?id=1737172488964097")),
        },
        Override {
            name: Borrowed("token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 299 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[
                        Borrowed("40104"),
                        Borrowed("40105"),
                        Borrowed("40110"),
                        Borrowed("40119"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the token is dead or was revoked"),
            source: Some(Borrowed("https://business-api.tiktok.com/portal/docs?id=1737172488964097")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 299 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[
                        Borrowed("40001"),
                        Borrowed("40002"),
                        Borrowed("40101"),
                        Borrowed("40102"),
                        Borrowed("40106"),
                        Borrowed("40107"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed("https://business-api.tiktok.com/portal/docs?id=1737172488964097")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://business-api.tiktok.com/portal/docs?id=1739965703387137"),
        Borrowed("https://business-api.tiktok.com/portal/docs?id=1737172488964097"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "the answer may carry another refresh token; what happens to the old one is not documented",
            ),
        ),
        (
            Borrowed("refresh.names"),
            Borrowed(
                "the app's id and secret may have to be sent by the names client_id and client_secret, or app_id and secret",
            ),
        ),
        (
            Borrowed("override.request-refused"),
            Borrowed(
                "the numbers are grouped by the documentation's headings, and not all were seen at this endpoint",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const TODOIST: Profile = Profile {
    name: Borrowed("todoist"),
    title: Borrowed("Todoist"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.todoist.com/oauth/access_token")),
        authorization: Some(Borrowed("https://app.todoist.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.todoist.com"), Borrowed("todoist.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    login: Login {
        scope: Borrowed(&[Borrowed("data:read")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.todoist.com/appconsole.html")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.todoist.com/api/v1/#tag/Authorization"),
        Borrowed("https://doist.github.io/todoist-sdk-typescript/api/functions/refreshAuthToken"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new refresh token; older apps get tokens that do not expire, and none to refresh with",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const TRAKT: Profile = Profile {
    name: Borrowed("trakt"),
    title: Borrowed("Trakt"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.trakt.tv/oauth/token")),
        authorization: Some(Borrowed("https://trakt.tv/oauth/authorize")),
        device_authorization: Some(Borrowed("https://api.trakt.tv/oauth/device/code")),
        revocation: Some(Borrowed("https://api.trakt.tv/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("api.trakt.tv")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://trakt.tv/oauth/applications")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    sources: Borrowed(&[Borrowed("https://trakt.docs.apiary.io/#reference/authentication-oauth")]),
    ..Profile::GENERIC
};

pub(super) const TRANSPORT: Profile = Profile {
    name: Borrowed("transport"),
    title: Borrowed("No answer: the connection itself"),
    sources: Borrowed(&[Borrowed("https://www.rfc-editor.org/rfc/rfc9110#name-intermediaries")]),
    ..Profile::GENERIC
};

pub(super) const TWITCH: Profile = Profile {
    name: Borrowed("twitch"),
    title: Borrowed("Twitch"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://id.twitch.tv/oauth2")),
        token: Some(Borrowed("https://id.twitch.tv/oauth2/token")),
        authorization: Some(Borrowed("https://id.twitch.tv/oauth2/authorize")),
        device_authorization: Some(Borrowed("https://id.twitch.tv/oauth2/device")),
        revocation: Some(Borrowed("https://id.twitch.tv/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("id.twitch.tv")]),
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    login: Login {
        scope: Borrowed(&[Borrowed("user:read:email")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://dev.twitch.tv/console/apps")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                words: Borrowed(&[
                    Borrowed("invalid refresh token"),
                    Borrowed("invalid oauth token"),
                    Borrowed("invalid grant"),
                    Borrowed("invalid authorization code"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://github.com/twitchdev/issues/issues/1037")),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[
                    Borrowed("invalid client"),
                    Borrowed("missing client id"),
                    Borrowed("missing client secret"),
                    Borrowed("missing grant type"),
                    Borrowed("missing refresh token"),
                    Borrowed("unsupported grant type"),
                    Borrowed("invalid grant type"),
                    Borrowed("no client id specified"),
                    Borrowed("client is disabled"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: Some(Borrowed("https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://dev.twitch.tv/docs/authentication/refresh-tokens/"),
        Borrowed("https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/"),
        Borrowed("https://dev.twitch.tv/docs/authentication/revoke-tokens/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a public client's refresh token works once, for 30 days; a confidential client's mostly stays the same",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const TYPEFORM: Profile = Profile {
    name: Borrowed("typeform"),
    title: Borrowed("Typeform"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.typeform.com/oauth/token")),
        authorization: Some(Borrowed("https://api.typeform.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.typeform.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(168)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline"), Borrowed("accounts:read")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://www.typeform.com/developers/get-started/applications/")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what happens to the old one is not documented"),
    )]),
    ..Profile::GENERIC
};
