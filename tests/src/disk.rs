//! A small disk of a test's own, which can be filled up, made read-only and mended again.
//!
//! It is a real file system (tmpfs) in a mount namespace, held by a process that does nothing else: whatever runs in
//! the namespace finds it mounted, the rest of the machine does not. A user namespace is asked for first, so that no
//! test needs root; where that is forbidden, root's own mount namespace serves. Where neither is to be had, a test
//! says so by its name and is over.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

pub mod login;
pub mod record;

/// What takes all the room of a full disk.
const FILLER: &str = "filler";

/// A memory page: tmpfs gives room by whole ones.
const PAGE_BYTES: u64 = 4096;

/// How `unshare` makes namespaces here, most modest first, and how `nsenter` comes into them.
const WAYS: [(&[&str], &[&str]); 2] = [
    (&["--user", "--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"]),
    (&["--mount"], &["--mount"]),
];

/// A process that holds namespaces open, until it is dropped.
pub struct Namespaces {
    holder: Child,
    /// Closed, it tells the holder to end.
    open: Option<ChildStdin>,
    enter: Vec<String>,
}

impl Namespaces {
    /// Makes a user (where allowed) and a mount namespace and those that `more` names (options of `unshare`, and of
    /// `nsenter` under the same names), and runs `prepare` in them, a shell's script.
    ///
    /// # Errors
    /// Why there are none here, in one line.
    pub fn make(more: &[&str], prepare: &str) -> Result<Self, String> {
        let mut why = String::new();
        for (unshare, enter) in WAYS {
            match Self::try_make(unshare, enter, more, prepare) {
                Ok(made) => return Ok(made),
                Err(error) => why = format!("{why}unshare {}: {error} ", unshare.join(" ")),
            }
        }
        Err(why.trim_end().to_owned())
    }

    /// The same, where a test is to say that it cannot run rather than to fail.
    pub fn make_or_say(more: &[&str], prepare: &str) -> Option<Self> {
        match Self::make(more, prepare) {
            Ok(made) => Some(made),
            Err(why) => {
                println!("skipped, this test has not run: no namespaces can be made here: {why}");
                None
            }
        }
    }

    fn try_make(unshare: &[&str], enter: &[&str], more: &[&str], prepare: &str) -> Result<Self, String> {
        let script = format!("{{ {prepare}; }} >&2 && echo ready && exec cat");
        let mut command = Command::new("unshare");
        command.args(unshare).args(more).args(["--propagation", "private"]);
        let forks = more.contains(&"--pid");
        if forks {
            // The first process of a pid namespace is a child; it goes when the holder goes.
            command.args(["--fork", "--kill-child", "--mount-proc"]);
        }
        command.args(["--", "sh", "-c", &script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn().map_err(|error| error.to_string())?;
        let open = holder.stdin.take();
        let mut line = String::new();
        let said = holder.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        if !matches!(said, Some(Ok(_))) || line.trim() != "ready" {
            drop(open);
            let output = holder.wait_with_output().map_err(|error| error.to_string())?;
            return Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', " "));
        }
        let inside = if forks { only_child(holder.id())? } else { holder.id() };
        let mut arguments = vec!["--target".to_owned(), inside.to_string()];
        arguments.extend(enter.iter().chain(more).map(|&word| word.to_owned()));
        Ok(Self { holder, open, enter: arguments })
    }

    /// The same command, in the namespaces.
    pub fn command(&self, of: &Command) -> Command {
        let mut command = Command::new("nsenter");
        command.args(&self.enter).arg("--").arg(of.get_program()).args(of.get_args());
        command.env_clear().envs(of.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // For `nsenter` itself to be found.
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs a shell's script in the namespaces, which must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn shell(&self, script: &str) {
        let mut inside = Command::new("sh");
        inside.args(["-c", script]);
        let output = self.command(&inside).output().expect("nsenter can be run");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A path of the namespaces, as this process reaches it.
    pub fn outside(&self, path: &Path) -> PathBuf {
        let target = &self.enter[1];
        Path::new("/proc").join(target).join("root").join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        drop(self.open.take());
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The one child of a process that forked once.
fn only_child(pid: u32) -> Result<u32, String> {
    children(pid).first().copied().ok_or_else(|| format!("process {pid} has no child"))
}

/// Kills what `nsenter` started in a pid namespace, and not `nsenter`, which then ends by itself.
///
/// # Panics
/// When it has not started it yet.
#[track_caller]
pub fn kill_inside(nsenter: u32) {
    let inside = only_child(nsenter).expect("nsenter has started it");
    let pid = rustix::process::Pid::from_raw(inside.cast_signed()).expect("a child has a number");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("the child lives");
}

/// The children of a process, as the kernel lists them.
pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A mounted tmpfs of few bytes.
pub struct SmallDisk {
    namespaces: Namespaces,
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `bytes` at an empty folder.
    ///
    /// # Errors
    /// Why nothing can be mounted here.
    pub fn mount(at: &Path, bytes: u64) -> Result<Self, String> {
        let place = at.display();
        let mount = format!("mount -t tmpfs -o size={bytes},mode=700 renewd-e2e '{place}'");
        Ok(Self { namespaces: Namespaces::make(&[], &mount)?, at: at.to_owned() })
    }

    /// The same, where a test is to say that it cannot run rather than to fail.
    pub fn mount_or_say(at: &Path, bytes: u64) -> Option<Self> {
        match Self::mount(at, bytes) {
            Ok(disk) => Some(disk),
            Err(why) => {
                println!("skipped, this test has not run: no file system can be mounted here: {why}");
                None
            }
        }
    }

    /// The namespaces in which it is mounted.
    pub fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// Takes all room but about `left` bytes.
    ///
    /// # Panics
    /// When the disk takes more than it has.
    pub fn fill_but(&self, left: u64) {
        let path = self.filler();
        let mut file = File::options().create(true).append(true).open(&path).expect("an empty file fits");
        while file.write_all(&[0xa5; PAGE_BYTES as usize]).is_ok() {}
        let length = file.metadata().expect("an open file can be looked at").len();
        let kept = length.saturating_sub(left) / PAGE_BYTES * PAGE_BYTES;
        file.set_len(kept).expect("a file can be cut");
        assert!(kept > 0, "there was no room to take");
    }

    /// Gives the room back.
    ///
    /// # Panics
    /// When nobody took it.
    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("the disk was filled before");
    }

    /// From now on nothing can be written, whatever is open, as after an error of the disk below: a file system that
    /// has open writers lets nobody remount it, so a read-only view of it is laid over it.
    pub fn freeze(&self) {
        let at = self.at.display();
        self.namespaces.shell(&format!("mount --bind '{at}' '{at}' && mount -o remount,ro,bind '{at}'"));
    }

    /// Takes the read-only view away.
    pub fn thaw(&self) {
        self.namespaces.shell(&format!("umount '{}'", self.at.display()));
    }

    fn filler(&self) -> PathBuf {
        self.namespaces.outside(&self.at).join(FILLER)
    }
}

/// Sets a file's or folder's mode.
///
/// # Panics
/// When it cannot.
#[track_caller]
pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
