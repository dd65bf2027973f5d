//! Profiles whose names begin with `l`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile,
    Redirect, RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const LARAVEL_PASSPORT: Profile = Profile {
    name: Borrowed("laravel-passport"),
    title: Borrowed("Laravel Passport (league/oauth2-server)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/oauth/token")),
        authorization: Some(Borrowed("https://{host}/oauth/authorize")),
        device_authorization: Some(Borrowed("https://{host}/oauth/device/code")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
            code: Borrowed(&[Borrowed("invalid_request")]),
            words: Borrowed(&[Borrowed("the refresh token is invalid")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is unknown, expired or revoked"),
        source: Some(Borrowed("https://github.com/thephpleague/oauth2-server/issues/993")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://laravel.com/docs/12.x/passport#token-lifetimes"),
        Borrowed("https://oauth2.thephpleague.com/authorization-server/refresh-token-grant/"),
        Borrowed("https://github.com/thephpleague/oauth2-server/issues/993"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a spent token is refused and nothing else revoked; with refresh token revocation switched off it stays good",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const LARK: Profile = Profile {
    name: Borrowed("lark"),
    title: Borrowed("Lark, Feishu"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://open.larksuite.com/open-apis/authen/v2/oauth/token")),
        authorization: Some(Borrowed("https://accounts.larksuite.com/open-apis/authen/v1/authorize")),
        hosts: Borrowed(&[Borrowed("open.larksuite.com"), Borrowed("open.feishu.cn")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://open.larksuite.com/app")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    fields: FieldMap {
        access_token: Borrowed(&[Borrowed("access_token"), Borrowed("data.access_token")]),
        refresh_token: Borrowed(&[Borrowed("refresh_token"), Borrowed("data.refresh_token")]),
        token_type: Borrowed(&[Borrowed("token_type"), Borrowed("data.token_type")]),
        scope: Borrowed(&[Borrowed("scope"), Borrowed("data.scope")]),
        expires_in: Borrowed(&[Borrowed("expires_in"), Borrowed("data.expires_in")]),
        refresh_token_expires_in: Borrowed(&[
            Borrowed("refresh_token_expires_in"),
            Borrowed("data.refresh_expires_in"),
        ]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("server-busy"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[Borrowed("20050"), Borrowed("20072")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("Lark cannot answer now"),
            source: Some(Borrowed(
                "https://open.larkoffice.com/document/authentication-management/access-token/refresh-user-access-token",
            )),
        },
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[
                        Borrowed("20026"),
                        Borrowed("20037"),
                        Borrowed("20064"),
                        Borrowed("20073"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is unknown, expired, revoked or spent"),
            source: Some(Borrowed(
                "https://open.larkoffice.com/document/authentication-management/access-token/refresh-user-access-token",
            )),
        },
        Override {
            name: Borrowed("user-gone"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[Borrowed("20008"), Borrowed("20010"), Borrowed("20066")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the user does not exist, is suspended or may not use the app"),
            source: Some(Borrowed(
                "https://open.larkoffice.com/document/authentication-management/access-token/refresh-user-access-token",
            )),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("code"),
                    equals: Borrowed(&[
                        Borrowed("20002"),
                        Borrowed("20009"),
                        Borrowed("20024"),
                        Borrowed("20036"),
                        Borrowed("20048"),
                        Borrowed("20063"),
                        Borrowed("20067"),
                        Borrowed("20068"),
                        Borrowed("20069"),
                        Borrowed("20070"),
                        Borrowed("20074"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed(
                "https://open.larkoffice.com/document/authentication-management/access-token/refresh-user-access-token",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed(
            "https://open.larkoffice.com/document/authentication-management/access-token/refresh-user-access-token",
        ),
        Borrowed(
            "https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/reference/authen-v1/oidc-refresh_access_token/create",
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const LEVER: Profile = Profile {
    name: Borrowed("lever"),
    title: Borrowed("Lever"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://auth.lever.co/")),
        token: Some(Borrowed("https://auth.lever.co/oauth/token")),
        authorization: Some(Borrowed("https://auth.lever.co/authorize")),
        hosts: Borrowed(&[Borrowed("auth.lever.co")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline_access")]),
        parameters: Borrowed(&[
            (Borrowed("audience"), Borrowed("https://api.lever.co/v1/")),
            (Borrowed("prompt"), Borrowed("consent")),
        ]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("wrong-client"),
        when: When {
            status: Borrowed(&[StatusRange { from: 401, to: 401 }]),
            code: Borrowed(&[Borrowed("access_denied")]),
            members: Borrowed(&[MemberIs {
                path: Borrowed("error_description"),
                equals: Borrowed(&[Borrowed("Unauthorized")]),
            }]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the client ID or secret is wrong"),
        source: None,
    }]),
    sources: Borrowed(&[Borrowed("https://hire.lever.co/developer/documentation#authentication")]),
    unsure: Borrowed(&[(Borrowed("override.wrong-client"), Borrowed("known of Auth0, which Lever uses"))]),
    ..Profile::GENERIC
};

pub(super) const LIGHTSPEED_RETAIL: Profile = Profile {
    name: Borrowed("lightspeed-retail"),
    title: Borrowed("Lightspeed Retail (R-Series)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://cloud.lightspeedapp.com/auth/oauth/token")),
        authorization: Some(Borrowed("https://cloud.lightspeedapp.com/auth/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("cloud.lightspeedapp.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[Borrowed("https://developers.lightspeedhq.com/retail/authentication/access-token/")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "refresh tokens became single-use with the newer endpoint; what reuse does is not documented",
            ),
        ),
        (Borrowed("lifetime"), Borrowed("30 min at the older endpoint; answers name it")),
    ]),
    ..Profile::GENERIC
};

pub(super) const LINE: Profile = Profile {
    name: Borrowed("line"),
    title: Borrowed("LINE Login"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://access.line.me")),
        token: Some(Borrowed("https://api.line.me/oauth2/v2.1/token")),
        authorization: Some(Borrowed("https://access.line.me/oauth2/v2.1/authorize")),
        revocation: Some(Borrowed("https://api.line.me/oauth2/v2.1/revoke")),
        hosts: Borrowed(&[Borrowed("api.line.me"), Borrowed("access.line.me")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(720)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developers.line.biz/console/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://developers.line.biz/en/reference/line-login/#refresh-access-token",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("an answer carries a refresh token; whether it is a new one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const LINEAR: Profile = Profile {
    name: Borrowed("linear"),
    title: Borrowed("Linear"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.linear.app/oauth/token")),
        authorization: Some(Borrowed("https://linear.app/oauth/authorize")),
        revocation: Some(Borrowed("https://api.linear.app/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("api.linear.app")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("read")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://linear.app/settings/api")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://linear.app/developers/oauth-2-0-authentication")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "whether a spent token works for a while, so that a lost answer can be had again, is not confirmed",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const LINKEDIN: Profile = Profile {
    name: Borrowed("linkedin"),
    title: Borrowed("LinkedIn"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://www.linkedin.com/oauth")),
        token: Some(Borrowed("https://www.linkedin.com/oauth/v2/accessToken")),
        authorization: Some(Borrowed("https://www.linkedin.com/oauth/v2/authorization")),
        hosts: Borrowed(&[Borrowed("www.linkedin.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1440)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("profile")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://www.linkedin.com/developers/apps")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
            members: Borrowed(&[MemberIs {
                path: Borrowed("serviceErrorCode"),
                equals: Borrowed(&[Borrowed("65601"), Borrowed("65602")]),
            }]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is revoked or expired"),
        source: None,
    }]),
    sources: Borrowed(&[
        Borrowed(
            "https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens",
        ),
        Borrowed("https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("override.refresh-token-dead"),
        Borrowed("documented for access tokens (65601 revoked, 65602 expired)"),
    )]),
    ..Profile::GENERIC
};

pub(super) const LINODE: Profile = Profile {
    name: Borrowed("linode"),
    title: Borrowed("Linode (Akamai Cloud)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://login.linode.com/oauth/token")),
        authorization: Some(Borrowed("https://login.linode.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("login.linode.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("account:read_only")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://cloud.linode.com/profile/clients")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://techdocs.akamai.com/linode-api/reference/get-started#oauth")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a new refresh token; what becomes of the old one is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const LOGTO: Profile = Profile {
    name: Borrowed("logto"),
    title: Borrowed("Logto"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{tenant}.logto.app/oidc")),
        token: Some(Borrowed("https://{tenant}.logto.app/oidc/token")),
        authorization: Some(Borrowed("https://{tenant}.logto.app/oidc/auth")),
        device_authorization: Some(Borrowed("https://{tenant}.logto.app/oidc/device/auth")),
        revocation: Some(Borrowed("https://{tenant}.logto.app/oidc/token/revocation")),
        hosts: Borrowed(&[Borrowed("*.logto.app")]),
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        parameters: Borrowed(&[(Borrowed("prompt"), Borrowed("consent"))]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://docs.logto.io/authorization/validate-access-tokens"),
        Borrowed("https://docs.logto.io/integrate-logto/application-data-structure"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "an application decides on rotation (on by default); reuse of a spent token revokes the grant but for a few seconds of leeway",
        ),
    )]),
    ..Profile::GENERIC
};
