//! The n-th step of writing a file fails, in a real folder.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use renewd_driver::*;
use renewd_store::{FileStore, FileStoreOptions, IoHook, IoPoint, IoStep, KeyChoice};
use renewd_testkit::AsClass;

use crate::story::{End, ONE_REFRESH, Story, name};

/// The errors, by their numbers on every Unix. A strict server forgives nothing, so it is tried with all of them.
const CASES: [(AsClass, &str, i32); 4] = [
    (AsClass::P2, "ENOSPC", 28),
    (AsClass::P2, "EIO", 5),
    (AsClass::P2, "EROFS", 30),
    (AsClass::P1, "EIO", 5),
];

/// Fails the n-th step.
struct Nth {
    left: Mutex<u64>,
    error: i32,
    hit: Mutex<Option<String>>,
}

impl IoHook for Nth {
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()> {
        let mut left = self.left.lock().unwrap();
        match *left {
            0 => return Ok(()),
            1 => *self.hit.lock().unwrap() = Some(point.to_string()),
            _ => {}
        }
        *left -= 1;
        if *left == 0 { Err(io::Error::from_raw_os_error(self.error)) } else { Ok(()) }
    }
}

/// Runs the story with one failure; says where it came.
fn run(class: AsClass, n: u64, error: i32) -> (Option<String>, End, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut story = Story::new(class);
    let state = folder.path().join("state");
    let mut options = FileStoreOptions::new(&state);
    options.key = KeyChoice::key_file(&state);
    let others = FileStore::open(options.clone()).unwrap();
    assert!(others.put_blocking(&name(), &story.login(), Expect::Absent).is_ok());
    story.server.look_with(Box::new(move || others.load_blocking(&name())));

    let nth = Arc::new(Nth { left: Mutex::new(n), error, hit: Mutex::default() });
    options.hook = Some(nth.clone());
    story.process(Arc::new(FileStore::open(options).unwrap()));
    let end = story.run(ONE_REFRESH);
    let hit = nth.hit.lock().unwrap().take();
    (hit, end, left_behind(folder.path()))
}

/// Files that no store keeps.
fn left_behind(folder: &Path) -> Vec<String> {
    let known = [
        "key",
        "credentials",
        "store.toml",
        "store.lock",
        "work.record",
        "work.mark",
        "work.claim",
        "work.write",
    ];
    let names =
        ["state", "state/credentials"].iter().flat_map(|dir| std::fs::read_dir(folder.join(dir)).unwrap());
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !known.contains(&name.as_str())).collect()
}

#[test]
fn whichever_step_of_writing_fails_once_no_login_is_lost_and_nothing_is_left_behind() {
    let mut runs = 0;
    let mut points = Vec::new();
    for (class, errno, error) in CASES {
        for n in 1.. {
            let (hit, end, left) = run(class, n, error);
            runs += 1;
            let told = format!("{errno} at step {n} ({hit:?}) at {}", class.name());
            end.assert_kept(&told);
            assert_eq!(left, Vec::<String>::new(), "{told}");
            let Some(point) = hit else { break };
            points.push(point);
            assert!(n < 60, "{told}: there is no end");
        }
    }
    for step in IoStep::ALL {
        assert!(points.iter().any(|point| point.ends_with(step.name())), "{step:?} never failed: {points:?}");
    }
    for file in ["mark.rename", "commit.rename", "commit.mark-file.rename"] {
        assert!(points.iter().any(|point| point == file), "{file} never failed: {points:?}");
    }
    assert!(runs > 70, "only {runs} runs");
    println!("{runs} runs");
}
