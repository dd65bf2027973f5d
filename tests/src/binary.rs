//! Which binary is tested.

use std::path::PathBuf;

/// The variable that says where it lies.
const VARIABLE: &str = "RENEWD_BIN";

/// The built binary. `cargo xtask test` builds it and says where; a test that looked for one by itself might test
/// yesterday's.
///
/// # Panics
/// When nobody said where it is.
pub fn renewd() -> PathBuf {
    let path = std::env::var_os(VARIABLE).map(PathBuf::from);
    let path = path.unwrap_or_else(|| {
        panic!("{VARIABLE} is not set: run `cargo xtask test`, which builds renewd first")
    });
    assert!(
        path.is_file(),
        "{VARIABLE} names {}, where no file is: run `cargo xtask test`, which builds renewd first",
        path.display()
    );
    path
}
