//! Profiles whose names begin with `x`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, Login, Override, Profile, Redirect, StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const X_TWITTER: Profile = Profile {
    name: Borrowed("x-twitter"),
    title: Borrowed("X"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.x.com/2/oauth2/token")),
        authorization: Some(Borrowed("https://x.com/i/oauth2/authorize")),
        revocation: Some(Borrowed("https://api.x.com/2/oauth2/revoke")),
        hosts: Borrowed(&[
            Borrowed("api.x.com"),
            Borrowed("api.twitter.com"),
            Borrowed("x.com"),
            Borrowed("twitter.com"),
        ]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(2)),
    login: Login {
        scope: Borrowed(&[Borrowed("tweet.read"), Borrowed("users.read"), Borrowed("offline.access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.x.com/en/portal/dashboard")),
        ..Login::PLAIN
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 401 }]),
            code: Borrowed(&[Borrowed("invalid_request")]),
            words: Borrowed(&[
                Borrowed("value passed for the token was invalid"),
                Borrowed("value passed for the refresh token was invalid"),
                Borrowed("value passed for the refresh_token was invalid"),
            ]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is dead"),
        source: None,
    }]),
    sources: Borrowed(&[
        Borrowed("https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code"),
        Borrowed("https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/user-access-token"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("as_class"),
            Borrowed("each refresh token works once; whether reuse ends the whole grant is not documented"),
        ),
        (
            Borrowed("override.refresh-token-dead"),
            Borrowed("reported by many clients; not in the documentation"),
        ),
    ]),
    ..Profile::GENERIC
};

pub(super) const XERO: Profile = Profile {
    name: Borrowed("xero"),
    title: Borrowed("Xero"),
    as_class: AsClass::P3,
    grace: Span::from_mins(30),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://identity.xero.com")),
        token: Some(Borrowed("https://identity.xero.com/connect/token")),
        authorization: Some(Borrowed("https://login.xero.com/identity/connect/authorize")),
        revocation: Some(Borrowed("https://identity.xero.com/connect/revocation")),
        hosts: Borrowed(&[Borrowed("identity.xero.com"), Borrowed("login.xero.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_mins(30)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.xero.com/app/manage")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://developer.xero.com/documentation/guides/oauth2/token-types"),
        Borrowed("https://developer.xero.com/documentation/guides/oauth2/auth-flow"),
        Borrowed("https://community.xero.com/developer/discussion/105714701/"),
    ]),
    ..Profile::GENERIC
};
