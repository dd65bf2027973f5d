//! Another user's session bus: whoever answers on it as a keyring would be given the key.

#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use renewd_e2e::{Session, wait_for};

/// `nobody`, as everywhere.
const STRANGER: u32 = 65_534;

/// The bus ends with its standard input, and so with the test, however that ends.
const SCRIPT: &str = r#"dbus-daemon --nofork --nopidfile --config-file="$1" & read -r _; kill $!"#;

/// A bus of another user's that lets everybody in, as the bus of somebody who waits for keys would.
struct TheirBus {
    folder: tempfile::TempDir,
    program: Child,
}

impl TheirBus {
    /// Nothing where this is not root, who alone can be somebody else for a moment, or where there is no such program.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can act as another user");
            return None;
        }
        let here = Command::new("dbus-daemon").arg("--version").stdout(Stdio::null()).status();
        if here.is_err() {
            let required = std::env::var_os("RENEWD_DESKTOP_REQUIRED").is_some_and(|value| value == "1");
            assert!(!required, "dbus-daemon is required (RENEWD_DESKTOP_REQUIRED=1) and not on the PATH");
            println!("SKIPPED, nothing was tested: dbus-daemon is not on the PATH (Debian: dbus)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its mode");
        chown(folder.path(), Some(STRANGER), Some(STRANGER)).expect("its owner");
        let config = folder.path().join("bus.conf");
        let text = format!(
            r#"<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*"/><allow own="*"/></policy></busconfig>"#,
            folder.path().join("bus").display()
        );
        fs::write(&config, text).expect("the bus's configuration");
        let mut program = Command::new("sh");
        program.args(["-c", SCRIPT, "sh"]).arg(&config).current_dir("/").stdin(Stdio::piped());
        let program = program.uid(STRANGER).gid(STRANGER).spawn().expect("a bus starts");
        let bus = Self { folder, program };
        wait_for("the bus of another user", || bus.socket().exists().then_some(()));
        // Others are let in where they can open the socket.
        fs::set_permissions(bus.socket(), Permissions::from_mode(0o777)).expect("its mode");
        Some(bus)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("bus")
    }
}

impl Drop for TheirBus {
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ = self.program.wait();
    }
}

#[test]
fn another_users_bus_is_asked_nothing_and_given_nothing_wherever_the_environment_leads() {
    let Some(bus) = TheirBus::start() else { return };
    let address = format!("unix:path={}", bus.socket().display());
    let mut by_folder = Session::new("", "keyring").on_bus("");
    // As `su` leaves it.
    by_folder.set("XDG_RUNTIME_DIR", &bus.folder.path().display().to_string());
    for session in [Session::new("", "keyring").on_bus(&address), by_folder] {
        let refused = session.run(["init"]);
        assert_eq!(refused.code, Some(5), "{refused:?}");
        assert!(refused.stderr.contains("bus belongs to uid 65534"), "{refused:?}");
        assert!(!session.home.state().join("credentials/store.toml").exists(), "a store was made");
    }
}
