//! Secrets come by standard input, by file, or by an open descriptor: never by argument, never by environment.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use renewd_core::Secret;

use super::file::{FileError, SECRET_BYTES_MAX, read_checked, read_limited};
use crate::exit::Failure;

/// Standard error, the last descriptor that every program has.
#[cfg(unix)]
const STANDARD_STREAM_MAX: i32 = 2;

/// Where a secret comes from: a file's path, or `fd:N` for a descriptor that the caller opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// A file.
    File(PathBuf),
    /// An inherited descriptor.
    Descriptor(i32),
}

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_prefix("fd:") else {
            return match text {
                "" => Err("is empty; it must be a path or fd:N".into()),
                "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" => Ok(Self::Descriptor(0)),
                _ => Ok(Self::File(text.into())),
            };
        };
        match number.parse::<i32>() {
            Ok(n) if (0..=65_535).contains(&n) && number.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Self::Descriptor(n))
            }
            _ => Err("is not fd:N with the number of an open descriptor".into()),
        }
    }
}

impl SecretSource {
    /// Whether it reads standard input, which only one reader can have.
    pub(crate) fn is_stdin(&self) -> bool {
        matches!(self, Self::Descriptor(0))
    }

    /// Reads a private key, which may have many lines. `what` names it for people: "the client's key".
    ///
    /// # Errors
    /// A usage failure that says what is wrong, never what was read.
    pub(crate) fn read_key(&self, what: &str) -> Result<Secret, Failure> {
        match self {
            Self::File(path) => read_key_file(path, what).map_err(Failure::usage),
            Self::Descriptor(fd) => {
                let failed = |why| Failure::usage(format!("{what}: descriptor {fd} {why}"));
                let file = descriptor(*fd).map_err(failed)?;
                let bytes = read_limited(file, SECRET_BYTES_MAX).map_err(|why| failed(why.to_string()))?;
                key(&bytes).map_err(failed)
            }
        }
    }

    /// Reads it. `what` names it for people: "the client secret".
    ///
    /// # Errors
    /// A usage failure that says what is wrong, never what was read.
    pub(crate) fn read(&self, what: &str) -> Result<Secret, Failure> {
        match self {
            Self::File(path) => read_secret_file(path, what).map_err(Failure::usage),
            Self::Descriptor(fd) => {
                let file = descriptor(*fd)
                    .map_err(|why| Failure::usage(format!("{what}: descriptor {fd} {why}")))?;
                let bytes = read_limited(file, SECRET_BYTES_MAX)
                    .map_err(|why| Failure::usage(format!("{what}: descriptor {fd} {why}")))?;
                clean(&bytes).map_err(|why| Failure::usage(format!("{what} from descriptor {fd} {why}")))
            }
        }
    }
}

/// Reads a secret from a file that nobody else can write.
///
/// # Errors
/// A sentence for people.
pub(crate) fn read_secret_file(path: &Path, what: &str) -> Result<Secret, String> {
    let shown = path.display();
    let bytes = read_checked(path, SECRET_BYTES_MAX)
        .map_err(|e: FileError| format!("{what}: the file {shown} {}", e.text()))?;
    clean(&bytes).map_err(|why| format!("{what} from {shown} {why}"))
}

/// Reads a private key from a file that nobody else can write: a PEM block or a JWK, as it stands.
///
/// # Errors
/// A sentence for people, without the key.
pub(crate) fn read_key_file(path: &Path, what: &str) -> Result<Secret, String> {
    let shown = path.display();
    let bytes = read_checked(path, SECRET_BYTES_MAX)
        .map_err(|e: FileError| format!("{what}: the file {shown} {}", e.text()))?;
    key(&bytes).map_err(|why| format!("{what} from {shown} {why}"))
}

/// A private key as text, a PEM block or a JWK, that can be signed with: seen here, where it is known where it lies.
///
/// # Errors
/// Half a sentence for people, without the key.
pub(crate) fn key(bytes: &[u8]) -> Result<Secret, String> {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err("is empty".into());
    }
    if !text.is_ascii() || text.contains(&0) {
        return Err(
            "is no text: a PEM block or a JWK is needed; `openssl pkey -inform DER` makes one of DER".into(),
        );
    }
    let key = Secret::copy_of(text);
    renewd_signer::PrivateKey::parse(&key).map_err(|why| format!("cannot be used: {why}"))?;
    Ok(key)
}

/// A secret without the line break behind it. Tokens and secrets are visible ASCII and spaces (RFC 6749 appendix A):
/// anything else came from a wrong file.
///
/// # Errors
/// Half a sentence for people, without the secret.
pub(crate) fn clean(bytes: &[u8]) -> Result<Secret, String> {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.starts_with(b"{") {
        return Err(
            "is a JSON document, not the bare secret; pick the one field, for example with jq -r".into()
        );
    }
    if text.iter().any(|b| matches!(b, b'\n' | b'\r')) {
        return Err("has more than one line".into());
    }
    if text.iter().any(u8::is_ascii_control) {
        return Err("holds a control character".into());
    }
    if !text.is_ascii() {
        return Err("holds bytes outside ASCII".into());
    }
    Ok(Secret::copy_of(text))
}

