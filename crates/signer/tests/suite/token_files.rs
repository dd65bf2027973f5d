//! Tokens in files: read anew each time, and refused where they are none.

use std::fs;
use std::path::Path;

use renewd_core::{ProofSpec, TokenSource};
use renewd_driver::Signer as _;
use renewd_signer::KeySigner;

use crate::proofs::{form_of, request};

/// What the request's form has for `subject_token` after the file was read.
fn read(path: &Path) -> Result<String, String> {
    let mut request = request();
    let source = TokenSource::File(path.to_str().unwrap().to_owned());
    request.proofs.push(ProofSpec::Token { parameter: "subject_token", source });
    wait_for(KeySigner::new().prove(&mut request))?;
    Ok(form_of(&request)["subject_token"].clone())
}

/// Waits on this thread: the files are read on others.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_file_is_read_anew_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    for token in ["first.token", "second.token"] {
        fs::write(&path, format!("{token}\n")).unwrap();
        assert_eq!(read(&path).as_deref(), Ok(token));
    }
}

#[test]
fn what_holds_no_token_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    for (content, words) in [
        (&b""[..], "is empty"),
        (b" \n", "is empty"),
        (b"two words", "spaces"),
        (b"caf\xc3\xa9", "characters"),
        (&[b'x'; (64 << 10) + 1], "longer"),
    ] {
        fs::write(&path, content).unwrap();
        let why = read(&path).unwrap_err();
        assert!(why.contains(words) && why.contains(path.to_str().unwrap()), "{why}");
    }
    assert!(read(folder.path()).unwrap_err().contains("is no regular file"));
    assert!(read(&folder.path().join("none")).unwrap_err().contains("does not exist"));
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_holds_nobody_up_and_a_file_that_all_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    // By the program: Apple's systems have no `mknodat`.
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(read(&pipe).unwrap_err().contains("is no regular file"));

    let path = folder.path().join("token");
    fs::write(&path, "a.token").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(read(&path).unwrap_err().contains("chmod o-w"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(read(&path).as_deref(), Ok("a.token"));
}
