//! When a peer was last heard from.
//!
//! An HTTP/2 connection serves many requests at a time, so "it answered a moment ago" says nothing about it once a
//! laptop has slept; and a WebSocket may be quiet for long, or for good. Both are told by the last byte that came.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use crate::upstream::Moment;

/// Hears every byte that comes in over a stream. Clones are the same ear.
#[derive(Clone)]
pub(crate) struct Ear(Arc<Heard>);

struct Heard {
    last: Mutex<(Moment, bool)>,
    changed: Notify,
}

impl Ear {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Heard { last: Mutex::new((Moment::now(), false)), changed: Notify::new() }))
    }

    /// When the last byte came; before the first one, when listening began.
    pub(crate) fn last(&self) -> Moment {
        self.lock().0
    }

    /// Waits for the first byte.
    pub(crate) async fn first(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.lock().1 {
                return;
            }
            changed.await;
        }
    }

    fn hear(&self) {
        let was_first = {
            let mut last = self.lock();
            last.0 = Moment::now();
            !std::mem::replace(&mut last.1, true)
        };
        if was_first {
            self.0.changed.notify_waiters();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Moment, bool)> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream with an ear on it.
pub(crate) struct Overheard<S> {
    stream: S,
    ear: Ear,
}

impl<S> Overheard<S> {
    pub(crate) fn new(stream: S, ear: Ear) -> Self {
        Self { stream, ear }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.ear.hear();
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
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
