//! The stores from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
mod contract;
mod crash;
#[cfg(unix)]
mod damage;
#[cfg(target_os = "linux")]
mod desktop;
mod every_store;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod forks;
#[cfg(unix)]
mod home;
mod keyring;
mod keyring_faults;
mod keyring_home;
mod keyring_loop;
mod keyring_model;
#[cfg(unix)]
mod keys;
#[cfg(unix)]
mod opening;
mod prepared;
#[cfg(unix)]
mod privacy;
#[cfg(unix)]
mod processes;
mod records;
#[cfg(unix)]
mod rekey;
#[cfg(unix)]
mod rekey_crash;
#[cfg(unix)]
mod rekey_races;
#[cfg(unix)]
mod rekey_shared;
#[cfg(target_os = "linux")]
mod sandbox;
mod simulated;
#[cfg(windows)]
mod windows;
