//! A request body that streams and is copied on the way, for one replay: what `exchange::recording` is to the proxy, for
//! bodies of any kind and without a clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};

use super::{BoxError, whole};

/// Memory taken at once for the copy; the rest is taken as it comes, for a length is only a claim.
const FIRST_RESERVE_BYTES: usize = 64 * 1024;

/// A request body as the service below the layer gets it: the caller's own as it comes, or the copy of it.
pub struct LayerBody<B>(Kind<B>);

enum Kind<B> {
    Passing(Recording<B>),
    Again { replay: Replay, begun: bool },
}

/// A body that can be sent again.
#[derive(Clone)]
pub(super) struct Replay {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

/// The recorder of one body. Clones are the same body.
pub(super) struct Recording<B>(Arc<Mutex<State<B>>>);

impl<B> Clone for Recording<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct State<B> {
    /// Where it comes from; none once it was taken to be read to its end here.
    source: Option<Pin<Box<B>>>,
    copy: Copy,
    /// Who waits for more of it.
    waker: Option<Waker>,
}

/// The copy so far.
enum Copy {
    Growing {
        bytes: BytesMut,
        limit: usize,
    },
    Whole(Replay),
    /// Longer than the limit, or it broke off.
    None,
}

impl<B> Recording<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(super) fn of(source: B, limit: usize) -> Self {
        let announced = source.size_hint().lower();
        let mut copy = match usize::try_from(announced) {
            Ok(length) if length <= limit => {
                Copy::Growing { bytes: BytesMut::with_capacity(length.min(FIRST_RESERVE_BYTES)), limit }
            }
            _ => Copy::None,
        };
        if source.is_end_stream() {
            copy.finish(None);
        }
        Self(Arc::new(Mutex::new(State { source: Some(Box::pin(source)), copy, waker: None })))
    }

    /// The body for the first try.
    pub(super) fn stream(&self) -> LayerBody<B> {
        LayerBody(Kind::Passing(self.clone()))
    }

    /// The whole body, if it fits: reads what the first try has not. That try's stream then ends with an error.
    pub(super) async fn whole(&self) -> Option<Replay> {
        let mut source = {
            let mut state = self.lock();
            match &state.copy {
                Copy::Whole(replay) => return Some(replay.clone()),
                Copy::None => return None,
                Copy::Growing { .. } => {}
            }
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
            state.source.take()?
        };
        loop {
            let frame = std::future::poll_fn(|cx| source.as_mut().poll_frame(cx)).await;
            let frame = frame.map(|frame| frame.map(|frame| frame.map_data(whole)));
            let mut state = self.lock();
            state.copy.note(frame.as_ref().map(Result::as_ref), source.is_end_stream());
            match &state.copy {
                Copy::Whole(replay) => return Some(replay.clone()),
                Copy::None => return None,
                Copy::Growing { .. } => {}
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(source) = &mut state.source else {
            return Poll::Ready(Some(Err("the request was answered before its body was sent".into())));
        };
        let Poll::Ready(frame) = source.as_mut().poll_frame(cx) else {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let at_end = source.is_end_stream();
        let frame = frame.map(|frame| frame.map(|frame| frame.map_data(whole)));
        state.copy.note(frame.as_ref().map(Result::as_ref), at_end);
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }
}

impl<B> Recording<B> {
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy {
    /// Takes note of one frame, of an error, or of the end.
    fn note<E>(&mut self, frame: Option<Result<&Frame<Bytes>, &E>>, at_end: bool) {
        match frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.append(data);
                }
                match frame.trailers_ref() {
                    Some(trailers) => self.finish(Some(trailers.clone())),
                    None if at_end => self.finish(None),
                    None => {}
                }
            }
            Some(Err(_)) => *self = Self::None,
            None => self.finish(None),
        }
    }

    fn append(&mut self, data: &Bytes) {
        if let Self::Growing { bytes, limit } = self {
            if data.len() > *limit - bytes.len() {
                *self = Self::None;
            } else {
                bytes.extend_from_slice(data);
            }
        }
    }

    fn finish(&mut self, trailers: Option<HeaderMap>) {
        if let Self::Growing { bytes, .. } = self {
            let bytes = std::mem::take(bytes).freeze();
            *self = Self::Whole(Replay { bytes, trailers });
        }
    }
}

impl<B> LayerBody<B> {
    pub(super) fn again(replay: Replay) -> Self {
        Self(Kind::Again { replay, begun: false })
    }
}

impl<B> Body for LayerBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Passing(recording) => Poll::Ready(ready!(recording.poll(cx))),
            Kind::Again { replay, begun } => {
                if !std::mem::replace(begun, true) && !replay.bytes.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(replay.bytes.clone()))));
                }
                Poll::Ready(replay.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Passing(recording) => recording.lock().source.as_ref().is_some_and(|s| s.is_end_stream()),
            Kind::Again { replay, begun } => replay.trailers.is_none() && (*begun || replay.bytes.is_empty()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Passing(recording) => {
                recording.lock().source.as_ref().map(|source| source.size_hint()).unwrap_or_default()
            }
            // With trailers it goes out in chunks, as it came.
            Kind::Again { replay, begun: false } if replay.trailers.is_none() => {
                SizeHint::with_exact(replay.bytes.len() as u64)
            }
            Kind::Again { .. } => SizeHint::default(),
        }
    }
}

impl<B> std::fmt::Debug for LayerBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Passing(_) => "LayerBody(passing)",
            Kind::Again { .. } => "LayerBody(again)",
        })
    }
}
