//! What people have already, with the tools' own clients: helpers, libraries in other languages, packages.

#[cfg(unix)]
mod c;
#[cfg(target_os = "linux")]
mod install;
#[cfg(target_os = "linux")]
mod packaging;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(target_os = "linux")]
mod validators;
