//! Profiles whose names begin with `o`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, Override, Profile, Redirect, RefreshRequest, StatusRange,
    When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const OKTA: Profile = Profile {
    name: Borrowed("okta"),
    title: Borrowed("Okta"),
    as_class: AsClass::P3,
    grace: Span::from_secs(30),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{org}.okta.com/oauth2/{server}")),
        token: Some(Borrowed("https://{org}.okta.com/oauth2/{server}/v1/token")),
        authorization: Some(Borrowed("https://{org}.okta.com/oauth2/{server}/v1/authorize")),
        device_authorization: Some(Borrowed("https://{org}.okta.com/oauth2/{server}/v1/device/authorize")),
        revocation: Some(Borrowed("https://{org}.okta.com/oauth2/{server}/v1/revoke")),
        hosts: Borrowed(&[
            Borrowed("*.okta.com"),
            Borrowed("*.oktapreview.com"),
            Borrowed("*.okta-emea.com"),
            Borrowed("*.okta-gov.com"),
            Borrowed("*.okta.mil"),
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
    overrides: Borrowed(&[
        Override {
            name: Borrowed("scope-beyond-grant"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("access_denied")]),
                words: Borrowed(&[Borrowed("scopes requested for the refresh request")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh asks for a scope that was never granted"),
            source: Some(Borrowed(
                "https://github.com/okta/okta-developer-docs/blob/master/packages/@okta/vuepress-site/data/oauth2-error-codes.json",
            )),
        },
        Override {
            name: Borrowed("policy-refuses-client"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("access_denied")]),
                words: Borrowed(&[
                    Borrowed("policy evaluation"),
                    Borrowed("denied by the policy"),
                    Borrowed("feature is not enabled"),
                    Borrowed("isn't enabled in this environment"),
                    Borrowed("require the 'openid' scope"),
                    Borrowed("not allowed to use the provided 'grant_type'"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the authorization server's policy does not allow this client or its scopes"),
            source: Some(Borrowed(
                "https://github.com/okta/okta-developer-docs/blob/master/packages/@okta/vuepress-site/data/oauth2-error-codes.json",
            )),
        },
        Override {
            name: Borrowed("outside-network-zone"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("access_denied")]),
                words: Borrowed(&[Borrowed("network zone")]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request comes from outside the client's permitted network zones"),
            source: Some(Borrowed(
                "https://github.com/okta/okta-developer-docs/blob/master/packages/@okta/vuepress-site/data/oauth2-error-codes.json",
            )),
        },
        Override {
            name: Borrowed("grant-of-other-client"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("invalid_grant")]),
                words: Borrowed(&[Borrowed("issued to another client")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token belongs to another client id"),
            source: Some(Borrowed(
                "https://github.com/okta/okta-developer-docs/blob/master/packages/@okta/vuepress-site/data/oauth2-error-codes.json",
            )),
        },
        Override {
            name: Borrowed("dpop-key-lost"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("invalid_dpop_proof")]),
                words: Borrowed(&[Borrowed("public key binding")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is bound to another key"),
            source: Some(Borrowed(
                "https://github.com/okta/okta-developer-docs/blob/master/packages/@okta/vuepress-site/data/oauth2-error-codes.json",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developer.okta.com/docs/guides/refresh-tokens/main/"),
        Borrowed("https://developer.okta.com/docs/reference/api/oidc/"),
        Borrowed("https://developer.okta.com/docs/guides/dpop/main/"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "rotation is on by default for single-page apps only; elsewhere the refresh token stays the same",
            ),
        ),
        (Borrowed("grace"), Borrowed("an administrator sets 0 to 60 seconds; 30 is the default")),
    ]),
    ..Profile::GENERIC
};

pub(super) const ONELOGIN: Profile = Profile {
    name: Borrowed("onelogin"),
    title: Borrowed("OneLogin"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{subdomain}.onelogin.com/oidc/2")),
        token: Some(Borrowed("https://{subdomain}.onelogin.com/oidc/2/token")),
        authorization: Some(Borrowed("https://{subdomain}.onelogin.com/oidc/2/auth")),
        revocation: Some(Borrowed("https://{subdomain}.onelogin.com/oidc/2/token/revocation")),
        hosts: Borrowed(&[Borrowed("*.onelogin.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://developers.onelogin.com/openid-connect/api/refresh-session"),
        Borrowed("https://developers.onelogin.com/openid-connect/api/provider-config"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new refresh token; what reuse of the old one does is not documented",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const OPENAI: Profile = Profile {
    name: Borrowed("openai"),
    title: Borrowed("OpenAI (ChatGPT accounts, as Codex uses them)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://auth.openai.com")),
        token: Some(Borrowed("https://auth.openai.com/oauth/token")),
        authorization: Some(Borrowed("https://auth.openai.com/oauth/authorize")),
        revocation: Some(Borrowed("https://auth.openai.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("auth.openai.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("refresh_token_expired"),
                    Borrowed("refresh_token_reused"),
                    Borrowed("refresh_token_invalidated"),
                    Borrowed("token_expired"),
                    Borrowed("token_revoked"),
                    Borrowed("token_invalidated"),
                    Borrowed("app_session_terminated"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://github.com/openai/codex/tree/main/codex-rs/login")),
        },
        Override {
            name: Borrowed("region-refused"),
            when: When { code: Borrowed(&[Borrowed("unsupported_country_region_territory")]), ..When::ANY },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server does not answer this country or region"),
            source: Some(Borrowed(
                "https://help.openai.com/en/articles/5347006-openai-api-supported-countries-and-territories",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://github.com/openai/codex/tree/main/codex-rs/login"),
        Borrowed("https://github.com/openai/codex/issues/6498"),
        Borrowed("https://github.com/openai/codex/issues/9634"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("client_auth"),
            Borrowed("a public client with PKCE; only OpenAI's own clients are registered"),
        ),
        (Borrowed("endpoints.revocation"), Borrowed("used by OpenAI's own client; not documented")),
    ]),
    ..Profile::GENERIC
};

pub(super) const OPENIDDICT: Profile = Profile {
    name: Borrowed("openiddict"),
    title: Borrowed("OpenIddict"),
    as_class: AsClass::P3,
    grace: Span::from_secs(30),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/connect/token")),
        authorization: Some(Borrowed("https://{host}/connect/authorize")),
        device_authorization: Some(Borrowed("https://{host}/connect/device")),
        revocation: Some(Borrowed("https://{host}/connect/revoke")),
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
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://documentation.openiddict.com/configuration/token-storage"),
        Borrowed(
            "https://github.com/openiddict/openiddict-core/blob/dev/src/OpenIddict.Server/OpenIddictServerOptions.cs",
        ),
    ]),
    unsure: Borrowed(&[
        (Borrowed("grace"), Borrowed("RefreshTokenReuseLeeway; 30 seconds by default since 4.0")),
        (
            Borrowed("endpoints.token"),
            Borrowed("every application chooses its own paths; these are those of its samples"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const OPENSTREETMAP: Profile = Profile {
    name: Borrowed("openstreetmap"),
    title: Borrowed("OpenStreetMap"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://www.openstreetmap.org")),
        token: Some(Borrowed("https://www.openstreetmap.org/oauth2/token")),
        authorization: Some(Borrowed("https://www.openstreetmap.org/oauth2/authorize")),
        revocation: Some(Borrowed("https://www.openstreetmap.org/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("www.openstreetmap.org")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login {
        scope: Borrowed(&[Borrowed("read_prefs")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.openstreetmap.org/oauth2/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://wiki.openstreetmap.org/wiki/OAuth"),
        Borrowed("https://www.openstreetmap.org/.well-known/oauth-authorization-server"),
    ]),
    ..Profile::GENERIC
};

pub(super) const ORACLE_IDCS: Profile = Profile {
    name: Borrowed("oracle-idcs"),
    title: Borrowed("Oracle Identity Cloud Service (OCI identity domains)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://identity.oraclecloud.com/")),
        token: Some(Borrowed("https://{tenant}.identity.oraclecloud.com/oauth2/v1/token")),
        authorization: Some(Borrowed("https://{tenant}.identity.oraclecloud.com/oauth2/v1/authorize")),
        device_authorization: Some(Borrowed("https://{tenant}.identity.oraclecloud.com/oauth2/v1/device")),
        revocation: Some(Borrowed("https://{tenant}.identity.oraclecloud.com/oauth2/v1/revoke")),
        hosts: Borrowed(&[Borrowed("identity.oraclecloud.com"), Borrowed("*.identity.oraclecloud.com")]),
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://docs.oracle.com/en/cloud/paas/identity-cloud/rest-api/OATOAuthClientWebApp.html"),
        Borrowed("https://docs.oracle.com/en-us/iaas/Content/Identity/api-getstarted/RefreshTokenGT.htm"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new refresh token and the old one ends; whether reuse ends more is not documented",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const ORY_HYDRA: Profile = Profile {
    name: Borrowed("ory-hydra"),
    title: Borrowed("Ory Hydra"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/oauth2/auth")),
        device_authorization: Some(Borrowed("https://{host}/oauth2/device/auth")),
        revocation: Some(Borrowed("https://{host}/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("*.projects.oryapis.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]), ..Login::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
                code: Borrowed(&[
                    Borrowed("token_inactive"),
                    Borrowed("token_signature_mismatch"),
                    Borrowed("token_expired"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://github.com/ory/fosite/blob/master/errors.go")),
        },
        Override {
            name: Borrowed("scope-beyond-grant"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("scope_not_granted")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh asks for a scope that was never granted"),
            source: Some(Borrowed("https://github.com/ory/fosite/blob/master/errors.go")),
        },
        Override {
            name: Borrowed("race"),
            when: When { status: Borrowed(&[StatusRange { from: 409, to: 409 }]), ..When::ANY },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("another request with the same refresh token is under way"),
            source: Some(Borrowed("https://github.com/ory/fosite/blob/master/errors.go")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://www.ory.com/docs/hydra/guides/graceful-token-refresh"),
        Borrowed("https://www.ory.com/docs/hydra/guides/oauth2-token-introspection"),
        Borrowed("https://www.ory.com/docs/hydra/reference/configuration"),
        Borrowed("https://github.com/ory/fosite/blob/master/errors.go"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("grace"),
        Borrowed(
            "none by default; a server can allow up to 5 minutes, and more with a limit on the number of uses",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const OSU: Profile = Profile {
    name: Borrowed("osu"),
    title: Borrowed("osu!"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://osu.ppy.sh/oauth/token")),
        authorization: Some(Borrowed("https://osu.ppy.sh/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("osu.ppy.sh")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("identify")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://osu.ppy.sh/home/account/edit#oauth")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Accept"), Borrowed("application/json"))]),
        ..RefreshRequest::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://osu.ppy.sh/docs/index.html#authentication")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("the old refresh token is revoked; whether reuse ends the whole grant is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const OURA: Profile = Profile {
    name: Borrowed("oura"),
    title: Borrowed("Oura"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.ouraring.com/oauth/token")),
        authorization: Some(Borrowed("https://cloud.ouraring.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.ouraring.com"), Borrowed("cloud.ouraring.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("personal")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://cloud.ouraring.com/oauth/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://cloud.ouraring.com/docs/authentication"),
        Borrowed("https://cloud.ouraring.com/v2/docs"),
    ]),
    ..Profile::GENERIC
};

pub(super) const OUTREACH: Profile = Profile {
    name: Borrowed("outreach"),
    title: Borrowed("Outreach"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.outreach.io/oauth/token")),
        authorization: Some(Borrowed("https://api.outreach.io/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.outreach.io")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    min_interval: Some(Span::from_mins(1)),
    sources: Borrowed(&[
        Borrowed("https://developers.outreach.io/api/oauth/"),
        Borrowed("https://developers.outreach.io/api/getting-started/"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "a refresh answers with a new refresh token that lives 14 days; what happens to the old one is not documented",
            ),
        ),
        (
            Borrowed("min_interval"),
            Borrowed("the documented limit is on tokens for one user and app; the hourly figure may change"),
        ),
    ]),
    ..Profile::GENERIC
};
