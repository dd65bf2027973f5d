//! What is told of to a collector, and waits for it: a bounded queue, from which the oldest give way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use renewd_core::Wall;

use super::context::Context;

/// Spans that wait for a collector. A day of hourly refreshes of a hundred credentials fits, and 400 proxied requests a
/// second.
pub(super) const SPANS_MAX: usize = 2048;

/// What was done in a stretch of time.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) name: &'static str,
    pub(super) context: Context,
    pub(super) begun: Wall,
    pub(super) ended: Wall,
    /// What happened on the way.
    pub(super) events: Vec<(Wall, &'static str)>,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
    /// What went wrong: a word of ours.
    pub(super) error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Span>>,
    dropped: AtomicU64,
}

/// What waits to be sent. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Spans(Arc<Queue>);

impl Spans {
    pub(super) fn push(&self, span: Span) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= SPANS_MAX {
            waiting.pop_front();
            self.lost(1);
        }
        waiting.push_back(span);
    }

    pub(super) fn take(&self) -> Vec<Span> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// So many reached nobody.
    pub(super) fn lost(&self, n: usize) {
        self.0.dropped.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Spans that reached nobody: the queue was full, or the collector did not take them.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::otel::sampler::Sampler;

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let spans = Spans::default();
        for n in 0..SPANS_MAX + 3 {
            let begun = Wall::from_unix_millis(n as i64);
            let context = Context::begun(Sampler::default());
            let (events, attributes) = (Vec::new(), Vec::new());
            spans.push(Span { name: "x", context, begun, ended: begun, events, attributes, error: None });
        }
        assert_eq!(spans.dropped(), 3);
        let waiting = spans.take();
        assert_eq!((waiting.len(), waiting[0].begun), (SPANS_MAX, Wall::from_unix_millis(3)));
        assert!(spans.take().is_empty());
    }
}
