//! What the platforms do differently: opening without following links, checking owner and mode, durable renames,
//! room on disk, and which file systems share their locks.
//!
//! Both sides offer one type, `Dir`. Everything in a folder is reached through it, so that no check can be
//! forgotten on one path.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{Dir, preallocate, read_shared_key};
#[cfg(windows)]
pub(crate) use windows::{Dir, preallocate, read_shared_key};
