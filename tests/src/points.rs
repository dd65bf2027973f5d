//! The named points of a refresh as the tests go through them: in which order, what a process that dies there leaves, and
//! how it is led there.

use std::process::Command;

use renewd_testkit::AsClass;
use rustix::process::Signal;

use crate::fleet::{at_point, wait_stopped};
use crate::run::Running;
use crate::scene::Scene;

/// How far a process had come that died or stopped there.
#[expect(clippy::exhaustive_enums, reason = "a test decides for each")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The refresh token it read is unspent.
    Unspent,
    /// The server rotated, and the disk does not know.
    Unsaved,
    /// The new tokens are on the disk.
    Saved,
}

/// Every point at which a process can be killed, in groups as they are reported, and what is left then.
pub const POINTS: &[(&str, Left, &[&str])] = &[
    ("claim", Left::Unspent, &["claim.before", "claim.taken"]),
    (
        "orphan",
        Left::Unspent,
        &[
            "orphan.create-temp",
            "orphan.write",
            "orphan.sync-file",
            "orphan.rename",
            "orphan.sync-dir",
            "orphan.read-back",
        ],
    ),
    (
        "orphan, its mark",
        Left::Unspent,
        &[
            "orphan.mark-file.create-temp",
            "orphan.mark-file.write",
            "orphan.mark-file.sync-file",
            "orphan.mark-file.rename",
            "orphan.mark-file.sync-dir",
            "orphan.mark-file.read-back",
        ],
    ),
    (
        "mark",
        Left::Unspent,
        &[
            "mark.create-temp",
            "mark.preallocate",
            "mark.write",
            "mark.sync-file",
            "mark.rename",
            "mark.sync-dir",
            "mark.read-back",
            "mark.done",
        ],
    ),
    (
        "mark, its mark",
        Left::Unspent,
        &[
            "mark.mark-file.create-temp",
            "mark.mark-file.write",
            "mark.mark-file.sync-file",
            "mark.mark-file.rename",
            "mark.mark-file.sync-dir",
            "mark.mark-file.read-back",
        ],
    ),
    ("before sending", Left::Unspent, &["send.before"]),
    (
        "answer in hand",
        Left::Unsaved,
        &["send.after", "commit.create-temp", "commit.write", "commit.sync-file", "commit.rename"],
    ),
    (
        "commit",
        Left::Saved,
        &[
            "commit.sync-dir",
            "commit.read-back",
            "commit.mark-file.create-temp",
            "commit.mark-file.write",
            "commit.mark-file.sync-file",
            "commit.mark-file.rename",
            "commit.mark-file.sync-dir",
            "commit.mark-file.read-back",
            "commit.done",
            "claim.released",
        ],
    ),
];

/// What a process that dies at that point leaves.
///
/// # Panics
/// When there is no such point.
#[track_caller]
pub fn left_at(point: &str) -> Left {
    let group = POINTS.iter().find(|(_, _, points)| points.contains(&point));
    group.unwrap_or_else(|| panic!("no point is called {point}")).1
}

/// Every point with its group.
pub fn every_point() -> impl Iterator<Item = (&'static str, &'static str)> {
    POINTS.iter().flat_map(|(group, _, points)| points.iter().map(move |point| (*group, *point)))
}

/// A strict server forgives nothing that was spent and not saved.
pub fn is_lost(class: AsClass, left: Left) -> bool {
    class == AsClass::P2 && left == Left::Unsaved
}

/// Starts a process that comes by that point and does this there: `kill` or `stop`. What it needs for coming by is
/// prepared.
///
/// # Panics
/// When the scene cannot be prepared.
#[track_caller]
pub fn meet(scene: &Scene, victim: Command, point: &str, action: &str) -> Running {
    if point.starts_with("orphan.") {
        // Somebody died before, with nothing sent.
        let first = scene.run(at_point(scene.token(), "send.before=kill"));
        assert_eq!(first.code, None, "{first:?}");
    }
    if point.starts_with("orphan.mark-file") || point.starts_with("mark.mark-file") {
        // Readers bring a mark up that is gone, so it goes after the last reading; then the write does.
        let plan = format!("claim.taken=stop,{point}={action}");
        let mut victim = Running::start(at_point(victim, &plan), b"");
        wait_stopped(&mut victim);
        let mark = scene.home.state().join("credentials/work.mark");
        std::fs::remove_file(mark).expect("an import leaves a mark");
        victim.signal(Signal::CONT);
        return victim;
    }
    let plan = match point {
        // A commit has its room already, but for one that has failed before.
        "commit.create-temp" => format!("commit.write=fail:ENOSPC,{point}={action}"),
        point => format!("{point}={action}"),
    };
    Running::start(at_point(victim, &plan), b"")
}
