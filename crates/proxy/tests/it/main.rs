//! The proxy on real sockets, between clients and upstreams whose every byte the tests write and read.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

mod access;
mod bound;
mod canary;
mod example;
mod failures;
mod forwarding;
mod layer;
mod lifecycle;
mod no_token;
mod protected_api;
mod replay;
mod streaming;
mod wire;
mod world;
