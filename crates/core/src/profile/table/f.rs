//! Profiles whose names begin with `f`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, FieldMap, Login, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const FIGMA: Profile = Profile {
    name: Borrowed("figma"),
    title: Borrowed("Figma"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.figma.com/v1/oauth/token")),
        authorization: Some(Borrowed("https://www.figma.com/oauth")),
        hosts: Borrowed(&[Borrowed("api.figma.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(2160)),
    login: Login {
        scope: Borrowed(&[Borrowed("current_user:read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.figma.com/developers/apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.figma.com/docs/rest-api/authentication/")]),
    unsure: Borrowed(&[(
        Borrowed("endpoints.token"),
        Borrowed("the documentation names /v1/oauth/refresh for refreshing; both are reported to work"),
    )]),
    ..Profile::GENERIC
};

pub(super) const FIREBASE: Profile = Profile {
    name: Borrowed("firebase"),
    title: Borrowed("Firebase Authentication (secure token service)"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://securetoken.googleapis.com/v1/token?key={api_key}")),
        hosts: Borrowed(&[Borrowed("securetoken.googleapis.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    fields: FieldMap { error: Borrowed(&[Borrowed("error.message")]), ..FieldMap::STANDARD },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("other-project"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("PROJECT_NUMBER_MISMATCH"),
                    Borrowed("MISSING_REFRESH_TOKEN"),
                    Borrowed("INVALID_GRANT_TYPE"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed(
                "the API key and the refresh token belong to different projects, or the request is malformed",
            ),
            source: Some(Borrowed(
                "https://firebase.google.com/docs/reference/rest/auth#section-refresh-token",
            )),
        },
        Override {
            name: Borrowed("api-key-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[Borrowed("api key not valid"), Borrowed("api key expired")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the API key is refused"),
            source: Some(Borrowed(
                "https://firebase.google.com/docs/reference/rest/auth#section-refresh-token",
            )),
        },
    ]),
    sources: Borrowed(&[Borrowed(
        "https://firebase.google.com/docs/reference/rest/auth#section-refresh-token",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "the documentation says \"the refresh token provided or a new one\"; refresh tokens end with the account, not with use",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const FITBIT: Profile = Profile {
    name: Borrowed("fitbit"),
    title: Borrowed("Fitbit (Web API)"),
    as_class: AsClass::P3,
    grace: Span::from_mins(2),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.fitbit.com/oauth2/token")),
        authorization: Some(Borrowed("https://www.fitbit.com/oauth2/authorize")),
        revocation: Some(Borrowed("https://api.fitbit.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("api.fitbit.com"), Borrowed("www.fitbit.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(8)),
    login: Login {
        scope: Borrowed(&[Borrowed("profile")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://dev.fitbit.com/apps")),
        ..Login::PLAIN
    },
    fields: FieldMap {
        error: Borrowed(&[Borrowed("errors[0].errorType")]),
        error_description: Borrowed(&[Borrowed("errors[0].message")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("switched-off"),
        when: When { status: Borrowed(&[StatusRange { from: 410, to: 410 }]), ..When::ANY },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("Fitbit's own login is switched off; the Google Health API takes its place"),
        source: Some(Borrowed("https://developers.google.com/health/about")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://dev.fitbit.com/build/reference/web-api/authorization/refresh-token/"),
        Borrowed("https://dev.fitbit.com/build/reference/web-api/developer-guide/authorization/"),
        Borrowed("https://dev.fitbit.com/build/reference/web-api/troubleshooting-guide/error-messages/"),
        Borrowed("https://developers.google.com/health/rate-limits"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("grace"),
        Borrowed("from the documentation of the refresh; not tried since the end was announced"),
    )]),
    ..Profile::GENERIC
};

pub(super) const FORGEJO: Profile = Profile {
    name: Borrowed("forgejo"),
    title: Borrowed("Forgejo"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/login/oauth/access_token")),
        authorization: Some(Borrowed("https://{host}/login/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("codeberg.org")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-spent"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("unauthorized_client")]),
                words: Borrowed(&[Borrowed("token was already used")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is spent"),
            source: Some(Borrowed(
                "https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go",
            )),
        },
        Override {
            name: Borrowed("refresh-token-unreadable"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("unauthorized_client")]),
                words: Borrowed(&[Borrowed("unable to parse refresh token")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token has expired, or the server's key has changed"),
            source: Some(Borrowed(
                "https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://forgejo.org/docs/latest/user/oauth2-provider/"),
        Borrowed("https://forgejo.org/docs/latest/admin/config-cheat-sheet/#oauth2-oauth2"),
        Borrowed("https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("with INVALIDATE_REFRESH_TOKENS a spent token is refused (P2)"),
    )]),
    ..Profile::GENERIC
};

pub(super) const FORGEROCK_AM: Profile = Profile {
    name: Borrowed("forgerock-am"),
    title: Borrowed("PingAM (ForgeRock Access Management)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/am/oauth2")),
        token: Some(Borrowed("https://{host}/am/oauth2/access_token")),
        authorization: Some(Borrowed("https://{host}/am/oauth2/authorize")),
        device_authorization: Some(Borrowed("https://{host}/am/oauth2/device/code")),
        revocation: Some(Borrowed("https://{host}/am/oauth2/token/revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://docs.pingidentity.com/pingam/8/oauth2-guide/oauth2-refresh-tokens.html"),
        Borrowed("https://docs.pingidentity.com/pingam/8/oauth2-guide/oauth2-access_token-endpoint.html"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "the OAuth2 provider service decides whether refresh tokens are issued on refresh, and a grace can be set; the stricter is assumed",
            ),
        ),
        (
            Borrowed("endpoints.token"),
            Borrowed("realms other than the top one add /realms/root/realms/NAME after /oauth2"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const FREEAGENT: Profile = Profile {
    name: Borrowed("freeagent"),
    title: Borrowed("FreeAgent"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.freeagent.com/v2/token_endpoint")),
        authorization: Some(Borrowed("https://api.freeagent.com/v2/approve_app")),
        hosts: Borrowed(&[Borrowed("api.freeagent.com"), Borrowed("api.sandbox.freeagent.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[Borrowed("https://dev.freeagent.com/docs/oauth")]),
    unsure: Borrowed(&[
        (Borrowed("as_class"), Borrowed("not documented in so many words")),
        (Borrowed("lifetime"), Borrowed("answers name it; older ones named 7 d")),
    ]),
    ..Profile::GENERIC
};

pub(super) const FRESHBOOKS: Profile = Profile {
    name: Borrowed("freshbooks"),
    title: Borrowed("FreshBooks"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.freshbooks.com/auth/oauth/token")),
        authorization: Some(Borrowed("https://auth.freshbooks.com/oauth/authorize")),
        revocation: Some(Borrowed("https://api.freshbooks.com/auth/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("api.freshbooks.com"), Borrowed("auth.freshbooks.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(12)),
    login: Login {
        scope: Borrowed(&[Borrowed("user:profile:read")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://my.freshbooks.com/#/developer")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://www.freshbooks.com/api/authentication")]),
    ..Profile::GENERIC
};

pub(super) const FRONT: Profile = Profile {
    name: Borrowed("front"),
    title: Borrowed("Front"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://app.frontapp.com/oauth/token")),
        authorization: Some(Borrowed("https://app.frontapp.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("app.frontapp.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    fields: FieldMap { expires_at: Borrowed(&[Borrowed("expires_at")]), ..FieldMap::STANDARD },
    sources: Borrowed(&[Borrowed("https://dev.frontapp.com/docs/oauth")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("refresh tokens live six months; whether a refresh spends them is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const FUSIONAUTH: Profile = Profile {
    name: Borrowed("fusionauth"),
    title: Borrowed("FusionAuth"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/oauth2/authorize")),
        device_authorization: Some(Borrowed("https://{host}/oauth2/device_authorize")),
        hosts: Borrowed(&[Borrowed("*.fusionauth.io")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed(
            "https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/endpoints#refresh-token-grant-request",
        ),
        Borrowed("https://fusionauth.io/docs/get-started/core-concepts/applications#jwt"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "an application's refresh token usage is \"reusable\" (P0, the default) or \"one-time use\" (with a grace, if set); the stricter is assumed",
        ),
    )]),
    ..Profile::GENERIC
};
