//! Secrets in locked memory, seen from outside. A file of its own: where secrets lie is said once in a process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use renewd_core::Secret;
use renewd_hardening::memory;

/// The flags of the mapping that holds the address, as the kernel lists them.
fn flags_at(address: usize) -> String {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut holds = false;
    for line in smaps.lines() {
        let range = line.split(' ').next().unwrap().split_once('-');
        let ends = range.map(|(from, to)| (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)));
        if let Some((Ok(from), Ok(to))) = ends {
            holds = (from..to).contains(&address);
        } else if holds && line.starts_with("VmFlags:") {
            return line.to_owned();
        }
    }
    panic!("no mapping holds {address:x}");
}

#[test]
fn a_secret_made_after_it_was_asked_for_lies_in_locked_pages_and_one_made_before_stays() {
    let before = Secret::from("rt-before");
    let place = before.expose().as_ptr();
    assert!(!memory::state().installed);
    memory::lock_secrets();
    memory::lock_secrets();

    assert!(std::ptr::eq(before.expose().as_ptr(), place));
    assert!(before.same_as(b"rt-before"));
    let after = Secret::from("rt-after");
    assert!(after.same_as(b"rt-after"));
    let state = memory::state();
    assert!(state.installed);
    match &state.refused {
        None => {
            let flags = flags_at(after.expose().as_ptr().addr());
            assert!(flags.contains(" lo") && flags.contains(" dd"), "{flags}");
            assert!(state.locked_bytes > 0);
            assert_eq!(state.elsewhere, 0);
        }
        // Where the user's share is used up the secret is as good as ever, and it is counted.
        Some(why) => assert!(why.contains("ulimit -l") && state.elsewhere > 0, "{state:?}"),
    }

    // One that no slot is large enough for.
    let large = Secret::new(vec![b'x'; 100_000]);
    assert_eq!(large.len(), 100_000);
    assert_eq!(memory::state().elsewhere, state.elsewhere + 1);
}
