//! Where something listens, and how to ask it: HTTP/1.1 over TCP or a Unix socket.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use renewd_testkit::{HttpAnswer, read_answer};
use serde_json::Value;

use crate::disclosure::{self, Overheard};
use crate::wait::PATIENCE;

/// A place that accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Door {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A TCP address that wants a path before every target: where the user behind a connection cannot be told.
    Under(SocketAddr, String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The path is a secret.
            Self::Tcp(address) | Self::Under(address, _) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A connection.
pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl Door {
    /// The address in `http://ADDRESS` or `http://ADDRESS/PATH`, where it is one.
    pub fn of_url(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        match rest.split_once('/') {
            None | Some((_, "")) => rest.trim_end_matches('/').parse().ok().map(Self::Tcp),
            Some((address, path)) => Some(Self::Under(address.parse().ok()?, format!("/{path}"))),
        }
    }

    /// A request's target, as it is to be written.
    pub fn target(&self, path: &str) -> String {
        match self {
            Self::Under(_, before) => format!("{before}{path}"),
            Self::Tcp(_) | Self::Unix(_) => path.to_owned(),
        }
    }

    /// Connects. Reading and writing fail after [`PATIENCE`]. What comes back is searched for secrets.
    ///
    /// # Errors
    /// As the system says.
    pub fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = self.open()?;
        Ok(if disclosure::is_on() { Box::new(Overheard::new(stream, &self.target(""))) } else { stream })
    }

    fn open(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) | Self::Under(address, _) => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        })
    }

    /// One request on a connection of its own. `Host` and `Content-Length` are added where they are not given.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<HttpAnswer> {
        let asked = (method, self.target(target));
        exchange(self.connect()?, (asked.0, &asked.1), headers, body)
    }

    /// The same of a server that is none of the product's, which may say what it likes.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub(crate) fn request_of_server(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<HttpAnswer> {
        exchange(self.open()?, (method, target), headers, body)
    }

    /// `GET`, answered.
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn get(&self, target: &str) -> HttpAnswer {
        self.request("GET", target, &[], b"")
            .unwrap_or_else(|error| panic!("GET {target} at {self}: {error}"))
    }

    /// `POST` of JSON, answered.
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn post(&self, target: &str, body: &Value) -> HttpAnswer {
        let body = body.to_string();
        self.request("POST", target, &[("Content-Type", "application/json")], body.as_bytes())
            .unwrap_or_else(|error| panic!("POST {target} at {self}: {error}"))
    }
}

fn exchange(
    mut stream: Box<dyn Stream>,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<HttpAnswer> {
    let mut message = head(method, target, headers, body.len()).into_bytes();
    message.extend_from_slice(body);
    stream.write_all(&message)?;
    read_answer(&mut stream, method == "HEAD")
}

/// A request's head, for a test that writes its parts itself.
fn head(method: &str, target: &str, headers: &[(&str, &str)], length: usize) -> String {
    let given = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !given("host") {
        head.push_str("Host: localhost\r\n");
    }
    if !given("content-length") && !given("transfer-encoding") {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}
