//! What a program needs of the system, by what stands in it: the libraries it names, and the versions of their symbols.

use std::path::Path;

use crate::shell::{self, Failure};

/// Libraries of the C library's package.
const LIBC: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// The compiler's own, which unwinds.
const LIBGCC: &str = "libgcc_s.so.1";

/// What stands in `Depends`.
///
/// # Errors
/// Where the program cannot be read, or names a library that is not expected: nothing is to come along unseen.
pub(super) fn of(binary: &Path) -> Result<String, Failure> {
    Ok(read(&headers(binary)?)?.join(", "))
}

/// Whether it starts without anything of a system: it names no library, and no loader that would look for them.
///
/// # Errors
/// Where the program cannot be read.
pub(super) fn is_static(binary: &Path) -> Result<bool, Failure> {
    Ok(needs_nothing(&headers(binary)?))
}

fn headers(binary: &Path) -> Result<String, Failure> {
    let mut objdump = shell::command("objdump");
    objdump.arg("--private-headers").arg(binary);
    shell::output(objdump)
}

fn needs_nothing(headers: &str) -> bool {
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    !headers.lines().filter_map(first).any(|word| matches!(word.as_str(), "NEEDED" | "INTERP"))
}

fn read(headers: &str) -> Result<Vec<String>, String> {
    let needed: Vec<&str> =
        headers.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")).map(str::trim).collect();
    let mut depends = Vec::new();
    if needed.iter().any(|library| LIBC.contains(library)) {
        depends
            .push(format!("libc6 (>= {})", highest(headers, "GLIBC_").ok_or("names no version of GLIBC")?));
    }
    if needed.contains(&LIBGCC) {
        depends
            .push(format!("libgcc-s1 (>= {})", highest(headers, "GCC_").ok_or("names no version of GCC")?));
    }
    match needed.iter().find(|library| !LIBC.contains(library) && **library != LIBGCC) {
        Some(other) => Err(format!("the program needs {other}, and nobody said which package has it")),
        None => Ok(depends),
    }
}

/// The highest version of a symbol.
fn highest(headers: &str, prefix: &str) -> Option<String> {
    let versions = headers.split_whitespace().filter_map(|word| word.strip_prefix(prefix));
    let numbers = |text: &str| text.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
    let highest = versions.filter_map(numbers).max()?;
    Some(highest.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "Dynamic Section:
  NEEDED               libgcc_s.so.1
  NEEDED               libc.so.6
  INIT                 0x0000000000001000
Version References:
  required from libgcc_s.so.1:
    0x0b792650 0x00 11 GCC_3.0
    0x0a1a2c52 0x00 03 GCC_4.2.0
  required from libc.so.6:
    0x069691b9 0x00 12 GLIBC_2.39
    0x09691a75 0x00 02 GLIBC_2.2.5
    0x069691b4 0x00 09 GLIBC_2.34
";

    #[test]
    fn the_newest_symbol_of_each_library_says_which_version_is_needed() {
        assert_eq!(read(HEADERS).unwrap(), ["libc6 (>= 2.39)", "libgcc-s1 (>= 4.2.0)"]);
    }

    #[test]
    fn a_static_program_needs_nothing_and_an_unknown_library_is_an_error() {
        assert_eq!(read("Program Header:\n").unwrap(), Vec::<String>::new());
        assert!(needs_nothing("Program Header:\n    LOAD off    0x0\n"));
        assert!(!needs_nothing(HEADERS));
        assert!(!needs_nothing("Program Header:\n  INTERP off    0x0000000000000350 vaddr 0x350\n"));
        let error = read("  NEEDED               libssl.so.3\n").unwrap_err();
        assert!(error.contains("libssl.so.3"), "{error}");
    }
}
