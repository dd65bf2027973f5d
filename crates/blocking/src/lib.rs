//! renewd on a plain thread: no async runtime, neither here nor in the caller.
//!
//! [`Renewd`] runs the loop of `renewd-driver` on a thread of its own, with a timer on a second one. A
//! [`BlockingKeeper`] gives tokens to any thread; its calls block, but for at most as long as the caller says.
//!
//! ```
//! use std::sync::Arc;
//!
//! use renewd_blocking::Renewd;
//! use renewd_core::{Client, Policy, Profile, Span};
//! # use renewd_core::*;
//! # use renewd_driver::{CredentialStore, Expect, TokenEndpoint, testing::MemoryStore};
//! # struct Endpoint;
//! # #[async_trait::async_trait]
//! # impl TokenEndpoint for Endpoint {
//! #     async fn send(&self, _: AttemptId, _: TokenRequest) -> Answer {
//! #         let body = r#"{"access_token":"at-1","token_type":"Bearer","expires_in":3600}"#;
//! #         Answer::Response(Response {
//! #             status: 200,
//! #             headers: vec![("content-type".into(), "application/json".into())],
//! #             body: Secret::from(body),
//! #             truncated: false,
//! #         })
//! #     }
//! #     fn abort(&self, _: AttemptId) {}
//! # }
//! # fn a_login() -> Record {
//! #     let identity = Identity { token_endpoint: "https://as.example/token".into(), ..Identity::default() };
//! #     let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-0")), ..GrantMaterial::default() };
//! #     Record::new(1, identity, Settings::default(), grant, Now::default())
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a program: `renewd_ureq` for the endpoint, `renewd_store` for the store.
//! # let (endpoint, store) = (Arc::new(Endpoint), Arc::new(MemoryStore::new()));
//! # renewd_blocking::block_on(store.put(&"work".parse()?, &a_login(), Expect::Absent)).map_err(|_| "it is new")?;
//! let renewd = Renewd::builder(endpoint, store).spawn()?;
//! let keeper = renewd.keep("work".parse()?, renewd.setup(Policy::default(), Profile::generic(), Client::public("app")));
//!
//! let token = keeper.token(Span::from_secs(10))?; // at once while it is valid
//! let header = [token.token_type().as_bytes(), b" ", token.access_token().expose()].concat();
//! # assert_eq!(header, b"Bearer at-1");
//!
//! let drained = renewd.shutdown();
//! assert!(drained.lost.is_empty());
//! # Ok(())
//! # }
//! ```
mod block_on;
mod keeper;
mod renewd;
mod timer;
#[cfg(feature = "ureq")]
pub mod ureq;

pub use block_on::block_on;
pub use keeper::BlockingKeeper;
pub use renewd::{Builder, Renewd};
pub use renewd_driver::{
    CredentialName, Drained, DriverHandle, DriverOptions, Keeper, Lease, Ports, Rejection, Seen, TokenError,
    TokenGuard, TokenRequestOptions,
};
pub use timer::ThreadTimer;
