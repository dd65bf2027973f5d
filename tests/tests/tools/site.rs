//! A small server behind which a tool's own protocol is played: one request a connection, and a function that answers it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_e2e::Door;
use renewd_e2e::testkit::ProtectedApi;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A client that sends nothing for longer than this is gone.
const SILENCE: Duration = Duration::from_secs(20);

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The scheme and the token of `Authorization`; of a password's, the user name too.
    pub(crate) fn shown(&self) -> Option<(String, String, Option<String>)> {
        let (scheme, rest) = self.field("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Some((scheme.into(), rest.into(), None));
        }
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((scheme.into(), password.into(), Some(user.into())))
    }
}

/// What is answered: status, fields, body.
pub(crate) struct Says(pub(crate) u16, pub(crate) Vec<(String, String)>, pub(crate) Vec<u8>);

impl Says {
    /// JSON.
    pub(crate) fn json(status: u16, text: impl Into<String>) -> Self {
        Self(status, vec![("Content-Type".into(), "application/json".into())], text.into().into_bytes())
    }

    /// One more field.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.1.push((name.into(), value.into()));
        self
    }
}

type Answering = dyn Fn(&Asked) -> Says + Send + Sync;

/// A request's target, and its `Authorization`.
pub(crate) type Seen = (String, Option<String>);

/// The server; it ends with the test's process.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Site {
    /// Over plain HTTP on loopback.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Says + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(answer))
    }

    /// Over TLS, with a certificate that nobody knows.
    pub(crate) fn start_tls(answer: impl Fn(&Asked) -> Says + Send + Sync + 'static) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self::serve(Some(Arc::new(config)), Arc::new(answer))
    }

    fn serve(tls: Option<Arc<ServerConfig>>, answer: Arc<Answering>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, answer, log) = (tls.clone(), Arc::clone(&answer), Arc::clone(&log));
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(SILENCE)).unwrap();
                    // A client that breaks off sees the end of it, and the test sees the client.
                    let _ = match tls {
                        None => one(stream, &*answer, &log),
                        Some(config) => {
                            let session = ServerConnection::new(config).unwrap();
                            one(StreamOwned::new(session, stream), &*answer, &log)
                        }
                    };
                });
            }
        });
        Self { address, seen }
    }

    /// Method and path of every request, with the scheme of what it showed.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn one(
    stream: impl Read + Write,
    answer: &Answering,
    log: &Mutex<Vec<(String, Option<String>)>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let asked = match read(&mut reader) {
        Ok(asked) => asked,
        // A client that tries TLS first goes on without it when it is told so in plain words.
        Err(error) => {
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 400 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
            return Err(error);
        }
    };
    let shown = asked.shown().map(|(scheme, ..)| scheme);
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((format!("{} {}", asked.method, asked.path), shown));
    let Says(status, fields, body) = answer(&asked);
    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if asked.method != "HEAD" {
        stream.write_all(&body)?;
    }
    stream.flush()
}

fn read(reader: &mut impl BufRead) -> io::Result<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    let mut fields = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.trim_end().split_once(':').unwrap_or((line.trim_end(), ""));
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, path, query, fields, body: Vec::new() };
    if asked.field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        asked.body = chunks(reader)?;
    } else if let Some(length) = asked.field("content-length").and_then(|text| text.parse().ok()) {
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body)?;
    }
    Ok(asked)
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk)?;
        if length == 0 {
            return Ok(body);
        }
        chunk.truncate(length);
        body.extend(chunk);
    }
}

/// Whether the authorization server's own API takes that token, as it stands now.
pub(crate) fn takes(api: &ProtectedApi, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    let fields = [("Authorization", bearer.as_str())];
    let answer = Door::Tcp(api.addr()).request("GET", "/", &fields, b"").expect("the API answers");
    answer.status == 200
}

/// Whether a program can be started; else says that its test was skipped, or fails where that variable is 1.
pub(crate) fn is_there(program: &str, argument: &str, required: &str) -> bool {
    let there =
        std::process::Command::new(program).arg(argument).output().is_ok_and(|ran| ran.status.success());
    if !there {
        let insists = std::env::var_os(required).is_some_and(|value| value == "1");
        assert!(!insists, "{program} is required ({required}=1), and cannot be started");
        println!("SKIPPED, nothing was tested: {program} is not on the PATH");
    }
    there
}
