//! HTTP/1.1 as bytes, read and written by hand, for both ends of the proxy: a library would hide what is tested.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Generous: the machine may be busy. No test waits for it to pass.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Fails the test when something does not come about in time.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("in {DEADLINE:?} it did not come about: {what}"),
    }
}

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One connection.
pub(crate) struct Wire(BufReader<Box<dyn Duplex>>);

/// The head of a request or an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// A body with what may follow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    pub(crate) fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or("")
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.field("authorization")?.strip_prefix("Bearer ")
    }

    fn is_chunked(&self) -> bool {
        self.field("transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked"))
    }
}

impl Payload {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Wire {
    pub(crate) fn over(stream: impl Duplex + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    pub(crate) async fn connect(address: std::net::SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).await.unwrap();
    }

    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await?;
        self.0.flush().await
    }

    pub(crate) async fn write_chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.write([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()).await;
    }

    /// `None` at the end of the connection.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        within("the head of a message", self.read_head()).await.unwrap_or(None)
    }

    async fn read_head(&mut self) -> io::Result<Option<Head>> {
        let mut head = Head::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let line = line.trim_end_matches(['\r', '\n']);
            match line.split_once(':') {
                _ if line.is_empty() => return Ok(Some(head)),
                _ if head.line.is_empty() => head.line = line.to_owned(),
                Some((name, value)) => {
                    head.fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => return Err(io::Error::other(format!("no header field: {line}"))),
            }
        }
    }

    /// The body of a message that has one by this head.
    pub(crate) async fn body(&mut self, head: &Head) -> io::Result<Payload> {
        within("the end of a body", self.read_body(head)).await
    }

    async fn read_body(&mut self, head: &Head) -> io::Result<Payload> {
        let mut payload = Payload::default();
        if head.is_chunked() {
            while let Some(chunk) = self.read_chunk().await? {
                payload.bytes.extend(chunk);
            }
            let mut trailer = self.read_trailers().await?;
            payload.trailers.append(&mut trailer);
        } else if let Some(length) = head.field("content-length") {
            payload.bytes = vec![0; length.parse().map_err(io::Error::other)?];
            self.0.read_exact(&mut payload.bytes).await?;
        }
        Ok(payload)
    }

    async fn read_trailers(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut trailers = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) => trailers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
                None => return Ok(trailers),
            }
        }
    }

    /// The next chunk; `None` after the last one.
    pub(crate) async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        within("a chunk", self.read_chunk()).await
    }

    async fn read_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut size = String::new();
        if self.0.read_line(&mut size).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let size = usize::from_str_radix(size.trim_end(), 16).map_err(io::Error::other)?;
        if size == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; size + 2];
        self.0.read_exact(&mut bytes).await?;
        bytes.truncate(size);
        Ok(Some(bytes))
    }

    /// Head and body of the next answer to a request of this method.
    pub(crate) async fn answer_to(&mut self, method: &str) -> (Head, Payload) {
        let Some(head) = self.head().await else { panic!("the connection ended instead of an answer") };
        let bodiless = method == "HEAD" || matches!(head.status(), 204 | 304);
        let payload = if bodiless { Payload::default() } else { self.body(&head).await.unwrap() };
        (head, payload)
    }

    pub(crate) async fn answer(&mut self) -> (Head, Payload) {
        self.answer_to("GET").await
    }

    /// The next line with its end; `None` at the end of the connection.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = within("a line", self.0.read_line(&mut line)).await.unwrap_or(0);
        (read > 0).then_some(line)
    }

    /// Ends this direction.
    pub(crate) async fn end(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Waits until the other side has ended the connection, in order or not; gives what came before.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        within("the end of the connection", self.rest_without_deadline()).await
    }

    pub(crate) async fn rest_without_deadline(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes).await;
        bytes
    }
}
