//! What holds a secret cannot be formatted or serialised: `{:?}` in a log line does not compile, rather than leak.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use renewd_core as core;
use serde::Serialize;

/// Asks the compiler whether a type has a trait: where the bound holds, the inherent constant goes before the trait's.
struct Ask<T: ?Sized>(PhantomData<T>);

macro_rules! question {
    ($without:ident, $constant:ident, $trait:path) => {
        trait $without {
            const $constant: bool = false;
        }
        impl<T: ?Sized> $without for Ask<T> {}
        impl<T: ?Sized + $trait> Ask<T> {
            const $constant: bool = true;
        }
    };
}

question!(NoDebug, DEBUG, Debug);
question!(NoDisplay, DISPLAY, Display);
question!(NoSerialize, SERIALIZE, Serialize);

/// The names of the traits that a type has.
macro_rules! shows {
    ($type:ty) => {{
        let asked = [
            (Ask::<$type>::DEBUG, "Debug"),
            (Ask::<$type>::DISPLAY, "Display"),
            (Ask::<$type>::SERIALIZE, "Serialize"),
        ];
        (
            stringify!($type),
            asked.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect::<Vec<_>>(),
        )
    }};
}

#[test]
fn the_question_is_answered_by_the_compiler() {
    assert_eq!(shows!(String).1, ["Debug", "Display", "Serialize"]);
    assert_eq!(shows!(Vec<u8>).1, ["Debug", "Serialize"]);
    assert_eq!(shows!(fn(PhantomData<Ask<u8>>) -> Ask<u8>).1, ["Debug"]);
    assert_eq!(shows!(Ask<u8>).1, [""; 0]);
}

#[test]
fn nothing_that_holds_a_secret_can_be_printed_or_serialised() {
    for (name, traits) in [
        shows!(core::Secret),
        shows!(core::Held),
        shows!(core::Access),
        shows!(core::Answer),
        shows!(core::Client),
        shows!(core::ClientAuth),
        shows!(core::Command),
        shows!(core::Grant),
        shows!(core::GrantMaterial),
        shows!(core::Judgement),
        shows!(core::Loaded),
        shows!(core::Publication),
        shows!(core::PublishedToken),
        shows!(core::Record),
        shows!(core::RequestContext<'_>),
        shows!(core::Response),
        shows!(core::Settings),
        shows!(core::TokenRequest),
        shows!(core::ProofSpec),
        shows!(core::AuthorizationCode<'_>),
        shows!(core::GrantType),
        shows!(core::TokenExchange),
        shows!(core::TokenSource),
        shows!(core::JwtBearer),
        shows!(core::AssertionClaims),
        shows!(core::SigningKey),
        shows!(core::Registration),
        shows!(core::Input),
        shows!(renewd_store::KeyMaterial),
        shows!(renewd_proxy::BearerToken),
    ] {
        assert!(traits.is_empty(), "{name} has {traits:?}");
    }
}

#[test]
fn what_a_host_logs_of_its_token_is_when_it_expires_and_not_what_it_is() {
    // Their `Debug` is written by hand; that it shows no token stands with the driver's tests.
    for (name, traits) in [
        shows!(renewd_driver::Lease),
        shows!(renewd_driver::TokenGuard<'_>),
        shows!(renewd_driver::Snapshot),
        shows!(renewd_driver::Rejection),
    ] {
        assert_eq!(traits, ["Debug"], "{name}");
    }
}
