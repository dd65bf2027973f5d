//! Profiles whose names begin with `e`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const EBAY: Profile = Profile {
    name: Borrowed("ebay"),
    title: Borrowed("eBay"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.ebay.com/identity/v1/oauth2/token")),
        authorization: Some(Borrowed("https://auth.ebay.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("api.ebay.com"), Borrowed("api.sandbox.ebay.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("https://api.ebay.com/oauth/api_scope")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developer.ebay.com/my/keys")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://developer.ebay.com/api-docs/static/oauth-refresh-token-request.html",
    )]),
    ..Profile::GENERIC
};

pub(super) const ECOBEE: Profile = Profile {
    name: Borrowed("ecobee"),
    title: Borrowed("ecobee"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.ecobee.com/token")),
        authorization: Some(Borrowed("https://api.ecobee.com/authorize")),
        hosts: Borrowed(&[Borrowed("api.ecobee.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[Borrowed(
        "https://www.ecobee.com/home/developer/api/documentation/v1/auth/token-refresh.shtml",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what becomes of the old one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const ETSY: Profile = Profile {
    name: Borrowed("etsy"),
    title: Borrowed("Etsy"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.etsy.com/v3/public/oauth/token")),
        authorization: Some(Borrowed("https://www.etsy.com/oauth/connect")),
        hosts: Borrowed(&[Borrowed("api.etsy.com"), Borrowed("openapi.etsy.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("shops_r")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://www.etsy.com/developers/your-apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.etsy.com/documentation/essentials/authentication/")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what becomes of the old one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const EVE_ONLINE: Profile = Profile {
    name: Borrowed("eve-online"),
    title: Borrowed("EVE Online"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://login.eveonline.com")),
        token: Some(Borrowed("https://login.eveonline.com/v2/oauth/token")),
        authorization: Some(Borrowed("https://login.eveonline.com/v2/oauth/authorize")),
        revocation: Some(Borrowed("https://login.eveonline.com/v2/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("login.eveonline.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_mins(20)),
    login: Login {
        scope: Borrowed(&[Borrowed("publicData")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.eveonline.com/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.eveonline.com/docs/services/sso/")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("rotation is announced as possible; what becomes of the old token is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const EXACT_ONLINE: Profile = Profile {
    name: Borrowed("exact-online"),
    title: Borrowed("Exact Online"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://start.exactonline.{country}/api/oauth2/token")),
        authorization: Some(Borrowed("https://start.exactonline.{country}/api/oauth2/auth")),
        hosts: Borrowed(&[
            Borrowed("start.exactonline.nl"),
            Borrowed("start.exactonline.be"),
            Borrowed("start.exactonline.de"),
            Borrowed("start.exactonline.fr"),
            Borrowed("start.exactonline.es"),
            Borrowed("start.exactonline.com"),
            Borrowed("start.exactonline.co.uk"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_mins(10)),
    min_interval: Some(Span::from_secs(570)),
    login: Login {
        redirect: Redirect::Https,
        client: Some(Borrowed("https://apps.exactonline.com/")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("too-early"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[Borrowed("access_token not expired")]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: Some(Span::from_secs(30)),
            message: Borrowed("the access token still lives: Exact gives a new one 30 s before it expires"),
            source: Some(Borrowed("https://github.com/websmurf/laravel-exact-online/issues/31")),
        },
        Override {
            name: Borrowed("refresh-token-spent"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("unauthorized_client")]),
                words: Borrowed(&[Borrowed("old refresh token used")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is spent"),
            source: Some(Borrowed("https://github.com/picqer/exact-php-client/issues/644")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed(
            "https://support.exactonline.com/community/s/knowledge-base#All-All-DNO-Content-oauth-eol-oauth-devstep4",
        ),
        Borrowed("https://forums.invantive.com/t/exact-online-error-message-old-refresh-token-used/2903"),
        Borrowed("https://github.com/PipedreamHQ/pipedream/issues/1655"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a spent token is refused; whether reuse revokes more is not documented"),
    )]),
    ..Profile::GENERIC
};
