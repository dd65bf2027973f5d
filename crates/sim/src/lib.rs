//! A deterministic world for renewd.
//!
//! A scenario is a timeline of faults ([`Scenario`], a TOML file) against a simulated authorization server, network,
//! clocks and store. It runs the real core and the real driver in virtual time: a day takes milliseconds, and the same
//! seed gives the same night to the millisecond.
//!
//! ```
//! let scenario = renewd_sim::Scenario::parse(r#"
//!     name = "a firewall for an hour"
//!     as = { lifetime = "20m" }
//!     end = "3h"
//!     [[at]]
//!     t = "30m"
//!     server = "waf-block"
//!     [[at]]
//!     t = "90m"
//!     server = "ok"
//!     [[expect]]
//!     t = "80m"
//!     status = "auth_retrying"
//!     [[expect]]
//!     by = "101m"
//!     status = "running"
//! "#).unwrap();
//! let outcome = renewd_sim::run(&scenario);
//! assert_eq!(outcome.broken, Vec::<String>::new());
//! assert_eq!(outcome.totals.expired_served, 0);
//! ```
mod duration;
mod outcome;
mod points;
mod scenario;
pub mod swarm;
mod world;

pub use outcome::{Line, Outcome, Totals};
pub use scenario::{
    Action, ApiMode, ClockChange, Damage, Entry, ExpectTotals, Expectation, Flaw, LoginGrant, Network, On,
    PROCESSES_MAX, PointRule, ProcessAction, Scenario, ScenarioError, StoreMode, When, WireFault,
};
pub use world::run;
