//! What a program that uses the library leaves in its memory, once it has let everything go: nothing.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;

use renewd_e2e::memory::Search;
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ClientAuth, issued_after};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::NamedTempFile;

/// The program, `src/bin/memory-subject.rs`. Dropping it ends it.
struct Subject {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Subject {
    fn start(argument: &str, tls: Option<&TlsFront>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_memory-subject"))
            .arg(argument)
            .args(tls.map(|front| front.ca_file.path()))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let stdin = child.stdin.take().expect("it is a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { child, stdin, stdout }
    }

    fn tell(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).expect("it listens");
    }

    #[track_caller]
    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it speaks");
        assert_eq!(line.trim_end(), word);
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// TLS before a server that speaks none, one request for one connection.
struct TlsFront {
    url: String,
    ca_file: NamedTempFile,
}

impl TlsFront {
    fn before(server: SocketAddr) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(made.cert.pem().as_bytes()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}/token", listener.local_addr().unwrap().port());
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                pass_on(StreamOwned::new(tls, stream), server);
            }
        });
        Self { url, ca_file }
    }
}

/// The request to the server, its answer back. The request says `Connection: close`, so the answer has an end.
fn pass_on(mut client: StreamOwned<ServerConnection, TcpStream>, server: SocketAddr) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        match client.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&piece[..read]),
        }
    }
    let mut upstream = TcpStream::connect(server).expect("the server is there");
    upstream.write_all(&request).expect("it takes the request");
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).expect("it answers");
    let _ = client.write_all(&answer);
    client.conn.send_close_notify();
    let _ = client.flush();
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length is a number"))
}

fn nothing_is_left(argument: &str, with_tls: bool) {
    let secret = format!(
        "c/s+{}=&",
        AuthorizationServer::start(AsConfig::default()).unwrap().mint_grant().access_token
    );
    let server = AuthorizationServer::start(AsConfig {
        client_secret: Some(secret.clone()),
        client_auth: ClientAuth::Basic,
        ..AsConfig::default()
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let front = with_tls.then(|| TlsFront::before(server.addr()));
    let mut subject = Subject::start(argument, front.as_ref());
    subject.expect("ready");
    subject.tell(folder.path().join("state").to_str().unwrap());
    subject.tell(&front.as_ref().map_or_else(|| server.token_url(), |front| front.url.clone()));
    subject.tell(&server.mint_grant().refresh_token);
    subject.tell(&secret);
    subject.expect("held");

    let issued = issued_after(0);
    let mut search = Search::new().with("the client secret", secret.as_bytes());
    // Those of tests that run beside this one are looked for too, and cannot be there.
    for issued in issued.iter().filter(|issued| issued.text != secret) {
        search = search.with(&format!("{:?}", issued.kind), issued.text.as_bytes());
    }
    let held = search.in_process(subject.child.id()).expect("a child's memory can be read");
    for label in ["AccessToken", "RefreshToken", "the client secret"] {
        assert!(held.holds(label), "{label} is held and was not found: the search sees nothing\n{held:?}");
    }

    subject.tell("go on");
    subject.expect("dropped");
    let left = search.in_process(subject.child.id()).expect("a child's memory can be read");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn on_the_heap_nothing_is_left_of_any_secret_once_all_is_dropped() {
    nothing_is_left("heap", false);
}

#[test]
fn in_locked_memory_nothing_is_left_of_any_secret_once_all_is_dropped() {
    nothing_is_left("locked", false);
}

/// On the default allocator the TLS library leaves what it decrypted in buffers of its own, which nobody but an allocator
/// can reach.
#[test]
fn over_tls_nothing_is_left_of_any_secret_once_all_is_dropped_where_freed_memory_is_overwritten() {
    nothing_is_left("hardened", true);
}
