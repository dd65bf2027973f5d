//! One connection: requests come in, answers go out, and it ends in the way a test asked for.

use super::body::Rest;
use super::head::{Head, MAX_HEAD_BYTES, invalid};
use super::stop::Stop;
use super::{Field, field};
use crate::model::AsReply;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long a closed connection waits for the client to take its last answer while bytes are left unread.
const LINGER: Duration = Duration::from_secs(2);

/// How many unread bytes such a connection takes in, so that a long upload does not turn an answer into a reset.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// Bytes in both directions: a socket, or TLS over one.
pub(crate) trait Stream: Read + Write + Send {
    /// Says that nothing more will be sent, where the protocol has a word for it.
    fn finish(&mut self) {}
}

impl Stream for Plain {}

/// A socket shared with whoever shuts the server down.
pub(crate) struct Plain(pub(crate) Arc<TcpStream>);

impl Read for Plain {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(out)
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request may come.
    KeepAlive,
    /// Closed in order.
    Close,
    /// Reset.
    Reset,
}

/// One connection from a client.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    tcp: Arc<TcpStream>,
    pub(crate) stop: Arc<Stop>,
    buffer: Vec<u8>,
    consumed: usize,
    pub(super) rest: Rest,
    pub(crate) trailers: Vec<Field>,
    continue_wanted: bool,
    keep_alive: bool,
    head_request: bool,
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Stream>, tcp: Arc<TcpStream>, stop: Arc<Stop>) -> Self {
        Self {
            stream,
            tcp,
            stop,
            buffer: Vec::new(),
            consumed: 0,
            rest: Rest::Done,
            trailers: Vec::new(),
            continue_wanted: false,
            keep_alive: false,
            head_request: false,
        }
    }

    /// The head of the next request; `None` when the client has closed.
    pub(crate) fn read_head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some((head, length)) = Head::parse(self.unread())? {
                self.consume(length);
                self.rest = head.body_length()?.into();
                self.trailers.clear();
                self.continue_wanted = head.expects_continue();
                self.keep_alive = head.keeps_alive();
                self.head_request = head.method == "HEAD";
                return Ok(Some(head));
            }
            if self.unread().len() > MAX_HEAD_BYTES {
                return Err(invalid("the request head is too long"));
            }
            if self.fill()? == 0 {
                let begun = !self.unread().is_empty();
                return if begun { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
            }
        }
    }

    /// Sends a complete answer, and says whether the connection can go on.
    pub(crate) fn answer(&mut self, reply: &AsReply) -> io::Result<After> {
        let body: &[u8] = if self.head_request { &[] } else { &reply.body };
        let mut bytes = self.head_bytes(reply);
        bytes.extend_from_slice(body);
        self.send(&bytes)?;
        Ok(self.after())
    }

    /// Head and body of a whole answer, for whoever wants to send them otherwise and then end the connection.
    pub(crate) fn answer_bytes(&mut self, reply: &AsReply) -> (Vec<u8>, Vec<u8>) {
        self.end_after_answer();
        (self.head_bytes(reply), reply.body.clone())
    }

    /// Makes the next answer the last one.
    pub(crate) fn end_after_answer(&mut self) {
        self.keep_alive = false;
    }

    /// Begins an answer in chunks.
    pub(crate) fn begin_chunks(&mut self, status: u16, fields: &[(&str, &str)]) -> io::Result<()> {
        let mut bytes = status_line(status);
        for (name, value) in fields {
            push_field(&mut bytes, name, value);
        }
        push_field(&mut bytes, "Transfer-Encoding", "chunked");
        self.push_connection(&mut bytes);
        self.send(&bytes)
    }

    /// Sends one chunk; an empty one is left out, as it would be the end.
    pub(crate) fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() || self.head_request {
            return Ok(());
        }
        let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
        self.send(&out)
    }

    /// Ends an answer in chunks.
    pub(crate) fn end_chunks(&mut self, trailers: &[(&str, &str)]) -> io::Result<After> {
        if !self.head_request {
            let mut bytes = b"0\r\n".to_vec();
            for (name, value) in trailers {
                push_field(&mut bytes, name, value);
            }
            bytes.extend_from_slice(b"\r\n");
            self.send(&bytes)?;
        }
        Ok(self.after())
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads and forgets until the client closes, or the server ends.
    pub(crate) fn wait_for_close(&mut self) {
        self.buffer.clear();
        self.consumed = 0;
        while matches!(self.fill(), Ok(read) if read > 0) {
            self.buffer.clear();
        }
    }

    /// Ends the connection in order, without destroying an answer that is still on its way.
    pub(crate) fn close(mut self) {
        let unread = self.rest != Rest::Done;
        self.stream.finish();
        let _ = self.tcp.shutdown(Shutdown::Write);
        if unread && self.tcp.set_read_timeout(Some(LINGER)).is_ok() {
            let mut taken = 0;
            while let (Ok(read), true) = (self.fill(), taken < LINGER_BYTES) {
                if read == 0 {
                    break;
                }
                taken += read;
                self.buffer.clear();
            }
        }
    }

    /// Ends the connection with a reset: a lingering time of zero makes the kernel send RST at close.
    pub(crate) fn reset(self) {
        reset(&self.tcp);
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.consumed..]
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.consumed += bytes;
        if self.consumed >= self.buffer.len() {
            self.buffer.clear();
            self.consumed = 0;
        }
    }

    pub(super) fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    self.buffer.extend_from_slice(&piece[..read]);
                    return Ok(read);
                }
            }
        }
    }

    /// Answers `Expect: 100-continue` (RFC 9110 section 10.1.1), once, when the body is first wanted.
    pub(crate) fn say_continue(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.continue_wanted) && self.rest != Rest::Done {
            return self.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Ok(())
    }

    fn head_bytes(&self, reply: &AsReply) -> Vec<u8> {
        let mut bytes = status_line(reply.status);
        for (name, value) in &reply.headers {
            push_field(&mut bytes, name, value);
        }
        let bodiless = matches!(reply.status, 100..=199 | 204 | 304);
        if !bodiless && field(&reply.headers, "content-length").is_none() {
            push_field(&mut bytes, "Content-Length", &reply.body.len().to_string());
        }
        self.push_connection(&mut bytes);
        bytes
    }

    fn push_connection(&self, bytes: &mut Vec<u8>) {
        if !self.keeps_alive() {
            push_field(bytes, "Connection", "close");
        }
        bytes.extend_from_slice(b"\r\n");
    }

    fn keeps_alive(&self) -> bool {
        self.keep_alive && self.rest == Rest::Done
    }

    fn after(&self) -> After {
        if self.keeps_alive() { After::KeepAlive } else { After::Close }
    }
}

/// Makes the close that follows a reset.
pub(crate) fn reset(tcp: &TcpStream) {
    // Where this fails the peer has gone already, which is as good.
    let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

fn status_line(status: u16) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    };
    format!("HTTP/1.1 {status} {reason}\r\n").into_bytes()
}

/// Line breaks in a value are dropped: a script may break HTTP on purpose only through `raw`.
fn push_field(bytes: &mut Vec<u8>, name: &str, value: &str) {
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b": ");
    bytes.extend(value.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    bytes.extend_from_slice(b"\r\n");
}
