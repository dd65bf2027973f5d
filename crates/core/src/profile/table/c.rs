//! Profiles whose names begin with `c`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile,
    Redirect, RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const CALENDLY: Profile = Profile {
    name: Borrowed("calendly"),
    title: Borrowed("Calendly"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://auth.calendly.com/oauth/token")),
        authorization: Some(Borrowed("https://auth.calendly.com/oauth/authorize")),
        revocation: Some(Borrowed("https://auth.calendly.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("auth.calendly.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.calendly.com/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.calendly.com/refresh-token-rotation-guide"),
        Borrowed(
            "https://developer.calendly.com/how-to-access-calendly-data-on-behalf-of-authenticated-users",
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const CANVA: Profile = Profile {
    name: Borrowed("canva"),
    title: Borrowed("Canva Connect"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.canva.com/rest/v1/oauth/token")),
        authorization: Some(Borrowed("https://www.canva.com/api/oauth/authorize")),
        revocation: Some(Borrowed("https://api.canva.com/rest/v1/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("api.canva.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(4)),
    login: Login {
        scope: Borrowed(&[Borrowed("profile:read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.canva.com/developers/integrations")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://www.canva.dev/docs/connect/api-reference/authentication/generate-access-token/"),
        Borrowed("https://www.canva.dev/docs/connect/authentication/"),
    ]),
    ..Profile::GENERIC
};

pub(super) const CLIO: Profile = Profile {
    name: Borrowed("clio"),
    title: Borrowed("Clio Manage"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://app.clio.com/oauth/token")),
        authorization: Some(Borrowed("https://app.clio.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("app.clio.com"), Borrowed("*.app.clio.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(720)),
    sources: Borrowed(&[Borrowed("https://docs.developers.clio.com/api-docs/authorization/")]),
    ..Profile::GENERIC
};

pub(super) const CLOUD_FOUNDRY_UAA: Profile = Profile {
    name: Borrowed("cloud-foundry-uaa"),
    title: Borrowed("Cloud Foundry UAA"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/oauth/token")),
        token: Some(Borrowed("https://{host}/oauth/token")),
        authorization: Some(Borrowed("https://{host}/oauth/authorize")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(12)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), ..Login::PLAIN },
    overrides: Borrowed(&[Override {
        name: Borrowed("wrong-client"),
        when: When {
            status: Borrowed(&[StatusRange { from: 401, to: 401 }]),
            members: Borrowed(&[
                MemberIs { path: Borrowed("error"), equals: Borrowed(&[Borrowed("unauthorized")]) },
                MemberIs {
                    path: Borrowed("error_description"),
                    equals: Borrowed(&[
                        Borrowed("Bad credentials"),
                        Borrowed("Client authentication failed"),
                    ]),
                },
            ]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the client ID or secret is wrong"),
        source: None,
    }]),
    sources: Borrowed(&[
        Borrowed("https://docs.cloudfoundry.org/api/uaa/version/77.0.0/index.html#refresh-token"),
        Borrowed("https://github.com/cloudfoundry/uaa/blob/develop/docs/UAA-Configuration-Reference.md"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "with jwt.token.refresh.rotate a new token comes each time (and the old one is revoked when refresh tokens are unique)",
            ),
        ),
        (Borrowed("override.wrong-client"), Borrowed("the words are from reports")),
    ]),
    ..Profile::GENERIC
};

pub(super) const CLOUDFLARE: Profile = Profile {
    name: Borrowed("cloudflare"),
    title: Borrowed("Cloudflare (dashboard login)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://dash.cloudflare.com/oauth2/token")),
        authorization: Some(Borrowed("https://dash.cloudflare.com/oauth2/auth")),
        revocation: Some(Borrowed("https://dash.cloudflare.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("dash.cloudflare.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post]),
    sources: Borrowed(&[
        Borrowed("https://github.com/cloudflare/mcp/pull/136"),
        Borrowed("https://github.com/cloudflare/workers-sdk/blob/main/packages/wrangler/src/user/user.ts"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("the losers of a race get invalid_grant; whether the family dies with it is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const CLOVER: Profile = Profile {
    name: Borrowed("clover"),
    title: Borrowed("Clover"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.clover.com/oauth/v2/refresh")),
        authorization: Some(Borrowed("https://www.clover.com/oauth/v2/authorize")),
        hosts: Borrowed(&[
            Borrowed("api.clover.com"),
            Borrowed("api.eu.clover.com"),
            Borrowed("api.la.clover.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    lifetime: Some(Span::from_mins(30)),
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    fields: FieldMap { expires_at: Borrowed(&[Borrowed("access_token_expiration")]), ..FieldMap::STANDARD },
    sources: Borrowed(&[
        Borrowed("https://docs.clover.com/dev/docs/refresh-access-tokens"),
        Borrowed("https://docs.clover.com/dev/docs/use-oauth"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("lifetime"),
        Borrowed("answers name the moment; 30 min is the usual distance"),
    )]),
    ..Profile::GENERIC
};

pub(super) const COINBASE: Profile = Profile {
    name: Borrowed("coinbase"),
    title: Borrowed("Coinbase"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://login.coinbase.com/oauth2/token")),
        authorization: Some(Borrowed("https://login.coinbase.com/oauth2/auth")),
        revocation: Some(Borrowed("https://login.coinbase.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("login.coinbase.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("wallet:user:read"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://docs.cdp.coinbase.com/coinbase-app/oauth2-integration/access-and-refresh-tokens",
    )]),
    ..Profile::GENERIC
};

pub(super) const CONNECT2ID: Profile = Profile {
    name: Borrowed("connect2id"),
    title: Borrowed("Connect2id server"),
    as_class: AsClass::P3,
    grace: Span::from_secs(5),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/token")),
        authorization: Some(Borrowed("https://{host}/login")),
        revocation: Some(Borrowed("https://{host}/token/revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_mins(10)),
    login: Login { scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]), ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://connect2id.com/blog/connect2id-server-14-2"),
        Borrowed("https://connect2id.com/products/server/docs/api/token"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "refresh tokens are rotated for public clients and where an authorization says so; otherwise P0",
            ),
        ),
        (Borrowed("lifetime"), Borrowed("10 min is the default of an authorization")),
        (Borrowed("endpoints.authorization"), Borrowed("the login page is the operator's")),
    ]),
    ..Profile::GENERIC
};

pub(super) const CONSTANT_CONTACT: Profile = Profile {
    name: Borrowed("constant-contact"),
    title: Borrowed("Constant Contact"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://authz.constantcontact.com/oauth2/default/v1/token")),
        authorization: Some(Borrowed("https://authz.constantcontact.com/oauth2/default/v1/authorize")),
        hosts: Borrowed(&[Borrowed("authz.constantcontact.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("contact_data"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://app.constantcontact.com/pages/dma/portal/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developer.constantcontact.com/api_guide/server_flow.html")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("an app chooses between rotating and long-lived refresh tokens; the stricter is assumed"),
    )]),
    ..Profile::GENERIC
};

pub(super) const CURITY: Profile = Profile {
    name: Borrowed("curity"),
    title: Borrowed("Curity Identity Server"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/oauth/v2/oauth-anonymous")),
        token: Some(Borrowed("https://{host}/oauth/v2/oauth-token")),
        authorization: Some(Borrowed("https://{host}/oauth/v2/oauth-authorize")),
        revocation: Some(Borrowed("https://{host}/oauth/v2/oauth-revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_mins(5)),
    login: Login { scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]), ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed(
            "https://curity.io/docs/identity-server/configuration-reference/profiles/profile/settings/authorization-server/refresh-token-revocation",
        ),
        Borrowed("https://curity.io/resources/learn/refresh-tokens/"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("with reuse-refresh-tokens P0; with a grace-period (0 by default) P3"),
        ),
        (Borrowed("endpoints.token"), Borrowed("the paths are those of a fresh installation, not fixed")),
    ]),
    ..Profile::GENERIC
};
