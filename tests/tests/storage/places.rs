//! Folders and files: made private whatever the umask, refused where another user had his hands in, and read through
//! links where a user named them. Another user's part is played by one, which needs root.

#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Home, Ran, Running};
use tempfile::TempDir;

/// The user `nobody`, by convention; it need not exist.
const STRANGER: u32 = 65_534;

/// Runs the command in that home under an umask.
fn under_umask<S: AsRef<OsStr>>(home: &Home, umask: &str, args: &[S]) -> Command {
    let plain = home.command(args);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
        .arg(plain.get_program())
        .args(plain.get_args());
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(home.path().join("home"));
    command
}

/// Everything below a folder, with its mode; sockets are left out.
fn modes(folder: &Path, into: &mut Vec<(PathBuf, u32)>) {
    for entry in fs::read_dir(folder).expect("a folder can be looked into").flatten() {
        let meta = entry.metadata().expect("a folder can be looked into");
        into.push((entry.path(), meta.permissions().mode() & 0o7777));
        if meta.is_dir() {
            modes(&entry.path(), into);
        }
    }
}

#[track_caller]
fn assert_private(folder: &Path) {
    let mut found = Vec::new();
    modes(folder, &mut found);
    assert!(found.iter().any(|(path, _)| path.extension() == Some(OsStr::new("record"))), "{found:?}");
    for (path, mode) in found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}: {mode:o}", path.display());
    }
}

fn import_args(server: &AuthorizationServer) -> Vec<String> {
    let (endpoint, revocation) = (server.token_url(), server.revocation_url());
    [
        "import",
        "work",
        "--token-endpoint",
        &endpoint,
        "--client-id",
        "testkit-client",
        "--revocation-endpoint",
        &revocation,
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn whatever_the_umask_folders_are_made_with_0700_and_files_with_0600() {
    for umask in ["0000", "0022", "0077", "0777"] {
        let server = AuthorizationServer::start(AsConfig::default()).unwrap();
        let home = Home::new();
        let import = under_umask(&home, umask, &import_args(&server));
        Running::start(import, server.mint_grant().refresh_token.as_bytes()).finish().succeeded();
        Running::start(under_umask(&home, umask, &["token", "work"]), b"").finish().succeeded();
        assert!(home.state().join("journal/work.jsonl").exists());
        assert_private(&home.state());
    }
}

/// A place that both users can reach, and a folder there that a test makes loose.
struct Shared {
    dir: TempDir,
    home: Home,
}

impl Shared {
    /// Nothing where this is not root, who alone can be somebody else for a moment.
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can act as another user");
            return None;
        }
        let dir = tempfile::Builder::new()
            .prefix("renewd-e2e-shared-")
            .tempdir()
            .expect("a place can be made ready");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("a place can be made ready");
        fs::create_dir(dir.path().join("common")).expect("a place can be made ready");
        Some(Self { dir, home: Home::new() })
    }

    fn common(&self, name: &str) -> PathBuf {
        self.dir.path().join("common").join(name)
    }

    fn chmod(&self, mode: u32) {
        fs::set_permissions(self.dir.path().join("common"), Permissions::from_mode(mode))
            .expect("a place can be made ready");
    }

    /// The other user does that there.
    #[track_caller]
    fn stranger(&self, script: &str) {
        let mut command = Command::new("sh");
        command.arg("-ec").arg(script).current_dir(self.dir.path().join("common"));
        let done = command.uid(STRANGER).gid(STRANGER).output().expect("a place can be made ready");
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn import(&self, state: &Path, server: &AuthorizationServer) -> Ran {
        let mut command = self.home.command(import_args(server));
        command.arg("--state-dir").arg(state);
        Running::start(command, server.mint_grant().refresh_token.as_bytes()).finish()
    }

    fn status(&self, state: &Path) -> Ran {
        let mut command = self.home.command(["status"]);
        command.arg("--state-dir").arg(state);
        Running::start(command, b"").finish()
    }
}

#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(5), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} in {ran:?}");
    }
}

