//! kqueue on the folder: it tells that an entry was made, renamed or removed, not which. A file that is written in
//! place tells nothing; records never are.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::ptr::null_mut;

use rustix::event::kqueue::{
    Event, EventFilter, EventFlags, UserDefinedFlags, UserFlags, VnodeEvents, kevent, kqueue,
};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{Heard, Recorded};

/// What ends the folder itself.
const GONE: VnodeEvents = VnodeEvents::DELETE.union(VnodeEvents::RENAME).union(VnodeEvents::REVOKE);

/// Tells our own wake-ups apart; the only one there is.
const WAKE: isize = 1;

pub(super) struct Source {
    queue: OwnedFd,
    /// Watched as long as it is open.
    folder: OwnedFd,
}

impl Source {
    pub(super) fn open(dir: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(dir, flags, Mode::empty())?;
        let queue = kqueue()?;
        rustix::io::fcntl_setfd(&queue, rustix::io::FdFlags::CLOEXEC)?;
        let source = Self { queue, folder };
        source.change(&[
            Event::new(
                EventFilter::Vnode { vnode: source.folder.as_raw_fd(), flags: VnodeEvents::WRITE | GONE },
                EventFlags::ADD | EventFlags::CLEAR,
                null_mut(),
            ),
            user(UserFlags::NOINPUT, EventFlags::ADD | EventFlags::CLEAR),
        ])?;
        Ok(Some(source))
    }

    /// Tells that something happened until the watch is closed or over; gives why it is over.
    pub(super) fn listen(&self, heard: &Heard, _recorded: Recorded) -> String {
        let mut events = Vec::with_capacity(4);
        loop {
            events.clear();
            match self.wait(&mut events) {
                Ok(()) | Err(Errno::INTR) => {}
                Err(errno) => return errno.to_string(),
            }
            if heard.is_closed() {
                return "nobody listens".into();
            }
            for event in &events {
                if let EventFilter::Vnode { flags, .. } = event.filter() {
                    if flags.intersects(GONE) {
                        return "the folder was moved, removed or unmounted".into();
                    }
                    heard.unknown();
                }
            }
        }
    }

    /// Lets [`listen`](Self::listen) look whether it should end.
    pub(super) fn wake(&self) {
        let _ = self.change(&[user(UserFlags::TRIGGER, EventFlags::empty())]);
    }

    #[expect(unsafe_code, reason = "a kqueue names descriptors by number")]
    fn wait(&self, events: &mut Vec<Event>) -> Result<(), Errno> {
        // SAFETY: the one descriptor that the queue knows, `self.folder`, is open as long as the queue is.
        unsafe { kevent(&self.queue, &[], rustix::buffer::spare_capacity(events), None) }.map(|_| ())
    }

    #[expect(unsafe_code, reason = "a kqueue names descriptors by number")]
    fn change(&self, changes: &[Event]) -> Result<(), Errno> {
        let mut none: [Event; 0] = [];
        // SAFETY: the one descriptor that `changes` may name, `self.folder`, is open as long as the queue is.
        unsafe { kevent(&self.queue, changes, &mut none[..], None) }.map(|_| ())
    }
}

fn user(flags: UserFlags, how: EventFlags) -> Event {
    let filter = EventFilter::User { ident: WAKE, flags, user_flags: UserDefinedFlags::new(0) };
    Event::new(filter, how, null_mut())
}

/// What to do about the system's limits.
pub(super) fn way_out(error: &io::Error) -> Option<&'static str> {
    let many = Errno::from_io_error(error) == Some(Errno::MFILE);
    many.then_some("; raise this process's limit of open files")
}
