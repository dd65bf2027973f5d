//! The pictures in the documentation, each made by the product itself: `cargo xtask pictures` makes them anew. As tests they
//! are made too, below the build folder, so that none of them shows what there is no more.

#![cfg(target_os = "linux")]

mod status_page;
mod watch;

use std::path::{Path, PathBuf};

/// Where a picture goes: to the documentation where that was asked for, else below the build folder.
pub(crate) fn keep(made: &Path, name: &str) -> PathBuf {
    let Some(folder) = std::env::var_os("RENEWD_PICTURES") else { return made.to_owned() };
    let path = PathBuf::from(folder).join(name);
    std::fs::copy(made, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}
