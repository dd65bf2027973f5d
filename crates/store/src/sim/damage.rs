//! What happens to files behind the store's back: damage, and a backup that comes back.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::SimDisk;
use super::tree::{FileNode, Ino, Node, ROOT, Tree};

/// Damage to a file, on the medium and in memory alike.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// From this byte on there are zeros.
    Torn(usize),
    /// It ends at this byte.
    Truncated(usize),
    /// This bit is the other one (counted from the first byte's lowest).
    Flipped(usize),
    /// Nothing is left in it.
    Empty,
    /// It holds what that file holds, and that file what it held.
    Swapped(PathBuf),
    /// It is gone.
    Removed,
}

/// What all files held at one moment.
#[derive(Clone, Default)]
pub struct Snapshot(BTreeMap<PathBuf, Vec<u8>>);

impl SimDisk {
    /// Damages a file.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn damage(&self, path: &Path, damage: &Damage) -> io::Result<()> {
        let mut state = self.state();
        let tree = &mut state.tree;
        let ino = tree.file_at(path)?;
        let mut bytes = tree.file(ino)?.bytes.clone();
        match damage {
            Damage::Torn(at) => bytes.iter_mut().skip(*at).for_each(|byte| *byte = 0),
            Damage::Truncated(at) => bytes.truncate(*at),
            Damage::Flipped(bit) => {
                let (byte, bit) = (bit / 8, bit % 8);
                bytes.get_mut(byte).into_iter().for_each(|byte| *byte ^= 1 << bit);
            }
            Damage::Empty => bytes.clear(),
            Damage::Swapped(other) => {
                let other = tree.file_at(other)?;
                let theirs = tree.file(other)?.bytes.clone();
                tree.file_mut(other)?.put(&bytes);
                bytes = theirs;
            }
            Damage::Removed => return tree.take_away(path),
        }
        tree.file_mut(ino)?.put(&bytes);
        Ok(())
    }

    /// Keeps what all files hold now.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let mut kept = Snapshot::default();
        state.tree.walk(ROOT, Path::new("/"), &mut |path, file| {
            kept.0.insert(path.to_owned(), file.bytes.clone());
        });
        kept
    }

    /// Brings a backup back: every file holds what it held then, and those that were not there are gone. Processes and
    /// their locks stay, and so do files that did not change.
    ///
    /// # Errors
    /// Where a folder of the backup is a file now.
    pub fn restore(&self, snapshot: &Snapshot) -> io::Result<()> {
        let mut later = Vec::new();
        self.state().tree.walk(ROOT, Path::new("/"), &mut |path, file| {
            if !snapshot.0.contains_key(path) && !file.bytes.is_empty() {
                later.push(path.to_owned());
            }
        });
        for path in later {
            self.state().tree.take_away(&path)?;
        }
        self.restore_only(snapshot, |_| true)
    }

    /// Brings back those files of a backup that `wanted` says; all others stay.
    ///
    /// # Errors
    /// Where a folder of the backup is a file now.
    pub fn restore_only(&self, snapshot: &Snapshot, wanted: impl Fn(&Path) -> bool) -> io::Result<()> {
        let mut state = self.state();
        for (path, bytes) in snapshot.0.iter().filter(|(path, _)| wanted(path)) {
            let tree = &mut state.tree;
            let same = tree.file_at(path).and_then(|ino| tree.file(ino)).is_ok_and(|f| f.bytes == *bytes);
            if same {
                continue;
            }
            let (folder, _) = tree.make_folders(path.parent().unwrap_or(Path::new("/")))?;
            let mut file = FileNode::default();
            file.put(bytes);
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            tree.add(folder, name, Node::File(file))?;
            tree.settle_all();
        }
        Ok(())
    }
}

impl FileNode {
    /// The bytes stand there, durably.
    fn put(&mut self, bytes: &[u8]) {
        self.write(bytes);
        self.durable.clone_from(&self.bytes);
        self.dirty = false;
    }
}

impl Tree {
    fn walk(&self, at: Ino, path: &Path, see: &mut impl FnMut(&Path, &FileNode)) {
        let Ok(folder) = self.folder(at) else { return };
        for (name, ino) in &folder.entries {
            let path = path.join(name);
            match self.nodes.get(ino) {
                Some(Node::File(file)) => see(&path, file),
                Some(Node::Folder(_)) => self.walk(*ino, &path, see),
                None => {}
            }
        }
    }

    /// Takes a name away, durably.
    fn take_away(&mut self, path: &Path) -> io::Result<()> {
        self.file_at(path)?;
        let folder = self.folder_at(path.parent().unwrap_or(Path::new("/")))?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.change(folder, vec![(name.to_owned(), None)])?;
        self.settle_all();
        Ok(())
    }

    /// Everything that is on its way to a folder arrives.
    fn settle_all(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::Folder(folder) = node {
                folder.sync();
            }
        }
    }
}
