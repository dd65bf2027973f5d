//! Profiles whose names begin with `v`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{AsClass, ClientAuthMethod, Endpoints, Login, Profile, Redirect};
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
    login: Login {
        scope: Borrowed(&[Borrowed("openid"), Borrowed("offline_access")]),
        redirect: Redirect::Registered,
        ..Login::PLAIN
    },
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

pub(super) const VIMEO: Profile = Profile {
    name: Borrowed("vimeo"),
    title: Borrowed("Vimeo"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.vimeo.com/oauth/access_token")),
        authorization: Some(Borrowed("https://api.vimeo.com/oauth/authorize")),
        device_authorization: Some(Borrowed("https://api.vimeo.com/oauth/device")),
        hosts: Borrowed(&[Borrowed("api.vimeo.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(8760)),
    login: Login {
        scope: Borrowed(&[Borrowed("public")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.vimeo.com/apps")),
        ..Login::PLAIN
    },
    sources: Borrowed(&[Borrowed("https://developer.vimeo.com/api/authentication")]),
    ..Profile::GENERIC
};
