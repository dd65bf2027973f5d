//! Profiles whose names begin with `j`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{ClientAuthMethod, Endpoints, Login, Profile, Redirect};
use crate::time::Span;

pub(super) const JOBBER: Profile = Profile {
    name: Borrowed("jobber"),
    title: Borrowed("Jobber"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.getjobber.com/api/oauth/token")),
        authorization: Some(Borrowed("https://api.getjobber.com/api/oauth/authorize")),
        hosts: Borrowed(&[Borrowed("api.getjobber.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[
        Borrowed("https://developer.getjobber.com/docs/building_your_app/refresh_token_rotation/"),
        Borrowed("https://developer.getjobber.com/docs/building_your_app/app_authorization/"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed(
            "with rotation switched off the same token comes again (P0), with a \"warning\" beside it; apps from before 2024 keep the old token for a while",
        ),
    )]),
    ..Profile::GENERIC
};

pub(super) const JUMPCLOUD: Profile = Profile {
    name: Borrowed("jumpcloud"),
    title: Borrowed("JumpCloud"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://oauth.id.jumpcloud.com/")),
        token: Some(Borrowed("https://oauth.id.jumpcloud.com/oauth2/token")),
        authorization: Some(Borrowed("https://oauth.id.jumpcloud.com/oauth2/auth")),
        revocation: Some(Borrowed("https://oauth.id.jumpcloud.com/oauth2/revoke")),
        hosts: Borrowed(&[Borrowed("oauth.id.jumpcloud.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic, ClientAuthMethod::Post, ClientAuthMethod::None]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[
        Borrowed("https://jumpcloud.com/support/sso-with-oidc"),
        Borrowed("https://oauth.id.jumpcloud.com/.well-known/openid-configuration"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("an Ory Hydra by its answers, whose reuse revokes the family"),
    )]),
    ..Profile::GENERIC
};
