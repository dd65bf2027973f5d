//! A server that says whatever a test wrote, truthful or not: for documents that must not be believed, and answers that never
//! end.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::wait::pause;

/// Between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(200);

/// No client reads so much of a document; one that does is stopped here, in bytes.
const ENDLESS_BYTES: usize = 256 * 1024 * 1024;

/// How it answers at a path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Says {
    /// JSON, with status 200.
    Json(Value),
    /// JSON, with another status.
    Status(u16, Value),
    /// A redirect (302) to there.
    Redirect(String),
    /// A redirect that keeps method and body (307).
    Again(String),
    /// Status 401 with this `WWW-Authenticate`.
    Challenge(String),
    /// A document that begins like this, and then has no end.
    Endless(String),
    /// The same, a byte at a time.
    Drip(String),
}

/// The server. It ends with the test's process.
pub struct Impostor {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    pages: HashMap<String, Says>,
    asked: Vec<(String, String)>,
}

impl Impostor {
    /// Starts it on a free port of loopback, with nothing to say.
    ///
    /// # Panics
    /// When there is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let kept = Arc::<Mutex<Kept>>::default();
        let mine = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mine = Arc::clone(&mine);
                // A client that goes away is its own business.
                std::thread::spawn(move || drop(serve(stream, &mine)));
            }
        });
        Self { address, kept }
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it says at a path from now on. At paths without anything it says 404.
    pub fn say(&self, path: &str, says: Says) {
        lock(&self.kept).pages.insert(path.to_owned(), says);
    }

    /// The same at both addresses where a server's metadata may be (RFC 8414, OpenID Connect Discovery).
    pub fn announce(&self, says: Says) {
        for name in ["openid-configuration", "oauth-authorization-server"] {
            self.say(&format!("/.well-known/{name}"), says.clone());
        }
    }

    /// Metadata of a server as it should be, here. A test changes what it wants.
    pub fn metadata(&self) -> Value {
        let url = self.url();
        serde_json::json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "device_authorization_endpoint": format!("{url}/device"),
            "registration_endpoint": format!("{url}/register"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// What was asked: `GET /path`, and the body, the oldest first.
    pub fn asked(&self) -> Vec<(String, String)> {
        lock(&self.kept).asked.clone()
    }

    /// Whether something was asked for at that path.
    pub fn was_asked_for(&self, path: &str) -> bool {
        self.asked().iter().any(|(line, _)| line.split(' ').nth(1) == Some(path))
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, kept: &Mutex<Kept>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let line = first.rsplit_once(' ').map_or(first.as_str(), |(line, _)| line).to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let says = {
        let mut kept = lock(kept);
        kept.asked.push((line, String::from_utf8_lossy(&body).into_owned()));
        kept.pages.get(&path).cloned()
    };
    answer(reader.get_mut(), says.unwrap_or(Says::Status(404, Value::Null)))
}

fn answer(stream: &mut TcpStream, says: Says) -> io::Result<()> {
    let (status, field, body) = match says {
        Says::Json(value) => (200, String::new(), value.to_string()),
        Says::Status(status, value) => (status, String::new(), value.to_string()),
        Says::Redirect(to) => (302, format!("Location: {to}\r\n"), String::new()),
        Says::Again(to) => (307, format!("Location: {to}\r\n"), String::new()),
        Says::Challenge(challenge) => (401, format!("WWW-Authenticate: {challenge}\r\n"), String::new()),
        Says::Endless(start) => return without_end(stream, &start, None),
        Says::Drip(start) => return without_end(stream, &start, Some(DRIP)),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Impostor\r\nContent-Type: application/json\r\n{field}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}

fn without_end(stream: &mut TcpStream, start: &str, pace: Option<Duration>) -> io::Result<()> {
    let head = "HTTP/1.1 200 Impostor\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    stream.write_all(&[head.as_bytes(), start.as_bytes()].concat())?;
    let piece = [b' '; 64 * 1024];
    let piece = if pace.is_some() { &piece[..1] } else { &piece[..] };
    let mut sent = 0;
    while sent < ENDLESS_BYTES {
        stream.write_all(piece)?;
        sent += piece.len();
        pace.into_iter().for_each(pause);
    }
    Ok(())
}
