//! Which HTTP a client speaks: one of HTTP/2 says so with its first bytes (RFC 9113 §3.4), which no request of
//! HTTP/1.1 can begin with.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::listener::Stream;

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection is about to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// Reads until it is clear, and gives the stream back with what was read still in it. An end comes through as
/// HTTP/1.1's, which answers what can be answered.
pub(super) async fn detect(mut stream: Box<dyn Stream>) -> io::Result<(Box<dyn Stream>, Spoken)> {
    let mut first = [0; PREFACE.len()];
    let mut filled = 0;
    let spoken = loop {
        let read = stream.read(&mut first[filled..]).await?;
        filled += read;
        if first[..filled] != PREFACE[..filled] || read == 0 {
            break Spoken::Http1;
        }
        if filled == PREFACE.len() {
            break Spoken::Http2;
        }
    };
    Ok((Box::new(Rewound { first, at: 0, filled, stream }), spoken))
}

/// A stream whose first bytes are read once more.
struct Rewound {
    first: [u8; PREFACE.len()],
    at: usize,
    filled: usize,
    stream: Box<dyn Stream>,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.filled - self.at;
        if left > 0 {
            let count = left.min(buf.remaining());
            buf.put_slice(&self.first[self.at..self.at + count]);
            self.at += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn detected(pieces: &[&[u8]]) -> (Spoken, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(3);
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                client.write_all(&piece).await.unwrap();
            }
        });
        let (mut stream, spoken) = detect(Box::new(server)).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        sending.await.unwrap();
        (spoken, all)
    }

    #[tokio::test]
    async fn the_preface_tells_and_not_a_byte_is_lost_however_it_comes() {
        for (bytes, spoken) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"[..], Spoken::Http2),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", Spoken::Http1),
            (b"PRI / HTTP/1.1\r\n\r\n", Spoken::Http1),
            (b"POST / HTTP/1.1\r\n\r\n", Spoken::Http1),
            (b"PRI * HT", Spoken::Http1),
            (b"", Spoken::Http1),
        ] {
            assert_eq!(detected(&[bytes]).await, (spoken, bytes.to_vec()));
        }
    }
}
