//! Nothing is known to help here.

use std::process::Command;

use super::ProcessState;

pub(super) fn harden() {}

pub(super) fn forbid_core_files_for_good() {}

pub(super) fn state() -> ProcessState {
    ProcessState { dumpable: None, core_bytes_max: None }
}

/// Nothing is to be given back.
pub fn start_as_the_user_would(_: &mut Command) {}
