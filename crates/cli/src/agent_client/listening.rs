//! Hears from the agent that something happened: its server-sent events, of which only the coming is used. Whoever hears
//! one looks anew.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What is written as one request is answered at once, or the agent is not there.
const ANSWER: Duration = Duration::from_secs(2);

/// A piece of the stream. Events are small.
const PIECE_BYTES: usize = 4096;

/// The stream of an agent's events.
pub(crate) struct Listening(UnixStream);

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something happened.
    News,
    /// Nothing within the time.
    Nothing,
    /// The agent is gone, or told its listeners to go.
    End,
}

impl Listening {
    /// Begins. Events from here on are heard.
    ///
    /// # Errors
    /// The agent does not answer, or not with its events.
    pub(super) fn begin(socket: &Path) -> std::io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_write_timeout(Some(ANSWER))?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream
            .write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > PIECE_BYTES || stream.read(&mut byte)? == 0 {
                return Err(ErrorKind::InvalidData.into());
            }
            head.extend_from_slice(&byte);
        }
        if !head.starts_with(b"HTTP/1.1 200 ") {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(Self(stream))
    }

    /// Waits for the next news, for so long.
    pub(crate) fn hear(&mut self, within: Duration) -> Heard {
        let mut piece = [0; PIECE_BYTES];
        if self.0.set_read_timeout(Some(within)).is_err() {
            return Heard::End;
        }
        match self.0.read(&mut piece) {
            Ok(0) => Heard::End,
            // A comment keeps the connection alive and says nothing.
            Ok(n) if contains(piece.get(..n).unwrap_or_default(), b"event:") => Heard::News,
            Ok(_) => Heard::Nothing,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Heard::Nothing
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Heard::Nothing,
            Err(_) => Heard::End,
        }
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
