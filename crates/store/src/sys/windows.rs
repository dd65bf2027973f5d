//! Folders and files on Windows. Kept thin: the per-user folder's access list stands for owner and mode.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use renewd_core::{StoreFault, StoreFaultKind};
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_OPEN_REPARSE_POINT,
    GetFileInformationByHandle, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
};
use zeroize::Zeroizing;

use crate::fault::{fault, io_fault, shown};
use crate::fs::{FileId, Folder, OpenFile};

/// A virus scanner or a reader holds a file for moments; 40 polls of 50 ms are the two seconds of the design.
const SHARING_POLLS_MAX: u32 = 40;
const SHARING_POLL: Duration = Duration::from_millis(50);

/// A folder.
pub(crate) struct SystemDir {
    path: PathBuf,
}

impl SystemDir {
    pub(crate) fn create(path: &Path) -> Result<Self, StoreFault> {
        std::fs::create_dir_all(path).map_err(|error| io_fault("create the folder", path, &error))?;
        Self::open(path)
    }

    pub(crate) fn open(path: &Path) -> Result<Self, StoreFault> {
        let meta =
            std::fs::symlink_metadata(path).map_err(|error| io_fault("open the folder", path, &error))?;
        if meta.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
            return Err(planted(path));
        }
        if !meta.is_dir() {
            return Err(fault(StoreFaultKind::Denied, format!("{} is no folder; remove it", shown(path))));
        }
        Ok(Self { path: path.to_owned() })
    }

    pub(super) fn open_shared(path: &Path) -> Result<Self, StoreFault> {
        Self::open(path)
    }

    /// A file for adding to its end, made where it is missing.
    pub(crate) fn append(&self, file: &str) -> Result<File, StoreFault> {
        let path = self.path_of(file);
        let open = sharing(|| options().append(true).create(true).open(&path))
            .map_err(|error| io_fault("open", &path, &error))?;
        check_file(&open, &path)?;
        Ok(open)
    }

    /// A file to be read; nothing where there is none.
    pub(crate) fn existing(&self, file: &str) -> Result<Option<File>, StoreFault> {
        let path = self.path_of(file);
        match sharing(|| options().read(true).open(&path)) {
            Ok(open) => check_file(&open, &path).map(|()| Some(open)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_fault("read", &path, &error)),
        }
    }
}

