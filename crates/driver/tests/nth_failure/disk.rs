//! The n-th operation of the disk fails, whatever it is: a look, a read, a lock, a write, a sync.

use std::io;
use std::path::Path;
use std::sync::Arc;

use renewd_driver::*;
use renewd_store::testing::{Fate, SimDisk};
use renewd_testkit::AsClass;

use crate::story::{End, ONE_REFRESH, Story, name};

/// A strict server forgives nothing, so it is tried with every error; `Other` is EIO, which has no name.
const CASES: [(AsClass, io::ErrorKind); 3] = [
    (AsClass::P2, io::ErrorKind::StorageFull),
    (AsClass::P2, io::ErrorKind::Other),
    (AsClass::P1, io::ErrorKind::Other),
];

/// Runs the story with one failure; says whether it was met, and what was left behind.
fn run(class: AsClass, n: u64, error: io::ErrorKind) -> (bool, End, Vec<String>) {
    let disk = SimDisk::new(n);
    let mut story = Story::new(class);
    let others = disk.process().open().unwrap();
    assert!(others.put_blocking(&name(), &story.login(), Expect::Absent).is_ok());
    story.server.look_with(Box::new(move || others.load_blocking(&name())));

    let process = disk.process();
    let store = process.open().unwrap();
    process.at_operation(n, Fate::Fail(error));
    story.process(Arc::new(store));
    let end = story.run(ONE_REFRESH);
    let met = !process.forget_plans();
    let names = disk.names(Path::new("/state/credentials"));
    (met, end, names.into_iter().filter(|name| name.contains(".tmp-")).collect())
}

#[test]
fn whichever_operation_of_the_disk_fails_once_no_login_is_lost() {
    let mut runs = 0;
    for (class, error) in CASES {
        for n in 1.. {
            let told = format!("{error} at operation {n} at {}", class.name());
            let (met, end, left) = run(class, n, error);
            runs += 1;
            end.assert_kept(&told);
            if !met || n > OPERATIONS_MAX {
                break;
            }
            // A removal that fails leaves its file to the next process that opens the store.
            assert!(left.len() <= 1, "{told}: {left:?}");
        }
    }
    assert!(runs > 200, "only {runs} runs");
    println!("{runs} runs");
}

/// The refresh itself is over long before; what follows are the same looks at the record again and again.
const OPERATIONS_MAX: u64 = 120;
