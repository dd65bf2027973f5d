//! A connection whose upstream may stop listening before it stops talking.
//!
//! A server that refuses an upload answers early and closes; with bytes of ours unread its kernel resets the
//! connection. The next write then fails while the answer (a 401 that asks for a replay, say) lies in our receive
//! buffer. So a write that meets a reset waits, and lets the reading side find the answer, or the end.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes stand still once the other side has reset it. Reads then come to an end by themselves.
pub(crate) struct HalfDeaf<S> {
    stream: S,
    is_reset: bool,
}

impl<S> HalfDeaf<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, is_reset: false }
    }

    fn unless_reset<T>(&mut self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(Err(error))
                if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) =>
            {
                self.is_reset = true;
                // No waker is kept: the reader is woken by the same event, and drives the connection to its end.
                Poll::Pending
            }
            outcome => outcome,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfDeaf<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfDeaf<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_reset {
            return Poll::Pending;
        }
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.unless_reset(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_reset {
            return Poll::Pending;
        }
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.unless_reset(outcome)
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