impl Folder for SystemDir {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, file: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        let path = self.path_of(file);
        match sharing(|| options().read(true).open(&path)) {
            Ok(open) => {
                check_file(&open, &path)?;
                read_bounded(open, limit).map(Some).map_err(|error| io_fault("read", &path, &error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_fault("read", &path, &error)),
        }
    }

    fn open_lock(&self, file: &str) -> Result<Box<dyn OpenFile>, StoreFault> {
        let path = self.path_of(file);
        let open = sharing(|| options().read(true).write(true).create(true).truncate(false).open(&path))
            .map_err(|error| io_fault("open the lock", &path, &error))?;
        check_file(&open, &path)?;
        Ok(Box::new(SystemFile(open)))
    }

    fn id_of(&self, file: &str) -> Option<FileId> {
        options().access_mode(0).open(self.path_of(file)).ok().as_ref().and_then(id)
    }

    fn create_new(&self, file: &str) -> io::Result<Box<dyn OpenFile>> {
        let open = options().read(true).write(true).create_new(true).open(self.path_of(file))?;
        Ok(Box::new(SystemFile(open)))
    }

    fn open_existing(&self, file: &str) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(SystemFile(options().read(true).write(true).open(self.path_of(file))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        sharing(|| move_file(&self.path_of(from), &self.path_of(to), MOVEFILE_REPLACE_EXISTING))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        sharing(|| move_file(&self.path_of(from), &self.path_of(to), 0))
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        sharing(|| std::fs::remove_file(self.path_of(file)))
    }

    /// `MOVEFILE_WRITE_THROUGH` made the rename durable already.
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn entries(&self) -> Result<Vec<String>, StoreFault> {
        let failed = |error: io::Error| io_fault("list", &self.path, &error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn stamp(&self, file: &str) -> Option<[u64; 5]> {
        let meta = std::fs::symlink_metadata(self.path_of(file)).ok()?;
        Some([meta.creation_time(), meta.last_write_time(), meta.file_size(), 0, 0])
    }

    fn unshared_locks(&self) -> Result<Option<&'static str>, StoreFault> {
        let real = std::fs::canonicalize(&self.path)
            .map_err(|error| io_fault("ask for the file system of", &self.path, &error))?;
        Ok(real.to_string_lossy().starts_with(r"\\?\UNC\").then_some("network share"))
    }
}

/// An open file. std opens without inheritance: no child process gets the handle, and with it the lock.
pub(super) struct SystemFile(pub(super) File);

impl OpenFile for SystemFile {
    fn try_lock(&self) -> Result<(), TryLockError> {
        self.0.try_lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }

    fn id(&self) -> Option<FileId> {
        id(&self.0)
    }

    /// Sets the end of the file: NTFS takes the clusters then.
    fn preallocate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.rewind()?;
        self.0.write_all(bytes)?;
        self.0.set_len(bytes.len() as u64)
    }

    /// `FlushFileBuffers`.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Volume and file number: std has them behind an unstable name only.
fn id(file: &File) -> Option<FileId> {
    let mut info = BY_HANDLE_FILE_INFORMATION::default();
    #[expect(unsafe_code, reason = "std does not give a file's number")]
    // SAFETY: the handle is open as long as `file` is borrowed, and `info` is a whole structure that outlives the call.
    let done = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut info) };
    let number = u64::from(info.nFileIndexHigh) << 32 | u64::from(info.nFileIndexLow);
    (done != 0).then_some([u64::from(info.dwVolumeSerialNumber), number])
}

/// Makes a folder that holds what is looked at by itself.
pub(super) fn make_shared(path: &Path) -> Result<(), StoreFault> {
    std::fs::create_dir_all(path).map_err(|error| io_fault("create the folder", path, &error))
}

/// Access lists stand for modes here, and are not looked at.
pub(super) fn check_way(_: &Path) -> Result<(), StoreFault> {
    Ok(())
}

/// Access lists stand for modes here, and are not looked at.
pub(super) fn loose_way(_: &Path) -> Option<String> {
    None
}

/// NTFS keeps its own journal of names; there is no handle by which a folder's names are flushed.
pub(super) fn sync_parent(_: &Path) -> Result<(), StoreFault> {
    Ok(())
}

pub(super) fn read_shared_key(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
    match File::open(path) {
        Ok(open) => {
            read_bounded(open, limit).map(Some).map_err(|error| io_fault("read the key", path, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_fault("read the key", path, &error)),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    options
}

fn check_file(file: &File, path: &Path) -> Result<(), StoreFault> {
    let meta = file.metadata().map_err(|error| io_fault("look at", path, &error))?;
    if meta.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 { Err(planted(path)) } else { Ok(()) }
}

fn planted(path: &Path) -> StoreFault {
    fault(StoreFaultKind::Denied, format!("{} is a link; remove it", shown(path)))
}

fn read_bounded(file: File, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = limit.saturating_add(1);
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(most).min(most);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
    file.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn move_file(from: &Path, to: &Path, flags: u32) -> io::Result<()> {
    let wide = |path: &Path| path.as_os_str().encode_wide().chain([0]).collect::<Vec<u16>>();
    let (from, to) = (wide(from), wide(to));
    #[expect(unsafe_code, reason = "std's rename does not write through")]
    // SAFETY: both arguments point to zero-terminated UTF-16 text that outlives the call.
    let done = unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), flags | MOVEFILE_WRITE_THROUGH) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Repeats what fails because somebody has the file open just now.
fn sharing<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut polls = 0;
    loop {
        match attempt() {
            Err(error) if polls < SHARING_POLLS_MAX && is_sharing(&error) => {
                polls += 1;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "bounded wait for another program to close a file"
                )]
                std::thread::sleep(SHARING_POLL);
            }
            done => return done,
        }
    }
}

fn is_sharing(error: &io::Error) -> bool {
    let code = error.raw_os_error().and_then(|code| u32::try_from(code).ok());
    matches!(code, Some(ERROR_SHARING_VIOLATION | ERROR_ACCESS_DENIED))
}
