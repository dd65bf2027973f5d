//! A user who may lock nothing. A file of its own: the limit is the process's.
#![cfg(target_os = "linux")]

use renewd_core::Secret;
use renewd_hardening::memory;
use rustix::process::{Resource, Rlimit, setrlimit};

#[test]
fn a_user_who_may_lock_no_memory_has_his_secrets_in_ordinary_memory_and_is_told_why() {
    if rustix::process::geteuid().is_root() {
        // Root's limit is none (CAP_IPC_LOCK); the arena's own tests refuse pages to everybody.
        eprintln!("skipped: root may lock memory whatever the limit");
        return;
    }
    setrlimit(Resource::Memlock, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    memory::lock_secrets();
    let secret = Secret::from("rt-1");
    assert!(secret.same_as(b"rt-1"));
    let state = memory::state();
    assert!(state.installed && state.elsewhere > 0, "{state:?}");
    assert_eq!(state.locked_bytes, 0);
    assert!(state.refused.as_deref().is_some_and(|why| why.contains("ulimit -l")), "{state:?}");
}
