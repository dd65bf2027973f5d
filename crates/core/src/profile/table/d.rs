//! Profiles whose names begin with `d`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const DEVIANTART: Profile = Profile {
    name: Borrowed("deviantart"),
    title: Borrowed("DeviantArt"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://www.deviantart.com/oauth2/token")),
        authorization: Some(Borrowed("https://www.deviantart.com/oauth2/authorize")),
        revocation: Some(Borrowed("https://www.deviantart.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("www.deviantart.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("basic")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.deviantart.com/developers/apps")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
            code: Borrowed(&[Borrowed("invalid_request")]),
            words: Borrowed(&[Borrowed("refresh_token is invalid")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is spent, expired or revoked"),
        source: Some(Borrowed("https://github.com/wix-incubator/DeviantArt-API/issues/58")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://www.deviantart.com/developers/authentication"),
        Borrowed("https://github.com/wix-incubator/DeviantArt-API/issues/58"),
    ]),
    ..Profile::GENERIC
};

pub(super) const DEX: Profile = Profile {
    name: Borrowed("dex"),
    title: Borrowed("dex"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/dex")),
        token: Some(Borrowed("https://{host}/dex/token")),
        authorization: Some(Borrowed("https://{host}/dex/auth")),
        device_authorization: Some(Borrowed("https://{host}/dex/device/code")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-claimed"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("invalid_request")]),
                words: Borrowed(&[Borrowed("is invalid or has already been claimed by another client")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is unknown or spent"),
            source: Some(Borrowed("https://github.com/dexidp/dex/blob/master/server/refreshhandlers.go")),
        },
        Override {
            name: Borrowed("refresh-token-expired"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("invalid_request")]),
                words: Borrowed(&[Borrowed("refresh token expired")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token has expired"),
            source: Some(Borrowed("https://github.com/dexidp/dex/blob/master/server/refreshhandlers.go")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://dexidp.io/docs/configuration/tokens/"),
        Borrowed("https://github.com/dexidp/dex/blob/master/server/refreshhandlers.go"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "within refreshTokens.reuseInterval (unset unless configured, 3 s in the documentation's example) a replay gets the same successor, so P3 with that grace fits; with disableRotation P0",
            ),
        ),
        (Borrowed("endpoints.issuer"), Borrowed("the path /dex is usual, not fixed")),
    ]),
    ..Profile::GENERIC
};

pub(super) const DIGITALOCEAN: Profile = Profile {
    name: Borrowed("digitalocean"),
    title: Borrowed("DigitalOcean"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://cloud.digitalocean.com/v1/oauth/token")),
        authorization: Some(Borrowed("https://cloud.digitalocean.com/v1/oauth/authorize")),
        revocation: Some(Borrowed("https://cloud.digitalocean.com/v1/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("cloud.digitalocean.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(720)),
    login: Login {
        scope: Borrowed(&[Borrowed("read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://cloud.digitalocean.com/account/api/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://docs.digitalocean.com/reference/api/oauth/")]),
    unsure: Borrowed(&[
        (
            Borrowed("endpoints.token"),
            Borrowed("the overview also lists a path /refresh; the description of refreshing uses /token"),
        ),
        (
            Borrowed("as_class"),
            Borrowed(
                "a refresh answers with a new refresh token; what becomes of the old one is not documented",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const DISCORD: Profile = Profile {
    name: Borrowed("discord"),
    title: Borrowed("Discord"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://discord.com/api/oauth2/token")),
        authorization: Some(Borrowed("https://discord.com/oauth2/authorize")),
        revocation: Some(Borrowed("https://discord.com/api/oauth2/token/revoke")),
        hosts: Borrowed(&[Borrowed("discord.com"), Borrowed("discordapp.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(168)),
    login: Login {
        scope: Borrowed(&[Borrowed("identify")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://discord.com/developers/applications")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("invalid_request")]),
                words: Borrowed(&[Borrowed("invalid \"refresh_token\" in request")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is spent, expired or revoked"),
            source: Some(Borrowed("https://github.com/member-gentei/member-gentei/issues/18")),
        },
        Override {
            name: Borrowed("invalid-form-body"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[Borrowed("50035")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request has a field that Discord does not take"),
            source: Some(Borrowed("https://discord.com/developers/docs/topics/opcodes-and-status-codes")),
        },
        Override {
            name: Borrowed("client-id-malformed"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                members: Borrowed(&[MemberIs { path: Borrowed("client_id[*]"), equals: Borrowed(&[]) }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client ID is not one of Discord's"),
            source: None,
        },
        Override {
            name: Borrowed("unknown-application"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }, StatusRange { from: 404, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[Borrowed("10002")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("there is no such application"),
            source: Some(Borrowed("https://discord.com/developers/docs/topics/opcodes-and-status-codes")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://discord.com/developers/docs/topics/oauth2"),
        Borrowed("https://discord.com/developers/docs/topics/rate-limits"),
        Borrowed("https://discord.com/developers/docs/reference#error-messages"),
        Borrowed("https://github.com/discord/discord-api-docs/issues/5942"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "the old token is refused after a refresh; whether reuse revokes more is not documented",
            ),
        ),
        (
            Borrowed("override.client-id-malformed"),
            Borrowed("seen in reports: the messages stand under the field's name"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const DJANGO_OAUTH_TOOLKIT: Profile = Profile {
    name: Borrowed("django-oauth-toolkit"),
    title: Borrowed("Django OAuth Toolkit"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/o")),
        token: Some(Borrowed("https://{host}/o/token/")),
        authorization: Some(Borrowed("https://{host}/o/authorize/")),
        device_authorization: Some(Borrowed("https://{host}/o/device-authorization/")),
        revocation: Some(Borrowed("https://{host}/o/revoke_token/")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(10)),
    login: Login { scope: Borrowed(&[Borrowed("read")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[Borrowed("https://django-oauth-toolkit.readthedocs.io/en/latest/settings.html")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "with REFRESH_TOKEN_GRACE_PERIOD_SECONDS a replay in that time gets the same successor (P3); with REFRESH_TOKEN_REUSE_PROTECTION reuse revokes the family",
            ),
        ),
        (Borrowed("endpoints.issuer"), Borrowed("the path /o/ is usual, not fixed")),
    ]),
    ..Profile::GENERIC
};

pub(super) const DOCKER: Profile = Profile {
    name: Borrowed("docker"),
    title: Borrowed("Docker (login.docker.com)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://login.docker.com/")),
        token: Some(Borrowed("https://login.docker.com/oauth/token")),
        authorization: Some(Borrowed("https://login.docker.com/authorize")),
        device_authorization: Some(Borrowed("https://login.docker.com/oauth/device/code")),
        revocation: Some(Borrowed("https://login.docker.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("login.docker.com")]),
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    sources: Borrowed(&[
        Borrowed("https://github.com/docker/cli/blob/master/cli/internal/oauth/manager/manager.go"),
        Borrowed("https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("Docker's own client stores a refresh token from each answer; the rest is known of Auth0"),
    )]),
    ..Profile::GENERIC
};

pub(super) const DOCUSIGN: Profile = Profile {
    name: Borrowed("docusign"),
    title: Borrowed("Docusign"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://account.docusign.com/")),
        token: Some(Borrowed("https://account.docusign.com/oauth/token")),
        authorization: Some(Borrowed("https://account.docusign.com/oauth/auth")),
        hosts: Borrowed(&[Borrowed("account.docusign.com"), Borrowed("account-d.docusign.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(8)),
    login: Login {
        scope: Borrowed(&[Borrowed("signature")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://admindemo.docusign.com/apps-and-keys")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://developers.docusign.com/platform/auth/confidential-authcode-get-token/",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what becomes of the old one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const DROPBOX: Profile = Profile {
    name: Borrowed("dropbox"),
    title: Borrowed("Dropbox"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.dropboxapi.com/oauth2/token")),
        authorization: Some(Borrowed("https://www.dropbox.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("api.dropboxapi.com"), Borrowed("api.dropbox.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(4)),
    login: Login {
        parameters: Borrowed(&[(Borrowed("token_access_type"), Borrowed("offline"))]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.dropbox.com/developers/apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://www.dropbox.com/developers/documentation/http/documentation#oauth2-token"),
        Borrowed("https://developers.dropbox.com/oauth-guide"),
    ]),
    ..Profile::GENERIC
};

pub(super) const DUENDE_IDENTITYSERVER: Profile = Profile {
    name: Borrowed("duende-identityserver"),
    title: Borrowed("Duende IdentityServer, IdentityServer4"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/connect/token")),
        authorization: Some(Borrowed("https://{host}/connect/authorize")),
        device_authorization: Some(Borrowed("https://{host}/connect/deviceauthorization")),
        revocation: Some(Borrowed("https://{host}/connect/revocation")),
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
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://docs.duendesoftware.com/identityserver/tokens/refresh/"),
        Borrowed("https://docs.duendesoftware.com/identityserver/reference/models/client/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a client's RefreshTokenUsage decides: OneTimeOnly (default to version 6) refuses a spent token and revokes nothing else, ReUse (default from version 7) is P0; the stricter is assumed",
        ),
    )]),
    ..Profile::GENERIC
};
