//! Profiles whose names begin with `m`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, RefreshRequest,
    StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const MAILCHIMP: Profile = Profile {
    name: Borrowed("mailchimp"),
    title: Borrowed("Mailchimp"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://login.mailchimp.com/oauth2/token")),
        authorization: Some(Borrowed("https://login.mailchimp.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("login.mailchimp.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://us1.admin.mailchimp.com/account/oauth2/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/",
    )]),
    ..Profile::GENERIC
};

pub(super) const MASTODON: Profile = Profile {
    name: Borrowed("mastodon"),
    title: Borrowed("Mastodon"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{instance}/")),
        token: Some(Borrowed("https://{instance}/oauth/token")),
        authorization: Some(Borrowed("https://{instance}/oauth/authorize")),
        revocation: Some(Borrowed("https://{instance}/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("mastodon.social"), Borrowed("mastodon.online")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login { scope: Borrowed(&[Borrowed("read")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://docs.joinmastodon.org/methods/oauth/"),
        Borrowed("https://docs.joinmastodon.org/spec/oauth/"),
    ]),
    ..Profile::GENERIC
};

pub(super) const MATTERMOST: Profile = Profile {
    name: Borrowed("mattermost"),
    title: Borrowed("Mattermost"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/oauth/access_token")),
        authorization: Some(Borrowed("https://{host}/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("*.cloud.mattermost.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("id"),
                    equals: Borrowed(&[
                        Borrowed("api.oauth.get_access_token.refresh_token.app_error"),
                        Borrowed("api.oauth.get_access_token.expired_code.app_error"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed(
                "https://github.com/mattermost/mattermost/blob/master/server/channels/app/oauth.go",
            )),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("id"),
                    equals: Borrowed(&[
                        Borrowed("api.oauth.get_access_token.bad_client_id.app_error"),
                        Borrowed("api.oauth.get_access_token.bad_client_secret.app_error"),
                        Borrowed("api.oauth.get_access_token.bad_grant.app_error"),
                        Borrowed("api.oauth.get_access_token.credentials.app_error"),
                        Borrowed("api.oauth.get_access_token.missing_refresh_token.app_error"),
                        Borrowed("api.oauth.get_access_token.disabled.app_error"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: Some(Borrowed(
                "https://github.com/mattermost/mattermost/blob/master/server/channels/app/oauth.go",
            )),
        },
        Override {
            name: Borrowed("server-failed"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("id"),
                    equals: Borrowed(&[
                        Borrowed("api.oauth.get_access_token.internal.app_error"),
                        Borrowed("api.oauth.get_access_token.internal_saving.app_error"),
                        Borrowed("api.oauth.get_access_token.internal_session.app_error"),
                        Borrowed("api.oauth.get_access_token.internal_user.app_error"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server failed"),
            source: Some(Borrowed(
                "https://github.com/mattermost/mattermost/blob/master/server/channels/app/oauth.go",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.mattermost.com/integrate/apps/authentication/oauth2/"),
        Borrowed("https://github.com/mattermost/mattermost/blob/master/server/channels/app/oauth.go"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new access token, and its refresh token must be taken from the answer; what reuse does is not documented",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const MERCADO_LIBRE: Profile = Profile {
    name: Borrowed("mercado-libre"),
    title: Borrowed("Mercado Libre"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.mercadolibre.com/oauth/token")),
        authorization: Some(Borrowed("https://auth.mercadolibre.com.ar/authorization")),
        hosts: Borrowed(&[Borrowed("api.mercadolibre.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(6)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline_access"), Borrowed("read")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developers.mercadolibre.com.ar/devcenter")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Accept"), Borrowed("application/json"))]),
        ..RefreshRequest::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("throttled"),
        when: When { code: Borrowed(&[Borrowed("local_rate_limited")]), ..When::ANY },
        verdict: Verdict::RateLimited,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("too many requests"),
        source: Some(Borrowed(
            "https://developers.mercadolibre.com.ar/en_us/authentication-and-authorization",
        )),
    }]),
    sources: Borrowed(&[Borrowed(
        "https://developers.mercadolibre.com.ar/en_us/authentication-and-authorization",
    )]),
    unsure: Borrowed(&[(
        Borrowed("endpoints.authorization"),
        Borrowed("each country has a host of its own"),
    )]),
    ..Profile::GENERIC
};

pub(super) const META_FACEBOOK_INSTAGRAM: Profile = Profile {
    name: Borrowed("meta-facebook-instagram"),
    title: Borrowed("Meta (Facebook, Instagram, Threads)"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://graph.facebook.com/oauth/access_token")),
        authorization: Some(Borrowed("https://www.facebook.com/dialog/oauth")),
        hosts: Borrowed(&[
            Borrowed("graph.facebook.com"),
            Borrowed("www.facebook.com"),
            Borrowed("graph.instagram.com"),
            Borrowed("api.instagram.com"),
            Borrowed("graph.threads.net"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    login: Login {
        scope: Borrowed(&[Borrowed("public_profile")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developers.facebook.com/apps/")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.code"),
                    equals: Borrowed(&[
                        Borrowed("4"),
                        Borrowed("17"),
                        Borrowed("32"),
                        Borrowed("341"),
                        Borrowed("368"),
                        Borrowed("613"),
                        Borrowed("80000"),
                        Borrowed("80001"),
                        Borrowed("80002"),
                        Borrowed("80003"),
                        Borrowed("80004"),
                        Borrowed("80005"),
                        Borrowed("80006"),
                        Borrowed("80008"),
                        Borrowed("80009"),
                        Borrowed("80014"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling")),
        },
        Override {
            name: Borrowed("server-busy"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.is_transient"),
                    equals: Borrowed(&[Borrowed("true")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server cannot answer now"),
            source: Some(Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling")),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.code"),
                    equals: Borrowed(&[Borrowed("101"), Borrowed("104")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app's id or secret is wrong"),
            source: Some(Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.code"),
                    equals: Borrowed(&[Borrowed("10"), Borrowed("100")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request is not as the server wants it"),
            source: Some(Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling")),
        },
        Override {
            name: Borrowed("secret-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[
                    Borrowed("error validating client secret"),
                    Borrowed("error validating application"),
                    Borrowed("invalid client_id"),
                    Borrowed("invalid platform app"),
                    Borrowed("missing client_id parameter"),
                    Borrowed("missing client_secret parameter"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app's id or secret is wrong"),
            source: Some(Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling")),
        },
        Override {
            name: Borrowed("token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.code"),
                    equals: Borrowed(&[Borrowed("190"), Borrowed("102"), Borrowed("463"), Borrowed("467")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the token is dead"),
            source: Some(Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived"),
        Borrowed("https://developers.facebook.com/docs/graph-api/guides/error-handling"),
        Borrowed("https://developers.facebook.com/docs/facebook-login/guides/access-tokens/debugging"),
        Borrowed("https://developers.facebook.com/docs/facebook-login/for-devices"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "there are no refresh tokens; the exchange takes a living access token, not grant_type=refresh_token",
            ),
        ),
        (
            Borrowed("lifetime"),
            Borrowed(
                "about 60 days for a long-lived token; a page's token may not expire, and then the answer names no lifetime",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const METABASE: Profile = Profile {
    name: Borrowed("metabase"),
    title: Borrowed("Metabase (MCP)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/oauth/token")),
        authorization: Some(Borrowed("https://{host}/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("*.metabaseapp.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post]),
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
            code: Borrowed(&[Borrowed("invalid_request")]),
            words: Borrowed(&[Borrowed("token request is invalid")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is dead"),
        source: Some(Borrowed("https://github.com/metabase/metabase/issues/80389")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://github.com/metabase/metabase/issues/80389"),
        Borrowed("https://www.metabase.com/docs/latest/ai/mcp"),
    ]),
    unsure: Borrowed(&[
        (Borrowed("as_class"), Borrowed("refresh tokens rotate; what reuse does is not documented")),
        (Borrowed("override.refresh-token-dead"), Borrowed("a wrong client gets the same answer")),
    ]),
    ..Profile::GENERIC
};

pub(super) const MICROSOFT_ENTRA_ID: Profile = Profile {
    name: Borrowed("microsoft-entra-id"),
    title: Borrowed("Microsoft Entra ID (v2 endpoints)"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://login.microsoftonline.com/{tenant}/v2.0")),
        token: Some(Borrowed("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token")),
        authorization: Some(Borrowed("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize")),
        device_authorization: Some(Borrowed(
            "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
        )),
        hosts: Borrowed(&[
            Borrowed("login.microsoftonline.com"),
            Borrowed("login.microsoftonline.us"),
            Borrowed("login.partner.microsoftonline.cn"),
            Borrowed("login.microsoft.com"),
            Borrowed("login.windows.net"),
            Borrowed("sts.windows.net"),
            Borrowed("*.ciamlogin.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Post,
        ClientAuthMethod::Basic,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("profile"), Borrowed("offline_access")]),
        parameters: Borrowed(&[(Borrowed("prompt"), Borrowed(""))]),
        client: Some(Borrowed(
            "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
        )),
        ..Login::PLAIN
    },
    refresh: RefreshRequest { scope: true, ..RefreshRequest::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("other-client"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("invalid_grant")]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("suberror"),
                    equals: Borrowed(&[Borrowed("client_mismatch"), Borrowed("protection_policy_required")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed(
                "the refresh token belongs to another client, or a policy wants another client",
            ),
            source: Some(Borrowed(
                "https://learn.microsoft.com/entra/msal/dotnet/advanced/exceptions/msal-error-handling",
            )),
        },
        Override {
            name: Borrowed("throttled-as-invalid-grant"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error_codes[*]"),
                    equals: Borrowed(&[Borrowed("50196")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: Some(Span::from_mins(5)),
            message: Borrowed("the server saw the same request too often"),
            source: Some(Borrowed(
                "https://learn.microsoft.com/entra/identity-platform/reference-error-codes",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow"),
        Borrowed("https://learn.microsoft.com/entra/identity-platform/refresh-tokens"),
        Borrowed("https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes"),
        Borrowed("https://learn.microsoft.com/entra/identity-platform/reference-error-codes"),
        Borrowed("https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("lifetime"),
            Borrowed("60 to 90 minutes by default, always in the answer; tenants can change it"),
        ),
        (
            Borrowed("login.redirect"),
            Borrowed(
                "any port is taken for http://localhost; an address with 127.0.0.1 has to be entered in the manifest of the app",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const MIRO: Profile = Profile {
    name: Borrowed("miro"),
    title: Borrowed("Miro"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.miro.com/v1/oauth/token")),
        authorization: Some(Borrowed("https://miro.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.miro.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("boards:read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://miro.com/app/settings/user-profile/apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developers.miro.com/docs/getting-started-with-oauth"),
        Borrowed("https://developers.miro.com/docs/working-with-refresh-tokens"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "each refresh answers with a new refresh token that lives 60 days; what reuse does is not documented",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const MONDAY: Profile = Profile {
    name: Borrowed("monday"),
    title: Borrowed("monday.com"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://auth.monday.com/oauth2/token")),
        authorization: Some(Borrowed("https://auth.monday.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("auth.monday.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[Borrowed("https://developer.monday.com/apps/docs/oauth")]),
    ..Profile::GENERIC
};

pub(super) const MONZO: Profile = Profile {
    name: Borrowed("monzo"),
    title: Borrowed("Monzo"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.monzo.com/oauth2/token")),
        authorization: Some(Borrowed("https://auth.monzo.com/")),
        hosts: Borrowed(&[Borrowed("api.monzo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(6)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.monzo.com/apps/home")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("unauthorized.bad_refresh_token"),
                    Borrowed("unauthorized.bad_refresh_token.evicted"),
                    Borrowed("unauthorized.bad_refresh_token.expired"),
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
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("unauthorized.bad_client"),
                    Borrowed("unauthorized.bad_client_secret"),
                    Borrowed("bad_request.missing_param"),
                    Borrowed("bad_request.bad_param"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: None,
        },
    ]),
    sources: Borrowed(&[Borrowed("https://docs.monzo.com/#refreshing-access")]),
    unsure: Borrowed(&[
        (Borrowed("override.refresh-token-dead"), Borrowed("reported by clients; not in the documentation")),
        (Borrowed("override.client-refused"), Borrowed("reported by clients; not in the documentation")),
    ]),
    ..Profile::GENERIC
};

pub(super) const MYANIMELIST: Profile = Profile {
    name: Borrowed("myanimelist"),
    title: Borrowed("MyAnimeList"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://myanimelist.net/v1/oauth2/token")),
        authorization: Some(Borrowed("https://myanimelist.net/v1/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("myanimelist.net")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    login: Login {
        redirect: Redirect::Registered,
        pkce: false,
        client: Some(Borrowed("https://myanimelist.net/apiconfig")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://myanimelist.net/apiconfig/references/authorization")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "a refresh answers with a new refresh token; what happens to the old one is not documented",
            ),
        ),
        (
            Borrowed("login.pkce"),
            Borrowed(
                "documented to want the method plain and to refuse S256; renewd never sends plain, so bring a refresh token in by import",
            ),
        ),
    ]),
    ..Profile::GENERIC
};
