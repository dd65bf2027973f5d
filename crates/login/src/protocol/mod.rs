//! What a login says and what it believes, without doing any of it.
//!
//! Everything here is pure: bytes and times come in, requests and facts go out, and the same input gives the same
//! output. Sockets, browsers, clocks and entropy are the business of the rest of this crate. What comes from outside is
//! read strictly (docs/decisions/0037): a metadata document decides where secrets go, so a wrong one is refused with a
//! reason rather than understood somehow. Answers of the token endpoint itself are read by `renewd_core`.

mod address;
mod refusal;

pub use address::{
    ADDRESS_MAX_BYTES, Address, HostKind, Issuer, authorization_server_addresses, is_public,
    protected_resource_addresses,
};
pub use refusal::{Reason, Refusal};
