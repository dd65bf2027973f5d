//! For tests: a desktop session of one's own with a real keyring on it, providers that fail as they are told, and what
//! every keyring has to pass.

pub mod contract;
#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod fake;
#[cfg(target_os = "linux")]
mod keepassxc;
#[cfg(target_os = "linux")]
mod leash;
#[cfg(target_os = "linux")]
mod on_bus;

#[cfg(target_os = "linux")]
pub use self::desktop::{Desktop, Provider};
#[cfg(target_os = "linux")]
pub use self::fake::{Behaviour, FakeService, Prompted};
