//! Opening a page in the person's browser, without a shell.
//!
//! The address was made by a server's metadata: it must reach the browser as one argument, and be nothing but a web
//! address. Where no browser can be meant (no display, a remote session, root) none is started: the address is shown.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use renewd_core::plain_line;

/// Opens pages.
pub trait Browser: Send + Sync + 'static {
    /// Starts a browser with this address. That it started says nothing of a page being shown.
    ///
    /// # Errors
    /// Why none was started, for people.
    fn open(&self, url: &str) -> Result<(), String>;
}

/// The longest address that is handed on: Windows takes no longer command line.
const URL_MAX_BYTES: usize = 8 * 1024;

/// What an environment says of browsers. Read once, so that the choice can be tested.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) browser: Option<OsString>,
    pub(crate) path: Option<OsString>,
    pub(crate) display: bool,
    pub(crate) ssh: bool,
    pub(crate) root: bool,
    pub(crate) wsl: bool,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            browser: std::env::var_os("BROWSER").filter(|value| !value.is_empty()),
            path: std::env::var_os("PATH"),
            display: has("DISPLAY") || has("WAYLAND_DISPLAY"),
            ssh: has("SSH_CONNECTION") || has("SSH_TTY") || has("SSH_CLIENT"),
            root: is_root(),
            wsl: has("WSL_DISTRO_NAME"),
        }
    }
}

impl Surroundings {
    /// Whether a browser would be seen by the person who logs in.
    fn is_for_browsers(&self, platform: Platform) -> Result<(), String> {
        // A browser that runs as root hands every page the machine.
        if self.root {
            return Err("a browser is not started as root (unless --browser asks for it)".into());
        }
        // Whoever sets it in a remote session means one that opens where the person sits.
        if self.browser.is_some() {
            return Ok(());
        }
        if self.ssh {
            return Err(
                "this is a remote session (SSH): a browser here would open on the other machine".into()
            );
        }
        if platform == Platform::Unix && !self.display && !self.wsl {
            return Err("there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)".into());
        }
        Ok(())
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

// rfc: 8252-8.12 the system's own browser, in a process of its own
/// The browser of the desktop, or the one that `BROWSER` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemBrowser {
    program: PathBuf,
    /// Arguments; `None` is where the address goes.
    arguments: Vec<Option<OsString>>,
}

impl SystemBrowser {
    /// Finds it.
    ///
    /// # Errors
    /// Why no browser is started here, for people.
    pub fn find() -> Result<Self, String> {
        let around = Surroundings::of_this_process();
        around.is_for_browsers(Platform::HERE)?;
        Self::found_in(&around, Platform::HERE)
    }

    /// Finds it for somebody who asked for it by name: as root, in a remote session and without a display too.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn find_anyway() -> Result<Self, String> {
        Self::found_in(&Surroundings::of_this_process(), Platform::HERE)
    }

    fn found_in(around: &Surroundings, platform: Platform) -> Result<Self, String> {
        if let Some(wanted) = &around.browser {
            return from_variable(wanted, around.path.as_deref());
        }
        for (program, arguments) in platform.openers() {
            if let Some(program) = in_path(OsStr::new(program), around.path.as_deref()) {
                let arguments = arguments.iter().map(|a| Some(OsString::from(a))).chain([None]).collect();
                return Ok(Self { program, arguments });
            }
        }
        let names: Vec<&str> = platform.openers().iter().map(|(name, _)| *name).collect();
        Err(format!("none of the programs that open pages is installed ({})", names.join(", ")))
    }

    /// The command for this address.
    fn command(&self, url: &str) -> Command {
        let mut command = Command::new(&self.program);
        for argument in &self.arguments {
            match argument {
                Some(argument) => command.arg(argument),
                None => command.arg(url),
            };
        }
        for name in of_the_store(std::env::vars_os().map(|(name, _)| name)) {
            command.env_remove(name);
        }
        // What it prints must not stand between the lines here, and it must not hold a pipe that a script waits on.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whoever ends the login with Ctrl-C does not mean to close his browser.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}

/// What opens pages where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    #[cfg_attr(not(any(target_vendor = "apple", test)), expect(dead_code, reason = "another system's"))]
    Apple,
    #[cfg_attr(not(any(windows, test)), expect(dead_code, reason = "another system's"))]
    Windows,
    /// Named everywhere: it is the one where a display may be missing.
    Unix,
}

impl Platform {
    #[cfg(target_vendor = "apple")]
    const HERE: Self = Self::Apple;
    #[cfg(windows)]
    const HERE: Self = Self::Windows;
    #[cfg(not(any(target_vendor = "apple", windows)))]
    const HERE: Self = Self::Unix;

    /// Programs that take an address as their last argument, the usual one first. None of them is a shell; `start` of
    /// Windows is one, and reads `&` in an address as its own.
    const fn openers(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Apple => &[("open", &[])],
            Self::Windows => &[("rundll32.exe", &["url.dll,FileProtocolHandler"])],
            Self::Unix => &[("xdg-open", &[]), ("wslview", &[]), ("gio", &["open"]), ("x-www-browser", &[])],
        }
    }
}

/// `BROWSER`: programs between colons, tried in order, each with words between blanks; `%s` stands for the address, which
/// else comes last. There is no shell, so quotes and variables mean nothing in it.
fn from_variable(wanted: &OsStr, path: Option<&OsStr>) -> Result<SystemBrowser, String> {
    let text = wanted.to_str().ok_or("the variable BROWSER is not readable text")?;
    for choice in text.split(if cfg!(windows) { ';' } else { ':' }) {
        let mut words = choice.split_whitespace();
        let Some(program) = words.next().and_then(|name| in_path(OsStr::new(name), path)) else { continue };
        let mut arguments: Vec<Option<OsString>> =
            words.map(|word| (word != "%s").then(|| OsString::from(word))).collect();
        if arguments.iter().all(Option::is_some) {
            arguments.push(None);
        }
        return Ok(SystemBrowser { program, arguments });
    }
    Err(format!("the variable BROWSER names no program that is here ({})", plain_line(text, 120)))
}

/// The program of that name. The working folder is not looked in.
fn in_path(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let name = Path::new(name);
    if name.components().count() > 1 {
        return (name.is_absolute() && is_program(name)).then(|| name.to_path_buf());
    }
    std::env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

impl Browser for SystemBrowser {
    fn open(&self, url: &str) -> Result<(), String> {
        if !is_web_address(url) {
            return Err("this is no address for a browser".into());
        }
        let mut child = self
            .command(url)
            .spawn()
            .map_err(|e| format!("{} cannot be started: {e}", self.program.display()))?;
        // Some openers end at once, some are the browser itself: somebody must wait, or a dead child stays behind.
        let waiting = std::thread::Builder::new().name("renewd-browser".into()).spawn(move || {
            let _whatever_it_says = child.wait();
        });
        // Without a thread the child is reaped by whoever inherits it.
        drop(waiting);
        Ok(())
    }
}

/// `http` or `https`, made only of what addresses are made of: it cannot be read as an option, and nothing in it means
/// anything to a shell that somebody's opener may be written in, once quoted.
fn is_web_address(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= URL_MAX_BYTES
        && url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&b))
}

/// Those variables that could lead to a store's key: nothing that a browser, or what it starts, has a use for.
fn of_the_store(names: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    names.filter(|name| name.as_encoded_bytes().starts_with(b"RENEWD_") || name == "CREDENTIALS_DIRECTORY")
}

#[cfg(test)]
mod tests;
