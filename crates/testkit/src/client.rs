//! A small HTTP client for tests, which shows an answer as it came.
//!
//! Real clients unpack, follow and retry; a test of a server (or of a proxy) wants to see the bytes. One request, one
//! connection, everything read until the answer is complete or the connection ends.

use crate::http::{Field, field};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a read or a write may block; generous, as test machines are busy.
const IO_TIMEOUT: Duration = Duration::from_secs(60);

/// An HTTP answer. `Debug` shows status and sizes, as bodies may hold tokens.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Header fields in order.
    pub headers: Vec<(String, String)>,
    /// The body, out of its chunks.
    pub body: Vec<u8>,
    /// Trailer fields in order.
    pub trailers: Vec<(String, String)>,
    /// Whether the answer was complete by its own framing. A truncated one is not.
    pub complete: bool,
}

impl HttpAnswer {
    /// The first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// The body as text, broken UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `Null` where it is not.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

/// Sends one request with `Connection: close` and reads its answer. `Host` and `Content-Length` are added.
///
/// # Errors
/// When connecting, sending or reading fails, a reset included, before a whole head has come; also when what comes is not
/// HTTP. An answer that breaks off later is given with `complete: false`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use renewd_testkit::{AsConfig, AuthorizationServer, http_request};
/// let server = AuthorizationServer::start(AsConfig::default())?;
/// let answer = http_request(server.addr(), "GET", "/.well-known/oauth-authorization-server", &[], b"")?;
/// assert_eq!(answer.json()["token_endpoint"], server.token_url());
/// # Ok(()) }
/// ```
pub fn http_request(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<HttpAnswer> {
    let mut tcp = TcpStream::connect(addr)?;
    tcp.set_read_timeout(Some(IO_TIMEOUT))?;
    tcp.set_write_timeout(Some(IO_TIMEOUT))?;
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding")) {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    tcp.write_all(request.as_bytes())?;
    tcp.write_all(body)?;
    read_answer(&mut tcp, method == "HEAD")
}

/// Reads one answer; `bodiless` for the answer to a HEAD.
///
/// # Errors
/// As [`http_request`].
pub fn read_answer(stream: &mut impl Read, bodiless: bool) -> io::Result<HttpAnswer> {
    let mut bytes = Vec::new();
    let (mut answer, head) = loop {
        if let Some(parsed) = parse_head(&bytes)? {
            if (100..200).contains(&parsed.0.status) {
                bytes.drain(..parsed.1);
                continue;
            }
            break parsed;
        }
        if more(stream, &mut bytes)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before a whole head came"));
        }
    };
    bytes.drain(..head);
    let length = answer.header("content-length").and_then(|value| value.parse::<usize>().ok());
    if bodiless || matches!(answer.status, 204 | 304) {
        answer.complete = true;
    } else if answer.header("transfer-encoding").is_some() {
        answer.complete = read_chunks(stream, &mut bytes, &mut answer);
    } else {
        while length.is_none_or(|length| bytes.len() < length) && matches!(more(stream, &mut bytes), Ok(1..))
        {
        }
        answer.complete = length.is_none_or(|length| bytes.len() >= length);
        answer.body = bytes;
    }
    Ok(answer)
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(HttpAnswer, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let status = response.parse(bytes).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("the answer is not HTTP: {error}"))
    })?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<Field> =
        response.headers.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
    let status = response.code.unwrap_or_default();
    Ok(Some((HttpAnswer { status, headers, ..HttpAnswer::default() }, length)))
}

/// Reads chunks and trailers; whether they came to their end.
fn read_chunks(stream: &mut impl Read, bytes: &mut Vec<u8>, answer: &mut HttpAnswer) -> bool {
    loop {
        let Some(line) = line(stream, bytes) else { return false };
        let Ok(size) = usize::from_str_radix(line.trim(), 16) else { return false };
        if size == 0 {
            break;
        }
        while bytes.len() < size + 2 {
            if !matches!(more(stream, bytes), Ok(1..)) {
                answer.body.append(bytes);
                return false;
            }
        }
        answer.body.extend(bytes.drain(..size));
        bytes.drain(..2);
    }
    while let Some(line) = line(stream, bytes) {
        match line.split_once(':') {
            Some((name, value)) => answer.trailers.push((name.to_owned(), value.trim().to_owned())),
            None => return line.is_empty(),
        }
    }
    false
}

fn line(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = bytes.drain(..=end).collect();
            return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        if !matches!(more(stream, bytes), Ok(1..)) {
            return None;
        }
    }
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = vec![0; 64 * 1024];
    let read = loop {
        match stream.read(&mut piece) {
            // A signal that somebody handles ends a read with a time-out early.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    bytes.extend_from_slice(&piece[..read]);
    Ok(read)
}
