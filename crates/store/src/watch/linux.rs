//! inotify.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::{Heard, Recorded};

/// What makes or takes away a whole file: our own rename, a backup that is copied over, a removal.
const FILES: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE);

/// What ends the folder itself, and the terms on which it is opened, which are those of the store.
const FOLDER: WatchFlags = WatchFlags::DELETE_SELF
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// After one of these the folder at this path is another one, or none.
const GONE: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::UNMOUNT).union(ReadFlags::IGNORED);

/// Some hundred events of our names' lengths.
const BUFFER_BYTES: usize = 4096;

pub(super) struct Source {
    inotify: OwnedFd,
    watch: i32,
}

impl Source {
    pub(super) fn open(dir: &Path) -> io::Result<Option<Self>> {
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let watch = inotify::add_watch(&inotify, dir, FILES | FOLDER)?;
        Ok(Some(Self { inotify, watch }))
    }

    /// Tells what happens until the watch is closed or over; gives why it is over.
    pub(super) fn listen(&self, heard: &Heard, recorded: Recorded) -> String {
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(errno) => return errno.to_string(),
            };
            if heard.is_closed() {
                return "nobody listens".into();
            }
            let what = event.events();
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                heard.unknown();
            } else if what.intersects(GONE) {
                return "the folder was moved, removed or unmounted".into();
            } else if let Some(name) =
                event.file_name().and_then(|name| name.to_str().ok()).and_then(recorded)
            {
                heard.record(name);
            }
        }
    }

    /// Lets [`listen`](Self::listen) look whether it should end: the end of a watch is an event itself. Where that is
    /// refused, the watch has ended before.
    pub(super) fn wake(&self) {
        let _ = inotify::remove_watch(&self.inotify, self.watch);
    }
}

/// What to do about the system's limits.
pub(super) fn way_out(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => {
            Some("; raise fs.inotify.max_user_instances, or this process's limit of open files")
        }
        Some(Errno::NOSPC) => Some(" (of watches, not of disk); raise fs.inotify.max_user_watches"),
        _ => None,
    }
}
