//! A request body's copy for one replay, whoever it comes from and whatever it goes through.
//!
//! Each chunk is copied on its way while the copy stays within a limit. What is whole can be sent again, from its
//! beginning, with its trailers.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::{Frame, SizeHint};

/// Memory taken at once for a body whose length is known; the rest is taken as it comes, for a length is only a claim.
const FIRST_RESERVE_BYTES: usize = 64 * 1024;

/// The copy so far.
pub(crate) enum BodyCopy {
    Growing {
        bytes: BytesMut,
        limit: usize,
    },
    Whole(Replay),
    /// Longer than the limit, or it broke off.
    None,
}

/// A body that can be sent again.
#[derive(Clone)]
pub(crate) struct Replay {
    pub(crate) bytes: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl BodyCopy {
    /// Begins. One that is announced to be longer than the limit is not copied at all.
    pub(crate) fn of(announced: u64, limit: usize) -> Self {
        match usize::try_from(announced) {
            Ok(length) if length <= limit => {
                Self::Growing { bytes: BytesMut::with_capacity(length.min(FIRST_RESERVE_BYTES)), limit }
            }
            _ => Self::None,
        }
    }

    /// What can be sent again: the whole, or nothing. None while it grows.
    pub(crate) fn outcome(&self) -> Option<Option<Replay>> {
        match self {
            Self::Growing { .. } => None,
            Self::Whole(replay) => Some(Some(replay.clone())),
            Self::None => Some(None),
        }
    }

    /// Takes note of one frame, of an error, or of the end. True when nothing comes after it but an error.
    pub(crate) fn note<E>(&mut self, frame: Option<Result<&Frame<Bytes>, &E>>, at_end: bool) -> bool {
        match frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.append(data);
                }
                let trailers = frame.trailers_ref();
                let ends = trailers.is_some() || at_end;
                if ends {
                    self.finish(trailers.cloned());
                }
                ends
            }
            Some(Err(_)) => {
                *self = Self::None;
                false
            }
            None => {
                self.finish(None);
                true
            }
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

    pub(crate) fn finish(&mut self, trailers: Option<HeaderMap>) {
        if let Self::Growing { bytes, .. } = self {
            let bytes = std::mem::take(bytes).freeze();
            *self = Self::Whole(Replay { bytes, trailers });
        }
    }
}

/// A replay on its way out.
pub(crate) struct Replaying {
    replay: Replay,
    /// Whether it goes out with a length; otherwise in chunks, as it came.
    sized: bool,
    begun: bool,
}

impl Replaying {
    pub(crate) fn new(replay: Replay, sized: bool) -> Self {
        Self { replay, sized, begun: false }
    }

    pub(crate) fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        if !std::mem::replace(&mut self.begun, true) && !self.replay.bytes.is_empty() {
            return Some(Frame::data(self.replay.bytes.clone()));
        }
        self.replay.trailers.take().map(Frame::trailers)
    }

    pub(crate) fn is_end(&self) -> bool {
        // In chunks even an empty body has an end to be written.
        self.sized && (self.begun || self.replay.bytes.is_empty())
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        if self.sized && !self.begun {
            SizeHint::with_exact(self.replay.bytes.len() as u64)
        } else {
            SizeHint::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Noted = Option<Result<Frame<Bytes>, &'static str>>;

    fn note(copy: &mut BodyCopy, frame: &Noted, at_end: bool) -> bool {
        copy.note(frame.as_ref().map(Result::as_ref), at_end)
    }

    fn data(text: &'static str) -> Noted {
        Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))
    }

    fn kept(copy: &BodyCopy) -> Option<Option<Bytes>> {
        copy.outcome().map(|replay| replay.map(|replay| replay.bytes))
    }

    #[test]
    fn a_body_is_whole_at_its_end_however_that_shows() {
        let trailers = Some(Ok(Frame::trailers(HeaderMap::new())));
        for (last, at_end) in [(data("b"), true), (trailers, false), (None, false)] {
            let mut copy = BodyCopy::of(0, 2);
            assert!(!note(&mut copy, &data("a"), false));
            assert_eq!(kept(&copy), None);
            assert!(note(&mut copy, &last, at_end));
            let bytes = kept(&copy).flatten().expect("it fits");
            assert_eq!(bytes.first(), Some(&b'a'));
        }
    }

    #[test]
    fn one_that_is_too_long_or_breaks_off_is_not_kept() {
        assert_eq!(kept(&BodyCopy::of(3, 2)), Some(None), "announced");
        assert_eq!(kept(&BodyCopy::of(u64::MAX, 2)), Some(None), "announced");
        let mut longer = BodyCopy::of(0, 2);
        note(&mut longer, &data("abc"), false);
        assert_eq!(kept(&longer), Some(None));
        assert!(note(&mut longer, &None, false), "its end is an end all the same");
        assert_eq!(kept(&longer), Some(None));
        let mut broken = BodyCopy::of(0, 2);
        assert!(!note(&mut broken, &Some(Err("broken")), true));
        assert_eq!(kept(&broken), Some(None));
    }
}
