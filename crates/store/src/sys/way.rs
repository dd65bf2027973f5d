//! The way to a folder: who could put another one in its place.
//!
//! A folder is as private as every folder above it: whoever can write to one of those moves what stands in it away and
//! puts his own there, and what is made anew begins with a refresh token that was spent. The way is walked from the
//! root. What was walked already can be changed by root and this user alone, so that each look at the next part is true
//! of what is opened later, and no other user wins a race against it.
//!
//! Links on the way are the administrator's or the user's own habit (`/home` on another disk, `/var/run`), and followed
//! where they belong to one of the two. The last part is no link: two names for one store would be two stores to watch.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};
use rustix::fs::{FileType, Mode, Stat};
use rustix::io::Errno;

use crate::fault::{fault, io_fault, shown};

/// As many links as Linux follows (path_resolution(7)).
const LINKS_MAX: u32 = 40;

/// A way that nobody else can change.
#[derive(Debug)]
pub(super) struct Way {
    /// What stands of it, with no link left in it.
    pub(super) standing: PathBuf,
    /// What is missing behind that, in order.
    pub(super) missing: Vec<OsString>,
}

impl Way {
    /// The whole way, with no link left in it.
    pub(super) fn end(&self) -> PathBuf {
        self.missing.iter().fold(self.standing.clone(), |path, part| path.join(part))
    }
}

/// What the last part of a way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// A folder of this user's alone: no link, and looked at more strictly by the caller.
    Own,
    /// A folder like every other on the way: one like /tmp will do.
    Shared,
    /// A file that the user named: it may be a link, as mounted secrets are, and is looked at by the caller.
    File,
}

/// Why a way is not taken.
#[derive(Debug)]
pub(super) enum Astray {
    /// Another user could put something else at its end.
    Loose {
        /// Half a sentence for people.
        why: String,
        /// The command that mends it, where there is one for this user.
        mend: Option<String>,
    },
    /// It cannot be walked.
    Fault(StoreFault),
}

impl Astray {
    fn loose(why: String, mend: impl Into<Option<String>>) -> Self {
        Self::Loose { why, mend: mend.into() }
    }

    /// As a fault of the folder at the end of that way.
    pub(super) fn into_fault(self, to: &Path) -> StoreFault {
        let (why, mend) = match self {
            Self::Loose { why, mend } => (why, mend.map(|m| format!("{m}, or ")).unwrap_or_default()),
            Self::Fault(fault) => return fault,
        };
        let message = format!(
            "{} is in no safe place, others could put another one there: {why}; {mend}choose a folder of your own",
            shown(to)
        );
        fault(StoreFaultKind::Denied, message)
    }
}

impl From<StoreFault> for Astray {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(fault)
    }
}

/// Walks to `path` from the root.
pub(super) fn walk(path: &Path, last: Last) -> Result<Way, Astray> {
    let absolute = std::path::absolute(path).map_err(|e| io_fault("find the way to", path, &e))?;
    let mut walk = Walk { to: path, at: PathBuf::from("/"), left: parts(&absolute), links: 0 };
    judge(&walk.at, &look(&walk.at)?)?;
    while let Some(part) = walk.left.pop_front() {
        if part == ".." {
            walk.at.pop();
            continue;
        }
        let next = walk.at.join(&part);
        let stat = match rustix::fs::lstat(&next) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return walk.stop_at(part),
            Err(errno) => return Err(io_fault("look at", &next, &errno.into()).into()),
        };
        let end = walk.left.is_empty();
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink if end && last == Last::Own => return Err(linked(path).into()),
            FileType::Symlink if is_descriptor(&next) => walk.at = next,
            FileType::Symlink => walk.follow(&next, &stat)?,
            FileType::Directory if end && last != Last::Shared => walk.at = next,
            FileType::Directory => {
                judge(&next, &stat)?;
                walk.at = next;
            }
            _ if end && last == Last::File => walk.at = next,
            _ => {
                let message =
                    format!("there is no way to {}: {} is no folder; remove it", shown(path), shown(&next));
                return Err(fault(StoreFaultKind::Denied, message).into());
            }
        }
    }
    Ok(Way { standing: walk.at, missing: Vec::new() })
}

/// The last part of a way is a link.
pub(super) fn linked(path: &Path) -> StoreFault {
    let message = format!(
        "{} is a symbolic link; name the folder it leads to instead (store.path), or remove it",
        shown(path)
    );
    fault(StoreFaultKind::Denied, message)
}

