//! What happened to each credential, kept for people: `journal/NAME.jsonl` in the state folder.
//!
//! The journal is a courtesy. It is written by a thread of its own, never fsynced, bounded, and dropped rather than
//! allowed to delay a refresh.

mod entry;
mod file;
mod history;
#[cfg(unix)]
mod lines;
mod repeats;
mod scribe;
mod sentence;
mod story;

pub(crate) use entry::Entry;
pub(crate) use entry::What;
pub(crate) use file::{JournalFolder, note, read_all};
pub(crate) use history::{HistoryDocument, together};
#[cfg(unix)]
pub(crate) use lines::{LineFormat, Lines};
#[cfg(unix)]
pub(crate) use repeats::Repeats;
pub(crate) use scribe::Scribe;
#[cfg(unix)]
pub(crate) use scribe::Sink;
#[cfg(all(unix, test))]
pub(crate) use sentence::Shown;
pub(crate) use sentence::Tone;
pub(crate) use story::{Clock, Told, span, story, written};
