//! Profiles whose names begin with `q`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{ClientAuthMethod, Endpoints, Login, Profile, Redirect};
use crate::time::Span;

pub(super) const QONTO: Profile = Profile {
    name: Borrowed("qonto"),
    title: Borrowed("Qonto"),
    endpoints: Endpoints {
        token: Some(Borrowed("https://oauth.qonto.com/oauth2/token")),
        authorization: Some(Borrowed("https://oauth.qonto.com/oauth2/auth")),
        hosts: Borrowed(&[Borrowed("oauth.qonto.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed(
        "https://docs.qonto.com/get-started/business-api/authentication/oauth/oauth-flow",
    )]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("each refresh token works once; what reuse does is not documented"),
    )]),
    ..Profile::GENERIC
};
