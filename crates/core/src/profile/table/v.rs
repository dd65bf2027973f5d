//! Profiles whose names begin with `v`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{ClientAuthMethod, Endpoints, Profile};
use crate::time::Span;

pub(super) const VERCEL: Profile = Profile {
    name: Borrowed("vercel"),
    title: Borrowed("Vercel (Sign in with Vercel)"),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://vercel.com")),
        token: Some(Borrowed("https://api.vercel.com/login/oauth/token")),
        authorization: Some(Borrowed("https://vercel.com/oauth/authorize")),
        device_authorization: Some(Borrowed("https://api.vercel.com/login/oauth/device-authorization")),
        revocation: Some(Borrowed("https://api.vercel.com/login/oauth/token/revoke")),
        hosts: Borrowed(&[Borrowed("api.vercel.com"), Borrowed("vercel.com")]),
    },
    client_auth: Borrowed(&[
        ClientAuthMethod::Post,
        ClientAuthMethod::Basic,
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::None,
    ]),
    lifetime: Some(Span::from_hours(1)),
    sources: Borrowed(&[
        Borrowed("https://vercel.com/docs/sign-in-with-vercel/authorization-server-api"),
        Borrowed("https://vercel.com/docs/sign-in-with-vercel/tokens"),
    ]),
    unsure: Borrowed(&[(
        Borrowed("client_auth"),
        Borrowed("an app chooses its method; which are offered is read from the discovery document"),
    )]),
    ..Profile::GENERIC
};
