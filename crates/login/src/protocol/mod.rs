//! What a login says and what it believes, without doing any of it.
//!
//! Everything here is pure: bytes and times come in, requests and facts go out, and the same input gives the same
//! output. Sockets, browsers, clocks and entropy are the business of the rest of this crate. What comes from outside is
//! read strictly (docs/decisions/0037): a metadata document decides where secrets go, so a wrong one is refused with a
//! reason rather than understood somehow. Answers of the token endpoint itself are read by `renewd_core`.

mod address;
mod authorization;
mod callback;
mod challenge;
mod denial;
mod device;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod handshake;
mod id_token;
mod json;
mod metadata;
mod refusal;
mod registration;
mod resource;

pub use address::{
    ADDRESS_MAX_BYTES, Address, HostKind, Issuer, authorization_server_addresses, is_public,
    protected_resource_addresses,
};
pub use authorization::{AuthorizationRequest, PushedRequest};
pub use callback::{Callback, CallbackExpected, read_callback, read_pasted};
pub use challenge::Challenge;
pub use denial::Denial;
pub use device::{DeviceAnswer, DevicePoll, DeviceRequest, PollAnswer, PollEnd, PollStep};
pub use handshake::{HANDSHAKE_ENTROPY_BYTES, Handshake};
pub use id_token::{IdTokenExpected, Identified, check_id_token};
pub use json::METADATA_MAX_BYTES;
pub use metadata::{CodeFlow, ServerMetadata};
pub use refusal::{Reason, Refusal};
pub use registration::{
    Registered, RegistrationRequest, check_client_document, check_client_id, client_document,
};
pub use resource::{ResourceMatch, ResourceMetadata};
