//! What a power cut leaves: what was synced, and of the rest whatever the seed says arrived.
//!
//! Nothing is promised of changes that are on their way but this: a rename arrives whole or not at all, of two changes
//! to one name the later one wins, and bytes that were synced stay. Between names, and between a name and the bytes
//! behind it, any order may happen; a disk with a journal shows fewer of them, never others.

use super::chance::Chance;
use super::tree::{FileNode, FolderNode, Node, Tree};

/// How much of what is on its way arrives.
#[derive(Clone, Copy)]
enum Luck {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// Of each folder's changes those up to one, as a journal does it; of each file anything.
    Prefix,
    /// Each change by itself.
    Each,
}

/// The power goes, and comes back.
pub(super) fn cut(tree: &mut Tree, seed: u64) {
    let mut chance = Chance::new(seed);
    let luck = match chance.below(8) {
        0 => Luck::None,
        1 => Luck::All,
        2 | 3 => Luck::Prefix,
        _ => Luck::Each,
    };
    for node in tree.nodes.values_mut() {
        match node {
            Node::File(file) => cut_file(file, luck, &mut chance),
            Node::Folder(folder) => cut_folder(folder, luck, &mut chance),
        }
    }
}

fn cut_folder(folder: &mut FolderNode, luck: Luck, chance: &mut Chance) {
    let changes = std::mem::take(&mut folder.changes);
    let prefix = chance.below(changes.len() as u64 + 1);
    for (n, change) in changes.into_iter().enumerate() {
        let arrives = match luck {
            Luck::None => false,
            Luck::All => true,
            Luck::Prefix => (n as u64) < prefix,
            Luck::Each => chance.one_in(2),
        };
        if arrives {
            folder.settle(change);
        }
    }
    folder.durable.retain(|_, (_, ino)| ino.is_some());
    folder.entries =
        folder.durable.iter().filter_map(|(name, (_, ino))| Some((name.clone(), (*ino)?))).collect();
}

fn cut_file(file: &mut FileNode, luck: Luck, chance: &mut Chance) {
    if file.dirty {
        file.durable = match luck {
            Luck::None => std::mem::take(&mut file.durable),
            Luck::All => file.bytes.clone(),
            Luck::Prefix | Luck::Each => torn(&file.durable, &file.bytes, chance),
        };
        file.version += 1;
    }
    file.dirty = false;
    file.reserved = 0;
    file.bytes = file.durable.clone();
}

/// Some of the new bytes over the old ones.
fn torn(old: &[u8], new: &[u8], chance: &mut Chance) -> Vec<u8> {
    let at = usize::try_from(chance.below(new.len() as u64 + 1)).unwrap_or_default();
    let (head, tail) = new.split_at_checked(at).unwrap_or((new, &[]));
    match chance.below(6) {
        0 => old.to_vec(),
        1 => new.to_vec(),
        // Nothing of it, though the file is there.
        2 => Vec::new(),
        // The length arrived before the bytes.
        3 => [head, vec![0; tail.len()].as_slice()].concat(),
        4 => head.to_vec(),
        // The end arrived first.
        _ => [vec![0; head.len()].as_slice(), tail].concat(),
    }
}
