//! Windows: error reports without the heap. (`SetErrorMode` would forbid them whole, and the programs that we start
//! would inherit that.)

use std::process::Command;

use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};

use super::ProcessState;

pub(super) fn harden() {
    #[expect(unsafe_code, reason = "error reports are the system's business")]
    // SAFETY: the call takes a number and touches no memory of ours.
    let _ = unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) };
}

pub(super) fn forbid_core_files_for_good() {}

pub(super) fn state() -> ProcessState {
    ProcessState { dumpable: None, core_bytes_max: None }
}

/// Nothing is inherited here that a program would not have of the user.
pub fn start_as_the_user_would(_: &mut Command) {}
