//! The journal's files: one append for each line, two files for each credential, neither larger than a limit.

use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use renewd_core::Now;
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, Event};
use renewd_store::PrivateFolder;

use super::entry::{Entry, What};
use super::scribe::Sink;

/// A longer line is not written: one append up to this size lands whole between those of other processes.
const LINE_BYTES_MAX: usize = 4096;

/// A file that has grown past this becomes the old one. A year of hourly refreshes fits into both.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The agent's own journal. No credential can be called so.
const AGENT: &str = ".agent";

/// The folder of the journals.
pub(crate) struct JournalFolder {
    folder: PathBuf,
}

impl JournalFolder {
    /// In that state folder. Nothing is made before the first line.
    pub(crate) fn new(state: &Path) -> Self {
        Self { folder: state.join("journal") }
    }

    /// Writes a line: of a credential, or of the agent itself. What cannot be written is told in the log alone.
    pub(crate) fn write(&self, name: Option<&CredentialName>, entry: &Entry) {
        let Ok(mut line) = serde_json::to_vec(entry) else { return };
        line.push(b'\n');
        if line.len() > LINE_BYTES_MAX {
            return;
        }
        let stem = name.map_or(AGENT, CredentialName::as_str);
        if let Err(why) = self.append(stem, &line) {
            // Said once per failure in the log; a missing journal harms nobody.
            tracing::warn!(journal = stem, why, "the journal cannot be written");
        }
    }

    fn append(&self, stem: &str, line: &[u8]) -> Result<(), String> {
        let folder = PrivateFolder::create(&self.folder).map_err(|fault| fault.message)?;
        let path = file(stem);
        let failed = |error: io::Error| format!("{}: {error}", folder.path_of(&path).display());
        let mut open = folder.append(&path).map_err(|fault| fault.message)?;
        if open.metadata().map_err(failed)?.len() > FILE_BYTES_MAX {
            folder.rename(&path, &old(stem)).map_err(|fault| fault.message)?;
            open = folder.append(&path).map_err(|fault| fault.message)?;
        }
        open.write_all(line).map_err(failed)
    }
}

impl Sink for JournalFolder {
    fn take(&mut self, name: &CredentialName, now: Now, event: &Event) {
        if let Some(entry) = Entry::of(now, event) {
            self.write(Some(name), &entry);
        }
    }

    fn note(&mut self, name: Option<&CredentialName>, entry: &Entry) {
        self.write(name, entry);
    }
}

/// Writes one line for a command that keeps nothing: a login, say. Without a name, of the store or the agent.
pub(crate) fn note(state: &Path, name: Option<&CredentialName>, what: What) {
    JournalFolder::new(state).write(name, &Entry::new(SystemClock.now(), what));
}

/// What a journal says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// Oldest first, as they were written.
    pub(crate) entries: Vec<Entry>,
    /// Lines that cannot be read: cut short by a full disk, say.
    pub(crate) passed_over: usize,
}

/// What the journal says of a credential, oldest first; nothing where there is no journal.
///
/// # Errors
/// When a file is there and cannot be read, or is not this user's alone: in words for people.
#[cfg(test)]
fn read(state: &Path, name: &CredentialName) -> Result<Vec<Entry>, String> {
    Ok(read_all(state, Some(name))?.entries)
}

/// The same, with what was passed over; without a name, the agent's own.
///
/// # Errors
/// As for [`read`].
pub(crate) fn read_all(state: &Path, name: Option<&CredentialName>) -> Result<Kept, String> {
    let folder = PrivateFolder::open(&state.join("journal")).map_err(|fault| fault.message)?;
    let mut kept = Kept::default();
    let Some(folder) = folder else { return Ok(kept) };
    let stem = name.map_or(AGENT, CredentialName::as_str);
    for path in [old(stem), file(stem)] {
        let Some(lines) = folder.read(&path).map_err(|fault| fault.message)? else { continue };
        for line in lines.split(b'\n') {
            let line = line.map_err(|error| format!("{}: {error}", folder.path_of(&path).display()))?;
            match serde_json::from_slice(&line) {
                Ok(entry) => kept.entries.push(entry),
                Err(_) if line.is_empty() => {}
                Err(_) => kept.passed_over += 1,
            }
        }
    }
    Ok(kept)
}

