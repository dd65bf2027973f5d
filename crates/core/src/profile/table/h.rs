//! Profiles whose names begin with `h`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const HARVEST: Profile = Profile {
    name: Borrowed("harvest"),
    title: Borrowed("Harvest"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://id.getharvest.com/api/v2/oauth2/token")),
        authorization: Some(Borrowed("https://id.getharvest.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("id.getharvest.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(336)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://id.getharvest.com/developers")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("an answer carries a refresh token; whether the old one dies is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const HEROKU: Profile = Profile {
    name: Borrowed("heroku"),
    title: Borrowed("Heroku"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://id.heroku.com/oauth/token")),
        authorization: Some(Borrowed("https://id.heroku.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("id.heroku.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8)),
    login: Login {
        scope: Borrowed(&[Borrowed("identity")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://dashboard.heroku.com/account/applications")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("client-refused"),
        when: When {
            status: Borrowed(&[StatusRange { from: 401, to: 401 }]),
            members: Borrowed(&[
                MemberIs { path: Borrowed("id"), equals: Borrowed(&[Borrowed("unauthorized")]) },
                MemberIs {
                    path: Borrowed("message"),
                    equals: Borrowed(&[
                        Borrowed("There were problems authenticating the client."),
                        Borrowed("Invalid client_secret"),
                        Borrowed("Invalid credentials provided."),
                    ]),
                },
            ]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the client secret is wrong"),
        source: None,
    }]),
    sources: Borrowed(&[Borrowed("https://devcenter.heroku.com/articles/oauth")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("the documentation's example answers with the same token; not said in words"),
        ),
        (
            Borrowed("override.client-refused"),
            Borrowed("the shape is documented, the words are from reports"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const HOME_CONNECT: Profile = Profile {
    name: Borrowed("home-connect"),
    title: Borrowed("Home Connect"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.home-connect.com/security/oauth/token")),
        authorization: Some(Borrowed("https://api.home-connect.com/security/oauth/authorize")),
        device_authorization: Some(Borrowed(
            "https://api.home-connect.com/security/oauth/device_authorization",
        )),
        hosts: Borrowed(&[Borrowed("api.home-connect.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(24)),
    min_interval: Some(Span::from_mins(15)),
    login: Login {
        scope: Borrowed(&[Borrowed("IdentifyAppliance")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.home-connect.com/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://api-docs.home-connect.com/authorization/"),
        Borrowed("https://api-docs.home-connect.com/general/#rate-limiting"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("min_interval"),
            Borrowed("10 a minute is confirmed by clients; 100 a day could not be looked up again"),
        ),
        (
            Borrowed("as_class"),
            Borrowed("an answer carries a refresh token; whether the old one dies is not documented"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const HUBSPOT: Profile = Profile {
    name: Borrowed("hubspot"),
    title: Borrowed("HubSpot"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.hubapi.com/oauth/v1/token")),
        authorization: Some(Borrowed("https://app.hubspot.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.hubapi.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_mins(30)),
    login: Login {
        scope: Borrowed(&[Borrowed("oauth")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.hubspot.com/")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("other-clients-refresh-token"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                words: Borrowed(&[Borrowed("refresh token was not issued to this client")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token belongs to another client ID"),
            source: Some(Borrowed("https://github.com/airbytehq/airbyte/issues/57001")),
        },
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[Borrowed("BAD_REFRESH_TOKEN")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is unknown: the app may be uninstalled"),
            source: Some(Borrowed("https://github.com/HGData/mk-node-hubspot/issues/64")),
        },
        Override {
            name: Borrowed("code-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[Borrowed("BAD_AUTH_CODE"), Borrowed("EXPIRED_AUTH_CODE")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the authorization code is unknown, used or expired"),
            source: None,
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[
                        Borrowed("BAD_CLIENT_ID"),
                        Borrowed("BAD_CLIENT_SECRET"),
                        Borrowed("BAD_REDIRECT_URI"),
                        Borrowed("BAD_GRANT_TYPE"),
                        Borrowed("MISSING_CLIENT_ID"),
                        Borrowed("MISSING_CLIENT_SECRET"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: None,
        },
        Override {
            name: Borrowed("request-body-lost"),
            when: When {
                status: Borrowed(&[StatusRange { from: 401, to: 401 }]),
                words: Borrowed(&[Borrowed("any of the listed authentication credentials are missing")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request's form did not arrive: HubSpot takes forms only"),
            source: Some(Borrowed("https://github.com/HubSpot/oauth-quickstart-nodejs/issues/16")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.hubspot.com/docs/api-reference/auth-oauth-v1/guide"),
        Borrowed("https://developers.hubspot.com/docs/api/oauth-quickstart-guide"),
        Borrowed("https://developers.hubspot.com/docs/api/error-handling"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("override.code-dead"),
            Borrowed("it follows the pattern of BAD_REFRESH_TOKEN, and comes only at a login"),
        ),
        (
            Borrowed("override.client-refused"),
            Borrowed("BAD_CLIENT_ID is reported; the others follow its pattern"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const HUGGING_FACE: Profile = Profile {
    name: Borrowed("hugging-face"),
    title: Borrowed("Hugging Face"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://huggingface.co")),
        token: Some(Borrowed("https://huggingface.co/oauth/token")),
        authorization: Some(Borrowed("https://huggingface.co/oauth/authorize")),
        device_authorization: Some(Borrowed("https://huggingface.co/oauth/device")),
        hosts: Borrowed(&[Borrowed("huggingface.co")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(8)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://huggingface.co/settings/applications/new")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://huggingface.co/docs/hub/oauth"),
        Borrowed("https://huggingface.co/.well-known/openid-configuration"),
    ]),
    unsure: Borrowed(&[(Borrowed("as_class"), Borrowed("not documented; assumed to be strict"))]),
    ..Profile::GENERIC
};
