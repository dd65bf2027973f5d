//! A request body on its way to the upstream, with a copy for one replay.
//!
//! The body streams: each chunk is handed on as it comes and is copied on the way while the copy stays within
//! `replay_limit`. When a 401 comes before the body's end, the rest is read here instead, so that a fresh, whole body
//! can be sent ("the old retry sent an empty one" is the fault this exists for).

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::replay::{BodyCopy, Replay};

/// How long to wait for `100 Continue` before sending the body all the same (RFC 9110 §10.1.1: not for ever).
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// The recorder of one request's body. Clones are the same body.
#[derive(Clone)]
pub(crate) struct Recording(Arc<Mutex<State>>);

struct State {
    /// Where the body comes from; `None` once it was taken to be read to its end here.
    source: Option<Incoming>,
    copy: BodyCopy,
    /// When a frame last went upstream.
    moved: Instant,
    /// Whether anything of the body was read.
    touched: bool,
    /// Whether all of it was read.
    ended: bool,
    gate: Gate,
    /// Whether the stream of the first try is to end at once.
    is_abandoned: bool,
    /// Of whoever polls that stream.
    waker: Option<Waker>,
}

/// Holds the body back while the upstream has not said `100 Continue`.
enum Gate {
    Open,
    Shut,
    /// A final answer came instead: the body stays here.
    Barred,
}

/// Why a request body ends before its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client's side of it broke off.
    OfClient(hyper::Error),
    /// Its answer is over, or nobody wants it any more.
    Abandoned,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfClient(error) => error.fmt(f),
            Self::Abandoned => f.write_str("the rest of the body is of no use any more"),
        }
    }
}

impl std::error::Error for Broken {}

impl From<hyper::Error> for Broken {
    fn from(error: hyper::Error) -> Self {
        Self::OfClient(error)
    }
}

impl Recording {
    /// Begins. `announced` is the length the client gave; one over the limit is not copied at all.
    pub(crate) fn of(source: Incoming, announced: Option<u64>, limit: usize, awaits_continue: bool) -> Self {
        let copy = BodyCopy::of(announced.unwrap_or(0), limit);
        let gate = if awaits_continue { Gate::Shut } else { Gate::Open };
        let mut state = State {
            source: None,
            copy,
            moved: Instant::now(),
            touched: false,
            ended: false,
            gate,
            is_abandoned: false,
            waker: None,
        };
        if source.is_end_stream() {
            state.ended = true;
            state.copy.finish(None);
        }
        state.source = Some(source);
        Self(Arc::new(Mutex::new(state)))
    }

    /// The body for the first try.
    pub(crate) fn stream(&self) -> RecordedBody {
        RecordedBody { recording: self.clone(), patience: None }
    }

    /// When the last of the body went upstream; `None` while more is to come.
    pub(crate) fn ended_at(&self) -> Option<Instant> {
        let state = self.lock();
        state.ended.then_some(state.moved)
    }

    /// Whether anything of the body was read yet.
    pub(crate) fn is_touched(&self) -> bool {
        self.lock().touched
    }

    /// The upstream said `100 Continue`, or nobody will.
    pub(crate) fn continue_now(&self) {
        self.change(|state| {
            if matches!(state.gate, Gate::Shut) {
                state.gate = Gate::Open;
            }
        });
    }

    /// What is left of the first try's stream is of no use. On a shared connection it would stand still there for good.
    pub(crate) fn abandon(&self) {
        self.change(|state| state.is_abandoned = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A final answer came. A body that still waits for `100 Continue` is not sent any more.
    pub(crate) fn answered(&self) {
        let mut state = self.lock();
        if matches!(state.gate, Gate::Shut) {
            state.gate = Gate::Barred;
        }
    }

    /// Whether the first try's stream stands still for good: its connection can serve no other request.
    pub(crate) fn stands_still(&self) -> bool {
        let state = self.lock();
        matches!(state.gate, Gate::Barred) || state.source.is_none()
    }

    /// Whether the whole body was read, and kept.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.lock().copy, BodyCopy::Whole(_))
    }

    /// The whole body, if it fits: reads what is missing from the client, at most for `patience`. Afterwards the
    /// stream of the first try stands still.
    pub(crate) async fn whole(&self, patience: Duration) -> Option<Replay> {
        let source = {
            let mut state = self.lock();
            match state.copy.outcome() {
                Some(replay) => return replay,
                None => state.source.take(),
            }
        };
        let rest = tokio::time::timeout(patience, self.read_to_end(source?));
        rest.await.unwrap_or(None)
    }

    async fn read_to_end(&self, mut source: Incoming) -> Option<Replay> {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut source).poll_frame(cx)).await;
            let mut state = self.lock();
            state.note(&frame, source.is_end_stream());
            if let Some(replay) = state.copy.outcome() {
                return replay;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes note of one frame, of an error, or of the end.
    fn note(&mut self, frame: &Option<hyper::Result<Frame<Bytes>>>, at_end: bool) {
        self.touched = true;
        self.moved = Instant::now();
        self.ended |= self.copy.note(frame.as_ref().map(Result::as_ref), at_end);
    }
}

/// The body of the first try, copied as it passes.
pub(crate) struct RecordedBody {
    recording: Recording,
    patience: Option<Pin<Box<Sleep>>>,
}

impl RecordedBody {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        ready!(self.poll_gate(cx));
        let mut state = self.recording.lock();
        if state.is_abandoned {
            return Poll::Ready(Some(Err(Broken::Abandoned)));
        }
        // Once taken, the rest is none of this try's business: its connection is dropped with its answer, and an
        // error here would cut that answer short.
        let Some(source) = &mut state.source else {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let Poll::Ready(frame) = Pin::new(&mut *source).poll_frame(cx) else {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let at_end = source.is_end_stream();
        state.note(&frame, at_end);
        Poll::Ready(frame.map(|frame| frame.map_err(Broken::from)))
    }

    /// The body that it is a stream of.
    pub(crate) fn recording(&self) -> &Recording {
        &self.recording
    }

    pub(crate) fn is_end(&self) -> bool {
        self.recording.lock().source.as_ref().is_some_and(Body::is_end_stream)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.recording.lock().source.as_ref().map(Body::size_hint).unwrap_or_default()
    }

    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        {
            let mut state = self.recording.lock();
            if matches!(state.gate, Gate::Open) || state.is_abandoned {
                return Poll::Ready(());
            }
            state.waker = Some(cx.waker().clone());
            if matches!(state.gate, Gate::Barred) {
                return Poll::Pending;
            }
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(CONTINUE_WAIT)));
        ready!(patience.as_mut().poll(cx));
        self.recording.continue_now();
        Poll::Ready(())
    }
}
