//! Surgery on the store's files, by their published layout: what a bad disk, a bad backup or a bad neighbour does.

use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::chmod;

/// The parts of a sealed file that are told apart, and a byte of each. `None` counts from the end.
pub const REGIONS: [(&str, Where); 9] = [
    ("magic", Where::At(3)),
    ("format", Where::At(8)),
    ("key id", Where::At(20)),
    ("check", Where::At(30)),
    ("epoch", Where::At(32)),
    ("identity", Where::At(50)),
    ("nonce", Where::At(70)),
    ("ciphertext", Where::Middle),
    ("tag", Where::Last),
];

/// Where a byte lies in a sealed file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Where {
    /// So many bytes from the beginning.
    At(usize),
    /// In the middle of what is sealed.
    Middle,
    /// The last one.
    Last,
}

/// A file as it was, to be damaged and restored.
pub struct Patient {
    path: PathBuf,
    sound: Vec<u8>,
}

impl Patient {
    /// Remembers a file.
    ///
    /// # Panics
    /// When it cannot be read.
    #[track_caller]
    pub fn of(path: PathBuf) -> Self {
        let sound = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, sound }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands there now, where it is a file: reading a pipe would wait for ever.
    pub fn now(&self) -> Option<Vec<u8>> {
        let is_file = fs::metadata(&self.path).is_ok_and(|meta| meta.is_file());
        is_file.then(|| fs::read(&self.path).ok()).flatten()
    }

    /// What stood there.
    pub fn sound(&self) -> &[u8] {
        &self.sound
    }

    /// Puts the file back as it was, in the place of whatever is there, as a restored backup would be.
    pub fn restore(&self) {
        self.put(&self.sound);
    }

    /// Puts other bytes in its place and says them.
    pub fn put(&self, bytes: &[u8]) -> Vec<u8> {
        self.remove();
        let mut options = File::options();
        let file = options.create_new(true).write(true).mode(0o600).open(&self.path);
        let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
        written.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        bytes.to_vec()
    }

    /// Removes whatever stands there.
    pub fn remove(&self) {
        let removed = match fs::symlink_metadata(&self.path) {
            Err(_) => return,
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&self.path),
            Ok(_) => fs::remove_file(&self.path),
        };
        removed.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
    }

    /// One bit the other way round.
    pub fn flip(&self, at: Where) -> Vec<u8> {
        let mut bytes = self.sound.clone();
        let last = bytes.len() - 1;
        let at = match at {
            Where::At(at) => at,
            Where::Middle => 100 + (last - 100) / 2,
            Where::Last => last,
        };
        bytes[at] ^= 0x10;
        self.put(&bytes)
    }

    /// Only its beginning.
    pub fn truncate(&self, length: usize) -> Vec<u8> {
        self.put(&self.sound[..length.min(self.sound.len())])
    }

    /// Its beginning, and zeros where a crash came before the disk had the rest.
    pub fn tear(&self) -> Vec<u8> {
        let mut bytes = self.sound.clone();
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
        self.put(&bytes)
    }

    /// As a version of tomorrow writes it: a format that this one does not know, in a prefix that is intact.
    pub fn newer(&self) -> Vec<u8> {
        let mut bytes = self.sound.clone();
        let format = renewd_core::RECORD_FORMAT + 1;
        bytes[8..12].copy_from_slice(&format.to_le_bytes());
        let check = Sha256::digest(&bytes[..28]);
        bytes[28..32].copy_from_slice(&check[..4]);
        self.put(&bytes)
    }

    /// A symbolic link to a sound copy of it.
    pub fn link_symbolically(&self) {
        let beside = self.beside();
        self.remove();
        fs::write(&beside, &self.sound).expect("a copy can be written");
        chmod(&beside, 0o600);
        symlink(&beside, &self.path).expect("a link can be made");
    }

    /// Another name for it.
    pub fn link_hard(&self) {
        fs::hard_link(&self.path, self.beside()).expect("a link can be made");
    }

    /// Takes the other name, or the copy, away.
    pub fn unlink(&self) {
        let _ = fs::remove_file(self.beside());
    }

    /// A folder in its place.
    pub fn become_folder(&self) {
        self.remove();
        fs::create_dir(&self.path).expect("a folder can be made");
        chmod(&self.path, 0o700);
    }

    /// A pipe in its place, which nobody writes to: whoever opens it naively waits for ever.
    pub fn become_pipe(&self) {
        self.remove();
        let made = Command::new("mkfifo").args(["-m", "600"]).arg(&self.path).status();
        assert!(made.expect("mkfifo can be run").success());
    }

    fn beside(&self) -> PathBuf {
        self.path.with_extension("elsewhere")
    }
}
