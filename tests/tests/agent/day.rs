//! Five hours of a bad day, in some seconds: `cargo xtask day` lives a whole one.

#![cfg(target_os = "linux")]

use renewd_e2e::Day;

#[test]
fn no_request_fails_while_a_valid_token_exists_whatever_is_restarted() {
    let report = Day { speed: 1600, hours: 5, seed: 7 }.live();
    println!("{report}");
    assert!(report.broken.is_empty(), "{report}");
    assert!(report.refreshes >= 15, "{report}");
    let done = report.trouble.iter().filter(|(_, n)| *n > 0).count();
    assert!(done >= 8, "everything came in turn: {report}");
}
