//! A request body that streams and is copied on the way, for one replay: what `exchange::recording` is to the proxy, for
//! bodies of any kind and without a clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::{BoxError, whole};
use crate::replay::{BodyCopy, Replay, Replaying};

/// A request body as the service below the layer gets it: the caller's own as it comes, or the copy of it.
pub struct LayerBody<B>(Kind<B>);

enum Kind<B> {
    Passing(Recording<B>),
    Again(Replaying),
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
    copy: BodyCopy,
    /// Who waits for more of it.
    waker: Option<Waker>,
}

impl<B> Recording<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(super) fn of(source: B, limit: usize) -> Self {
        let mut copy = BodyCopy::of(source.size_hint().lower(), limit);
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
            if let Some(replay) = state.copy.outcome() {
                return replay;
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
            if let Some(replay) = state.copy.outcome() {
                return replay;
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

impl<B> LayerBody<B> {
    pub(super) fn again(replay: Replay) -> Self {
        // With trailers it goes out in chunks, as it came.
        let sized = replay.trailers.is_none();
        Self(Kind::Again(Replaying::new(replay, sized)))
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
            Kind::Again(replaying) => Poll::Ready(replaying.next_frame().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Passing(recording) => recording.lock().source.as_ref().is_some_and(|s| s.is_end_stream()),
            Kind::Again(replaying) => replaying.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Passing(recording) => {
                recording.lock().source.as_ref().map(|source| source.size_hint()).unwrap_or_default()
            }
            Kind::Again(replaying) => replaying.size_hint(),
        }
    }
}

impl<B> std::fmt::Debug for LayerBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Passing(_) => "LayerBody(passing)",
            Kind::Again(_) => "LayerBody(again)",
        })
    }
}
