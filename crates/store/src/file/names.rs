//! What the files of a credential are called.

use renewd_driver::CredentialName;

/// The sealed record.
const RECORD: &str = ".record";
/// The greatest version ever committed.
const MARK: &str = ".mark";
/// The right to spend.
const CLAIM: &str = ".claim";
/// The right to write.
const WRITE: &str = ".write";
/// A record that was set aside, and its number behind it.
const DAMAGED: &str = ".damaged-";
/// What was prepared for a login.
const PREPARED: &str = ".prepared";
/// The same, set aside.
const PREPARED_ASIDE: &str = ".prepared-damaged";

pub(super) fn record(name: &CredentialName) -> String {
    format!("{name}{RECORD}")
}

pub(super) fn mark(name: &CredentialName) -> String {
    format!("{name}{MARK}")
}

pub(super) fn claim(name: &CredentialName) -> String {
    format!("{name}{CLAIM}")
}

pub(super) fn write(name: &CredentialName) -> String {
    format!("{name}{WRITE}")
}

pub(super) fn damaged(name: &CredentialName, number: u32) -> String {
    format!("{name}{DAMAGED}{number}")
}

pub(super) fn prepared(name: &CredentialName) -> String {
    format!("{name}{PREPARED}")
}

pub(super) fn prepared_aside(name: &CredentialName) -> String {
    format!("{name}{PREPARED_ASIDE}")
}

/// The credential that a file was prepared for.
pub(super) fn prepared_for(file: &str) -> Option<CredentialName> {
    file.strip_suffix(PREPARED)?.parse().ok()
}

/// The number of a set-aside file of that credential.
pub(super) fn damaged_number(file: &str, name: &CredentialName) -> Option<u32> {
    file.strip_prefix(name.as_str())?.strip_prefix(DAMAGED)?.parse().ok()
}

/// The credential that a file gives evidence of: one was committed under that name once.
pub(super) fn evident(file: &str) -> Option<CredentialName> {
    let plain = file.strip_suffix(RECORD).or_else(|| file.strip_suffix(MARK));
    let stem = plain.or_else(|| {
        let (stem, number) = file.rsplit_once(DAMAGED)?;
        number.parse::<u32>().ok().map(|_| stem)
    })?;
    stem.parse().ok()
}

/// The credential whose record a file is.
pub(super) fn recorded(file: &str) -> Option<CredentialName> {
    file.strip_suffix(RECORD)?.parse().ok()
}

/// The credential whose mark a file is.
pub(super) fn marked(file: &str) -> Option<CredentialName> {
    file.strip_suffix(MARK)?.parse().ok()
}

/// The credential that somebody began to write: where records lie elsewhere, one may stand there without a mark.
pub(super) fn begun(file: &str) -> Option<CredentialName> {
    file.strip_suffix(WRITE)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_another_ones_file_stays_apart() {
        let plain: CredentialName = "a".parse().unwrap();
        let tricky: CredentialName = "a.damaged-1".parse().unwrap();
        assert_eq!(evident(&record(&tricky)), Some(tricky.clone()));
        assert_eq!(evident(&damaged(&tricky, 7)), Some(tricky.clone()));
        assert_eq!(evident(&damaged(&plain, 1)), Some(plain.clone()));
        assert_eq!(damaged_number(&damaged(&plain, 12), &plain), Some(12));
        assert_eq!(damaged_number(&damaged(&tricky, 12), &plain), None);
        for other in [
            "store.toml",
            "store.lock",
            "a.claim",
            "a.write",
            "a.prepared",
            "a.prepared-damaged",
            ".a.tmp-0123456789abcdef",
            ".x.record",
        ] {
            assert_eq!(evident(other), None, "{other}");
        }
    }
}
