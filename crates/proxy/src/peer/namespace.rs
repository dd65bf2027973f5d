//! Whether this process's user id means one user only.
//!
//! In a user namespace every user that is not mapped into it has one and the same id, 65534 (user_namespaces(7)). That
//! is also `nobody`, as whom many containers run: with the host's network, such a container would take every user of
//! the host for its own.

use std::fs;
use std::sync::OnceLock;

use super::own_uid;

/// What the kernel takes where nobody set another one.
const OVERFLOW_UID_DEFAULT: u32 = 65_534;
/// The size of the map of a namespace in which every user has an id of its own.
const EVERYBODY: u64 = 0xffff_ffff;

/// Whether another user could have this process's id.
pub(crate) fn own_uid_is_shared() -> bool {
    static SHARED: OnceLock<bool> = OnceLock::new();
    *SHARED.get_or_init(|| {
        let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid");
        let map = fs::read_to_string("/proc/self/uid_map");
        is_shared(own_uid(), overflow.ok().as_deref(), map.ok().as_deref())
    })
}

fn is_shared(me: u32, overflow: Option<&str>, map: Option<&str>) -> bool {
    let overflow = overflow.and_then(|text| text.trim().parse().ok()).unwrap_or(OVERFLOW_UID_DEFAULT);
    me == overflow && !map.is_some_and(maps_everybody)
}

/// `INSIDE OUTSIDE COUNT` on each line.
fn maps_everybody(map: &str) -> bool {
    map.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().map(|field| field.parse::<u64>().ok());
        let (inside, _outside, count) = (fields.next(), fields.next(), fields.next());
        inside == Some(Some(0)) && count.flatten().is_some_and(|count| count >= EVERYBODY)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_in_a_namespace_of_a_few_could_be_anybody() {
        let everybody = Some("         0          0 4294967295\n");
        let few = Some("         0     100000      65536\n");
        let one = Some("     65534      10001          1\n");
        for (me, overflow, map, shared) in [
            (1000, Some("65534\n"), everybody, false),
            (1000, Some("65534\n"), few, false),
            (65_534, Some("65534\n"), everybody, false),
            (65_534, Some("65534\n"), few, true),
            (65_534, Some("65534\n"), one, true),
            (65_534, Some("65534\n"), Some(""), true),
            (65_534, None, None, true),
            (65_534, Some("60001\n"), few, false),
            (60_001, Some("60001\n"), few, true),
            (1000, None, None, false),
        ] {
            assert_eq!(is_shared(me, overflow, map), shared, "{me} {overflow:?} {map:?}");
        }
    }
}
