//! The refresh transaction as a checked model: every order of events, within stated bounds.
//!
//! Two or three processes share one credential. They want a refresh, die, stand still and are told to stop; requests
//! and answers are lost or late; writes fail, or are lost in a power cut; people log in and out. A search visits every
//! state that this can lead to, and looks in each at every [`Promise`]. A promise that is broken comes with the way
//! there, step by step ([`story`]). What is left out of a model proves nothing about what is in it, so every rule of
//! the protocol can be left out as a [`Mutant`], and the search has to notice by name.
//!
//! - [`Setting`] says what is explored. [`Machine`] is the model's own process; [`Process`] is what the world asks of
//!   one, and the real [`Lifecycle`](renewd_core::Lifecycle) is another ([`RealProcess`]).
//! - [`World`] is everything around the processes: the store with what a power cut leaves of it, the claim, the wire,
//!   the [`Server`], and what the promises need to remember.
//! - [`exhaust`] searches everything; [`shortest_way`] looks for one broken promise.
//!
//! # Time
//!
//! Times are whole units. What is not waited for takes none: time passes only when nobody who is awake has anything to
//! do. Slowness is a fault like any other ([`Fault::Pause`], [`Fault::Stalled`]).
//!
//! # Assumed
//!
//! A request reaches the server at most once; and it takes effect while its socket is open, or less than `settle`
//! after it was closed, or never. A process that dies closes its sockets. The kernel gives back the claim of whoever
//! dies, and grants it to one at a time. The *write* lock is held around compare and rename.
//!
//! # Rule by rule
//!
//! The machine's functions carry the names of core's, in files of the same names. A test finds each in both places.
//!
//! | step of the page | rule | in core |
//! |---|---|---|
//! | 1 claim | `begin` | `claim.rs` |
//! | 1 claim | `claim_when_due` | `claim.rs` |
//! | 1 claim | `on_claim_denied` | `claim.rs` |
//! | 2 read | `on_claim_granted` | `claim.rs` |
//! | 2 read | `read_under_claim` | `claim.rs` |
//! | 2 read | `refuse_to_spend` | `claim.rs` |
//! | 2 read | `hold_back` | `claim.rs` |
//! | 2 adopt | `adopt` | `adopt.rs` |
//! | 2 adopt | `take_over` | `adopt.rs` |
//! | 2 adopt | `on_loaded` | `adopt.rs` |
//! | 2 adopt | `on_loaded_refreshing` | `adopt.rs` |
//! | 2 adopt | `on_loaded_unsaved` | `adopt.rs` |
//! | 2 adopt | `refresh_bookkeeping` | `adopt.rs` |
//! | 3 orphan | `standing` | `mark.rs` |
//! | 3 orphan | `settle_time` | `mark.rs` |
//! | 3 orphan | `settle_when_due` | `schedule.rs` |
//! | 4 mark | `mark` | `mark.rs` |
//! | 4 mark | `on_marked` | `mark.rs` |
//! | 4 mark | `on_mark_failed` | `mark.rs` |
//! | 4 mark | `unmark` | `mark.rs` |
//! | 4 mark | `end_attempt` | `mark.rs` |
//! | 5 send | `on_answer` | `outcome.rs` |
//! | 5 send | `on_success` | `outcome.rs` |
//! | 5 send | `on_failure` | `outcome.rs` |
//! | 5 send | `leave_intent` | `outcome.rs` |
//! | 5 send | `refusal` | `outcome.rs` |
//! | 5 send | `straggler_hold` | `outcome.rs` |
//! | 5 send | `schedule_failure` | `retry.rs` |
//! | 5 send | `late_answer` | `revoke.rs` |
//! | 6 commit | `on_committed` | `commit.rs` |
//! | 6 commit | `on_commit_failed` | `commit.rs` |
//! | 6 commit | `commit_faulted` | `commit.rs` |
//! | 6 commit | `settle_intent` | `commit.rs` |
//! | 6 commit | `holds_new_tokens` | `commit.rs` |
//! | 6 commit | `commit_fenced` | `commit.rs` |
//! | 6 commit | `is_newer_than_write` | `commit.rs` |
//! | 6 unsaved | `keep_unsaved` | `commit.rs` |
//! | 6 unsaved | `save_when_due` | `commit.rs` |
//! | 6 unsaved | `save_now` | `commit.rs` |
//! | 6 unsaved | `unsaved` | `stop.rs` |
//! | login, logout | `replace` | `adopt.rs` |
//! | login, logout | `is_over` | `revoke.rs` |
//! | login, logout | `discard` | `revoke.rs` |
//! | shutdown | `stop_now` | `stop.rs` |
//! | shutdown | `stop_gently` | `stop.rs` |
//! | shutdown | `stop_when_due` | `stop.rs` |
//! | store | `request_load` | `store.rs` |
//! | store | `mind_loads` | `store.rs` |
//! | store | `release` | `store.rs` |
//! | store | `return_claim` | `store.rs` |
//! | store | `forget_claim` | `store.rs` |
//! | store | `rest_for_store` | `store.rs` |
//! | between | `resting` | `schedule.rs` |
//! | between | `forget_plans` | `commit.rs` |
#![forbid(unsafe_code)]

mod explore;
mod machine;
mod mutant;
mod paired;
mod process;
mod promise;
mod real;
mod record;
mod search;
mod server;
mod setting;
mod story;
mod world;

pub use explore::{Findings, exhaust, shortest_way};
pub use machine::Machine;
pub use mutant::Mutant;
pub use paired::{Paired, PairedRecord};
pub use process::{Answer, Command, Failure, Fence, Input, Process, Seen};
pub use promise::Promise;
pub use real::{RealClock, RealProcess, RealRecord};
pub use record::{Attempt, Intent, Orphaned, Record, RecordState, Stored, Token};
pub use search::{Tally, Transaction};
pub use server::{Server, Verdict};
pub use setting::{Bounds, Fault, Setting};
pub use story::story;
pub use world::{Step, World};