struct Walk<'a> {
    /// As the user named it.
    to: &'a Path,
    /// Walked already, with no link left in it.
    at: PathBuf,
    left: VecDeque<OsString>,
    links: u32,
}

impl Walk<'_> {
    fn stop_at(self, part: OsString) -> Result<Way, Astray> {
        let missing: Vec<_> = std::iter::once(part).chain(self.left).collect();
        if missing.iter().any(|part| part == "..") {
            let message = format!("{} leads through a folder that is not there", shown(self.to));
            return Err(fault(StoreFaultKind::Io, message).into());
        }
        Ok(Way { standing: self.at, missing })
    }

    fn follow(&mut self, link: &Path, stat: &Stat) -> Result<(), Astray> {
        if !is_mine_or_roots(stat.st_uid) {
            let why = format!("the link {} belongs to uid {}", shown(link), stat.st_uid);
            return Err(Astray::loose(why, "remove the link".to_owned()));
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            let message = format!("{} leads over more than {LINKS_MAX} links", shown(self.to));
            return Err(fault(StoreFaultKind::Io, message).into());
        }
        let target = std::fs::read_link(link).map_err(|error| io_fault("read the link", link, &error))?;
        if target.is_absolute() {
            self.at = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            self.left.push_front(part);
        }
        Ok(())
    }
}

/// Whether a link stands for what a process has open (`/dev/fd/3` leads there): its text names no place.
fn is_descriptor(link: &Path) -> bool {
    link.starts_with("/proc") && link.parent().is_some_and(|folder| folder.ends_with("fd"))
}

fn look(folder: &Path) -> Result<Stat, StoreFault> {
    rustix::fs::lstat(folder).map_err(|errno| io_fault("look at", folder, &errno.into()))
}

/// Whether a folder's names can be moved by root and this user alone.
fn judge(folder: &Path, stat: &Stat) -> Result<(), Astray> {
    let at = shown(folder);
    if !is_mine_or_roots(stat.st_uid) {
        return Err(Astray::loose(format!("{at} belongs to uid {}", stat.st_uid), None));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    // In a folder like /tmp only the owner of a name can move it.
    if mode.contains(Mode::SVTX) {
        return Ok(());
    }
    if mode.contains(Mode::WOTH) {
        let takes = if mode.contains(Mode::WGRP) { "go-w" } else { "o-w" };
        return Err(Astray::loose(format!("every user can write to {at}"), format!("`chmod {takes} {at}`")));
    }
    if !mode.contains(Mode::WGRP) {
        return Ok(());
    }
    if stat.st_gid != stat.st_uid {
        let why = format!("its group (gid {}) can write to {at}", stat.st_gid);
        return Err(Astray::loose(why, format!("`chmod g-w {at}`")));
    }
    // Where each user has a group of the same number, that group is the user alone: unless a list says more, whose
    // widest entry shows in the group's bits then (acl(5)).
    if has_access_list(folder) {
        let why = format!("an access list lets others write to {at}");
        return Err(Astray::loose(why, format!("`setfacl -b {at}`")));
    }
    Ok(())
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
        })
        .collect()
}

fn is_mine_or_roots(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw() || uid == 0 || is_unmapped(uid)
}

/// Whether that number may stand for root, and for anybody else that this user namespace does not know
/// (user_namespaces(7)).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_unmapped(uid: u32) -> bool {
    /// `/proc/sys/kernel/overflowuid`, where nobody changed it.
    const OVERFLOW: u32 = 65_534;
    const ALL: [&str; 3] = ["0", "0", "4294967295"];
    let maps_all = |map: String| map.split_ascii_whitespace().eq(ALL);
    uid == OVERFLOW && !std::fs::read_to_string("/proc/self/uid_map").is_ok_and(maps_all)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_unmapped(_: u32) -> bool {
    false
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn has_access_list(folder: &Path) -> bool {
    // No list is one byte long: that there is one is all that is asked.
    let mut first = [0; 1];
    matches!(
        rustix::fs::lgetxattr(folder, "system.posix_acl_access", &mut first[..]),
        Err(Errno::RANGE) | Ok(1..)
    )
}

/// Elsewhere the lists are kept in ways of their own, and are not looked at.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn has_access_list(_: &Path) -> bool {
    false
}
