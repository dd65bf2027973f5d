//! The bodies that pass through, in both directions, chunk by chunk.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::recording::{RecordedBody, Replay};
use crate::upstream::Tenancy;

/// A request body as the upstream gets it.
pub(crate) enum RequestBody {
    /// The client's, as it comes in.
    Recorded(RecordedBody),
    /// The copy, from its beginning.
    Replayed {
        replay: Replay,
        /// Whether it goes out with a length; otherwise in chunks, as it came.
        sized: bool,
        begun: bool,
    },
}

impl RequestBody {
    pub(crate) fn replayed(replay: Replay, sized: bool) -> Self {
        Self::Replayed { replay, sized, begun: false }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Recorded(body) => body.poll(cx),
            Self::Replayed { replay, begun, .. } => {
                let was_begun = std::mem::replace(begun, true);
                if !was_begun && !replay.bytes.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(replay.bytes.clone()))));
                }
                Poll::Ready(replay.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Recorded(body) => body.is_end(),
            // In chunks even an empty body has an end to be written.
            Self::Replayed { replay, sized, begun } => *sized && (*begun || replay.bytes.is_empty()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Recorded(body) => body.size_hint(),
            Self::Replayed { replay, sized: true, begun: false } => {
                SizeHint::with_exact(replay.bytes.len() as u64)
            }
            _ => SizeHint::default(),
        }
    }
}

/// An answer's body as the client gets it.
pub(crate) struct ResponseBody(Kind);

enum Kind {
    /// One of ours.
    Whole(Option<Bytes>),
    /// The upstream's, as it comes in.
    Streamed { incoming: Incoming, tenancy: Option<Tenancy>, complete: bool },
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self(Kind::Whole(None))
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes)))
    }

    /// The upstream's answer, with the connection it comes over.
    pub(crate) fn streamed(incoming: Incoming, tenancy: Tenancy) -> Self {
        Self(Kind::Streamed { incoming, tenancy: Some(tenancy), complete: false })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Streamed { incoming, tenancy, complete } => {
                let frame = std::task::ready!(Pin::new(incoming).poll_frame(cx));
                match &frame {
                    Some(Ok(frame)) => *complete = frame.is_trailers(),
                    // The socket closes at once; the client's answer is cut off with it, never passed off as whole.
                    Some(Err(_)) => *tenancy = None,
                    None => *complete = true,
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Streamed { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Streamed { incoming, .. } => incoming.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    /// A whole answer gives its connection back; one that nobody reads on takes the connection with it.
    fn drop(&mut self) {
        if let Kind::Streamed { incoming, tenancy, complete } = &mut self.0
            && (*complete || incoming.is_end_stream())
            && let Some(tenancy) = tenancy.take()
        {
            tenancy.end();
        }
    }
}