/// An inherited descriptor, for reading.
///
/// # Errors
/// Half a sentence for people, where it is not open.
#[cfg(unix)]
pub(super) fn descriptor(fd: i32) -> Result<std::fs::File, String> {
    use std::os::fd::BorrowedFd;
    // A duplicate; the inherited one stays open for whoever else counts on it, but no child of ours gets it.
    #[expect(
        unsafe_code,
        reason = "a descriptor number from the command line can be borrowed in no other way"
    )]
    // SAFETY: the number is not -1, and it is only used for the calls that find out whether it is open; nothing of ours
    // closes inherited descriptors meanwhile.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let file = borrowed.try_clone_to_owned().map(std::fs::File::from).map_err(|_| "is not open")?;
    // What leads to a secret of ours is no business of a program that we start: a file could be read there once more.
    // The standard streams are that program's too.
    if fd > STANDARD_STREAM_MAX {
        use rustix::io::{FdFlags, fcntl_setfd};
        fcntl_setfd(borrowed, FdFlags::CLOEXEC)
            .map_err(|_| "cannot be kept from the programs that are started")?;
    }
    Ok(file)
}

/// Standard input: no other descriptor has a number here.
///
/// # Errors
/// Half a sentence for people, for any other.
#[cfg(not(unix))]
pub(super) fn descriptor(fd: i32) -> Result<std::io::Stdin, String> {
    if fd == 0 { Ok(std::io::stdin()) } else { Err("cannot be read on this system; name a file".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_that_nothing_can_be_signed_with_is_named_with_what_is_wrong_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, "ssh-ed25519 AAAA someone\n").unwrap();
        let why = read_key_file(&path, "the client's key").err().unwrap();
        let expected =
            format!("the client's key from {} cannot be used: this is no private key", path.display());
        assert!(why.starts_with(&expected), "{why}");
    }

    #[test]
    fn a_source_is_a_path_or_a_descriptor() {
        for (text, source) in [
            ("/run/secrets/cs", SecretSource::File("/run/secrets/cs".into())),
            ("fd:3", SecretSource::Descriptor(3)),
            ("-", SecretSource::Descriptor(0)),
            ("/dev/stdin", SecretSource::Descriptor(0)),
        ] {
            assert_eq!(text.parse::<SecretSource>().unwrap(), source);
        }
        for text in ["", "fd:", "fd:x", "fd:-1", "fd:+1", "fd:99999999"] {
            assert!(text.parse::<SecretSource>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_line_break_behind_a_secret_is_dropped_and_nothing_else_is_let_in() {
        assert!(clean(b"rt-1\r\n").unwrap().same_as(b"rt-1"));
        assert!(clean(b"  rt with space \n").unwrap().same_as(b"rt with space"));
        for (bytes, why) in [
            (&b""[..], "is empty"),
            (b" \n", "is empty"),
            (b"rt-1\nrt-2\n", "more than one line"),
            (b"rt\0", "control character"),
            (b"rt\x1b[0m", "control character"),
            ("rt-\u{fc}".as_bytes(), "outside ASCII"),
            (b"{\"refresh_token\":\"rt-1\"}", "JSON document"),
        ] {
            let error = clean(bytes).err().unwrap();
            assert!(error.contains(why) && !error.contains("rt-1"), "{error}");
        }
    }

    #[test]
    fn a_key_may_have_many_lines_and_a_binary_one_is_told_how_to_become_text() {
        let made = renewd_signer::generate(renewd_signer::Algorithm::Es256).unwrap();
        let lines = made.expose_str().unwrap().replace(',', ",\n") + "\n";
        assert!(lines.lines().count() > 1 && key(lines.as_bytes()).unwrap().same_as(lines.trim().as_bytes()));
        assert!(key(br#"{"kty":"EC"}"#).err().unwrap().starts_with("cannot be used: "));
        assert!(key(&[0x30, 0x82, 0x01]).err().unwrap().contains("openssl"));
        assert_eq!(key(b" \n").err().unwrap(), "is empty");
    }

    #[cfg(unix)]
    #[test]
    fn a_descriptor_that_a_secret_came_by_is_kept_from_the_programs_that_are_started() {
        use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"the-secret-of-a-client\n").unwrap();
        let inherited = file.reopen().unwrap();
        // As a shell hands one over.
        fcntl_setfd(&inherited, FdFlags::empty()).unwrap();
        let secret = SecretSource::Descriptor(inherited.as_raw_fd()).read("the client secret").unwrap();
        assert!(secret.same_as(b"the-secret-of-a-client"));
        assert!(fcntl_getfd(&inherited).unwrap().contains(FdFlags::CLOEXEC));
    }

    #[cfg(unix)]
    #[test]
    fn a_closed_descriptor_is_an_error_and_no_panic() {
        let error = SecretSource::Descriptor(60_000).read("the client secret").err().unwrap();
        assert!(error.message.contains("descriptor 60000 is not open"), "{}", error.message);
    }
}
