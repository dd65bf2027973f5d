//! Profiles whose names begin with `z`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile,
    Redirect, RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const ZENDESK: Profile = Profile {
    name: Borrowed("zendesk"),
    title: Borrowed("Zendesk"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{subdomain}.zendesk.com/oauth/tokens")),
        authorization: Some(Borrowed("https://{subdomain}.zendesk.com/oauth/authorizations/new")),
        hosts: Borrowed(&[Borrowed("*.zendesk.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    login: Login { scope: Borrowed(&[Borrowed("read")]), redirect: Redirect::Registered, ..Login::PLAIN },
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://developer.zendesk.com/documentation/api-basics/authentication/refresh-token/"),
        Borrowed(
            "https://support.zendesk.com/hc/en-us/articles/9182123625370-Announcing-support-for-OAuth-refresh-token-grant-type-and-OAuth-access-and-refresh-token-expirations",
        ),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("the old tokens are deleted; whether reuse ends more is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const ZITADEL: Profile = Profile {
    name: Borrowed("zitadel"),
    title: Borrowed("ZITADEL"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{instance}.zitadel.cloud")),
        token: Some(Borrowed("https://{instance}.zitadel.cloud/oauth/v2/token")),
        authorization: Some(Borrowed("https://{instance}.zitadel.cloud/oauth/v2/authorize")),
        device_authorization: Some(Borrowed(
            "https://{instance}.zitadel.cloud/oauth/v2/device_authorization",
        )),
        revocation: Some(Borrowed("https://{instance}.zitadel.cloud/oauth/v2/revoke")),
        hosts: Borrowed(&[Borrowed("*.zitadel.cloud")]),
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(12)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://zitadel.com/docs/apis/openidoauth/endpoints"),
        Borrowed("https://zitadel.com/docs/guides/manage/console/default-settings"),
        Borrowed("https://github.com/zitadel/oidc"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("each refresh token works once; whether reuse ends the session is not documented"),
        ),
        (Borrowed("lifetime"), Borrowed("the default of an instance; its administrator can change it")),
    ]),
    ..Profile::GENERIC
};

pub(super) const ZOHO: Profile = Profile {
    name: Borrowed("zoho"),
    title: Borrowed("Zoho"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://accounts.zoho.com/oauth/v2/token")),
        authorization: Some(Borrowed("https://accounts.zoho.com/oauth/v2/auth")),
        revocation: Some(Borrowed("https://accounts.zoho.com/oauth/v2/token/revoke")),
        hosts: Borrowed(&[
            Borrowed("accounts.zoho.com"),
            Borrowed("accounts.zoho.eu"),
            Borrowed("accounts.zoho.in"),
            Borrowed("accounts.zoho.com.au"),
            Borrowed("accounts.zoho.com.cn"),
            Borrowed("accounts.zoho.jp"),
            Borrowed("accounts.zoho.sa"),
            Borrowed("accounts.zohocloud.ca"),
            Borrowed("accounts.zoho.uk"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    min_interval: Some(Span::from_mins(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("AaaServer.profile.read")]),
        scope_separator: Some(Borrowed(",")),
        parameters: Borrowed(&[
            (Borrowed("access_type"), Borrowed("offline")),
            (Borrowed("prompt"), Borrowed("consent")),
        ]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://api-console.zoho.com/")),
        ..Login::PLAIN
    },
    fields: FieldMap { expires_in: Borrowed(&[Borrowed("expires_in_sec")]), ..FieldMap::STANDARD },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                code: Borrowed(&[Borrowed("access_denied")]),
                words: Borrowed(&[Borrowed("too many requests")]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: Some(Span::from_mins(10)),
            message: Borrowed("too many refreshes; asking again makes it last longer"),
            source: Some(Borrowed(
                "https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html",
            )),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 299 }, StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("invalid_client"),
                    Borrowed("invalid_client_secret"),
                    Borrowed("invalid_redirect_uri"),
                    Borrowed("unauthorized_client"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client is refused; it may belong to another data centre"),
            source: Some(Borrowed("https://www.zoho.com/accounts/protocol/oauth/multi-dc.html")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html"),
        Borrowed("https://www.zoho.com/accounts/protocol/oauth/multi-dc.html"),
        Borrowed("https://www.zoho.com/crm/developer/docs/api/v8/refresh.html"),
    ]),
    ..Profile::GENERIC
};

pub(super) const ZOOM: Profile = Profile {
    name: Borrowed("zoom"),
    title: Borrowed("Zoom"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://zoom.us/oauth/token")),
        authorization: Some(Borrowed("https://zoom.us/oauth/authorize")),
        device_authorization: Some(Borrowed("https://zoom.us/oauth/devicecode")),
        revocation: Some(Borrowed("https://zoom.us/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("zoom.us"), Borrowed("zoomgov.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://marketplace.zoom.us/develop/create")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("reason"),
                    equals: Borrowed(&[Borrowed("Invalid Token!"), Borrowed("Invalid Token")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed(
                "https://devsupport.zoom.us/hc/en-us/articles/360060332931-Extending-the-expiration-for-an-OAuth-access-token",
            )),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("reason"),
                    equals: Borrowed(&[
                        Borrowed("Invalid client_id or client_secret"),
                        Borrowed("Invalid client"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client id or secret is wrong"),
            source: Some(Borrowed("https://developers.zoom.us/docs/integrations/oauth/")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.zoom.us/docs/integrations/oauth/"),
        Borrowed(
            "https://devsupport.zoom.us/hc/en-us/articles/360060332931-Extending-the-expiration-for-an-OAuth-access-token",
        ),
    ]),
    ..Profile::GENERIC
};
