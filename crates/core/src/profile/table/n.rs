//! Profiles whose names begin with `n`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect,
    RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const NEON: Profile = Profile {
    name: Borrowed("neon"),
    title: Borrowed("Neon"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://oauth2.neon.tech")),
        token: Some(Borrowed("https://oauth2.neon.tech/oauth2/token")),
        authorization: Some(Borrowed("https://oauth2.neon.tech/oauth2/auth")),
        revocation: Some(Borrowed("https://oauth2.neon.tech/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("oauth2.neon.tech")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://neon.com/docs/guides/oauth-integration")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("an Ory Hydra server; how it is configured is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const NETATMO: Profile = Profile {
    name: Borrowed("netatmo"),
    title: Borrowed("Netatmo"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.netatmo.com/oauth2/token")),
        authorization: Some(Borrowed("https://api.netatmo.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("api.netatmo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(3)),
    login: Login {
        scope: Borrowed(&[Borrowed("read_station")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://dev.netatmo.com/apps/")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.code"),
                    equals: Borrowed(&[Borrowed("26")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests of this user or app"),
            source: Some(Borrowed("https://dev.netatmo.com/apidocumentation/general")),
        },
        Override {
            name: Borrowed("app-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.code"),
                    equals: Borrowed(&[Borrowed("5"), Borrowed("13")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app is switched off, or may not do this"),
            source: Some(Borrowed("https://dev.netatmo.com/apidocumentation/general")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://dev.netatmo.com/apidocumentation/oauth"),
        Borrowed("https://dev.netatmo.com/apidocumentation/general"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("the old tokens stop working; whether reuse ends the whole grant is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const NETLIFY: Profile = Profile {
    name: Borrowed("netlify"),
    title: Borrowed("Netlify"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.netlify.com/oauth/token")),
        authorization: Some(Borrowed("https://app.netlify.com/authorize")),
        hosts: Borrowed(&[Borrowed("api.netlify.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://app.netlify.com/user/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://docs.netlify.com/api/get-started/#authentication")]),
    ..Profile::GENERIC
};

pub(super) const NETSUITE: Profile = Profile {
    name: Borrowed("netsuite"),
    title: Borrowed("Oracle NetSuite"),
    endpoints: Endpoints {
        token: Some(Borrowed(
            "https://{account}.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token",
        )),
        authorization: Some(Borrowed("https://{account}.app.netsuite.com/app/login/oauth2/authorize.nl")),
        revocation: Some(Borrowed(
            "https://{account}.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/revoke",
        )),
        hosts: Borrowed(&[Borrowed("*.suitetalk.api.netsuite.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[
        Borrowed("https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_158074210415.html"),
        Borrowed("https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_158081952044.html"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a confidential client's refresh token stays the same for 7 days; a public client's works once; the strict case is assumed",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const NEXTCLOUD: Profile = Profile {
    name: Borrowed("nextcloud"),
    title: Borrowed("Nextcloud"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/index.php/apps/oauth2/api/v1/token")),
        authorization: Some(Borrowed("https://{host}/index.php/apps/oauth2/authorize")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("invalid_request")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server does not know the refresh token"),
            source: Some(Borrowed(
                "https://github.com/nextcloud/server/blob/master/apps/oauth2/lib/Controller/OauthApiController.php",
            )),
        },
        Override {
            name: Borrowed("grant-type-unknown"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("invalid_grant")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server does not know the grant type"),
            source: Some(Borrowed(
                "https://github.com/nextcloud/server/blob/master/apps/oauth2/lib/Controller/OauthApiController.php",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/oauth2.html"),
        Borrowed(
            "https://github.com/nextcloud/server/blob/master/apps/oauth2/lib/Controller/OauthApiController.php",
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const NODE_OIDC_PROVIDER: Profile = Profile {
    name: Borrowed("node-oidc-provider"),
    title: Borrowed("oidc-provider (Node.js)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/token")),
        authorization: Some(Borrowed("https://{host}/auth")),
        device_authorization: Some(Borrowed("https://{host}/device/auth")),
        revocation: Some(Borrowed("https://{host}/token/revocation")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        parameters: Borrowed(&[(Borrowed("prompt"), Borrowed("consent"))]),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://github.com/panva/node-oidc-provider/blob/main/docs/README.md")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "rotateRefreshToken decides; by default public clients' tokens rotate, others when 70% of their time is over",
            ),
        ),
        (Borrowed("endpoints.token"), Borrowed("the default paths, which an application can change")),
    ]),
    ..Profile::GENERIC
};

pub(super) const NOTION: Profile = Profile {
    name: Borrowed("notion"),
    title: Borrowed("Notion"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.notion.com/v1/oauth/token")),
        authorization: Some(Borrowed("https://api.notion.com/v1/oauth/authorize")),
        revocation: Some(Borrowed("https://api.notion.com/v1/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("api.notion.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    login: Login {
        parameters: Borrowed(&[(Borrowed("owner"), Borrowed("user"))]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.notion.so/profile/integrations")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Notion-Version"), Borrowed("2026-03-11"))]),
        encoding: BodyEncoding::Json,
        ..RefreshRequest::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 409 }]),
                code: Borrowed(&[
                    Borrowed("validation_error"),
                    Borrowed("invalid_json"),
                    Borrowed("invalid_request_url"),
                    Borrowed("missing_version"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request is not as the server wants it"),
            source: Some(Borrowed("https://developers.notion.com/reference/status-codes")),
        },
        Override {
            name: Borrowed("busy"),
            when: When {
                code: Borrowed(&[
                    Borrowed("conflict_error"),
                    Borrowed("service_unavailable"),
                    Borrowed("database_connection_unavailable"),
                    Borrowed("gateway_timeout"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server cannot answer now"),
            source: Some(Borrowed("https://developers.notion.com/reference/status-codes")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.notion.com/docs/authorization"),
        Borrowed("https://developers.notion.com/reference/refresh-a-token"),
        Borrowed("https://developers.notion.com/reference/status-codes"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "refresh tokens rotate; what happens to a used one is not documented, so the strict case is assumed",
            ),
        ),
        (Borrowed("lifetime"), Borrowed("not documented, and the answer names none")),
    ]),
    ..Profile::GENERIC
};

pub(super) const NOTION_MCP: Profile = Profile {
    name: Borrowed("notion-mcp"),
    title: Borrowed("Notion MCP"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://mcp.notion.com")),
        token: Some(Borrowed("https://mcp.notion.com/token")),
        authorization: Some(Borrowed("https://mcp.notion.com/authorize")),
        hosts: Borrowed(&[Borrowed("mcp.notion.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[
        Borrowed("https://developers.notion.com/docs/mcp"),
        Borrowed("https://github.com/makenotion/notion-cookbook/pull/1"),
        Borrowed("https://github.com/openai/codex/issues/13956"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("whether reuse of a spent refresh token ends the whole grant is not documented"),
        ),
        (Borrowed("client_auth"), Borrowed("clients register themselves; the method is what was registered")),
    ]),
    ..Profile::GENERIC
};
