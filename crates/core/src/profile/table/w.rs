//! Profiles whose names begin with `w`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile, Redirect,
    RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const WEBEX: Profile = Profile {
    name: Borrowed("webex"),
    title: Borrowed("Webex"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://webexapis.com/v1/access_token")),
        authorization: Some(Borrowed("https://webexapis.com/v1/authorize")),
        device_authorization: Some(Borrowed("https://webexapis.com/v1/device/authorize")),
        hosts: Borrowed(&[Borrowed("webexapis.com"), Borrowed("idbroker.webex.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(336)),
    login: Login {
        scope: Borrowed(&[Borrowed("spark:people_read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.webex.com/my-apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.webex.com/docs/integrations"),
        Borrowed("https://developer.webex.com/docs/login-with-webex"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("documented by its 90 days starting again; whether its text can change is not said"),
    )]),
    ..Profile::GENERIC
};

pub(super) const WEBFLOW: Profile = Profile {
    name: Borrowed("webflow"),
    title: Borrowed("Webflow"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.webflow.com/oauth/access_token")),
        authorization: Some(Borrowed("https://webflow.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.webflow.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login {
        scope: Borrowed(&[Borrowed("authorized_user:read")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.webflow.com/data/reference/oauth-app")]),
    ..Profile::GENERIC
};

pub(super) const WECHAT: Profile = Profile {
    name: Borrowed("wechat"),
    title: Borrowed("WeChat (Open Platform)"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.weixin.qq.com/sns/oauth2/refresh_token")),
        authorization: Some(Borrowed("https://open.weixin.qq.com/connect/qrconnect")),
        hosts: Borrowed(&[Borrowed("api.weixin.qq.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("snsapi_login")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://open.weixin.qq.com/")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        names: Borrowed(&[
            (Borrowed("client_id"), Borrowed("appid")),
            (Borrowed("client_secret"), Borrowed("secret")),
        ]),
        ..RefreshRequest::PLAIN
    },
    fields: FieldMap { error_description: Borrowed(&[Borrowed("errmsg")]), ..FieldMap::STANDARD },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("busy"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errcode"),
                    equals: Borrowed(&[Borrowed("-1")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server is busy"),
            source: Some(Borrowed(
                "https://developers.weixin.qq.com/doc/offiaccount/en/Getting_Started/Global_Return_Code.html",
            )),
        },
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errcode"),
                    equals: Borrowed(&[Borrowed("45009"), Borrowed("45011"), Borrowed("45047")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed(
                "https://developers.weixin.qq.com/doc/offiaccount/en/Getting_Started/Global_Return_Code.html",
            )),
        },
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 299 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errcode"),
                    equals: Borrowed(&[
                        Borrowed("40001"),
                        Borrowed("40014"),
                        Borrowed("40030"),
                        Borrowed("42001"),
                        Borrowed("42002"),
                        Borrowed("42007"),
                        Borrowed("50001"),
                        Borrowed("50005"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed(
                "https://developers.weixin.qq.com/doc/offiaccount/en/Getting_Started/Global_Return_Code.html",
            )),
        },
        Override {
            name: Borrowed("app-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 299 }, StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errcode"),
                    equals: Borrowed(&[
                        Borrowed("40002"),
                        Borrowed("40013"),
                        Borrowed("40125"),
                        Borrowed("40164"),
                        Borrowed("41002"),
                        Borrowed("41003"),
                        Borrowed("41004"),
                        Borrowed("48001"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed(
                "https://developers.weixin.qq.com/doc/offiaccount/en/Getting_Started/Global_Return_Code.html",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed(
            "https://developers.weixin.qq.com/doc/oplatform/en/Website_App/WeChat_Login/Authorized_Interface_Calling_UnionID.html",
        ),
        Borrowed(
            "https://developers.weixin.qq.com/doc/offiaccount/en/Getting_Started/Global_Return_Code.html",
        ),
    ]),
    unsure: Borrowed(&[(
        Borrowed("refresh.names"),
        Borrowed("the documentation shows a GET, and no secret; that a POST with one is taken is assumed"),
    )]),
    ..Profile::GENERIC
};

pub(super) const WEIBO: Profile = Profile {
    name: Borrowed("weibo"),
    title: Borrowed("Weibo"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.weibo.com/oauth2/access_token")),
        authorization: Some(Borrowed("https://api.weibo.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("api.weibo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    login: Login {
        redirect: Redirect::Https,
        client: Some(Borrowed("https://open.weibo.com/apps")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error_code"),
                    equals: Borrowed(&[Borrowed("10022"), Borrowed("10023"), Borrowed("10024")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://open.weibo.com/wiki/Error_code")),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error_code"),
                    equals: Borrowed(&[
                        Borrowed("10006"),
                        Borrowed("21322"),
                        Borrowed("21323"),
                        Borrowed("21324"),
                        Borrowed("21326"),
                        Borrowed("21328"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed("https://open.weibo.com/wiki/Error_code")),
        },
        Override {
            name: Borrowed("grant-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error_code"),
                    equals: Borrowed(&[
                        Borrowed("21314"),
                        Borrowed("21315"),
                        Borrowed("21316"),
                        Borrowed("21317"),
                        Borrowed("21319"),
                        Borrowed("21325"),
                        Borrowed("21327"),
                        Borrowed("21332"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the token is dead"),
            source: Some(Borrowed("https://open.weibo.com/wiki/Error_code")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://open.weibo.com/wiki/Oauth2/access_token"),
        Borrowed("https://open.weibo.com/wiki/Error_code"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("refresh tokens are given to few apps; their rotation is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const WHOOP: Profile = Profile {
    name: Borrowed("whoop"),
    title: Borrowed("WHOOP"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.prod.whoop.com/oauth/oauth2/token")),
        authorization: Some(Borrowed("https://api.prod.whoop.com/oauth/oauth2/auth")),
        hosts: Borrowed(&[Borrowed("api.prod.whoop.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline"), Borrowed("read:profile")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer-dashboard.whoop.com/")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest { scope: true, ..RefreshRequest::PLAIN },
    sources: Borrowed(&[Borrowed("https://developer.whoop.com/docs/developing/oauth/")]),
    unsure: Borrowed(&[(
        Borrowed("refresh.scope"),
        Borrowed("the documentation names the offline scope again on refresh"),
    )]),
    ..Profile::GENERIC
};

pub(super) const WISE: Profile = Profile {
    name: Borrowed("wise"),
    title: Borrowed("Wise"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.wise.com/oauth/token")),
        hosts: Borrowed(&[Borrowed("api.wise.com"), Borrowed("api.transferwise.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(12)),
    sources: Borrowed(&[Borrowed("https://docs.wise.com/guides/product/account-setup/refreshing-access")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("the documentation speaks of one refresh token that lives for years"),
    )]),
    ..Profile::GENERIC
};

pub(super) const WITHINGS: Profile = Profile {
    name: Borrowed("withings"),
    title: Borrowed("Withings"),
    as_class: AsClass::P3,
    grace: Span::from_hours(8),
    endpoints: Endpoints {
        token: Some(Borrowed("https://wbsapi.withings.net/v2/oauth2")),
        authorization: Some(Borrowed("https://account.withings.com/oauth2_user/authorize2")),
        hosts: Borrowed(&[Borrowed("wbsapi.withings.net")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(3)),
    login: Login {
        scope: Borrowed(&[Borrowed("user.info")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developer.withings.com/dashboard/")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        parameters: Borrowed(&[(Borrowed("action"), Borrowed("requesttoken"))]),
        ..RefreshRequest::PLAIN
    },
    fields: FieldMap {
        access_token: Borrowed(&[Borrowed("body.access_token")]),
        refresh_token: Borrowed(&[Borrowed("body.refresh_token")]),
        token_type: Borrowed(&[Borrowed("body.token_type")]),
        scope: Borrowed(&[Borrowed("body.scope")]),
        expires_in: Borrowed(&[Borrowed("body.expires_in")]),
        error_description: Borrowed(&[Borrowed("error")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[Borrowed("601")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://developer.withings.com/api-reference#section/Response-status")),
        },
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }]),
                words: Borrowed(&[
                    Borrowed("invalid refresh_token"),
                    Borrowed("invalid refresh token"),
                    Borrowed("invalid token"),
                ]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[
                        Borrowed("100"),
                        Borrowed("101"),
                        Borrowed("102"),
                        Borrowed("200"),
                        Borrowed("401"),
                        Borrowed("503"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://developer.withings.com/api-reference#section/Response-status")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }]),
                words: Borrowed(&[
                    Borrowed("client_id"),
                    Borrowed("client_secret"),
                    Borrowed("client id"),
                    Borrowed("client secret"),
                    Borrowed("invalid params"),
                    Borrowed("not implemented"),
                    Borrowed("missing"),
                ]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[
                        Borrowed("201"),
                        Borrowed("202"),
                        Borrowed("203"),
                        Borrowed("204"),
                        Borrowed("214"),
                        Borrowed("277"),
                        Borrowed("286"),
                        Borrowed("293"),
                        Borrowed("503"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed("https://developer.withings.com/api-reference#section/Response-status")),
        },
        Override {
            name: Borrowed("failed"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("status"),
                    equals: Borrowed(&[
                        Borrowed("215"),
                        Borrowed("221"),
                        Borrowed("228"),
                        Borrowed("233"),
                        Borrowed("234"),
                        Borrowed("262"),
                        Borrowed("264"),
                        Borrowed("276"),
                        Borrowed("283"),
                        Borrowed("522"),
                        Borrowed("524"),
                        Borrowed("526"),
                        Borrowed("2553"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server failed"),
            source: Some(Borrowed("https://developer.withings.com/api-reference#section/Response-status")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed(
            "https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/get-access/access-and-refresh-tokens-no-recover",
        ),
        Borrowed("https://developer.withings.com/api-reference#section/Response-status"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("override.request-refused"),
            Borrowed("what the numbers mean is documented by groups only; the words decide"),
        ),
        (
            Borrowed("login.parameters"),
            Borrowed(
                "the exchange of a code is documented to want action=requesttoken too: give it in the parameters of the credential before the login",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const WORDPRESS_COM: Profile = Profile {
    name: Borrowed("wordpress-com"),
    title: Borrowed("WordPress.com"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://public-api.wordpress.com/oauth2/token")),
        authorization: Some(Borrowed("https://public-api.wordpress.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("public-api.wordpress.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login {
        scope: Borrowed(&[Borrowed("auth")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.wordpress.com/apps/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developer.wordpress.com/docs/oauth2/")]),
    ..Profile::GENERIC
};

pub(super) const WORKDAY: Profile = Profile {
    name: Borrowed("workday"),
    title: Borrowed("Workday"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://{host}/ccx/oauth2/{tenant}/token")),
        authorization: Some(Borrowed("https://{host}/{tenant}/authorize")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    sources: Borrowed(&[Borrowed("https://community.workday.com/sites/default/files/file-hosting/restapi/")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "an API client's refresh token is set not to expire and stays the same; a timeout can be configured",
            ),
        ),
        (Borrowed("lifetime"), Borrowed("set by the tenant; the answer may not name it")),
    ]),
    ..Profile::GENERIC
};

pub(super) const WORKOS_AUTHKIT: Profile = Profile {
    name: Borrowed("workos-authkit"),
    title: Borrowed("WorkOS AuthKit"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{subdomain}.authkit.app")),
        token: Some(Borrowed("https://{subdomain}.authkit.app/oauth2/token")),
        authorization: Some(Borrowed("https://{subdomain}.authkit.app/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("*.authkit.app")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None, ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://workos.com/docs/authkit/mcp"),
        Borrowed("https://workos.com/docs/user-management/mcp/integrating"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("refresh tokens may be replaced on use; what reuse does is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const WSO2: Profile = Profile {
    name: Borrowed("wso2"),
    title: Borrowed("WSO2 Identity Server"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/oauth2/token")),
        token: Some(Borrowed("https://{host}/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/oauth2/authorize")),
        device_authorization: Some(Borrowed("https://{host}/oauth2/device_authorize")),
        revocation: Some(Borrowed("https://{host}/oauth2/revoke")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Basic,
        ClientAuthMethod::Post,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://is.docs.wso2.com/en/latest/references/grant-types/#refresh-token-grant"),
        Borrowed("https://is.docs.wso2.com/en/latest/guides/authentication/oidc/discover-oidc-configs/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("renewing the refresh token is a setting of each application, on by default"),
    )]),
    ..Profile::GENERIC
};
