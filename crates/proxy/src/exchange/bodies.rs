//! The bodies that pass through, in both directions, chunk by chunk.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::recording::{Broken, RecordedBody, Recording};
use crate::replay::Replaying;
use crate::upstream::Tenancy;

/// A request body as the upstream gets it.
pub(crate) enum RequestBody {
    /// The client's, as it comes in.
    Recorded(RecordedBody),
    /// The copy, from its beginning.
    Replayed(Replaying),
}

impl RequestBody {
    /// The client's body behind it, where it is that.
    pub(crate) fn upload(&self) -> Option<&Recording> {
        match self {
            Self::Recorded(body) => Some(body.recording()),
            Self::Replayed(_) => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Recorded(body) => body.poll(cx),
            Self::Replayed(replaying) => Poll::Ready(replaying.next_frame().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Recorded(body) => body.is_end(),
            Self::Replayed(replaying) => replaying.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Recorded(body) => body.size_hint(),
            Self::Replayed(replaying) => replaying.size_hint(),
        }
    }
}

/// A frame of an answer, or its end.
pub(crate) type AnswerFrame = Option<hyper::Result<Frame<Bytes>>>;

/// An answer's body as the client gets it.
pub(crate) struct ResponseBody(Kind);

enum Kind {
    /// One of ours.
    Whole(Option<Bytes>),
    /// The upstream's, as it comes in.
    Streamed(Streamed),
}

struct Streamed {
    incoming: Incoming,
    tenancy: Option<Tenancy>,
    /// What was already looked at.
    seen: Option<AnswerFrame>,
    complete: bool,
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self(Kind::Whole(None))
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes)))
    }

    /// The upstream's answer, with the connection it comes over, and its first frame if that was looked at.
    pub(crate) fn streamed(incoming: Incoming, tenancy: Tenancy, seen: Option<AnswerFrame>) -> Self {
        Self(Kind::Streamed(Streamed { incoming, tenancy: Some(tenancy), seen, complete: false }))
    }
}

impl Streamed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<AnswerFrame> {
        let frame = match self.seen.take() {
            Some(frame) => frame,
            None => std::task::ready!(Pin::new(&mut self.incoming).poll_frame(cx)),
        };
        match &frame {
            Some(Ok(frame)) => self.complete = frame.is_trailers(),
            // The socket closes at once, or the stream ends; the client's answer is cut off with it, never passed off as
            // whole.
            Some(Err(_)) => self.tenancy = None,
            None => self.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.complete || !matches!(self.seen, Some(Some(_))) && self.incoming.is_end_stream()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<AnswerFrame> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Streamed(streamed) => streamed.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Streamed(streamed) => streamed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            // What was looked at counts, and is gone from the rest.
            Kind::Streamed(Streamed { seen: Some(_), .. }) => SizeHint::default(),
            Kind::Streamed(streamed) => streamed.incoming.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    /// A whole answer gives its connection back; one that nobody reads on takes the connection with it.
    fn drop(&mut self) {
        if let Kind::Streamed(streamed) = &mut self.0
            && streamed.is_end_stream()
            && let Some(tenancy) = streamed.tenancy.take()
        {
            tenancy.end();
        }
    }
}
