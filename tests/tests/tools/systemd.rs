//! A real systemd, first process of a namespace of its own, over the machine's files but writing none of them.
//!
//! It starts nothing but what a test names: neither the machine's own services nor anything of the machine is touched.
//! It takes root, the namespaces of Linux and a control group tree; where one is refused, that is said and the test has
//! nothing to test.

use std::fs;
use std::path::Path;
use std::process::Command;

use renewd_e2e::wait_for;

use crate::validators::{program, skipped};

/// Where this is 1, it must be possible here.
const REQUIRED_ENV: &str = "RENEWD_SYSTEMD_REQUIRED";

/// Says that this machine cannot do it.
const CANNOT: i32 = 77;

/// What both kinds of manager stand on: folders to write in over the machine's own, and a control group tree.
const GROUND: &str = r#"
set -e
fail() { echo "$1 is refused here" >&2; exit 77; }
{ umount -R /sys/fs/cgroup || true; } 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || fail "a control group tree"
mkdir "/sys/fs/cgroup/$GROUP" 2>/dev/null || fail "a control group"
echo $$ > "/sys/fs/cgroup/$GROUP/cgroup.procs" || fail "a control group"
mount -t tmpfs none /run || fail "a mount"
mkdir -p /run/systemd/system /run/over
for folder in etc var usr; do
    mkdir -p /run/over/$folder/upper /run/over/$folder/work
    mount -t overlay overlay -o lowerdir=/$folder,upperdir=/run/over/$folder/upper,workdir=/run/over/$folder/work /$folder ||
        fail "an overlay"
done
mount --make-rshared /
set +e
"#;

/// The system's manager: runs `look` once what it is told in `prepare` stands.
const SYSTEM: &str = r#"
mkdir -p /etc/systemd/system
rm -rf /etc/systemd/system/*
cat > /etc/systemd/system/look.service <<'UNIT'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/bash LOOK
ExecStopPost=/bin/systemctl exit --force --force
UNIT
export container=other
exec unshare --cgroup /usr/lib/systemd/systemd --system --log-target=console --log-level=notice --unit=look.service
"#;

/// The manager of one user.
const USER: &str = r#"
export XDG_RUNTIME_DIR=/run/user/0
mkdir -p -m 700 /run/user/0
unshare --cgroup /usr/lib/systemd/systemd --user --log-target=null --unit=basic.target </dev/null >/dev/null 2>&1 &
for attempt in $(seq 200); do
    systemctl --user is-active basic.target >/dev/null 2>&1 && break
    sleep 0.1
done
exec /bin/bash LOOK
"#;

/// Whose manager is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manager {
    System,
    User,
}

/// Runs `look` in bash beside such a manager, after `prepare`; what it printed, and none where it cannot be done here.
#[track_caller]
pub(crate) fn beside(manager: Manager, folder: &Path, prepare: &str, look: &str) -> Option<String> {
    program("unshare")?;
    let mut namespace = program("timeout")?;
    if !rustix::process::geteuid().is_root() || !Path::new("/usr/lib/systemd/systemd").exists() {
        return skipped(REQUIRED_ENV, "a systemd of one's own takes root, and systemd");
    }
    let group = format!("renewd-test-{}", std::process::id());
    let (script, looks, said) = (folder.join("prepare.sh"), folder.join("look.sh"), folder.join("said"));
    let after = match manager {
        Manager::System => SYSTEM,
        Manager::User => USER,
    };
    let after = after.replace("LOOK", &looks.display().to_string());
    fs::write(&script, format!("GROUP={group}\n{GROUND}\n{prepare}\n{after}")).unwrap();
    fs::write(&looks, format!("exec > '{}' 2>&1\n{look}\necho the end\n", said.display())).unwrap();
    namespace.args([
        "--kill-after=5",
        "120",
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--mount",
        "--uts",
        "--ipc",
    ]);
    // The first process of the namespace is the script, and then the manager in its place.
    namespace.arg("/bin/bash").arg(&script);
    namespace
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env_remove("XDG_CONFIG_HOME");
    namespace.stdin(std::process::Stdio::null());
    let out = namespace.output().expect("unshare is there");
    remove_group(&group);
    let words = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    if out.status.code() == Some(CANNOT) || words.contains("unshare failed") {
        return skipped(REQUIRED_ENV, words.trim());
    }
    let said = fs::read_to_string(&said).unwrap_or_default();
    assert!(said.ends_with("the end\n"), "{}: {words}\n{said}", out.status);
    Some(said)
}

/// The groups that it made go with their last process.
fn remove_group(group: &str) {
    let trees = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(|tree| Path::new(tree).join(group));
    for tree in trees.iter().filter(|tree| tree.is_dir()) {
        wait_for("the control groups to be empty", || {
            let mut find = Command::new("find");
            find.arg(tree).args(["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
            // Whether one is busy yet is seen by what is left.
            let _ = find.stderr(std::process::Stdio::null()).status();
            (!tree.exists()).then_some(())
        });
    }
}
