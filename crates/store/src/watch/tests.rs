#![cfg(any(target_os = "linux", target_vendor = "apple", windows))]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use renewd_core::StoreFault;
use renewd_driver::{CredentialName, StoreChange, StoreWatch};

use super::{FolderWatch, Heard, NAMES_MAX, folder};
use crate::fixtures::private_dir;

/// A test gives up after so many waits of [`WAIT`]: a minute, far more than any system takes to tell.
const WAITS_MAX: u32 = 600;
const WAIT: Duration = Duration::from_millis(100);

fn recorded(file: &str) -> Option<CredentialName> {
    file.strip_suffix(".record")?.parse().ok()
}

fn watch(dir: &Path) -> FolderWatch {
    folder(dir, recorded).unwrap().expect("this system tells of changes")
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn next(watch: &mut FolderWatch) -> Result<StoreChange, StoreFault> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    for _ in 0..WAITS_MAX {
        if let Poll::Ready(change) = watch.poll_change(&mut Context::from_waker(&waker)) {
            return change;
        }
        thread::park_timeout(WAIT);
    }
    panic!("the system told nothing");
}

/// Hears until the named record, or an unnamed one, was told of.
fn hear_of(watch: &mut FolderWatch, name: &str) {
    let change = next(watch).unwrap();
    let named = StoreChange::Record(name.parse().unwrap());
    assert!(change == named || (change == StoreChange::Unknown && !cfg!(target_os = "linux")), "{change:?}");
}

/// Replaces a file as the store does.
fn replace(dir: &Path, file: &str) {
    let temp = dir.join(format!(".{file}.tmp-1"));
    fs::write(&temp, "new").unwrap();
    fs::rename(&temp, dir.join(file)).unwrap();
}

#[test]
fn a_record_that_is_replaced_or_removed_is_told_of() {
    let dir = private_dir();
    let mut watch = watch(dir.path());
    for _ in 0..3 {
        replace(dir.path(), "work.record");
        hear_of(&mut watch, "work");
    }
    fs::remove_file(dir.path().join("work.record")).unwrap();
    hear_of(&mut watch, "work");
}

#[cfg(target_os = "linux")]
#[test]
fn a_record_that_is_written_in_place_or_set_aside_is_told_of() {
    let dir = private_dir();
    let mut watch = watch(dir.path());
    fs::write(dir.path().join("work.record"), "a restored backup").unwrap();
    hear_of(&mut watch, "work");
    fs::rename(dir.path().join("work.record"), dir.path().join("work.damaged-1")).unwrap();
    hear_of(&mut watch, "work");
}

#[cfg(target_os = "linux")]
#[test]
fn locks_marks_and_temporary_files_wake_nobody() {
    let dir = private_dir();
    let mut watch = watch(dir.path());
    for file in ["work.claim", "work.write", "work.mark", ".work.tmp-7", "store.toml"] {
        fs::write(dir.path().join(file), "").unwrap();
    }
    replace(dir.path(), "work.mark");
    replace(dir.path(), "other.record");
    assert_eq!(next(&mut watch).unwrap(), StoreChange::Record("other".parse().unwrap()));
}

#[test]
fn a_storm_is_told_of_once_for_each_record_it_hit() {
    let heard = Heard::default();
    for _ in 0..1000 {
        heard.unknown();
    }
    let names: Vec<CredentialName> = ["b", "a"].map(|n| n.parse().unwrap()).into();
    for name in names.iter().cycle().take(1000) {
        heard.record(name.clone());
    }
    let state = heard.lock();
    assert_eq!(state.names.len(), 2);
    assert!(state.unknown);
}

#[test]
fn too_many_names_become_one_change_of_unknown_records() {
    let heard = Heard::default();
    for n in 0..=NAMES_MAX {
        heard.record(format!("c{n}").parse().unwrap());
    }
    let state = heard.lock();
    assert!(state.names.is_empty() && state.unknown);
}

#[cfg(not(windows))]
#[test]
fn a_folder_that_is_moved_or_removed_ends_the_watch_and_says_so() {
    for remove in [true, false] {
        let outer = private_dir();
        let dir = outer.path().join("credentials");
        fs::create_dir(&dir).unwrap();
        let mut watch = watch(&dir);
        if remove {
            fs::remove_dir(&dir).unwrap();
        } else {
            fs::rename(&dir, outer.path().join("elsewhere")).unwrap();
        }
        let why = loop {
            if let Err(why) = next(&mut watch) {
                break why.message;
            }
        };
        assert!(why.contains("credentials is no longer watched: the folder was moved, removed"), "{why}");
        assert_eq!(next(&mut watch).unwrap_err().message, why, "it stays ended");
    }
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let outer = private_dir();
    let missing = outer.path().join("credentials");
    let fault = folder(&missing, recorded).map(|_| ()).unwrap_err();
    assert!(fault.message.contains("cannot watch") && fault.message.contains("credentials"), "{fault:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_that_is_reached_is_named_with_the_way_out() {
    use rustix::io::Errno;
    for (errno, limit) in
        [(Errno::MFILE, "fs.inotify.max_user_instances"), (Errno::NOSPC, "fs.inotify.max_user_watches")]
    {
        let error = std::io::Error::from_raw_os_error(errno.raw_os_error());
        let message = super::cannot(Path::new("/state/credentials"), &error).message;
        assert!(message.contains("/state/credentials") && message.contains(limit), "{message}");
    }
}

#[test]
fn the_thread_ends_with_its_watch() {
    let dir = private_dir();
    let watch = watch(dir.path());
    let held: Weak<Heard> = Arc::downgrade(&watch.heard);
    assert_eq!(held.strong_count(), 2, "the watch and its thread");
    drop(watch);
    for _ in 0..WAITS_MAX {
        if held.strong_count() == 0 {
            return;
        }
        thread::park_timeout(WAIT);
    }
    panic!("the thread goes on");
}