fn file(stem: &str) -> String {
    format!("{stem}.jsonl")
}

fn old(stem: &str) -> String {
    format!("{stem}.jsonl.1")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;
    use renewd_core::Report;

    fn event(generation: u64) -> Event {
        Event::Report(Report::RejectionPassed { generation })
    }

    #[test]
    fn lines_come_back_in_order_over_a_rotation_and_a_torn_line() {
        let state = tempfile::tempdir().unwrap();
        let name: CredentialName = "work".parse().unwrap();
        let mut folder = JournalFolder::new(state.path());
        assert!(read(state.path(), &name).unwrap().is_empty());
        folder.take(&name, Now::default(), &event(1));
        let newest = state.path().join("journal/work.jsonl");
        let torn = r#"{"schema":1,"at":"2026-"#.as_bytes();
        OpenOptions::new().append(true).open(&newest).unwrap().write_all(&[torn, b"\n"].concat()).unwrap();
        OpenOptions::new().append(true).open(&newest).unwrap().write_all(&vec![b'\n'; 1 << 21]).unwrap();
        folder.take(&name, Now::default(), &event(2));
        assert!(fs::metadata(&newest).unwrap().len() < 4096);
        let all = read(state.path(), &name).unwrap();
        let expected: Vec<_> = [1, 2].map(|n| Entry::of(Now::default(), &event(n)).unwrap()).into();
        assert_eq!(all, expected);
    }

    #[cfg(unix)]
    #[test]
    fn the_journal_is_private_and_a_planted_link_is_not_followed() {
        use renewd_core::Status;
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        let name: CredentialName = "work".parse().unwrap();
        let mut folder = JournalFolder::new(state.path());
        folder.take(&name, Now::default(), &event(1));
        let mode = |p: &str| fs::metadata(state.path().join(p)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("journal"), mode("journal/work.jsonl")), (0o700, 0o600));
        let victim = state.path().join("victim");
        fs::write(&victim, "").unwrap();
        std::os::unix::fs::symlink(&victim, state.path().join("journal/other.jsonl")).unwrap();
        let change = Event::Changed { from: Status::Running, to: Status::Stopped, cause: None };
        folder.take(&"other".parse().unwrap(), Now::default(), &change);
        assert_eq!(fs::read(&victim).unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_pipe_keeps_neither_a_reader_nor_a_writer_waiting() {
        let state = tempfile::tempdir().unwrap();
        let name: CredentialName = "work".parse().unwrap();
        let pipe =
            PrivateFolder::create(&state.path().join("journal")).unwrap().path_of(&file(name.as_str()));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(read(state.path(), &name).unwrap_err().contains("no regular file"));
        // With a reader at its other end a writer would not even be refused.
        let _reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        let folder = JournalFolder::new(state.path());
        assert!(folder.append(name.as_str(), b"line\n").unwrap_err().contains("no regular file"));
    }

    #[cfg(unix)]
    #[test]
    fn what_another_user_wrote_is_no_journal() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can give a file away");
            return;
        }
        let state = tempfile::tempdir().unwrap();
        let name: CredentialName = "work".parse().unwrap();
        let mut folder = JournalFolder::new(state.path());
        folder.take(&name, Now::default(), &event(1));
        let journal = state.path().join("journal");
        std::os::unix::fs::chown(journal.join(file(name.as_str())), Some(65_534), None).unwrap();
        assert!(read(state.path(), &name).unwrap_err().contains("belongs to uid 65534"));
        assert!(folder.append(name.as_str(), b"line\n").is_err());
        std::os::unix::fs::chown(&journal, Some(65_534), None).unwrap();
        assert!(read(state.path(), &name).unwrap_err().contains("journal belongs to uid 65534"));
    }
}
