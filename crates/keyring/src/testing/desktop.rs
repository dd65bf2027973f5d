//! A desktop session of a test's own: a bus, and GNOME Keyring on it, in a home that is thrown away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use renewd_driver::keyring::Keyring;
use rustix::process::Signal;
use secret_service::{EncryptionType, SecretService};
use tempfile::TempDir;
use tokio::time::timeout;
use zbus::zvariant::{ObjectPath, OwnedObjectPath};

use super::fake::FakeService;
use super::keepassxc;
use super::leash::Leash;
use super::on_bus::{collection_is_open, heard, name_is_owned, on_bus};
use crate::KeyringOptions;
use crate::bounded::Bounded;
use crate::secret_service::{DESCRIPTION, open_at};

/// Where this is 1, a session that cannot be had is a failure rather than a skipped test.
const REQUIRED_ENV: &str = "RENEWD_DESKTOP_REQUIRED";

const BUS: &str = "dbus-daemon";
const KEYRING: &str = "gnome-keyring-daemon";
const NAME: &str = "org.freedesktop.secrets";
const PASSWORD: &str = "the password of a home that is thrown away";

/// A provider that answers at all does so by then.
const STARTS_WITHIN: Duration = Duration::from_secs(50);

/// Who provides the Secret Service on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// A real GNOME Keyring, its default collection unlocked.
    GnomeKeyring,
    /// A real KeePassXC with an open database, which shows its windows nowhere. Some of its answers are prompts, and it
    /// answers them by itself where nobody has to be asked.
    KeePassXc,
    /// Nobody; the bus starts nobody either.
    None,
}

impl Provider {
    /// The programs, and the variable that makes a failure of it when they are not there.
    fn needs(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::GnomeKeyring => (&[BUS, KEYRING], REQUIRED_ENV),
            Self::KeePassXc => (&[BUS, keepassxc::PROGRAM, keepassxc::COMMAND], keepassxc::REQUIRED_ENV),
            Self::None => (&[BUS], REQUIRED_ENV),
        }
    }
}

/// The session. Its programs end with it, or with the test's process.
pub struct Desktop {
    // Dropped in this order: the provider before its bus, both before their folder.
    provider: Mutex<Option<Leash>>,
    _bus: Leash,
    folder: TempDir,
}

impl Desktop {
    /// A session with GNOME Keyring. `None` where it is not installed: said, and the test has nothing to test.
    ///
    /// # Panics
    /// When it does not start; when it is not installed and `RENEWD_DESKTOP_REQUIRED` says that it must be.
    pub fn start() -> Option<Self> {
        Self::start_with(Provider::GnomeKeyring)
    }

    /// The same with another provider, or none.
    ///
    /// # Panics
    /// As [`Desktop::start`] does.
    pub fn start_with(provider: Provider) -> Option<Self> {
        let (needs, required_env) = provider.needs();
        if let Some(missing) = needs.iter().find(|program| !on_path(program)) {
            let required = std::env::var_os(required_env).is_some_and(|value| value == "1");
            assert!(!required, "{missing} is required ({required_env}=1) and not on the PATH");
            println!(
                "SKIPPED, nothing was tested: {missing} is not on the PATH (Debian: dbus, gnome-keyring, keepassxc)"
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder for the session");
        for name in ["home", "run", "data"] {
            let folder = folder.path().join(name);
            fs::create_dir(&folder).expect("a folder of the session");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("its mode");
        }
        fs::write(folder.path().join("password"), PASSWORD).expect("the password");
        let desktop = Self { provider: Mutex::new(None), _bus: start_bus(folder.path()), folder };
        // A provider looks for its bus once.
        on_bus(&desktop.address(), async |_| ());
        match provider {
            Provider::GnomeKeyring => desktop.start_provider(),
            Provider::KeePassXc => desktop.provide(keepassxc::start(desktop.folder.path(), &desktop.env())),
            Provider::None => {}
        }
        Some(desktop)
    }

    /// The address of its bus, as `DBUS_SESSION_BUS_ADDRESS` has it.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.folder.path().join("run/bus").display())
    }

    /// The variables of a program that runs in this session.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = folders(self.folder.path());
        env.push(("DBUS_SESSION_BUS_ADDRESS", self.address()));
        env
    }

    /// The variables of a program that runs in no session: what it must also not inherit is empty.
    pub fn no_bus_env() -> Vec<(&'static str, String)> {
        vec![("DBUS_SESSION_BUS_ADDRESS", String::new()), ("XDG_RUNTIME_DIR", String::new())]
    }

    /// The keyring of this session, whatever the environment of this process says.
    pub fn keyring(&self, options: KeyringOptions) -> Arc<dyn Keyring> {
        let address = self.address();
        Arc::new(Bounded::new(DESCRIPTION, options, move || open_at(&address)))
    }

