//! The proxy on real sockets, between clients and upstreams whose every byte the tests write and read.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

mod abuse;
mod access;
mod bound;
mod canary;
mod example;
mod failures;
mod forwarding;
mod grpc;
mod layer;
mod lifecycle;
mod matrix;
mod no_token;
mod observed;
mod protected_api;
mod replay;
mod routes;
mod shared;
mod streaming;
mod talk;
mod websocket;
mod wire;
mod world;
