//! Profiles whose names begin with `p`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile, Redirect,
    StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const PAGERDUTY: Profile = Profile {
    name: Borrowed("pagerduty"),
    title: Borrowed("PagerDuty"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://identity.pagerduty.com/global/oauth/anonymous/")),
        token: Some(Borrowed("https://identity.pagerduty.com/oauth/token")),
        authorization: Some(Borrowed("https://identity.pagerduty.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("identity.pagerduty.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://developer.pagerduty.com/docs/user-oauth-token-via-code-grant"),
        Borrowed("https://developer.pagerduty.com/docs/oauth-functionality"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what happens to the old one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const PATREON: Profile = Profile {
    name: Borrowed("patreon"),
    title: Borrowed("Patreon"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://www.patreon.com/api/oauth2/token")),
        authorization: Some(Borrowed("https://www.patreon.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("www.patreon.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(744)),
    login: Login {
        scope: Borrowed(&[Borrowed("identity")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.patreon.com/portal/registration/register-clients")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://docs.patreon.com/#oauth")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what happens to the old one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const PAYPAL: Profile = Profile {
    name: Borrowed("paypal"),
    title: Borrowed("PayPal"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://www.paypal.com")),
        token: Some(Borrowed("https://api-m.paypal.com/v1/oauth2/token")),
        authorization: Some(Borrowed("https://www.paypal.com/signin/authorize")),
        hosts: Borrowed(&[
            Borrowed("www.paypal.com"),
            Borrowed("api-m.paypal.com"),
            Borrowed("api.paypal.com"),
            Borrowed("api-m.sandbox.paypal.com"),
            Borrowed("api.sandbox.paypal.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    login: Login {
        scope: Borrowed(&[Borrowed("openid")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developer.paypal.com/dashboard/applications")),
        ..Login::PLAIN
    },
    fields: FieldMap { error: Borrowed(&[Borrowed("error"), Borrowed("name")]), ..FieldMap::STANDARD },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When { code: Borrowed(&[Borrowed("RATE_LIMIT_REACHED")]), ..When::ANY },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://developer.paypal.com/api/rest/responses/")),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("AUTHENTICATION_FAILURE"),
                    Borrowed("NOT_AUTHORIZED"),
                    Borrowed("VALIDATION_ERROR"),
                    Borrowed("INVALID_REQUEST"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: Some(Borrowed("https://developer.paypal.com/api/rest/responses/")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developer.paypal.com/api/rest/authentication/"),
        Borrowed("https://developer.paypal.com/docs/log-in-with-paypal/integrate/"),
        Borrowed("https://developer.paypal.com/api/rest/responses/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh is not documented to answer with a refresh token"),
    )]),
    ..Profile::GENERIC
};

pub(super) const PINGFEDERATE: Profile = Profile {
    name: Borrowed("pingfederate"),
    title: Borrowed("PingFederate"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/as/token.oauth2")),
        authorization: Some(Borrowed("https://{host}/as/authorization.oauth2")),
        device_authorization: Some(Borrowed("https://{host}/as/device_authz.oauth2")),
        revocation: Some(Borrowed("https://{host}/as/revoke_token.oauth2")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(2)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed(
            "https://docs.pingidentity.com/pingfederate/latest/developers_reference_guide/pf_token_endpoint.html",
        ),
        Borrowed(
            "https://docs.pingidentity.com/pingfederate/latest/administrators_reference_guide/help_authorizationserversettingstasklet_oauthauthorizationserversettingsstate.html",
        ),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "rolling refresh tokens is a setting of the server and of each client; the strict case is assumed",
            ),
        ),
        (Borrowed("grace"), Borrowed("a server can be given one; none is assumed")),
        (Borrowed("lifetime"), Borrowed("the default of a new access token manager")),
    ]),
    ..Profile::GENERIC
};

pub(super) const PINGONE: Profile = Profile {
    name: Borrowed("pingone"),
    title: Borrowed("PingOne"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://auth.pingone.com/{environment}/as")),
        token: Some(Borrowed("https://auth.pingone.com/{environment}/as/token")),
        authorization: Some(Borrowed("https://auth.pingone.com/{environment}/as/authorize")),
        device_authorization: Some(Borrowed(
            "https://auth.pingone.com/{environment}/as/device_authorization",
        )),
        revocation: Some(Borrowed("https://auth.pingone.com/{environment}/as/revoke")),
        hosts: Borrowed(&[
            Borrowed("auth.pingone.com"),
            Borrowed("auth.pingone.ca"),
            Borrowed("auth.pingone.eu"),
            Borrowed("auth.pingone.asia"),
            Borrowed("auth.pingone.com.au"),
            Borrowed("auth.pingone.sg"),
        ]),
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
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.pingidentity.com/pingone-api/auth/openid-connect-oauth-2.html"),
        Borrowed("https://docs.pingidentity.com/pingone/applications/p1_app_oidc_config.html"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("grace"),
        Borrowed("an administrator can set a rolling grace period of up to a day; none is assumed"),
    )]),
    ..Profile::GENERIC
};

pub(super) const PINTEREST: Profile = Profile {
    name: Borrowed("pinterest"),
    title: Borrowed("Pinterest"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.pinterest.com/v5/oauth/token")),
        authorization: Some(Borrowed("https://www.pinterest.com/oauth/")),
        hosts: Borrowed(&[Borrowed("api.pinterest.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(720)),
    login: Login {
        scope: Borrowed(&[Borrowed("user_accounts:read")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.pinterest.com/apps/")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
            members: Borrowed(&[MemberIs { path: Borrowed("code"), equals: Borrowed(&[Borrowed("283")]) }]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is dead"),
        source: Some(Borrowed("https://github.com/pinterest/pinterest-python-sdk/issues/114")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://developers.pinterest.com/docs/getting-started/connect-app/"),
        Borrowed("https://developers.pinterest.com/docs/api/v5/oauth-token"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "since 2025-05-14 a refresh answers with a new refresh token of 60 days; what happens to the old one is not documented",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const PIPEDRIVE: Profile = Profile {
    name: Borrowed("pipedrive"),
    title: Borrowed("Pipedrive"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://oauth.pipedrive.com/oauth/token")),
        authorization: Some(Borrowed("https://oauth.pipedrive.com/oauth/authorize")),
        revocation: Some(Borrowed("https://oauth.pipedrive.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("oauth.pipedrive.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://app.pipedrive.com/developer-hub")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://pipedrive.readme.io/docs/marketplace-oauth-authorization")]),
    ..Profile::GENERIC
};

pub(super) const POCKET_ID: Profile = Profile {
    name: Borrowed("pocket-id"),
    title: Borrowed("Pocket ID"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/api/oidc/token")),
        authorization: Some(Borrowed("https://{host}/authorize")),
        device_authorization: Some(Borrowed("https://{host}/api/oidc/device/authorize")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://pocket-id.org/docs/guides/oidc-client-authentication"),
        Borrowed("https://github.com/pocket-id/pocket-id"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new refresh token and deletes the old one; reuse is answered as any unknown token",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const POSTHOG: Profile = Profile {
    name: Borrowed("posthog"),
    title: Borrowed("PostHog"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://oauth.posthog.com/oauth/token/")),
        authorization: Some(Borrowed("https://oauth.posthog.com/oauth/authorize/")),
        revocation: Some(Borrowed("https://oauth.posthog.com/oauth/revoke/")),
        hosts: Borrowed(&[Borrowed("oauth.posthog.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post]),
    sources: Borrowed(&[Borrowed("https://posthog.com/docs/api/oauth")]),
    unsure: Borrowed(&[
        (Borrowed("as_class"), Borrowed("refresh tokens rotate; what reuse does is not documented")),
        (
            Borrowed("endpoints.hosts"),
            Borrowed("the regional hosts us.posthog.com and eu.posthog.com answer too"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const PROCORE: Profile = Profile {
    name: Borrowed("procore"),
    title: Borrowed("Procore"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://login.procore.com/oauth/token")),
        authorization: Some(Borrowed("https://login.procore.com/oauth/authorize")),
        revocation: Some(Borrowed("https://login.procore.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("login.procore.com"), Borrowed("login-sandbox.procore.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_mins(90)),
    sources: Borrowed(&[
        Borrowed("https://developers.procore.com/documentation/oauth-auth-grant-flow"),
        Borrowed("https://developers.procore.com/documentation/oauth-endpoints"),
    ]),
    ..Profile::GENERIC
};