    /// Locks the default collection.
    pub fn lock(&self) {
        self.with_service(async |service| {
            let collection = service.get_default_collection().await.expect("a default collection");
            collection.lock().await.expect("it locks");
            assert!(collection.is_locked().await.expect("its state"), "the collection is still open");
        });
    }

    /// Unlocks the default collection of GNOME Keyring as logging in does: with the password, without a prompt.
    pub fn unlock(&self) {
        on_bus(&self.address(), async |bus| {
            let secrets = Some(NAME);
            let (path, internal) =
                ("/org/freedesktop/secrets", "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface");
            let plain = ("plain", zbus::zvariant::Value::from(""));
            let session = bus
                .call_method(secrets, path, Some("org.freedesktop.Secret.Service"), "OpenSession", &plain)
                .await
                .expect("a session");
            let (_, session): (zbus::zvariant::OwnedValue, OwnedObjectPath) =
                session.body().deserialize().expect("a session");
            let service = SecretService::connect_with_existing(EncryptionType::Plain, bus.clone()).await;
            let service = service.expect("the service");
            let collection = service.get_default_collection().await.expect("a default collection");
            let password = (session, Vec::<u8>::new(), PASSWORD.as_bytes(), "text/plain");
            let collection_path: ObjectPath<'_> = collection.collection_path.as_ref();
            bus.call_method(
                secrets,
                path,
                Some(internal),
                "UnlockWithMasterPassword",
                &(collection_path, password),
            )
            .await
            .expect("it unlocks");
        });
    }

    /// Runs something with the session's service, as another program would.
    pub fn with_service<T: Send>(&self, work: impl AsyncFnOnce(&SecretService<'_>) -> T + Send) -> T {
        on_bus(&self.address(), async |bus| {
            let service = SecretService::connect_with_existing(EncryptionType::Dh, bus).await;
            work(&service.expect("the Secret Service of the test's session")).await
        })
    }

    /// Starts GNOME Keyring, where there is none, and waits until it answers.
    pub fn start_provider(&self) {
        let folder = self.folder.path();
        let mut program = Command::new(KEYRING);
        program.args(["--unlock", "--components=secrets", "--foreground"]).envs(self.env());
        program.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let leash = Leash::start(&program, &folder.join("password"), &folder.join("keyring.log"));
        self.provide(leash.expect("GNOME Keyring starts"));
    }

    fn provide(&self, leash: Leash) {
        *self.provider() = Some(leash);
        let answers = on_bus(&self.address(), async |bus| {
            let answers = async {
                name_is_owned(&bus, NAME, true).await;
                collection_is_open(&bus).await;
            };
            timeout(STARTS_WITHIN, answers).await.is_ok()
        });
        assert!(answers, "the provider does not come to answer; it printed: {}", self.printed());
    }

    /// Kills it, and waits until the bus has seen that.
    pub fn kill_provider(&self) {
        self.provider().take();
        on_bus(&self.address(), async |bus| name_is_owned(&bus, NAME, false).await);
    }

    /// Kills the provider as soon as a call of that method is on the bus; `meanwhile` makes it.
    pub fn kill_provider_at<T>(&self, method: &'static str, meanwhile: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let (listens, is_listening) = channel();
            scope.spawn(move || {
                on_bus(&self.address(), async |bus| {
                    heard(&bus, method, || listens.send(()).expect("a test")).await
                });
                self.provider().take();
            });
            is_listening.recv().expect("the bus lets it listen");
            meanwhile()
        })
    }

    /// Stops it where it is: calls hang from now on.
    pub fn freeze_provider(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw_provider(&self) {
        self.signal(Signal::CONT);
    }

    /// What the provider printed.
    pub fn printed(&self) -> String {
        self.provider().as_ref().map(Leash::printed).unwrap_or_default()
    }

    /// A fake provider instead of a real one.
    pub fn fake(&self) -> FakeService {
        FakeService::start(&self.address())
    }

    /// The folder of the session. What its programs keep lies somewhere in it.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn signal(&self, signal: Signal) {
        let provider = self.provider();
        provider.as_ref().expect("a provider runs").signal(signal).expect("it takes signals");
    }

    fn provider(&self) -> std::sync::MutexGuard<'_, Option<Leash>> {
        self.provider.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn folders(folder: &Path) -> Vec<(&'static str, String)> {
    [("HOME", "home"), ("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "data")]
        .map(|(variable, name)| (variable, folder.join(name).display().to_string()))
        .into()
}

/// A bus that starts no provider by itself: a call would start a second GNOME Keyring, a locked one.
fn start_bus(folder: &Path) -> Leash {
    let config = folder.join("bus.conf");
    let text = format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        folder.join("run/bus").display()
    );
    fs::write(&config, text).expect("the bus's configuration");
    let mut program = Command::new(BUS);
    program.arg("--nofork").arg("--nopidfile").arg(format!("--config-file={}", config.display()));
    program.envs(folders(folder)).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    Leash::start(&program, Path::new("/dev/null"), &folder.join("bus.log")).expect("the bus starts")
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
