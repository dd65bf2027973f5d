//! Files and folders, each as processes see it and as the medium holds it.
//!
//! A file's bytes reach the medium by its own sync, a name by the sync of the folder it is in. Until then each change is
//! on its way, and a power cut decides what of it arrived ([`super::cut`]).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path};

/// Number of a file or folder.
pub(super) type Ino = u64;

/// The folder that everything is in.
pub(super) const ROOT: Ino = 0;

/// Disks give room in sectors.
const SECTOR_BYTES: u64 = 512;

/// A file or a folder.
#[derive(Clone)]
pub(super) enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// A file.
#[derive(Clone, Default)]
pub(super) struct FileNode {
    /// What processes read.
    pub(super) bytes: Vec<u8>,
    /// What the medium holds.
    pub(super) durable: Vec<u8>,
    /// Something is on its way. Not after a sync that failed: Linux then drops the pages' dirty flag, and the next sync
    /// has nothing to do and succeeds.
    pub(super) dirty: bool,
    /// Bytes that were taken beforehand.
    pub(super) reserved: u64,
    /// Counts the writes, in the place of a time.
    pub(super) version: u64,
}

/// A folder.
#[derive(Clone, Default)]
pub(super) struct FolderNode {
    /// What processes see.
    pub(super) entries: BTreeMap<String, Ino>,
    /// What the medium holds, and by which change.
    pub(super) durable: BTreeMap<String, (u64, Option<Ino>)>,
    /// What is on its way.
    pub(super) changes: Vec<Change>,
}

/// Names that change together: a rename is never seen half.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) number: u64,
    /// A sync failed over it: no later one makes it durable, though it may have arrived.
    pub(super) lost: bool,
    pub(super) names: Vec<(String, Option<Ino>)>,
}

impl FolderNode {
    /// Puts a change on the medium, where nothing newer is there.
    pub(super) fn settle(&mut self, change: Change) {
        for (name, ino) in change.names {
            let newer = self.durable.get(&name).is_some_and(|(number, _)| *number > change.number);
            if !newer {
                self.durable.insert(name, (change.number, ino));
            }
        }
    }

    /// Puts everything on the medium that a sync can still put there.
    pub(super) fn sync(&mut self) {
        let (lost, live): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.changes).into_iter().partition(|change| change.lost);
        self.changes = lost;
        live.into_iter().for_each(|change| self.settle(change));
    }
}

/// All files and folders of a disk.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<Ino, Node>,
    next: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: BTreeMap::from([(ROOT, Node::Folder(FolderNode::default()))]), next: ROOT + 1 }
    }
}

impl Tree {
    /// A number that was never given before: of a file, an open file, a change.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The folder at a path.
    pub(super) fn folder_at(&self, path: &Path) -> io::Result<Ino> {
        parts(path).try_fold(ROOT, |at, part| match self.entry(at, &part) {
            Some(ino) if self.folder(ino).is_ok() => Ok(ino),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        })
    }

    /// The file at a path.
    pub(super) fn file_at(&self, path: &Path) -> io::Result<Ino> {
        let folder = self.folder_at(path.parent().unwrap_or(Path::new("/")))?;
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        self.entry(folder, name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Makes the folders of a path that are missing; gives the last one, and the folders in which one was made.
    pub(super) fn make_folders(&mut self, path: &Path) -> io::Result<(Ino, Vec<Ino>)> {
        let mut changed = Vec::new();
        let mut at = ROOT;
        for part in parts(path) {
            at = match self.entry(at, &part) {
                Some(ino) => ino,
                None => {
                    changed.push(at);
                    self.add(at, &part, Node::Folder(FolderNode::default()))?
                }
            };
            self.folder(at)?;
        }
        Ok((at, changed))
    }

    pub(super) fn entry(&self, folder: Ino, name: &str) -> Option<Ino> {
        self.folder(folder).ok()?.entries.get(name).copied()
    }

    pub(super) fn folder(&self, ino: Ino) -> io::Result<&FolderNode> {
        match self.nodes.get(&ino) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn folder_mut(&mut self, ino: Ino) -> io::Result<&mut FolderNode> {
        match self.nodes.get_mut(&ino) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn file(&self, ino: Ino) -> io::Result<&FileNode> {
        match self.nodes.get(&ino) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn file_mut(&mut self, ino: Ino) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&ino) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Gives a new file or folder a name.
    pub(super) fn add(&mut self, folder: Ino, name: &str, node: Node) -> io::Result<Ino> {
        let ino = self.number();
        self.nodes.insert(ino, node);
        self.change(folder, vec![(name.to_owned(), Some(ino))])?;
        Ok(ino)
    }

    /// Changes names, all at once.
    pub(super) fn change(&mut self, folder: Ino, names: Vec<(String, Option<Ino>)>) -> io::Result<()> {
        let number = self.number();
        let folder = self.folder_mut(folder)?;
        for (name, ino) in &names {
            match ino {
                Some(ino) => folder.entries.insert(name.clone(), *ino),
                None => folder.entries.remove(name),
            };
        }
        folder.changes.push(Change { number, lost: false, names });
        Ok(())
    }

    /// How much room the files take that are reached by a name or are in `also`.
    pub(super) fn used(&self, also: &BTreeSet<Ino>) -> u64 {
        let named = self.nodes.values().filter_map(|node| match node {
            Node::Folder(folder) => Some(folder.entries.values().copied()),
            Node::File(_) => None,
        });
        let all: BTreeSet<Ino> = named.flatten().chain(also.iter().copied()).collect();
        all.into_iter().filter_map(|ino| self.file(ino).ok()).map(FileNode::takes).sum()
    }

    /// Forgets files that nothing leads to: no name now, on the way, or on the medium, and no process in `open`.
    pub(super) fn forget(&mut self, open: &BTreeSet<Ino>) {
        let mut reached = open.clone();
        reached.insert(ROOT);
        for node in self.nodes.values() {
            let Node::Folder(folder) = node else { continue };
            reached.extend(folder.entries.values());
            reached.extend(folder.durable.values().filter_map(|(_, ino)| *ino));
            reached.extend(folder.changes.iter().flat_map(|c| &c.names).filter_map(|(_, ino)| *ino));
        }
        self.nodes.retain(|ino, _| reached.contains(ino));
    }
}

impl FileNode {
    /// The room that it takes, in bytes.
    pub(super) fn takes(&self) -> u64 {
        (self.bytes.len() as u64).max(self.reserved).next_multiple_of(SECTOR_BYTES)
    }

    /// Somebody writes all of it anew.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        bytes.clone_into(&mut self.bytes);
        self.reserved = 0;
        self.dirty = true;
        self.version += 1;
    }
}

fn parts(path: &Path) -> impl Iterator<Item = String> {
    path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    })
}
