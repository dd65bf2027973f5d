//! How a credential lives, told from outside: each test is one promise.

mod ahead;
mod audiences;
mod clocks;
mod copies;
mod details;
mod giving_up;
mod grants;
mod lifetimes;
mod looks;
mod outage;
mod overdue;
mod proofs;
mod provider;
mod races;
mod rejected;
mod replaced;
mod status;
mod stop;
mod stragglers;
mod transaction;
mod unsettled;
mod wakes;
