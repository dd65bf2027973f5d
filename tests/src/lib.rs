//! What the end-to-end tests share: a home of their own for each test, the built binary, an agent that ends with its
//! test, and requests over TCP and Unix sockets.
//!
//! The tests know the product only by its contract: command line, configuration, files, sockets. They use none of its
//! crates but the test servers, so whatever they show holds for a user too. Nothing here measures time: a test waits
//! for a condition ([`wait_for`]) and fails when it does not come true within [`PATIENCE`].

#![cfg(unix)]

mod agent;
mod binary;
mod browser;
mod crowd;
#[cfg(target_os = "linux")]
mod day;
pub mod disclosure;
#[cfg(target_os = "linux")]
pub mod disk;
mod door;
mod fleet;
mod home;
mod impostor;
#[cfg(target_os = "linux")]
pub mod memory;
mod overheard;
mod pass_through;
mod peer;
mod person;
mod points;
mod provider;
mod relay;
mod run;
mod scene;
#[cfg(target_os = "linux")]
mod service_manager;
mod session;
#[cfg(target_os = "linux")]
mod terminal;
mod wait;

pub use agent::Agent;
pub use binary::renewd;
pub use browser::{Browser, Desktop, Key};
pub use crowd::Crowd;
#[cfg(target_os = "linux")]
pub use day::{Day, Report};
pub use door::{Door, Stream};
pub use fleet::{
    TEST_POINT, TEST_POINT_LOG, at_point, finish_all, number, passings, points, spread, stampede,
    wait_stopped,
};
pub use home::{Home, QUICK_RETRY};
pub use impostor::{Impostor, Says};
pub use overheard::Seen;
pub use pass_through::{PassThrough, Stop};
pub use peer::{Counts, Peer, Place, Stranger};
pub use person::{Arrived, Person, percent};
pub use points::{Left, POINTS, every_point, is_lost, left_at, meet};
pub use provider::{Posted, Provider};
pub use relay::Relay;
pub use renewd_testkit as testkit;
pub use run::{Ran, Running, json};
pub use scene::{CLASSES, Scene, Served, count, report};
#[cfg(target_os = "linux")]
pub use service_manager::ServiceManager;
pub use session::{KEYRING_TIMEOUT, Session};
#[cfg(target_os = "linux")]
pub use terminal::Terminal;
pub use wait::{PATIENCE, Stopwatch, pause, unix_seconds, unix_seconds_of, wait_for};

/// The programs on the pages that a stranger reads first are compiled with the doctests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/library.md")]
    struct Library;
}
