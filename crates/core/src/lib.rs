//! Keeps OAuth 2.0 access tokens alive: the pure state machine.
//!
//! One [`Lifecycle`] is one credential. It performs no I/O, reads no clock and draws no entropy: the caller feeds it
//! inputs with the time, drains its commands and asks when to come back. The same inputs always give the same
//! commands, so a night's history can be replayed in a second, and any runtime can host it.
//!
//! # The run loop, in five steps
//!
//! 1. Read both clocks into a [`Now`].
//! 2. Hand one input to [`Lifecycle::handle`].
//! 3. Drain [`Lifecycle::poll_command`] until it gives `None`, starting what it asks for. What each command's outcome
//!    is called as an input stands with the command.
//! 4. Ask [`Lifecycle::poll_timeout`] when to come back, and [`Lifecycle::serve`] what a waiting caller gets.
//! 5. Sleep until then, or until an outcome or a caller arrives. Go to 1.
//!
//! One mutation, then a full drain: a command left in the queue delays everything behind it.
//!
//! # What this crate promises
//!
//! - It never panics, whatever the input or the order (property tests feed it random sequences).
//! - It is total: every input is answered in every state (`docs/states.md` is generated from that table).
//! - Secrets never implement `Debug`, `Display` or `Serialize` and are overwritten when dropped.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm, clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

extern crate alloc;

mod answer;
mod attempt;
mod budget;
mod client;
mod command;
mod grant_type;
mod input;
mod jitter;
mod lifecycle;
mod policy;
mod profile;
mod record;
mod request;
mod secret;
mod server_clock;
mod time;
mod verdict;
mod view;

pub use answer::{
    Answer, Failure, FailureKind, Grant, Judgement, NextProof, OVERRIDES_MAX, PATHS_MAX, RequestContext,
    Response, RuleFacts, Sent, is_path, judge, plain_line, redacted_line, rules,
};
pub use attempt::{AttemptId, BootId, Fence, Owner};
pub use budget::Budget;
pub use client::{Client, ClientAuth};
pub use command::{Command, Hint, Publication, PublishedToken, RefreshReason, Report, Ticket};
pub use grant_type::{AssertionClaims, GrantType, JwtBearer, SigningKey, TokenExchange, TokenSource};
pub use input::{CommitFailure, Input, Loaded, StoreFault, StoreFaultKind};
pub use lifecycle::{Lifecycle, Setup};
pub use policy::{AuthRetryingPolicy, Policy, RETRY_AFTER_MAX, RefreshPolicy, RequestPolicy, RetryPolicy};
pub use profile::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, List, Login, MemberIs, Override, Profile,
    RESERVED_LOGIN_PARAMETERS, Redirect, RefreshRequest, StatusRange, Text, When,
};
pub use record::{
    Access, AccessKey, GrantMaterial, Identity, Intent, LastAttempt, NotBefore, Orphaned, RECORD_FORMAT,
    Record, RecordState, RefusedCause, Registration, RtExpiry, Settings, Stamp, Window,
};
pub use request::{
    AuthorizationCode, ProofSpec, Proving, RESERVED_HEADERS, TokenRequest, TokenTypeHint, is_reserved_header,
};
pub use secret::{Held, Keeping, Secret, keep_secrets};
pub use server_clock::ServerClock;
pub use time::{Boot, Now, Span, Wall};
pub use verdict::{Evidence, Verdict};
pub use view::{Cause, Health, OtherToken, Phase, Serve, Status, Unavailable, View, Wake};
