//! The body of a request, read piece by piece, with a known length or in chunks (RFC 9112 section 7.1).

use super::connection::Connection;
use super::head::{Length, MAX_HEAD_BYTES, invalid};
use std::io;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Done,
    /// So many bytes.
    Bytes(u64),
    /// So many bytes of the current chunk, then more chunks.
    Chunk(u64),
    /// A chunk size line.
    ChunkSize,
}

impl From<Length> for Rest {
    fn from(length: Length) -> Self {
        match length {
            Length::Known(0) => Self::Done,
            Length::Known(bytes) => Self::Bytes(bytes),
            Length::Chunked => Self::ChunkSize,
        }
    }
}

impl Connection {
    /// The next piece of the request body; empty at its end. Trailers are then in [`Connection::trailers`].
    pub(crate) fn read_body(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.say_continue()?;
        loop {
            match self.rest {
                Rest::Done => return Ok(0),
                Rest::ChunkSize => self.read_chunk_size()?,
                Rest::Bytes(left) => {
                    let read = self.read_up_to(out, left)?;
                    let left = left - read as u64;
                    self.rest = if left == 0 { Rest::Done } else { Rest::Bytes(left) };
                    return Ok(read);
                }
                Rest::Chunk(left) => {
                    let read = self.read_up_to(out, left)?;
                    let left = left - read as u64;
                    self.rest = Rest::Chunk(left);
                    if left == 0 {
                        self.read_line()?;
                        self.rest = Rest::ChunkSize;
                    }
                    return Ok(read);
                }
            }
        }
    }

    /// The whole request body, refused when longer than `limit` bytes.
    pub(crate) fn read_whole_body(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            let read = self.read_body(&mut piece)?;
            if read == 0 {
                return Ok(body);
            }
            if body.len() + read > limit {
                return Err(invalid("the request body is too long"));
            }
            body.extend_from_slice(&piece[..read]);
        }
    }

    fn read_chunk_size(&mut self) -> io::Result<()> {
        let line = self.read_line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| invalid("a chunk size is not a number"))?;
        if size > 0 {
            self.rest = Rest::Chunk(size);
            return Ok(());
        }
        loop {
            let line = self.read_line()?;
            match line.split_once(':') {
                Some((name, value)) => self.trailers.push((name.to_owned(), value.trim().to_owned())),
                None if line.is_empty() => break,
                None => return Err(invalid("malformed trailer")),
            }
        }
        self.rest = Rest::Done;
        Ok(())
    }

    fn read_up_to(&mut self, out: &mut [u8], left: u64) -> io::Result<usize> {
        let most = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.unread().is_empty() && self.fill()? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let read = most.min(self.unread().len());
        out[..read].copy_from_slice(&self.unread()[..read]);
        self.consume(read);
        Ok(read)
    }

    fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.unread().iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&self.unread()[..end]).trim_end_matches('\r').to_owned();
                self.consume(end + 1);
                return Ok(line);
            }
            if self.unread().len() > MAX_HEAD_BYTES {
                return Err(invalid("a line is too long"));
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
