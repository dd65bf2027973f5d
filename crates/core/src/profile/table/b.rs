//! Profiles whose names begin with `b`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, Override, Profile, Redirect, RefreshRequest, StatusRange,
    When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const BASECAMP: Profile = Profile {
    name: Borrowed("basecamp"),
    title: Borrowed("Basecamp (37signals Launchpad)"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://launchpad.37signals.com/authorization/token")),
        authorization: Some(Borrowed("https://launchpad.37signals.com/authorization/new")),
        hosts: Borrowed(&[Borrowed("launchpad.37signals.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(336)),
    login: Login {
        parameters: Borrowed(&[(Borrowed("type"), Borrowed("web_server"))]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://launchpad.37signals.com/integrations")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        parameters: Borrowed(&[(Borrowed("type"), Borrowed("refresh"))]),
        ..RefreshRequest::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://github.com/basecamp/api/blob/master/sections/authentication.md")]),
    unsure: Borrowed(&[
        (
            Borrowed("refresh.parameters"),
            Borrowed("newer documentation also takes grant_type; type is harmless beside it"),
        ),
        (
            Borrowed("login.parameters"),
            Borrowed(
                "the exchange of a code is documented with type=web_server: give it in the parameters of the credential where grant_type alone is refused",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const BETTER_AUTH: Profile = Profile {
    name: Borrowed("better-auth"),
    title: Borrowed("Better Auth (OAuth provider)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/api/auth")),
        token: Some(Borrowed("https://{host}/api/auth/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/api/auth/oauth2/authorize")),
        revocation: Some(Borrowed("https://{host}/api/auth/oauth2/revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
            code: Borrowed(&[Borrowed("invalid_request")]),
            words: Borrowed(&[Borrowed("session not found"), Borrowed("invalid refresh token")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is unknown, expired or revoked"),
        source: Some(Borrowed("https://github.com/better-auth/better-auth/issues/8099")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://www.better-auth.com/docs/plugins/oauth-provider"),
        Borrowed("https://github.com/better-auth/better-auth/blob/main/packages/oauth-provider/src/token.ts"),
        Borrowed("https://github.com/HQBase/hqbase/issues/41"),
    ]),
    unsure: Borrowed(&[(Borrowed("endpoints.issuer"), Borrowed("the path /api/auth is usual, not fixed"))]),
    ..Profile::GENERIC
};

pub(super) const BEXIO: Profile = Profile {
    name: Borrowed("bexio"),
    title: Borrowed("bexio"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://auth.bexio.com/realms/bexio")),
        token: Some(Borrowed("https://auth.bexio.com/realms/bexio/protocol/openid-connect/token")),
        authorization: Some(Borrowed("https://auth.bexio.com/realms/bexio/protocol/openid-connect/auth")),
        hosts: Borrowed(&[Borrowed("auth.bexio.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.bexio.com/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://docs.bexio.com/#section/Authentication")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("not documented; a Keycloak, which keeps old tokens good unless told otherwise"),
        ),
        (Borrowed("endpoints.issuer"), Borrowed("moved from idp.bexio.com in 2025")),
    ]),
    ..Profile::GENERIC
};

pub(super) const BITBUCKET_CLOUD: Profile = Profile {
    name: Borrowed("bitbucket-cloud"),
    title: Borrowed("Bitbucket Cloud"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://bitbucket.org/site/oauth2/access_token")),
        authorization: Some(Borrowed("https://bitbucket.org/site/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("bitbucket.org")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
            code: Borrowed(&[Borrowed("invalid_request")]),
            words: Borrowed(&[Borrowed("invalid refresh_token")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is unknown or withdrawn"),
        source: Some(Borrowed("https://github.com/readthedocs/readthedocs.org/issues/2992")),
    }]),
    sources: Borrowed(&[Borrowed(
        "https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("not documented; answers are reported to carry the same refresh token again"),
    )]),
    ..Profile::GENERIC
};

pub(super) const BOX: Profile = Profile {
    name: Borrowed("box"),
    title: Borrowed("Box"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.box.com/oauth2/token")),
        authorization: Some(Borrowed("https://account.box.com/api/oauth2/authorize")),
        revocation: Some(Borrowed("https://api.box.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("api.box.com"), Borrowed("account.box.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://app.box.com/developers/console")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("conflict"),
        when: When { status: Borrowed(&[StatusRange { from: 409, to: 409 }]), ..When::ANY },
        verdict: Verdict::Transient,
        may_have_rotated: true,
        retry_after: Some(Span::from_secs(5)),
        message: Borrowed("another request with the same refresh token is under way"),
        source: Some(Borrowed(
            "https://support.box.com/hc/en-us/community/posts/360052599233-Refresh-OAuth-Access-Token-returns-409-Conflict",
        )),
    }]),
    sources: Borrowed(&[
        Borrowed("https://developer.box.com/guides/authentication/tokens/refresh"),
        Borrowed("https://developer.box.com/reference/post-oauth2-token--refresh"),
    ]),
    unsure: Borrowed(&[
        (Borrowed("lifetime"), Borrowed("answers name between 60 and 75 min")),
        (
            Borrowed("as_class"),
            Borrowed("a spent token is refused; that nothing else is revoked is not documented"),
        ),
    ]),
    ..Profile::GENERIC
};