#[test]
fn what_another_user_planted_in_a_folder_like_tmp_is_refused_and_stays_as_it_was() {
    let Some(shared) = Shared::new() else { return };
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    shared.chmod(0o1777);
    fs::create_dir(shared.dir.path().join("target")).unwrap();
    shared.stranger("mkdir -m 777 folder; ln -s ../target link; mkfifo -m 666 pipe; mkdir -m 777 above; mkdir -m 777 above/state");
    for (name, words) in [
        ("folder", "folder belongs to uid 65534"),
        ("above/state", "above belongs to uid 65534"),
        ("link", "link is a symbolic link"),
        ("link/state", "link belongs to uid 65534; remove the link"),
        ("pipe", "pipe is no folder"),
    ] {
        refused(&shared.import(&shared.common(name), &server), &[words]);
    }
    assert_eq!(
        fs::read_dir(shared.dir.path().join("target")).unwrap().count(),
        0,
        "nothing was made behind the link"
    );
    assert_eq!(fs::read_dir(shared.common("folder")).unwrap().count(), 0);
    // Beside all that there is room for a folder of one's own.
    shared.import(&shared.common("mine"), &server).succeeded();
    assert_private(&shared.common("mine"));
    assert_eq!(server.totals().token_requests, 0);
}

#[test]
fn where_another_user_can_exchange_the_store_it_is_refused_before_and_after() {
    let Some(shared) = Shared::new() else { return };
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let state = shared.common("state");
    shared.import(&state, &server).succeeded();
    let chmod = format!("`chmod go-w {}`", shared.dir.path().join("common").display());
    shared.chmod(0o777);
    refused(&shared.status(&state), &["every user can write to", &chmod]);
    // He takes the store away: what is found then is not "nobody ever logged in".
    shared.stranger("mv state elsewhere");
    refused(&shared.status(&state), &["every user can write to", &chmod]);
    refused(&shared.import(&state, &server), &["every user can write to", &chmod]);
    shared.stranger("mv elsewhere state");
    shared.chmod(0o755);
    let status = shared.status(&state).succeeded();
    assert!(status.stdout.contains("work"), "{status:?}");
}

#[test]
fn a_device_or_a_second_name_in_the_place_of_a_record_is_refused() {
    let Some(shared) = Shared::new() else { return };
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    shared.home.import("work", &server);
    let record = shared.home.state().join("credentials/work.record");
    let kept = record.with_file_name("kept");
    fs::hard_link(&record, &kept).unwrap();
    let seen = |home: &Home| home.run(["token", "work"]);
    refused(&seen(&shared.home), &["work.record", "hard link", "remove the other name"]);
    fs::remove_file(&record).unwrap();
    let made =
        Command::new("mknod").arg("-m").arg("600").arg(&record).args(["c", "1", "3"]).status().unwrap();
    assert!(made.success());
    refused(&seen(&shared.home), &["work.record is no regular file"]);
    fs::remove_file(&record).unwrap();
    fs::rename(&kept, &record).unwrap();
    seen(&shared.home).succeeded();
    assert_eq!(server.totals().reuse_trips, 0);
}

/// As Kubernetes mounts a secret: a link to a link into a folder that is exchanged whole.
#[test]
fn a_configuration_and_a_secret_may_be_links_and_others_can_change_neither_them_nor_their_folders() {
    let Some(shared) = Shared::new() else { return };
    shared.chmod(0o1777);
    let mount = |name: &str| shared.common(name);
    fs::create_dir(mount("..version")).unwrap();
    fs::write(mount("..version/config.toml"), "[retry]\ntries = 3\n").unwrap();
    symlink("..version", mount("..data")).unwrap();
    symlink("..data/config.toml", mount("config.toml")).unwrap();
    let show = || {
        let mut command = shared.home.command(["config", "check"]);
        command.arg("--config").arg(mount("config.toml"));
        Running::start(command, b"").finish()
    };
    let shown = show().succeeded();
    assert!(shown.stderr.contains("is right"), "{shown:?}");
    fs::set_permissions(mount("..version"), Permissions::from_mode(0o777)).unwrap();
    let loose = show().failed(6);
    let mend = format!("`chmod go-w {}`", fs::canonicalize(mount("..version")).unwrap().display());
    assert!(loose.stderr.contains(&mend), "{loose:?}");
    fs::set_permissions(mount("..version"), Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(mount("config.toml")).unwrap();
    shared.stranger("ln -s ..data/config.toml config.toml");
    assert_eq!(fs::symlink_metadata(mount("config.toml")).unwrap().uid(), STRANGER);
    let his = show().failed(6);
    assert!(his.stderr.contains("belongs to uid 65534"), "{his:?}");
}
