//! What people have already, with the tools' own clients: helpers, libraries in other languages, packages.

#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a helper of a test fails like the test"))]

#[cfg(unix)]
mod c;
#[cfg(target_os = "linux")]
mod callers;
#[cfg(unix)]
mod docker;
#[cfg(unix)]
mod git;
#[cfg(unix)]
mod helpers;
#[cfg(target_os = "linux")]
mod install;
#[cfg(unix)]
mod kubectl;
#[cfg(target_os = "linux")]
mod metrics;
#[cfg(target_os = "linux")]
mod packaging;
#[cfg(unix)]
mod python;
#[cfg(unix)]
mod registry;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod sidecar;
#[cfg(unix)]
mod site;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(target_os = "linux")]
mod validators;
