//! A scriptable OAuth 2.0 authorization server and protected API, on real HTTP, for tests.

mod api;
mod client;
mod clock;
mod delivery;
mod fault;
mod gzip;
mod http;
mod model;
mod script;
mod server;

pub use api::{ApiEntry, ApiTotals, ApiWaitTimeout, ProtectedApi, checksum};
pub use client::{HttpAnswer, http_request, read_answer};
pub use delivery::Delivery;
pub use fault::{DRIP_INTERVAL_MS, Fault, FaultError, HUGE_BODY_BYTES};
pub use model::{
    AccessCheck, AccessOrdinal, AsClass, AsConfig, AsModel, AsReply, ClientAuth, ExpiresIn, FormError,
    GrantId, LOG_ENTRIES, LogEntry, MintedGrant, RefreshOrdinal, RefreshStanding, TokenForm, TokenVerdict,
    Totals, UnknownClass,
};
pub use script::Script;
pub use server::{AuthorizationServer, WaitTimeout};
