//! Processes of one user at the keyring of this very system: what one refreshes the others have, with the key in the
//! keyring and with the records in it.
//!
//! It may be somebody's own, so it is met only where `RENEWD_SYSTEM_KEYRING=1` says so. What a test leaves in it is, for
//! records in the keyring, what remains of a credential after a logout: no secret.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use renewd_keyring::{Interaction, KeyringOptions, platform};
use renewd_testkit::{AsConfig, AuthorizationServer};

const SWITCH: &str = "RENEWD_SYSTEM_KEYRING";

/// So many processes refresh at once.
const PROCESSES: usize = 4;

/// Longer than an item of the Windows Credential Manager (2 560 bytes), and told from nothing that came before.
const SCOPE_WORDS: u64 = 400;

/// A store in the system's keyring, and a server that revokes all of a login when a refresh token is spent twice.
struct World {
    home: tempfile::TempDir,
    server: AuthorizationServer,
}

impl World {
    /// None where nobody said that the keyring may be met.
    fn new(kind: &str) -> Option<Self> {
        if std::env::var(SWITCH).as_deref() != Ok("1") {
            println!("SKIPPED, nothing was tested: the system's own keyring is met only where {SWITCH}=1");
            return None;
        }
        let config = AsConfig { scope: Some(long_scope()), ..AsConfig::default() };
        let world =
            Self { home: tempfile::tempdir().unwrap(), server: AuthorizationServer::start(config).unwrap() };
        world.done(&["init", "--yes", "--kind", kind], "");
        let (login, url) = (world.server.mint_grant(), world.server.token_url());
        let import = ["import", "work", "--token-endpoint", &url, "--client-id", "testkit-client"];
        world.done(&import, &login.refresh_token);
        Some(world)
    }

    /// A process of its own. `HOME` stays: macOS finds the keychain by it.
    fn start(&self, args: &[&str], input: &str) -> Child {
        let program = std::env::var_os("RENEWD_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_renewd").into());
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RENEWD_"))
        {
            command.env_remove(name);
        }
        command.env("XDG_CONFIG_HOME", self.home.path()).env("XDG_STATE_HOME", self.home.path()).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child
    }

    fn done(&self, args: &[&str], input: &str) -> String {
        finish(args, self.start(args, input))
    }

    fn token(&self) -> String {
        self.done(&["token", "work"], "")
    }

    fn store_toml(&self) -> String {
        let path: PathBuf = self.home.path().join("renewd/credentials/store.toml");
        std::fs::read_to_string(path).unwrap()
    }
}

fn finish(args: &[&str], child: Child) -> String {
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "renewd {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Words that do not shrink much, the same each time.
fn long_scope() -> String {
    let word = |n: u64| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
    (1..=SCOPE_WORDS).map(word).collect::<Vec<_>>().join(" ")
}

impl Drop for World {
    /// Takes the key away.
    fn drop(&mut self) {
        let text = self.store_toml();
        let id = text.lines().find_map(|line| line.strip_prefix("key_id = ")).map(|id| id.trim_matches('"'));
        let item = id.and_then(|id| format!("renewd/key/{id}").parse().ok());
        let keyring = platform(KeyringOptions::new(Duration::from_secs(60), Interaction::Never));
        let gone = item.is_some_and(|item| keyring.delete(&item).is_ok_and(|was| was));
        assert!(gone || std::thread::panicking(), "the key was not in the keyring: {text}");
    }
}

/// One life, with the records here or there.
fn what_one_process_refreshes_the_others_have(kind: &str) {
    let Some(world) = World::new(kind) else { return };
    let remembered = world.store_toml();
    assert!(remembered.contains(&format!("kind = \"{kind}\"")), "{remembered}");
    assert!(remembered.contains("key = \"keyring\""), "{remembered}");

    let first = world.token();
    world.done(&["refresh", "work"], "");
    let second = world.token();
    assert_ne!(first, second);
    assert_eq!(world.token(), second, "another process has what was refreshed");
    assert_eq!(world.server.totals().successes, 2);

    let at_once: Vec<Child> = (0..PROCESSES).map(|_| world.start(&["refresh", "work"], "")).collect();
    for child in at_once {
        finish(&["refresh", "work"], child);
    }
    let third = world.token();
    assert_ne!(second, third);
    let totals = world.server.totals();
    assert_eq!((totals.reuse_trips, totals.families_revoked), (0, 0), "a refresh token was spent twice");

    world.done(&["rekey"], "");
    assert_eq!(world.token(), third, "another key, the same token");
    world.done(&["doctor"], "");
    world.done(&["logout", "work"], "");
}

#[test]
fn what_one_process_refreshes_the_others_have_with_the_key_in_the_keyring() {
    what_one_process_refreshes_the_others_have("file");
}

#[test]
fn what_one_process_refreshes_the_others_have_with_the_records_in_the_keyring() {
    what_one_process_refreshes_the_others_have("keyring");
}
