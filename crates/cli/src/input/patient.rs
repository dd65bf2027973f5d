//! Reading to the end of what a caller opened, but not for ever: whoever holds the other end of a pipe may never close it.

use std::io;
use std::time::Duration;

use zeroize::Zeroizing;

use super::file::read_limited;
use super::secret::descriptor;

/// Reads at most `limit` bytes from an inherited descriptor, within this time.
///
/// # Errors
/// Half a sentence for people, to stand behind the descriptor's number.
#[cfg(unix)]
pub(super) fn read_within(fd: i32, limit: usize, patience: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    use renewd_driver::Clock as _;
    use renewd_driver::system::SystemClock;
    let deadline = SystemClock.now().boot + renewd_core::Span::from_millis(millis(patience));
    read_limited(Patient { source: descriptor(fd)?, deadline, patience }, limit)
}

/// What is not there within its time is an error.
#[cfg(unix)]
struct Patient {
    source: std::fs::File,
    deadline: renewd_core::Boot,
    patience: Duration,
}

#[cfg(unix)]
impl io::Read for Patient {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        use renewd_driver::Clock as _;
        use renewd_driver::system::SystemClock;
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let ready = rustix::io::retry_on_intr(|| {
            let left: Duration = self.deadline.since(SystemClock.now().boot).into();
            let left = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            poll(&mut [PollFd::new(&self.source, PollFlags::IN)], Some(&left))
        })?;
        if ready == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, no_end(self.patience)));
        }
        // There is something, or an end, or an error that the read tells of: it does not wait.
        self.source.read(bytes)
    }
}

/// Reads at most `limit` bytes from an inherited descriptor, within this time. There is nothing to wait with for a
/// descriptor here: a thread reads, and stays behind where nothing comes.
///
/// # Errors
/// Half a sentence for people, to stand behind the descriptor's number.
#[cfg(not(unix))]
pub(super) fn read_within(fd: i32, limit: usize, patience: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let source = descriptor(fd)?;
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || told.send(read_limited(source, limit)));
    heard.recv_timeout(patience).unwrap_or_else(|_| {
        let late = io::Error::new(io::ErrorKind::TimedOut, no_end(patience));
        Err(format!("cannot be read: {late}"))
    })
}

fn no_end(patience: Duration) -> String {
    format!(
        "nobody closed its other end within {} ms: whoever writes there must end, or give a file (3< FILE)",
        millis(patience)
    )
}

fn millis(patience: Duration) -> u64 {
    patience.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    /// Longer than any test takes on the slowest machine.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_pipe_is_waited_for_and_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let parts = std::thread::spawn(move || {
            for part in [&b"four words "[..], b"of chance"] {
                writer.write_all(part).unwrap();
                std::thread::park_timeout(Duration::from_millis(5));
            }
        });
        assert_eq!(read_within(reader.as_raw_fd(), 64, LONG).unwrap().as_slice(), b"four words of chance");
        parts.join().unwrap();
    }

    #[test]
    fn a_pipe_whose_writer_never_ends_is_given_up_whether_it_wrote_or_not() {
        for said in [&b""[..], b"four words"] {
            let (reader, mut writer) = io::pipe().unwrap();
            writer.write_all(said).unwrap();
            let why = read_within(reader.as_raw_fd(), 64, Duration::from_millis(20)).unwrap_err();
            assert!(why.contains("nobody closed its other end within 20 ms"), "{why}");
            assert!(!why.contains("four"), "{why}");
            drop(writer);
        }
    }

    #[test]
    fn a_file_is_never_waited_for() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"four words").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        assert_eq!(read_within(file.as_raw_fd(), 64, Duration::ZERO).unwrap().as_slice(), b"four words");
    }
}
