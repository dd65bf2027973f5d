//! What happens to one credential, as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::Stream;

use crate::ports::Event;

/// Events that wait for a slow reader. A refresh makes two or three; a reader sixteen refreshes behind is not reading.
pub(crate) const EVENTS_MAX: usize = 64;

/// The events of one credential, from [`Keeper::subscribe`](crate::Keeper::subscribe). It ends with the credential.
/// A reader that falls more than 64 events behind misses the ones in between: what it needs to be sure of, it asks
/// [`Keeper::view`](crate::Keeper::view).
pub struct Events {
    stream: mpsc::Receiver<Event>,
}

impl Events {
    pub(crate) fn new(stream: mpsc::Receiver<Event>) -> Self {
        Self { stream }
    }

    /// The next event, if one is at hand.
    pub fn try_next(&mut self) -> Option<Event> {
        self.stream.try_recv().ok()
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        Pin::new(&mut self.stream).poll_next(cx)
    }
}
