//! Which file systems are served from elsewhere, so that a lock taken here may not be seen by all who use them.
//!
//! By the number that `statfs` gives on Linux (linux/magic.h, and the file systems' own headers). What is not listed
//! counts as local: a list of local ones would refuse every file system that somebody writes next year.

#![cfg_attr(
    not(any(test, target_os = "linux", target_os = "android")),
    expect(dead_code, reason = "elsewhere the system itself says what is local")
)]

/// virtiofs shows itself as FUSE.
const REMOTE: [(u32, &str); 13] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB 2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x786f_4256, "VirtualBox shared folder"),
    (0x7c7c_6673, "Parallels shared folder"),
];

/// The file system's name, where its locks are not known to be shared between all of its users.
pub(super) fn unshared(magic: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::unshared;

    #[test]
    fn what_is_served_from_elsewhere_is_refused_and_local_disks_are_not() {
        for (magic, name) in [
            (0x6969, "NFS"),
            (0x517b, "SMB"),
            (0xff53_4d42, "CIFS"),
            (0xfe53_4d42, "SMB"),
            (0x0102_1997, "9p"),
            (0x6573_5546, "virtiofs"),
            (0x6573_5546, "FUSE"),
        ] {
            assert!(unshared(magic).is_some_and(|said| said.contains(name)), "{name} ({magic:#x})");
        }
        for (magic, name) in [
            (0xef53, "ext4"),
            (0x9123_683e, "btrfs"),
            (0x5846_5342, "XFS"),
            (0x0102_1994, "tmpfs"),
            (0x794c_7630, "overlayfs"),
            (0x2fc1_2fc1, "ZFS"),
            (0xf2f5_2010, "F2FS"),
            (0xca45_1a4e, "bcachefs"),
        ] {
            assert_eq!(unshared(magic), None, "{name}");
        }
    }
}
