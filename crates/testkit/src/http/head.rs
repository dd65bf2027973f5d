//! The head of a request.

use super::{Field, field};
use std::io;

/// Limits of a request head: proxies under test may add long tokens and many fields, but not without end.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADER_FIELDS: usize = 128;

/// Method, target and header fields of a request.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<Field>,
    minor_version: u8,
}

/// How long the body of a request is.
pub(crate) enum Length {
    Known(u64),
    Chunked,
}

impl Head {
    /// Reads a head from the front of `bytes`; `None` while it is incomplete, else with its length.
    pub(crate) fn parse(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADER_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let status = request.parse(bytes).map_err(|error| invalid(&format!("malformed request: {error}")))?;
        let httparse::Status::Complete(length) = status else { return Ok(None) };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            fields: request.headers.iter().map(|field| (field.name.to_owned(), text(field.value))).collect(),
            minor_version: request.version.unwrap_or_default(),
        };
        Ok(Some((head, length)))
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// A number from the query, such as `n` in `/sse?n=3`.
    pub(crate) fn query_number(&self, name: &str) -> Option<u64> {
        let (_, query) = self.target.split_once('?')?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name)?.1.parse().ok()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }

    /// Whether the client keeps the connection open (RFC 9112 section 9.3).
    pub(crate) fn keeps_alive(&self) -> bool {
        match self.field("connection") {
            Some(value) if value.to_ascii_lowercase().contains("close") => false,
            Some(value) if value.to_ascii_lowercase().contains("keep-alive") => true,
            _ => self.minor_version == 1,
        }
    }

    pub(crate) fn expects_continue(&self) -> bool {
        self.field("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    /// RFC 9112 section 6.3, for requests.
    pub(crate) fn body_length(&self) -> io::Result<Length> {
        match (self.field("transfer-encoding"), self.field("content-length")) {
            (Some(_), Some(_)) => Err(invalid("both Transfer-Encoding and Content-Length")),
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
            (Some(_), None) => Err(invalid("unknown Transfer-Encoding")),
            (None, Some(length)) => length
                .trim()
                .parse()
                .map(Length::Known)
                .map_err(|_| invalid("Content-Length is not a number")),
            (None, None) => Ok(Length::Known(0)),
        }
    }
}

/// The client's bytes are not HTTP as we know it.
pub(crate) fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}
