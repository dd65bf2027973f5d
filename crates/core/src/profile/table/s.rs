//! Profiles whose names begin with `s`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile,
    Redirect, RefreshRequest, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const SAGE_ACCOUNTING: Profile = Profile {
    name: Borrowed("sage-accounting"),
    title: Borrowed("Sage Business Cloud Accounting"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://oauth.accounting.sage.com/token")),
        authorization: Some(Borrowed("https://www.sageone.com/oauth2/auth/central")),
        revocation: Some(Borrowed("https://oauth.accounting.sage.com/revoke")),
        hosts: Borrowed(&[Borrowed("oauth.accounting.sage.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_mins(5)),
    sources: Borrowed(&[Borrowed(
        "https://developer.sage.com/accounting/guides/authenticating/authentication/",
    )]),
    ..Profile::GENERIC
};

pub(super) const SALESFORCE: Profile = Profile {
    name: Borrowed("salesforce"),
    title: Borrowed("Salesforce"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://login.salesforce.com")),
        token: Some(Borrowed("https://login.salesforce.com/services/oauth2/token")),
        authorization: Some(Borrowed("https://login.salesforce.com/services/oauth2/authorize")),
        revocation: Some(Borrowed("https://login.salesforce.com/services/oauth2/revoke")),
        hosts: Borrowed(&[
            Borrowed("login.salesforce.com"),
            Borrowed("test.salesforce.com"),
            Borrowed("*.my.salesforce.com"),
        ]),
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
        scope: Borrowed(&[Borrowed("api"), Borrowed("refresh_token")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("request-limit"),
            when: When {
                status: Borrowed(&[StatusRange { from: 403, to: 403 }]),
                page: Borrowed(&[Borrowed("request_limit_exceeded")]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the org's requests of the day are used up"),
            source: Some(Borrowed(
                "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm",
            )),
        },
        Override {
            name: Borrowed("address-not-allowed"),
            when: When {
                code: Borrowed(&[Borrowed("invalid_grant")]),
                words: Borrowed(&[Borrowed("ip restricted")]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the org does not allow logins from this address"),
            source: Some(Borrowed("https://github.com/sfdx-actions/setup-sfdx/issues/17")),
        },
        Override {
            name: Borrowed("outside-login-hours"),
            when: When {
                code: Borrowed(&[Borrowed("invalid_grant")]),
                words: Borrowed(&[Borrowed("login hours")]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the user may not log in at this hour"),
            source: Some(Borrowed(
                "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flow_errors.htm",
            )),
        },
        Override {
            name: Borrowed("user-locked"),
            when: When {
                code: Borrowed(&[Borrowed("invalid_grant")]),
                words: Borrowed(&[Borrowed("user is locked"), Borrowed("user locked")]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the user is locked out for now"),
            source: Some(Borrowed("https://salesforcedictionary.com/errors/invalid-oauth-grant")),
        },
        Override {
            name: Borrowed("client-refused-as-grant"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("invalid_grant")]),
                words: Borrowed(&[
                    Borrowed("invalid client credentials"),
                    Borrowed("client identifier invalid"),
                    Borrowed("redirect uri does not match"),
                    Borrowed("redirect_uri must match"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: Some(Borrowed("https://salesforcedictionary.com/errors/invalid-oauth-grant")),
        },
        Override {
            name: Borrowed("org-unavailable"),
            when: When {
                code: Borrowed(&[Borrowed("invalid_grant"), Borrowed("inactive_org")]),
                words: Borrowed(&[
                    Borrowed("organization unavailable"),
                    Borrowed("organization is unavailable"),
                    Borrowed("org is locked"),
                    Borrowed("organization is locked"),
                    Borrowed("organization locked"),
                    Borrowed("organization suspended"),
                    Borrowed("organization is suspended"),
                    Borrowed("locked, closed, or suspended"),
                    Borrowed("inactive organization"),
                    Borrowed("org inactive"),
                    Borrowed("maintenance"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the org is locked, suspended or under maintenance"),
            source: Some(Borrowed(
                "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flow_errors.htm",
            )),
        },
        Override {
            name: Borrowed("org-inactive"),
            when: When { code: Borrowed(&[Borrowed("inactive_org")]), ..When::ANY },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the org is locked, suspended or closed"),
            source: Some(Borrowed(
                "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flow_errors.htm",
            )),
        },
        Override {
            name: Borrowed("app-not-approved"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("invalid_app_access"),
                    Borrowed("app_must_be_installed"),
                    Borrowed("oauth_app_blocked"),
                    Borrowed("oauth_ec_app_not_found"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("an administrator has to approve the app for this user"),
            source: Some(Borrowed(
                "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flow_errors.htm",
            )),
        },
        Override {
            name: Borrowed("app-blocked"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("invalid_grant"),
                    Borrowed("invalid_client"),
                    Borrowed("access_denied"),
                ]),
                words: Borrowed(&[Borrowed("oauth app blocked"), Borrowed("app is blocked")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("an administrator has blocked the app"),
            source: None,
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm"),
        Borrowed("https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flow_errors.htm"),
        Borrowed("https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_endpoints.htm"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("rotation is off unless the app asks for it; the strict case is assumed"),
        ),
        (
            Borrowed("lifetime"),
            Borrowed(
                "the answer names none; the org's session policy decides: 2 hours by default, 15 minutes at least",
            ),
        ),
        (Borrowed("override.org-unavailable"), Borrowed("the wording varies between releases")),
        (Borrowed("override.app-blocked"), Borrowed("the code beside these words is not documented")),
    ]),
    ..Profile::GENERIC
};

pub(super) const SAP_IAS: Profile = Profile {
    name: Borrowed("sap-ias"),
    title: Borrowed("SAP Cloud Identity Services"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{tenant}.accounts.ondemand.com")),
        token: Some(Borrowed("https://{tenant}.accounts.ondemand.com/oauth2/token")),
        authorization: Some(Borrowed("https://{tenant}.accounts.ondemand.com/oauth2/authorize")),
        revocation: Some(Borrowed("https://{tenant}.accounts.ondemand.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("*.accounts.ondemand.com"), Borrowed("*.accounts.cloud.sap")]),
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
    sources: Borrowed(&[Borrowed(
        "https://help.sap.com/docs/cloud-identity-services/cloud-identity-services/openid-connect",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("an application is set to rotate or not; the strict case is assumed"),
    )]),
    ..Profile::GENERIC
};

pub(super) const SENTRY: Profile = Profile {
    name: Borrowed("sentry"),
    title: Borrowed("Sentry (OAuth applications)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://sentry.io/oauth/token/")),
        authorization: Some(Borrowed("https://sentry.io/oauth/authorize/")),
        hosts: Borrowed(&[Borrowed("sentry.io")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(720)),
    login: Login {
        scope: Borrowed(&[Borrowed("org:read")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://sentry.io/settings/account/api/applications/")),
        ..Login::PLAIN
    },
    fields: FieldMap {
        access_token: Borrowed(&[Borrowed("access_token"), Borrowed("token")]),
        refresh_token: Borrowed(&[Borrowed("refresh_token"), Borrowed("refreshToken")]),
        expires_at: Borrowed(&[Borrowed("expiresAt")]),
        ..FieldMap::STANDARD
    },
    sources: Borrowed(&[
        Borrowed("https://docs.sentry.io/api/auth/"),
        Borrowed("https://github.com/getsentry/sentry/blob/master/src/sentry/web/frontend/oauth_token.py"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "a refresh answers with a new refresh token and the old one ends; what reuse does is not documented",
            ),
        ),
        (Borrowed("lifetime"), Borrowed("the server's default; the answer says it")),
    ]),
    ..Profile::GENERIC
};

pub(super) const SENTRY_INTEGRATION_PLATFORM: Profile = Profile {
    name: Borrowed("sentry-integration-platform"),
    title: Borrowed("Sentry (integration platform)"),
    endpoints: Endpoints {
        token: Some(Borrowed(
            "https://sentry.io/api/0/sentry-app-installations/{installation}/authorizations/",
        )),
        authorization: Some(Borrowed("https://sentry.io/sentry-apps/{app}/external-install/")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8)),
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    fields: FieldMap {
        access_token: Borrowed(&[Borrowed("token")]),
        refresh_token: Borrowed(&[Borrowed("refreshToken")]),
        scope: Borrowed(&[Borrowed("scopes[*]")]),
        expires_at: Borrowed(&[Borrowed("expiresAt")]),
        issued_at: Borrowed(&[Borrowed("dateCreated")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[Borrowed("given refresh token does not exist")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server does not know the refresh token"),
            source: Some(Borrowed(
                "https://github.com/getsentry/sentry/tree/master/src/sentry/sentry_apps/token_exchange",
            )),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[
                    Borrowed("could not find matching application"),
                    Borrowed("sentry app does not exist"),
                    Borrowed("does not belong to the application"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client id is wrong, or the refresh token is another app's"),
            source: Some(Borrowed(
                "https://github.com/getsentry/sentry/tree/master/src/sentry/sentry_apps/token_exchange",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://docs.sentry.io/organization/integrations/integration-platform/public-integration/"),
        Borrowed("https://github.com/getsentry/sentry/tree/master/src/sentry/sentry_apps/token_exchange"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "a refresh deletes the old token and makes a new one; what reuse does is not documented",
            ),
        ),
        (
            Borrowed("endpoints.hosts"),
            Borrowed(
                "none claimed: sentry.io is also an ordinary authorization server, with a profile of its own",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const SERVICENOW: Profile = Profile {
    name: Borrowed("servicenow"),
    title: Borrowed("ServiceNow"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://{instance}.service-now.com/oauth_token.do")),
        authorization: Some(Borrowed("https://{instance}.service-now.com/oauth_auth.do")),
        hosts: Borrowed(&[Borrowed("*.service-now.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_mins(30)),
    login: Login {
        scope: Borrowed(&[Borrowed("useraccount")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("token-or-client-refused"),
        when: When {
            status: Borrowed(&[StatusRange { from: 401, to: 401 }]),
            code: Borrowed(&[Borrowed("server_error")]),
            words: Borrowed(&[Borrowed("access_denied")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed(
            "the refresh token, the user or the client is refused, and the server does not say which",
        ),
        source: None,
    }]),
    sources: Borrowed(&[
        Borrowed(
            "https://docs.servicenow.com/bundle/xanadu-platform-security/page/administer/security/reference/r_OAuthAPIRequestParameters.html",
        ),
        Borrowed("https://support.servicenow.com/kb?id=kb_article_view&sysparm_article=KB0791140"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("override.token-or-client-refused"),
        Borrowed("seen with each of the three; the one that keeps the grant is taken"),
    )]),
    ..Profile::GENERIC
};

pub(super) const SHOPIFY: Profile = Profile {
    name: Borrowed("shopify"),
    title: Borrowed("Shopify (Admin API, expiring offline tokens)"),
    as_class: AsClass::P4,
    endpoints: Endpoints {
        token: Some(Borrowed("https://{shop}.myshopify.com/admin/oauth/access_token")),
        authorization: Some(Borrowed("https://{shop}.myshopify.com/admin/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("*.myshopify.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("read_products")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://partners.shopify.com/")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Accept"), Borrowed("application/json"))]),
        ..RefreshRequest::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                code: Borrowed(&[Borrowed("invalid_request")]),
                words: Borrowed(&[Borrowed("active refresh_token")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed(
                "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens",
            )),
        },
        Override {
            name: Borrowed("refresh-token-dead-page"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                page: Borrowed(&[Borrowed(
                    "oauth error invalid_request: this request requires an active refresh_token",
                )]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: None,
        },
        Override {
            name: Borrowed("app-unknown"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
                code: Borrowed(&[
                    Borrowed("application_cannot_be_found"),
                    Borrowed("shop_not_permitted"),
                    Borrowed("app_not_installed"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server does not know the app, or not for this shop"),
            source: Some(Borrowed(
                "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant",
            )),
        },
        Override {
            name: Borrowed("app-unknown-page"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                page: Borrowed(&[
                    Borrowed("could not find shopify api application"),
                    Borrowed("oauth error application_cannot_be_found"),
                    Borrowed("oauth error shop_not_permitted"),
                    Borrowed("oauth error invalid_client"),
                    Borrowed("oauth error unauthorized_client"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the server does not know the app"),
            source: None,
        },
    ]),
    sources: Borrowed(&[
        Borrowed(
            "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens",
        ),
        Borrowed("https://shopify.dev/changelog/offline-access-tokens-now-support-expiry-and-refresh"),
        Borrowed("https://shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "since 2026-08-28; before, the old refresh token worked for 60 minutes after its first use",
            ),
        ),
        (Borrowed("override.app-unknown"), Borrowed("seen in the client credentials grant")),
        (
            Borrowed("override.refresh-token-dead-page"),
            Borrowed("the page is known for other errors of this endpoint; these words come from its JSON"),
        ),
        (
            Borrowed("override.app-unknown-page"),
            Borrowed("seen as a page where no JSON was asked for; not documented"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const SLACK: Profile = Profile {
    name: Borrowed("slack"),
    title: Borrowed("Slack"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://slack.com/api/oauth.v2.access")),
        authorization: Some(Borrowed("https://slack.com/oauth/v2/authorize")),
        hosts: Borrowed(&[Borrowed("slack.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(12)),
    login: Login {
        scope: Borrowed(&[Borrowed("users:read")]),
        scope_separator: Some(Borrowed(",")),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://api.slack.com/apps")),
        ..Login::PLAIN
    },
    fields: FieldMap {
        access_token: Borrowed(&[
            Borrowed("access_token"),
            Borrowed("authed_user.access_token"),
            Borrowed("token"),
        ]),
        refresh_token: Borrowed(&[Borrowed("refresh_token"), Borrowed("authed_user.refresh_token")]),
        token_type: Borrowed(&[Borrowed("token_type"), Borrowed("authed_user.token_type")]),
        scope: Borrowed(&[Borrowed("scope"), Borrowed("authed_user.scope")]),
        expires_in: Borrowed(&[Borrowed("expires_in"), Borrowed("authed_user.expires_in")]),
        expires_at: Borrowed(&[Borrowed("exp")]),
        issued_at: Borrowed(&[Borrowed("iat")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("workspace-migrates"),
            when: When {
                code: Borrowed(&[
                    Borrowed("team_added_to_org"),
                    Borrowed("org_login_required"),
                    Borrowed("accesslimited"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the workspace cannot answer now"),
            source: Some(Borrowed("https://docs.slack.dev/reference/methods/oauth.v2.access")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("bad_client_secret"),
                    Borrowed("invalid_arguments"),
                    Borrowed("invalid_arg_name"),
                    Borrowed("invalid_array_arg"),
                    Borrowed("invalid_charset"),
                    Borrowed("invalid_form_data"),
                    Borrowed("invalid_post_type"),
                    Borrowed("missing_post_type"),
                    Borrowed("method_deprecated"),
                    Borrowed("deprecated_endpoint"),
                    Borrowed("no_scopes"),
                    Borrowed("oauth_authorization_url_mismatch"),
                    Borrowed("invalid_team_for_non_distributed_app"),
                    Borrowed("token_rotation_not_enabled"),
                    Borrowed("enterprise_is_restricted"),
                    Borrowed("cannot_install_an_org_installed_app"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app or its request is refused"),
            source: Some(Borrowed("https://docs.slack.dev/reference/methods/oauth.v2.access")),
        },
        Override {
            name: Borrowed("login-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[
                    Borrowed("invalid_auth"),
                    Borrowed("not_allowed_token_type"),
                    Borrowed("two_factor_setup_required"),
                    Borrowed("user_removed_from_team"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the user has to install the app again"),
            source: Some(Borrowed("https://docs.slack.dev/reference/methods/oauth.v2.access")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://docs.slack.dev/authentication/using-token-rotation"),
        Borrowed("https://docs.slack.dev/reference/methods/oauth.v2.access"),
        Borrowed("https://docs.slack.dev/reference/methods/tooling.tokens.rotate"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("override.login-refused"),
        Borrowed("documented for Slack's methods in general, not seen for a refresh"),
    )]),
    ..Profile::GENERIC
};

pub(super) const SMARTSHEET: Profile = Profile {
    name: Borrowed("smartsheet"),
    title: Borrowed("Smartsheet"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.smartsheet.com/2.0/token")),
        authorization: Some(Borrowed("https://app.smartsheet.com/b/authorize")),
        hosts: Borrowed(&[
            Borrowed("api.smartsheet.com"),
            Borrowed("api.smartsheet.eu"),
            Borrowed("api.smartsheetgov.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(168)),
    login: Login {
        scope: Borrowed(&[Borrowed("READ_SHEETS")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errorCode"),
                    equals: Borrowed(&[Borrowed("4003")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://developers.smartsheet.com/api/smartsheet/error-codes")),
        },
        Override {
            name: Borrowed("busy"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errorCode"),
                    equals: Borrowed(&[Borrowed("4001"), Borrowed("4002"), Borrowed("4004")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server cannot answer now"),
            source: Some(Borrowed("https://developers.smartsheet.com/api/smartsheet/error-codes")),
        },
    ]),
    sources: Borrowed(&[Borrowed(
        "https://developers.smartsheet.com/api/smartsheet/guides/advanced-topics/oauth-2.0",
    )]),
    ..Profile::GENERIC
};

pub(super) const SMARTTHINGS: Profile = Profile {
    name: Borrowed("smartthings"),
    title: Borrowed("SmartThings"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.smartthings.com/oauth/token")),
        authorization: Some(Borrowed("https://api.smartthings.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.smartthings.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(24)),
    sources: Borrowed(&[Borrowed(
        "https://developer.smartthings.com/docs/connected-services/oauth-integrations",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("each refresh token works once and lives 30 days; what reuse does is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const SNAPCHAT: Profile = Profile {
    name: Borrowed("snapchat"),
    title: Borrowed("Snapchat (Marketing API)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://accounts.snapchat.com/login/oauth2/access_token")),
        authorization: Some(Borrowed("https://accounts.snapchat.com/login/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("accounts.snapchat.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_mins(30)),
    login: Login {
        scope: Borrowed(&[Borrowed("snapchat-marketing-api")]),
        redirect: Redirect::Https,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.snap.com/api/marketing-api/Ads-API/authentication")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a refresh token; whether it differs is not documented"),
    )]),
    ..Profile::GENERIC
};

pub(super) const SNOWFLAKE: Profile = Profile {
    name: Borrowed("snowflake"),
    title: Borrowed("Snowflake OAuth"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://{account}.snowflakecomputing.com/oauth/token-request")),
        authorization: Some(Borrowed("https://{account}.snowflakecomputing.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("*.snowflakecomputing.com"), Borrowed("*.snowflakecomputing.cn")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_mins(10)),
    login: Login {
        scope: Borrowed(&[Borrowed("refresh_token")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://docs.snowflake.com/en/user-guide/oauth-custom"),
        Borrowed("https://docs.snowflake.com/en/user-guide/oauth-intro"),
        Borrowed(
            "https://docs.snowflake.com/en/sql-reference/sql/create-security-integration-oauth-snowflake",
        ),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "an integration can be set to refresh tokens that work once; by default the refresh token stays the same for up to 90 days",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const SNYK: Profile = Profile {
    name: Borrowed("snyk"),
    title: Borrowed("Snyk"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.snyk.io/oauth2/token")),
        authorization: Some(Borrowed("https://app.snyk.io/oauth2/authorize")),
        hosts: Borrowed(&[
            Borrowed("api.snyk.io"),
            Borrowed("api.eu.snyk.io"),
            Borrowed("api.au.snyk.io"),
            Borrowed("api.us.snyk.io"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { scope: Borrowed(&[Borrowed("org.read")]), redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed(
            "https://docs.snyk.io/snyk-api/how-to-use-snyk-apps-apis/set-up-a-snyk-app-using-the-oauth2-api/set-up-the-refresh-token-exchange",
        ),
        Borrowed(
            "https://docs.snyk.io/snyk-api/how-to-use-snyk-apps-apis/set-up-a-snyk-app-using-the-oauth2-api/set-up-the-authorization-code-exchange",
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const SONOS: Profile = Profile {
    name: Borrowed("sonos"),
    title: Borrowed("Sonos"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.sonos.com/login/v3/oauth/access")),
        authorization: Some(Borrowed("https://api.sonos.com/login/v3/oauth")),
        hosts: Borrowed(&[Borrowed("api.sonos.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(24)),
    login: Login {
        scope: Borrowed(&[Borrowed("playback-control-all")]),
        redirect: Redirect::Https,
        client: Some(Borrowed("https://integration.sonos.com/integrations")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://docs.sonos.com/docs/authorize")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("a refresh answers with a refresh token that is documented to stay the same"),
    )]),
    ..Profile::GENERIC
};

pub(super) const SOUNDCLOUD: Profile = Profile {
    name: Borrowed("soundcloud"),
    title: Borrowed("SoundCloud"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://secure.soundcloud.com/oauth/token")),
        authorization: Some(Borrowed("https://secure.soundcloud.com/authorize")),
        hosts: Borrowed(&[Borrowed("secure.soundcloud.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://soundcloud.com/you/apps")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Accept"), Borrowed("application/json; charset=utf-8"))]),
        ..RefreshRequest::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developers.soundcloud.com/docs/api/guide#authentication")]),
    ..Profile::GENERIC
};

pub(super) const SPOTIFY: Profile = Profile {
    name: Borrowed("spotify"),
    title: Borrowed("Spotify"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://accounts.spotify.com")),
        token: Some(Borrowed("https://accounts.spotify.com/api/token")),
        authorization: Some(Borrowed("https://accounts.spotify.com/authorize")),
        hosts: Borrowed(&[Borrowed("accounts.spotify.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("user-read-private")]),
        client: Some(Borrowed("https://developer.spotify.com/dashboard")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens"),
        Borrowed("https://developer.spotify.com/documentation/web-api/tutorials/code-pkce-flow"),
        Borrowed("https://developer.spotify.com/blog/2026-06-18-refresh-token-expiration"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "with a client secret the refresh token mostly stays the same; with PKCE each works once; the strict case is assumed",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const SPRING_AUTHORIZATION_SERVER: Profile = Profile {
    name: Borrowed("spring-authorization-server"),
    title: Borrowed("Spring Authorization Server"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/oauth2/token")),
        authorization: Some(Borrowed("https://{host}/oauth2/authorize")),
        device_authorization: Some(Borrowed("https://{host}/oauth2/device_authorization")),
        revocation: Some(Borrowed("https://{host}/oauth2/revoke")),
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
    sources: Borrowed(&[
        Borrowed("https://docs.spring.io/spring-authorization-server/reference/core-model-components.html"),
        Borrowed("https://docs.spring.io/spring-authorization-server/reference/configuration-model.html"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("reuseRefreshTokens is true by default; set to false, each refresh token works once"),
        ),
        (Borrowed("lifetime"), Borrowed("the default of a client's token settings; the answer says it")),
    ]),
    ..Profile::GENERIC
};

pub(super) const SQUARE: Profile = Profile {
    name: Borrowed("square"),
    title: Borrowed("Square"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://connect.squareup.com/oauth2/token")),
        authorization: Some(Borrowed("https://connect.squareup.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("connect.squareup.com"), Borrowed("connect.squareupsandbox.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(720)),
    login: Login {
        scope: Borrowed(&[Borrowed("MERCHANT_PROFILE_READ")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.squareup.com/apps")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    fields: FieldMap {
        expires_at: Borrowed(&[Borrowed("expires_at")]),
        refresh_token_expires_in: Borrowed(&[Borrowed("refresh_token_expires_in")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errors[*].code"),
                    equals: Borrowed(&[Borrowed("RATE_LIMITED")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed(
                "https://developer.squareup.com/docs/build-basics/general-considerations/handling-errors",
            )),
        },
        Override {
            name: Borrowed("token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("errors[*].code"),
                    equals: Borrowed(&[
                        Borrowed("ACCESS_TOKEN_EXPIRED"),
                        Borrowed("ACCESS_TOKEN_REVOKED"),
                        Borrowed("REFRESH_TOKEN_EXPIRED"),
                        Borrowed("REFRESH_TOKEN_REVOKED"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed(
                "https://developer.squareup.com/docs/build-basics/general-considerations/handling-errors",
            )),
        },
        Override {
            name: Borrowed("client-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("type"),
                    equals: Borrowed(&[
                        Borrowed("service.not_authorized"),
                        Borrowed("bad_request.missing_parameter"),
                        Borrowed("bad_request"),
                    ]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the client or its request is refused"),
            source: Some(Borrowed("https://developer.squareup.com/docs/oauth-api/cookbook/troubleshoot")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developer.squareup.com/reference/square/o-auth-api/obtain-token"),
        Borrowed("https://developer.squareup.com/docs/oauth-api/refresh-revoke-limit-scope"),
        Borrowed("https://developer.squareup.com/docs/build-basics/general-considerations/handling-errors"),
    ]),
    unsure: Borrowed(&[
        (Borrowed("as_class"), Borrowed("with PKCE each refresh token works once and lives 90 days")),
        (Borrowed("override.token-dead"), Borrowed("the codes of a dead refresh token are not listed")),
    ]),
    ..Profile::GENERIC
};

pub(super) const STRAVA: Profile = Profile {
    name: Borrowed("strava"),
    title: Borrowed("Strava"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://www.strava.com/oauth/token")),
        authorization: Some(Borrowed("https://www.strava.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("www.strava.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(6)),
    login: Login {
        scope: Borrowed(&[Borrowed("read")]),
        scope_separator: Some(Borrowed(",")),
        client: Some(Borrowed("https://www.strava.com/settings/api")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[
                    MemberIs {
                        path: Borrowed("errors[*].resource"),
                        equals: Borrowed(&[
                            Borrowed("RefreshToken"),
                            Borrowed("AuthorizationCode"),
                            Borrowed("RequestToken"),
                        ]),
                    },
                    MemberIs { path: Borrowed("errors[*].code"), equals: Borrowed(&[Borrowed("invalid")]) },
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://github.com/dreeveapp/dreeve/issues/1449")),
        },
        Override {
            name: Borrowed("refresh-token-missing"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[
                    MemberIs {
                        path: Borrowed("errors[*].resource"),
                        equals: Borrowed(&[Borrowed("RefreshToken")]),
                    },
                    MemberIs { path: Borrowed("errors[*].code"), equals: Borrowed(&[Borrowed("missing")]) },
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request carries no refresh token"),
            source: Some(Borrowed("https://developers.strava.com/docs/authentication/")),
        },
        Override {
            name: Borrowed("app-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                members: Borrowed(&[
                    MemberIs {
                        path: Borrowed("errors[*].resource"),
                        equals: Borrowed(&[Borrowed("Application")]),
                    },
                    MemberIs {
                        path: Borrowed("errors[*].code"),
                        equals: Borrowed(&[Borrowed("invalid"), Borrowed("inactive"), Borrowed("missing")]),
                    },
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the app's id or secret is wrong, or the app is not active"),
            source: Some(Borrowed("https://github.com/dreeveapp/dreeve/issues/372")),
        },
        Override {
            name: Borrowed("athlete-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                members: Borrowed(&[
                    MemberIs {
                        path: Borrowed("errors[*].resource"),
                        equals: Borrowed(&[Borrowed("Athlete")]),
                    },
                    MemberIs { path: Borrowed("errors[*].code"), equals: Borrowed(&[Borrowed("invalid")]) },
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the athlete's authorization is gone"),
            source: Some(Borrowed("https://developers.strava.com/docs/authentication/")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://developers.strava.com/docs/authentication/"),
        Borrowed("https://developers.strava.com/docs/rate-limits/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("override.athlete-refused"),
        Borrowed("documented for API requests, not seen for a refresh"),
    )]),
    ..Profile::GENERIC
};

pub(super) const STRIPE_APPS: Profile = Profile {
    name: Borrowed("stripe-apps"),
    title: Borrowed("Stripe Apps"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.stripe.com/v1/oauth/token")),
        authorization: Some(Borrowed("https://marketplace.stripe.com/oauth/v2/authorize")),
        hosts: Borrowed(&[Borrowed("api.stripe.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    overrides: Borrowed(&[Override {
        name: Borrowed("request-refused"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
            members: Borrowed(&[MemberIs {
                path: Borrowed("error.type"),
                equals: Borrowed(&[Borrowed("invalid_request_error"), Borrowed("authentication_error")]),
            }]),
            ..When::ANY
        },
        verdict: Verdict::PermanentClient,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the key is wrong, or the request is not as the server wants it"),
        source: Some(Borrowed("https://docs.stripe.com/api/errors")),
    }]),
    sources: Borrowed(&[Borrowed("https://docs.stripe.com/stripe-apps/api-authentication/oauth")]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("whether reuse of a spent refresh token ends the grant is not documented"),
        ),
        (
            Borrowed("client_auth"),
            Borrowed("the documentation shows the key as the user name of Basic, which is no client id"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const STRIPE_CONNECT: Profile = Profile {
    name: Borrowed("stripe-connect"),
    title: Borrowed("Stripe Connect"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://connect.stripe.com/oauth/token")),
        authorization: Some(Borrowed("https://connect.stripe.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("connect.stripe.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    overrides: Borrowed(&[
        Override {
            name: Borrowed("secret-key-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
                words: Borrowed(&[Borrowed("api key")]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.type"),
                    equals: Borrowed(&[Borrowed("invalid_request_error"), Borrowed("authentication_error")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the platform's secret key is wrong or expired"),
            source: Some(Borrowed("https://docs.stripe.com/error-codes")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error.type"),
                    equals: Borrowed(&[Borrowed("invalid_request_error"), Borrowed("authentication_error")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request is not as the server wants it"),
            source: Some(Borrowed("https://docs.stripe.com/api/errors")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://docs.stripe.com/connect/oauth-reference"),
        Borrowed("https://docs.stripe.com/stripe-apps/api-authentication/oauth"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("whether reuse of a spent refresh token ends the grant is not documented"),
        ),
        (
            Borrowed("endpoints.token"),
            Borrowed(
                "Stripe Apps have one of their own, https://api.stripe.com/v1/oauth/token, whose answers live an hour",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const SUPABASE: Profile = Profile {
    name: Borrowed("supabase"),
    title: Borrowed("Supabase (Management API)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.supabase.com/v1/oauth/token")),
        authorization: Some(Borrowed("https://api.supabase.com/v1/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.supabase.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(24)),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    sources: Borrowed(&[
        Borrowed("https://supabase.com/docs/guides/integrations/build-a-supabase-oauth-integration"),
        Borrowed("https://supabase.com/docs/reference/api/v1-exchange-oauth-token"),
    ]),
    unsure: Borrowed(&[
        (Borrowed("as_class"), Borrowed("not documented; the strict case is assumed")),
        (Borrowed("lifetime"), Borrowed("the answer says it; a day is what was seen")),
    ]),
    ..Profile::GENERIC
};

pub(super) const SUPABASE_AUTH_GOTRUE: Profile = Profile {
    name: Borrowed("supabase-auth-gotrue"),
    title: Borrowed("Supabase Auth (GoTrue)"),
    as_class: AsClass::P3,
    grace: Span::from_secs(10),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{project}.supabase.co/auth/v1")),
        token: Some(Borrowed("https://{project}.supabase.co/auth/v1/token?grant_type=refresh_token")),
        authorization: Some(Borrowed("https://{project}.supabase.co/auth/v1/authorize")),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login { redirect: Redirect::Registered, ..Login::PLAIN },
    refresh: RefreshRequest { encoding: BodyEncoding::Json, ..RefreshRequest::PLAIN },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("throttled"),
            when: When {
                code: Borrowed(&[
                    Borrowed("over_request_rate_limit"),
                    Borrowed("over_email_send_rate_limit"),
                    Borrowed("over_sms_send_rate_limit"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("too many requests"),
            source: Some(Borrowed("https://supabase.com/docs/guides/auth/debugging/error-codes")),
        },
        Override {
            name: Borrowed("busy"),
            when: When {
                code: Borrowed(&[
                    Borrowed("conflict"),
                    Borrowed("request_timeout"),
                    Borrowed("hook_timeout"),
                    Borrowed("hook_timeout_after_retry"),
                    Borrowed("unexpected_failure"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::Transient,
            may_have_rotated: true,
            retry_after: None,
            message: Borrowed("the server cannot answer now"),
            source: Some(Borrowed("https://supabase.com/docs/guides/auth/debugging/error-codes")),
        },
        Override {
            name: Borrowed("session-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }]),
                code: Borrowed(&[
                    Borrowed("refresh_token_not_found"),
                    Borrowed("refresh_token_already_used"),
                    Borrowed("session_not_found"),
                    Borrowed("session_expired"),
                    Borrowed("user_not_found"),
                    Borrowed("user_banned"),
                    Borrowed("insufficient_aal"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the session is over"),
            source: Some(Borrowed("https://supabase.com/docs/guides/auth/debugging/error-codes")),
        },
        Override {
            name: Borrowed("refresh-token-dead"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
                words: Borrowed(&[
                    Borrowed("invalid refresh token"),
                    Borrowed("session expired"),
                    Borrowed("session not found"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is dead"),
            source: Some(Borrowed("https://github.com/supabase/auth")),
        },
        Override {
            name: Borrowed("api-key-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 401, to: 403 }]),
                words: Borrowed(&[Borrowed("no api key found"), Borrowed("invalid api key")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the project's API key is missing or wrong"),
            source: Some(Borrowed("https://supabase.com/docs/guides/api/api-keys")),
        },
        Override {
            name: Borrowed("request-refused"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 404 }, StatusRange { from: 422, to: 422 }]),
                code: Borrowed(&[
                    Borrowed("validation_failed"),
                    Borrowed("bad_json"),
                    Borrowed("unexpected_audience"),
                    Borrowed("provider_disabled"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the request is not as the server wants it"),
            source: Some(Borrowed("https://supabase.com/docs/guides/auth/debugging/error-codes")),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://supabase.com/docs/guides/auth/sessions"),
        Borrowed("https://supabase.com/docs/guides/auth/debugging/error-codes"),
        Borrowed("https://github.com/supabase/auth/pull/466"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("endpoints.hosts"),
            Borrowed(
                "none claimed: the same host has an ordinary OAuth 2.1 endpoint, /auth/v1/oauth/token, which takes forms",
            ),
        ),
        (
            Borrowed("refresh.headers"),
            Borrowed(
                "the project's publishable key must be sent as the header apikey; it is the user's to add",
            ),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const SURVEYMONKEY: Profile = Profile {
    name: Borrowed("surveymonkey"),
    title: Borrowed("SurveyMonkey"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.surveymonkey.com/oauth/token")),
        authorization: Some(Borrowed("https://api.surveymonkey.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.surveymonkey.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(8760)),
    sources: Borrowed(&[Borrowed("https://api.surveymonkey.com/v3/docs?shell#authentication")]),
    ..Profile::GENERIC
};
