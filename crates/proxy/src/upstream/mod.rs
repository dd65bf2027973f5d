//! The upstream side: the one target, its connections, and what goes wrong with them.

mod dial;
mod failure;
mod half_deaf;
mod idle;
mod link;
mod moment;
mod pool;
mod shared;
mod target;
mod tls;

pub(crate) use dial::Dialer;
pub(crate) use failure::{FailureKind, SendFailure};
pub(crate) use moment::Moment;
pub(crate) use pool::{Manner, Pool, Tenancy};
pub(crate) use target::climbs;
pub use target::{Upstream, UpstreamError};
pub use tls::TrustError;
pub(crate) use tls::client_config;
