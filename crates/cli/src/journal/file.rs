//! The journal's files: one append for each line, two files for each credential, neither larger than a limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use renewd_core::Now;
use renewd_driver::{CredentialName, Event};

use super::entry::Entry;
use super::scribe::Sink;

/// A longer line is not written: one append up to this size lands whole between those of other processes.
const LINE_BYTES_MAX: usize = 4096;

/// A file that has grown past this becomes the old one. A year of hourly refreshes fits into both.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The folder of the journals.
pub(crate) struct JournalFolder {
    folder: PathBuf,
}

impl JournalFolder {
    /// In that state folder. Nothing is made before the first line.
    pub(crate) fn new(state: &Path) -> Self {
        Self { folder: state.join("journal") }
    }

    fn append(&self, name: &CredentialName, line: &[u8]) -> io::Result<()> {
        let path = path(&self.folder, name);
        let mut file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private(&self.folder)?;
                open(&path)?
            }
            opened => opened?,
        };
        if file.metadata()?.len() > FILE_BYTES_MAX {
            fs::rename(&path, old(&path))?;
            file = open(&path)?;
        }
        file.write_all(line)
    }
}

impl Sink for JournalFolder {
    fn take(&mut self, name: &CredentialName, now: Now, event: &Event) {
        let Some(entry) = Entry::of(now, event) else { return };
        let Ok(mut line) = serde_json::to_vec(&entry) else { return };
        line.push(b'\n');
        if line.len() > LINE_BYTES_MAX {
            return;
        }
        if let Err(error) = self.append(name, &line) {
            // Said once per failure in the log; a missing journal harms nobody.
            tracing::warn!(credential = %name, kind = ?error.kind(), "the journal cannot be written");
        }
    }
}

/// What the journal says of a credential, oldest first; nothing where there is no journal. Lines that cannot be read
/// (cut short by a full disk, say) are passed over.
///
/// # Errors
/// When a file is there and cannot be read.
pub(crate) fn read(state: &Path, name: &CredentialName) -> io::Result<Vec<Entry>> {
    let newest = path(&state.join("journal"), name);
    let mut entries = Vec::new();
    for path in [old(&newest), newest] {
        let file = match open_own(OpenOptions::new().read(true), &path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for line in BufReader::new(file).split(b'\n') {
            if let Ok(entry) = serde_json::from_slice(&line?) {
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

fn path(folder: &Path, name: &CredentialName) -> PathBuf {
    folder.join(format!("{name}.jsonl"))
}

fn old(path: &Path) -> PathBuf {
    path.with_extension("jsonl.1")
}

fn open(path: &Path) -> io::Result<File> {
    open_own(OpenOptions::new().append(true).create(true), path)
}

/// Opens a regular file of one's own, and waits for nobody: a state folder that another user planted holds lines of
/// his, or a pipe that keeps whoever opens it for ever.
#[cfg(unix)]
fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    let flags = rustix::fs::OFlags::NOFOLLOW
        | rustix::fs::OFlags::CLOEXEC
        | rustix::fs::OFlags::NONBLOCK
        | rustix::fs::OFlags::NOCTTY;
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!("it belongs to another user (uid {})", meta.uid())));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
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
        let file = state.path().join("journal/work.jsonl");
        let torn = r#"{"schema":1,"at":"2026-"#.as_bytes();
        OpenOptions::new().append(true).open(&file).unwrap().write_all(&[torn, b"\n"].concat()).unwrap();
        OpenOptions::new().append(true).open(&file).unwrap().write_all(&vec![b'\n'; 1 << 21]).unwrap();
        folder.take(&name, Now::default(), &event(2));
        assert!(fs::metadata(&file).unwrap().len() < 4096);
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
        let pipe = path(&state.path().join("journal"), &name);
        fs::create_dir(state.path().join("journal")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(read(state.path(), &name).unwrap_err().to_string().contains("no regular file"));
        // With a reader at its other end a writer would not even be refused.
        let _reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        let folder = JournalFolder::new(state.path());
        assert!(folder.append(&name, b"line\n").unwrap_err().to_string().contains("no regular file"));
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
        let file = path(&state.path().join("journal"), &name);
        std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
        assert!(read(state.path(), &name).unwrap_err().to_string().contains("another user (uid 65534)"));
        assert!(folder.append(&name, b"line\n").is_err());
    }
}
