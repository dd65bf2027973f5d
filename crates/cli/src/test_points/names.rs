//! What the points are called, in the order in which a refresh comes by them.

/// Every point. `mark.create-temp` is passed twice, for the commit's room and for the record; `commit.create-temp` only
/// where that room is gone; `….mark-file.…` only where the mark is behind the record, as a rule after a commit.
pub(super) const POINTS: &[&str] = &[
    "claim.before",
    "claim.taken",
    "orphan.create-temp",
    "orphan.write",
    "orphan.sync-file",
    "orphan.rename",
    "orphan.sync-dir",
    "orphan.read-back",
    "orphan.mark-file.create-temp",
    "orphan.mark-file.write",
    "orphan.mark-file.sync-file",
    "orphan.mark-file.rename",
    "orphan.mark-file.sync-dir",
    "orphan.mark-file.read-back",
    "mark.create-temp",
    "mark.preallocate",
    "mark.write",
    "mark.sync-file",
    "mark.rename",
    "mark.sync-dir",
    "mark.read-back",
    "mark.mark-file.create-temp",
    "mark.mark-file.write",
    "mark.mark-file.sync-file",
    "mark.mark-file.rename",
    "mark.mark-file.sync-dir",
    "mark.mark-file.read-back",
    "mark.done",
    "send.before",
    "send.after",
    "commit.create-temp",
    "commit.write",
    "commit.sync-file",
    "commit.rename",
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
];

/// Whether the point is a step of writing a file, and so can be let fail.
pub(super) fn is_step(point: &str) -> bool {
    let last = point.rsplit('.').next().unwrap_or_default();
    !matches!(last, "before" | "after" | "taken" | "done" | "released")
}
