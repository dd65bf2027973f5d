//! The named points of the refresh transaction. The model, the world and the binary's test builds call them alike.

use renewd_store::IoStep;

/// The names, as an error message lists them.
pub(crate) const NAMES: &str = "claim.before, claim.taken, claim.released, orphan.<step>, mark.<step>, mark.done, \
commit.<step>, commit.done, send.before, send.after, server.received, server.rotated, server.answering, where <step> \
is create-temp, preallocate (of mark alone), write, sync-file, rename, sync-dir or read-back, and mark-file.<step> is \
that of the file NAME.mark";

/// The steps of writing a file, in their order, as the store names them.
fn steps() -> [&'static str; 7] {
    IoStep::ALL.map(IoStep::name)
}

/// Points outside of a write.
const PLAIN: [&str; 10] = [
    "claim.before",
    "claim.taken",
    "claim.released",
    "mark.done",
    "commit.done",
    "send.before",
    "send.after",
    "server.received",
    "server.rotated",
    "server.answering",
];

/// Whether a point has this name.
pub(crate) fn is_point(name: &str) -> bool {
    PLAIN.contains(&name) || is_store_step(name)
}

/// Whether a point of this name lies inside a write of the store.
pub(crate) fn is_store_step(name: &str) -> bool {
    let Some((write, step)) = name.split_once('.') else { return false };
    let room = |step: &str| step != "preallocate" || write == "mark";
    match (write, step.strip_prefix("mark-file.")) {
        ("orphan" | "mark" | "commit", Some(step)) => steps().contains(&step) && step != "preallocate",
        ("orphan" | "mark" | "commit", None) => steps().contains(&step) && room(step),
        _ => false,
    }
}

/// Every point, in the order in which a refresh that succeeds passes them.
pub(crate) fn all() -> Vec<String> {
    let of = |write: &'static str| {
        let record = steps().into_iter().filter(move |s| *s != "preallocate" || write == "mark");
        let mark = steps().into_iter().filter(|s| *s != "preallocate").map(|s| format!("mark-file.{s}"));
        record.map(str::to_owned).chain(mark).map(move |step| format!("{write}.{step}"))
    };
    let own = |name: &str| name.to_owned();
    let mut all = vec![own("claim.before"), own("claim.taken")];
    all.extend(of("mark"));
    all.extend(
        ["mark.done", "send.before", "server.received", "server.rotated", "server.answering", "send.after"]
            .map(own),
    );
    all.extend(of("commit"));
    all.extend(["commit.done", "claim.released"].map(own));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_point_is_a_point() {
        let all = all();
        assert!(all.len() > 30, "{all:?}");
        assert!(all.iter().all(|name| is_point(name)), "{all:?}");
        for name in ["mark.preallocate", "orphan.rename", "commit.mark-file.sync-dir", "claim.released"] {
            assert!(is_point(name), "{name}");
        }
        for name in
            ["", "commit", "commit.preallocate", "claim.rename", "mark.mark-file.preallocate", "send.rename"]
        {
            assert!(!is_point(name), "{name}");
        }
    }
}
