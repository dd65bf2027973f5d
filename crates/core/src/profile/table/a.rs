//! Profiles whose names begin with `a`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, RefreshRequest,
    StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const ADFS: Profile = Profile {
    name: Borrowed("adfs"),
    title: Borrowed("Active Directory Federation Services"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/adfs")),
        token: Some(Borrowed("https://{host}/adfs/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/adfs/oauth2/authorize")),
        device_authorization: Some(Borrowed("https://{host}/adfs/oauth2/devicecode")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Post,
        ClientAuthMethod::Basic,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), ..Login::PLAIN },
    overrides: Borrowed(&[Override {
        name: Borrowed("no-such-resource"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
            words: Borrowed(&[Borrowed("MSIS9602")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the resource is not registered"),
        source: Some(Borrowed(
            "https://learn.microsoft.com/en-us/windows-server/identity/ad-fs/overview/ad-fs-openid-connect-oauth-flows-scenarios",
        )),
    }]),
    sources: Borrowed(&[
        Borrowed(
            "https://learn.microsoft.com/en-us/windows-server/identity/ad-fs/overview/ad-fs-openid-connect-oauth-flows-scenarios",
        ),
        Borrowed("https://learn.microsoft.com/en-us/windows-server/identity/ad-fs/overview/ad-fs-faq"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "some configurations issue a new refresh token when the old one is near its end; the old one works on until then",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const ADOBE: Profile = Profile {
    name: Borrowed("adobe"),
    title: Borrowed("Adobe (user authentication, IMS)"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        token: Some(Borrowed("https://ims-na1.adobelogin.com/ims/token/v3")),
        authorization: Some(Borrowed("https://ims-na1.adobelogin.com/ims/authorize/v2")),
        revocation: Some(Borrowed("https://ims-na1.adobelogin.com/ims/revoke")),
        hosts: Borrowed(&[Borrowed("ims-na1.adobelogin.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developer.adobe.com/console")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://developer.adobe.com/developer-console/docs/guides/authentication/UserAuthentication/ims/",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a refresh answers with a new refresh token, good for 14 days; that the old one stays good until its own end is not said in words",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const ADOBE_SIGN: Profile = Profile {
    name: Borrowed("adobe-sign"),
    title: Borrowed("Adobe Acrobat Sign"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.{shard}.adobesign.com/oauth/v2/refresh")),
        authorization: Some(Borrowed("https://secure.{shard}.adobesign.com/public/oauth/v2")),
        revocation: Some(Borrowed("https://api.{shard}.adobesign.com/oauth/v2/revoke")),
        hosts: Borrowed(&[Borrowed("*.adobesign.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[Borrowed(
        "https://developer.adobe.com/acrobat-sign/docs/overview/developer_guide/oauth",
    )]),
    ..Profile::GENERIC
};

pub(super) const AIRTABLE: Profile = Profile {
    name: Borrowed("airtable"),
    title: Borrowed("Airtable"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://airtable.com/oauth2/v1/token")),
        authorization: Some(Borrowed("https://airtable.com/oauth2/v1/authorize")),
        hosts: Borrowed(&[Borrowed("airtable.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("user.email:read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://airtable.com/create/oauth")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://airtable.com/developers/web/api/oauth-reference")]),
    ..Profile::GENERIC
};

pub(super) const ALLEGRO: Profile = Profile {
    name: Borrowed("allegro"),
    title: Borrowed("Allegro"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://allegro.pl/auth/oauth/token")),
        authorization: Some(Borrowed("https://allegro.pl/auth/oauth/authorize")),
        device_authorization: Some(Borrowed("https://allegro.pl/auth/oauth/device")),
        hosts: Borrowed(&[Borrowed("allegro.pl"), Borrowed("allegro.pl.allegrosandbox.pl")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(12)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://apps.developer.allegro.pl/")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.allegro.pl/auth"),
        Borrowed("https://github.com/allegro/allegro-api/issues/2806"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "the former token gets 400 invalid_grant after a refresh; whether it works for a moment longer is not looked up",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const AMAZON: Profile = Profile {
    name: Borrowed("amazon"),
    title: Borrowed("Login with Amazon"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.amazon.com/auth/o2/token")),
        authorization: Some(Borrowed("https://www.amazon.com/ap/oa")),
        device_authorization: Some(Borrowed("https://api.amazon.com/auth/o2/create/codepair")),
        hosts: Borrowed(&[
            Borrowed("api.amazon.com"),
            Borrowed("api.amazon.co.uk"),
            Borrowed("api.amazon.co.jp"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("profile")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.amazon.com/loginwithamazon/console/site/lwa/overview.html")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.amazon.com/docs/login-with-amazon/refresh-token.html"),
        Borrowed("https://developer.amazon.com/docs/login-with-amazon/access-token.html"),
        Borrowed("https://developer.amazon.com/docs/amazon-data-portability/use-refresh-token.html"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "answers carry a refresh token; that the old one stays good follows from its unlimited validity and is not said",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const APPLE: Profile = Profile {
    name: Borrowed("apple"),
    title: Borrowed("Sign in with Apple"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://appleid.apple.com")),
        token: Some(Borrowed("https://appleid.apple.com/auth/token")),
        authorization: Some(Borrowed("https://appleid.apple.com/auth/authorize")),
        revocation: Some(Borrowed("https://appleid.apple.com/auth/revoke")),
        hosts: Borrowed(&[Borrowed("appleid.apple.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://developer.apple.com/account/resources/identifiers/list/serviceId")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed(
            "https://developer.apple.com/documentation/signinwithapplerestapi/generate-and-validate-tokens",
        ),
        Borrowed("https://developer.apple.com/documentation/signinwithapple/verifying-a-user"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("min_interval"),
        Borrowed(
            "Apple asks for at most one refresh a day and says that it may throttle; access tokens live an hour all the same, so no limit is set here",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const ASANA: Profile = Profile {
    name: Borrowed("asana"),
    title: Borrowed("Asana"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://app.asana.com/-/oauth_token")),
        authorization: Some(Borrowed("https://app.asana.com/-/oauth_authorize")),
        revocation: Some(Borrowed("https://app.asana.com/-/oauth_revoke")),
        hosts: Borrowed(&[Borrowed("app.asana.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://app.asana.com/0/my-apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.asana.com/docs/oauth")]),
    ..Profile::GENERIC
};

pub(super) const ASGARDEO: Profile = Profile {
    name: Borrowed("asgardeo"),
    title: Borrowed("Asgardeo (WSO2)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://api.asgardeo.io/t/{organization}/oauth2/token")),
        token: Some(Borrowed("https://api.asgardeo.io/t/{organization}/oauth2/token")),
        authorization: Some(Borrowed("https://api.asgardeo.io/t/{organization}/oauth2/authorize")),
        device_authorization: Some(Borrowed(
            "https://api.asgardeo.io/t/{organization}/oauth2/device_authorize",
        )),
        revocation: Some(Borrowed("https://api.asgardeo.io/t/{organization}/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("api.asgardeo.io")]),
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
        Borrowed("https://wso2.com/asgardeo/docs/references/tokens/refresh-tokens/"),
        Borrowed("https://wso2.com/asgardeo/docs/references/app-settings/oidc-settings-for-app/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "an application gives the same refresh token again (P0) unless it renews refresh tokens, and then perhaps with a grace; the stricter is assumed",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const ATLASSIAN_3LO: Profile = Profile {
    name: Borrowed("atlassian-3lo"),
    title: Borrowed("Atlassian Cloud (OAuth 2.0, 3LO)"),
    as_class: AsClass::P3,
    grace: Span::from_mins(10),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://auth.atlassian.com")),
        token: Some(Borrowed("https://auth.atlassian.com/oauth/token")),
        authorization: Some(Borrowed("https://auth.atlassian.com/authorize")),
        hosts: Borrowed(&[Borrowed("auth.atlassian.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline_access")]),
        parameters: Borrowed(&[
            (Borrowed("audience"), Borrowed("api.atlassian.com")),
            (Borrowed("prompt"), Borrowed("consent")),
        ]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.atlassian.com/console/myapps/")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-invalid"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("unauthorized_client")]),
                words: Borrowed(&[Borrowed("refresh_token is invalid")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is expired, spent or revoked"),
            source: Some(Borrowed("https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/")),
        },
        Override {
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
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/"),
        Borrowed("https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/"),
    ]),
    unsure: Borrowed(&[
        (Borrowed("refresh.encoding"), Borrowed("the documentation shows JSON; forms are taken too")),
        (
            Borrowed("override.wrong-client"),
            Borrowed("seen in reports, not documented; the login is an Auth0, which answers so"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const AUTH0: Profile = Profile {
    name: Borrowed("auth0"),
    title: Borrowed("Auth0"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{domain}/")),
        token: Some(Borrowed("https://{domain}/oauth/token")),
        authorization: Some(Borrowed("https://{domain}/authorize")),
        device_authorization: Some(Borrowed("https://{domain}/oauth/device/code")),
        revocation: Some(Borrowed("https://{domain}/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("*.auth0.com")]),
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Post,
        ClientAuthMethod::Basic,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://manage.auth0.com/#/applications")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
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
            source: Some(Borrowed("https://github.com/auth0/laravel-auth0/issues/42")),
        },
        Override {
            name: Borrowed("audience-unknown"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("access_denied")]),
                words: Borrowed(&[Borrowed("service not found")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the API that was asked for is not registered there"),
            source: None,
        },
        Override {
            name: Borrowed("user-blocked"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[Borrowed("user is blocked")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the user is blocked"),
            source: Some(Borrowed(
                "https://auth0.com/docs/manage-users/user-accounts/block-and-unblock-users",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation"),
        Borrowed("https://auth0.com/docs/api/authentication/refresh-token/refresh-token"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "rotation is switched on for each application (then P2, with a leeway of 0 s unless set); without it P0; the stricter is assumed",
            ),
        ),
        (
            Borrowed("override.wrong-client"),
            Borrowed("seen in reports and answered there by the maintainers, not documented"),
        ),
        (Borrowed("override.audience-unknown"), Borrowed("seen in reports, not documented")),
    ]),
    ..Profile::GENERIC
};

pub(super) const AUTHELIA: Profile = Profile {
    name: Borrowed("authelia"),
    title: Borrowed("Authelia"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/api/oidc/token")),
        authorization: Some(Borrowed("https://{host}/api/oidc/authorization")),
        device_authorization: Some(Borrowed("https://{host}/api/oidc/device-authorization")),
        revocation: Some(Borrowed("https://{host}/api/oidc/revocation")),
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
        Borrowed("https://www.authelia.com/integration/openid-connect/introduction/"),
        Borrowed("https://www.authelia.com/configuration/identity-providers/openid-connect/provider/"),
    ]),
    ..Profile::GENERIC
};

pub(super) const AUTHENTIK: Profile = Profile {
    name: Borrowed("authentik"),
    title: Borrowed("authentik"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}/application/o/{slug}/")),
        token: Some(Borrowed("https://{host}/application/o/token/")),
        authorization: Some(Borrowed("https://{host}/application/o/authorize/")),
        device_authorization: Some(Borrowed("https://{host}/application/o/device/")),
        revocation: Some(Borrowed("https://{host}/application/o/revoke/")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_mins(5)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://docs.goauthentik.io/add-secure-apps/providers/oauth2/"),
        Borrowed(
            "https://github.com/goauthentik/authentik/blob/main/authentik/providers/oauth2/views/token.py",
        ),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "a spent token is refused and reported as suspicious; whether the family dies with it is not documented; newer versions keep a token until it is near its end",
            ),
        ),
        (
            Borrowed("lifetime"),
            Borrowed("5 min is the default of an application in current versions; older ones had 10 min"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const AWS_COGNITO: Profile = Profile {
    name: Borrowed("aws-cognito"),
    title: Borrowed("Amazon Cognito user pools"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://cognito-idp.{region}.amazonaws.com/{pool}")),
        token: Some(Borrowed("https://{domain}.auth.{region}.amazoncognito.com/oauth2/token")),
        authorization: Some(Borrowed("https://{domain}.auth.{region}.amazoncognito.com/oauth2/authorize")),
        revocation: Some(Borrowed("https://{domain}.auth.{region}.amazoncognito.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("*.amazoncognito.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("openid")]), redirect: Redirect::Registered, ..Login::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("client-unknown"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }, StatusRange { from: 404, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("__type"),
                    equals: Borrowed(&[Borrowed("ResourceNotFoundException")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app client or its user pool is not there"),
            source: Some(Borrowed(
                "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html",
            )),
        },
        Override {
            name: Borrowed("throttled"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }, StatusRange { from: 429, to: 429 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("__type"),
                    equals: Borrowed(&[
                        Borrowed("TooManyRequestsException"),
                        Borrowed("ThrottlingException"),
                        Borrowed("LimitExceededException"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html"),
        Borrowed(
            "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html",
        ),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "an app client rotates only where that is switched on, with a grace of 0 to 60 s; otherwise P0; the stricter is assumed",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const AZURE_AD_B2C: Profile = Profile {
    name: Borrowed("azure-ad-b2c"),
    title: Borrowed("Azure AD B2C"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{tenant}.b2clogin.com/{tenant_id}/v2.0/")),
        token: Some(Borrowed(
            "https://{tenant}.b2clogin.com/{tenant}.onmicrosoft.com/{policy}/oauth2/v2.0/token",
        )),
        authorization: Some(Borrowed(
            "https://{tenant}.b2clogin.com/{tenant}.onmicrosoft.com/{policy}/oauth2/v2.0/authorize",
        )),
        hosts: Borrowed(&[Borrowed("*.b2clogin.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::PrivateKeyJwt, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        parameters: Borrowed(&[(Borrowed("prompt"), Borrowed(""))]),
        ..Login::PLAIN
    },
    refresh: RefreshRequest { scope: true, ..RefreshRequest::PLAIN },
    overrides: Borrowed(&[Override {
        name: Borrowed("other-policy"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
            code: Borrowed(&[Borrowed("invalid_grant")]),
            words: Borrowed(&[Borrowed("AADB2C90088")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token was issued by another policy: check the token endpoint"),
        source: Some(Borrowed("https://learn.microsoft.com/en-us/azure/active-directory-b2c/error-codes")),
    }]),
    sources: Borrowed(&[
        Borrowed("https://learn.microsoft.com/en-us/azure/active-directory-b2c/authorization-code-flow"),
        Borrowed("https://learn.microsoft.com/en-us/azure/active-directory-b2c/error-codes"),
        Borrowed("https://learn.microsoft.com/en-us/azure/active-directory-b2c/configure-tokens"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "the documentation speaks of a sliding window and not of the old token; assumed to be as in Microsoft Entra",
            ),
        ),
        (Borrowed("endpoints.issuer"), Borrowed("a tenant may be set to name the policy in its issuer")),
    ]),
    ..Profile::GENERIC
};
