//! The agent: one process that keeps every credential of a state folder, and serves tokens to whoever asks on its
//! socket.
//!
//! `serve` is its life from start to stop; `keepers` the credentials, `proxies` the proxies, `api` and `http` what it
//! answers, `metrics` what it counts, `door` who may come in, `accept` and `visitors` how many; `follow` carries out reloads, `sinks` writes token files,
//! `activation` and `notify` are for a service manager.

mod about;
mod accept;
mod activation;
mod api;
mod descriptors;
mod dispatch;
mod door;
mod events;
mod follow;
mod history;
mod http;
mod keepers;
mod login;
mod metrics;
mod notify;
mod openapi;
mod operations;
mod otel;
mod page;
mod proxies;
mod query;
mod rejected;
mod reload;
mod serve;
mod sinks;
mod stream;
mod visitors;

pub(crate) use activation::VARIABLES as OF_SERVICE_MANAGER;
pub(crate) use reload::ReloadDocument;
pub(crate) use serve::serve;
