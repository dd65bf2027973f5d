//! Profiles whose names begin with `k`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const KAKAO: Profile = Profile {
    name: Borrowed("kakao"),
    title: Borrowed("Kakao"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://kauth.kakao.com")),
        token: Some(Borrowed("https://kauth.kakao.com/oauth/token")),
        authorization: Some(Borrowed("https://kauth.kakao.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("kauth.kakao.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(6)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.kakao.com/console/app")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developers.kakao.com/docs/latest/en/kakaologin/rest-api#refresh-token"),
        Borrowed("https://developers.kakao.com/docs/latest/en/kakaologin/trouble-shooting"),
    ]),
    unsure: Borrowed(&[
        (Borrowed("as_class"), Borrowed("what becomes of the old refresh token is not documented")),
        (Borrowed("lifetime"), Borrowed("6 h with a REST API key, 12 h with a native app key")),
    ]),
    ..Profile::GENERIC
};

pub(super) const KANIDM: Profile = Profile {
    name: Borrowed("kanidm"),
    title: Borrowed("Kanidm"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/oauth2/openid/{client_id}")),
        token: Some(Borrowed("https://{host}/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/ui/oauth2")),
        device_authorization: Some(Borrowed("https://{host}/oauth2/device")),
        revocation: Some(Borrowed("https://{host}/oauth2/token/revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_mins(15)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://kanidm.github.io/kanidm/stable/integrations/oauth2.html"),
        Borrowed("https://github.com/kanidm/kanidm/blob/master/server/lib/src/idm/oauth2.rs"),
    ]),
    unsure: Borrowed(&[(Borrowed("lifetime"), Borrowed("15 min in current versions; answers name it"))]),
    ..Profile::GENERIC
};

pub(super) const KEAP: Profile = Profile {
    name: Borrowed("keap"),
    title: Borrowed("Keap (Infusionsoft)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.infusionsoft.com/token")),
        authorization: Some(Borrowed("https://accounts.infusionsoft.com/app/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.infusionsoft.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(24)),
    sources: Borrowed(&[Borrowed("https://developer.infusionsoft.com/getting-started-oauth-keys/")]),
    ..Profile::GENERIC
};

pub(super) const KEYCLOAK: Profile = Profile {
    name: Borrowed("keycloak"),
    title: Borrowed("Keycloak"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/realms/{realm}")),
        token: Some(Borrowed("https://{host}/realms/{realm}/protocol/openid-connect/token")),
        authorization: Some(Borrowed("https://{host}/realms/{realm}/protocol/openid-connect/auth")),
        device_authorization: Some(Borrowed(
            "https://{host}/realms/{realm}/protocol/openid-connect/auth/device",
        )),
        revocation: Some(Borrowed("https://{host}/realms/{realm}/protocol/openid-connect/revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_mins(5)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), ..Login::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("no-such-realm"),
            when: When {
                status: Borrowed(&[StatusRange { from: 404, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error"),
                    equals: Borrowed(&[Borrowed("Realm does not exist"), Borrowed("Realm not found")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("there is no such realm: check the token endpoint"),
            source: Some(Borrowed(
                "https://github.com/keycloak/keycloak/blob/main/services/src/main/java/org/keycloak/services/resources/RealmsResource.java",
            )),
        },
        Override {
            name: Borrowed("realm-disabled"),
            when: When {
                status: Borrowed(&[StatusRange { from: 403, to: 403 }]),
                words: Borrowed(&[Borrowed("realm not enabled")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the realm is switched off"),
            source: Some(Borrowed(
                "https://github.com/keycloak/keycloak/blob/main/services/src/main/java/org/keycloak/protocol/oidc/endpoints/TokenEndpoint.java",
            )),
        },
        Override {
            name: Borrowed("no-such-path"),
            when: When {
                status: Borrowed(&[StatusRange { from: 404, to: 404 }]),
                page: Borrowed(&[
                    Borrowed("could not find resource for full path"),
                    Borrowed("unable to find matching target resource method"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("Keycloak does not serve this path: check the token endpoint"),
            source: Some(Borrowed("https://github.com/keycloak/keycloak/issues/10615")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://www.keycloak.org/docs/latest/server_admin/index.html#_timeouts"),
        Borrowed("https://www.keycloak.org/securing-apps/oidc-layers"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "with \"Revoke Refresh Token\" a token reused too often ends the whole session (P2); that is off by default",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const KICK: Profile = Profile {
    name: Borrowed("kick"),
    title: Borrowed("Kick"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://id.kick.com/oauth/token")),
        authorization: Some(Borrowed("https://id.kick.com/oauth/authorize")),
        revocation: Some(Borrowed("https://id.kick.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("id.kick.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("user:read")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://docs.kick.com/getting-started/generating-tokens-oauth2-flow")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("an answer carries a new refresh token; what becomes of the old one is not documented"),
        ),
        (Borrowed("lifetime"), Borrowed("not documented; answers name it")),
    ]),
    ..Profile::GENERIC
};

pub(super) const KLAVIYO: Profile = Profile {
    name: Borrowed("klaviyo"),
    title: Borrowed("Klaviyo"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://a.klaviyo.com/oauth/token")),
        authorization: Some(Borrowed("https://www.klaviyo.com/oauth/authorize")),
        revocation: Some(Borrowed("https://a.klaviyo.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("a.klaviyo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[Borrowed("https://developers.klaviyo.com/en/docs/set_up_oauth")]),
    ..Profile::GENERIC
};
