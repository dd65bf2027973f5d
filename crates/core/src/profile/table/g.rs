//! Profiles whose names begin with `g`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, MemberIs, Override, Profile, Redirect, RefreshRequest,
    StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const GITEA: Profile = Profile {
    name: Borrowed("gitea"),
    title: Borrowed("Gitea"),
    as_class: AsClass::P1,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://{host}")),
        token: Some(Borrowed("https://{host}/login/oauth/access_token")),
        authorization: Some(Borrowed("https://{host}/login/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("gitea.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    overrides: Borrowed(&[
        Override {
            name: Borrowed("refresh-token-spent"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("unauthorized_client")]),
                words: Borrowed(&[Borrowed("token was already used")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token is spent"),
            source: Some(Borrowed(
                "https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go",
            )),
        },
        Override {
            name: Borrowed("refresh-token-unreadable"),
            when: When {
                status: Borrowed(&[StatusRange { from: 400, to: 400 }]),
                code: Borrowed(&[Borrowed("unauthorized_client")]),
                words: Borrowed(&[Borrowed("unable to parse refresh token")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the refresh token has expired, or the server's key has changed"),
            source: Some(Borrowed(
                "https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed("https://docs.gitea.com/development/oauth2-provider"),
        Borrowed("https://docs.gitea.com/administration/config-cheat-sheet#oauth2-oauth2"),
        Borrowed("https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("with INVALIDATE_REFRESH_TOKENS a spent token is refused (P2)"),
    )]),
    ..Profile::GENERIC
};

pub(super) const GITHUB: Profile = Profile {
    name: Borrowed("github"),
    title: Borrowed("GitHub (GitHub Apps, user access tokens)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://github.com/login/oauth/access_token")),
        authorization: Some(Borrowed("https://github.com/login/oauth/authorize")),
        device_authorization: Some(Borrowed("https://github.com/login/device/code")),
        hosts: Borrowed(&[Borrowed("github.com"), Borrowed("*.ghe.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(8)),
    login: Login { client: Some(Borrowed("https://github.com/settings/apps")), ..Login::PLAIN },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Accept"), Borrowed("application/json"))]),
        ..RefreshRequest::PLAIN
    },
    overrides: Borrowed(&[
        Override {
            name: Borrowed("unknown-client"),
            when: When {
                status: Borrowed(&[StatusRange { from: 404, to: 404 }]),
                members: Borrowed(&[MemberIs {
                    path: Borrowed("error"),
                    equals: Borrowed(&[Borrowed("Not Found")]),
                }]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("there is no such client ID: the app may be deleted"),
            source: Some(Borrowed(
                "https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors",
            )),
        },
        Override {
            name: Borrowed("unknown-client-page"),
            when: When {
                status: Borrowed(&[StatusRange { from: 404, to: 404 }]),
                page: Borrowed(&[
                    Borrowed("page not found &middot; github"),
                    Borrowed("page not found · github"),
                ]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("there is no such client ID: the app may be deleted"),
            source: None,
        },
        Override {
            name: Borrowed("unverified-user-email"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("unverified_user_email")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the user must verify the primary e-mail address"),
            source: Some(Borrowed(
                "https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors",
            )),
        },
        Override {
            name: Borrowed("device-flow-disabled"),
            when: When {
                status: Borrowed(&[StatusRange { from: 200, to: 200 }, StatusRange { from: 400, to: 403 }]),
                code: Borrowed(&[Borrowed("device_flow_disabled")]),
                ..When::ANY
            },
            verdict: Verdict::PermanentClient,
            may_have_rotated: false,
            retry_after: None,
            message: Borrowed("the device flow is not switched on for this app"),
            source: Some(Borrowed(
                "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#error-codes-for-the-device-flow",
            )),
        },
    ]),
    sources: Borrowed(&[
        Borrowed(
            "https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens",
        ),
        Borrowed(
            "https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors",
        ),
    ]),
    unsure: Borrowed(&[
        (Borrowed("override.unknown-client"), Borrowed("seen in reports, not documented")),
        (
            Borrowed("override.unknown-client-page"),
            Borrowed("seen in reports: the page for people comes where JSON was not asked for"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const GITLAB_DOORKEEPER: Profile = Profile {
    name: Borrowed("gitlab-doorkeeper"),
    title: Borrowed("GitLab (and other servers with Doorkeeper)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://gitlab.com")),
        token: Some(Borrowed("https://gitlab.com/oauth/token")),
        authorization: Some(Borrowed("https://gitlab.com/oauth/authorize")),
        device_authorization: Some(Borrowed("https://gitlab.com/oauth/authorize_device")),
        revocation: Some(Borrowed("https://gitlab.com/oauth/revoke")),
        hosts: Borrowed(&[Borrowed("gitlab.com")]),
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("read_user")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://gitlab.com/-/user_settings/applications")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://docs.gitlab.com/api/oauth2/"),
        Borrowed("https://docs.gitlab.com/integration/oauth_provider/"),
        Borrowed("https://github.com/doorkeeper-gem/doorkeeper/blob/main/config/locales/en.yml"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "a spent token just fails; other servers with Doorkeeper may keep it until the new access token is first used, which is P4",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const GOOGLE: Profile = Profile {
    name: Borrowed("google"),
    title: Borrowed("Google"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://accounts.google.com")),
        token: Some(Borrowed("https://oauth2.googleapis.com/token")),
        authorization: Some(Borrowed("https://accounts.google.com/o/oauth2/v2/auth")),
        device_authorization: Some(Borrowed("https://oauth2.googleapis.com/device/code")),
        revocation: Some(Borrowed("https://oauth2.googleapis.com/revoke")),
        hosts: Borrowed(&[
            Borrowed("accounts.google.com"),
            Borrowed("oauth2.googleapis.com"),
            Borrowed("oauth2.mtls.googleapis.com"),
            Borrowed("www.googleapis.com"),
        ]),
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post, ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("email")]),
        parameters: Borrowed(&[
            (Borrowed("access_type"), Borrowed("offline")),
            (Borrowed("prompt"), Borrowed("consent")),
        ]),
        client: Some(Borrowed("https://console.cloud.google.com/apis/credentials")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developers.google.com/identity/protocols/oauth2/web-server#offline"),
        Borrowed("https://developers.google.com/identity/protocols/oauth2#expiration"),
        Borrowed("https://accounts.google.com/.well-known/openid-configuration"),
    ]),
    ..Profile::GENERIC
};

pub(super) const GOTO: Profile = Profile {
    name: Borrowed("goto"),
    title: Borrowed("GoTo (GoToMeeting, GoToWebinar, GoTo Connect)"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://authentication.logmeininc.com/oauth/token")),
        authorization: Some(Borrowed("https://authentication.logmeininc.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("authentication.logmeininc.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[Borrowed("https://developer.goto.com/Authentication/")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "an answer carries a new refresh token when the old one is near its end; what becomes of that is not documented",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const GUSTO: Profile = Profile {
    name: Borrowed("gusto"),
    title: Borrowed("Gusto"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.gusto.com/oauth/token")),
        authorization: Some(Borrowed("https://api.gusto.com/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.gusto.com"), Borrowed("api.gusto-demo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(2)),
    sources: Borrowed(&[
        Borrowed("https://docs.gusto.com/app-integrations/docs/oauth2"),
        Borrowed("https://docs.gusto.com/embedded-payroll/docs/company-access-tokens"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed(
                "a refresh token is exchanged for a new pair; that the old one dies is not said in words",
            ),
        ),
        (
            Borrowed("refresh.parameters"),
            Borrowed("older documentation wants redirect_uri too, the current one does not"),
        ),
    ]),
    ..Profile::GENERIC
};
