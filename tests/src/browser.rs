//! A person's browser: a real Chromium that the product opens by itself, as on a desktop, and that a test then clicks in.
//!
//! What a desktop opens an address with is `xdg-open`. A program of that name, first on the product's path, keeps what it was
//! given and becomes Chromium with that address, an empty profile, no window and no network but loopback. The test attaches to it
//! through chromedriver (WebDriver, a W3C recommendation): it finds what a person would see, types and clicks.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::door::Door;
use crate::wait::{PATIENCE, wait_for};

/// Where this is 1, a Chromium that is not at hand is a failure rather than a skipped test.
const REQUIRED_ENV: &str = "RENEWD_CHROMIUM_REQUIRED";

/// What `renewd` opens an address with.
const OPENER: &str = "xdg-open";

/// No window, nothing that asks anybody anything, no name that is looked up but this machine's own. The sandbox wants a user
/// other than root.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --no-default-browser-check \
    --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
    --disable-features=Translate,OptimizationHints --window-size=800,600 --remote-debugging-port=0 \
    --host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'";

/// The key under which WebDriver names an element, by its recommendation.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A desktop on which addresses are opened in a browser. Its browser ends with it.
pub struct Desktop {
    folder: TempDir,
}

impl Desktop {
    /// A desktop with Chromium. `None` where it is not installed: said, and the test has nothing to test.
    ///
    /// # Panics
    /// When it is not installed and `RENEWD_CHROMIUM_REQUIRED` says that it must be.
    pub fn with_chromium() -> Option<Self> {
        let missing: Vec<&str> = ["chromium", "chromedriver"].into_iter().filter(|p| !on_path(p)).collect();
        if missing.is_empty() {
            let desktop = Self::with_opener("");
            let profile = desktop.path("profile");
            desktop.write_opener(&format!(
                "exec chromium {FLAGS} --user-data-dir='{}' \"$1\" > /dev/null 2>&1",
                profile.display()
            ));
            return Some(desktop);
        }
        let required = std::env::var_os(REQUIRED_ENV).is_some_and(|value| value == "1");
        let why = format!("{} not on the path; apt-get install chromium chromium-driver", missing.join(", "));
        assert!(!required, "Chromium is required ({REQUIRED_ENV}=1): {why}");
        println!("SKIPPED, nothing was tested: {why}");
        None
    }

    /// A desktop whose opener only keeps what it was given: for tests in which nothing may be opened, or a person looks at
    /// the address.
    ///
    /// # Panics
    /// When no folder can be made.
    pub fn without_browser() -> Self {
        Self::with_opener("exit 0")
    }

    fn with_opener(act: &str) -> Self {
        let folder =
            tempfile::Builder::new().prefix("renewd-desktop-").tempdir().expect("a folder can be made");
        let desktop = Self { folder };
        fs::create_dir(desktop.path("bin")).expect("a folder can be made in one's own");
        desktop.write_opener(act);
        desktop
    }

    fn write_opener(&self, act: &str) {
        let (pid, opened) = (self.path("pid"), self.path("opened"));
        let (pid, opened) = (pid.display(), opened.display());
        let script = format!("#!/bin/sh\necho $$ > '{pid}'\nprintf '%s\\n' \"$@\" >> '{opened}'\n{act}\n");
        let path = self.opener();
        fs::write(&path, script).expect("a script can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets that command live on this desktop.
    pub fn give_to(&self, command: &mut Command) {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(self.path("bin")).chain(std::env::split_paths(&others));
        let path = std::env::join_paths(all).expect("folders without colons");
        // What a desktop has, and a login over SSH has not.
        command.env("PATH", path).env("DISPLAY", ":7");
    }

    /// The program that opens addresses here.
    pub fn opener(&self) -> PathBuf {
        self.path("bin").join(OPENER)
    }

    /// The addresses that were opened so far.
    pub fn opened(&self) -> Vec<String> {
        let kept = fs::read_to_string(self.path("opened")).unwrap_or_default();
        kept.lines().map(str::to_owned).collect()
    }

    /// Waits until an address was opened.
    ///
    /// # Panics
    /// When none is.
    #[track_caller]
    pub fn wait_opened(&self) -> String {
        wait_for("an address to be opened", || self.opened().pop())
    }

    /// Waits until the product has opened the browser, and goes to sit before it.
    ///
    /// # Panics
    /// When it never opens.
    #[track_caller]
    pub fn browser(&self) -> Browser {
        self.wait_opened();
        let port = wait_for("Chromium to be ready", || {
            let told = fs::read_to_string(self.path("profile/DevToolsActivePort")).ok()?;
            told.lines().next()?.parse::<u16>().ok()
        });
        Browser::attach(port)
    }

    /// Opens Chromium at an address by itself: for tests of a page that the product has only printed.
    ///
    /// # Panics
    /// When it never opens.
    #[track_caller]
    pub fn visit(&self, address: &str) -> Browser {
        let child = Command::new(self.opener()).arg(address).stdin(Stdio::null()).spawn();
        // It is ended by its id, as every browser of this desktop.
        drop(child.expect("the opener can be started"));
        self.browser()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.path("pid")).ok();
        let pid = pid.and_then(|text| rustix::process::Pid::from_raw(text.trim().parse().ok()?));
        if let Some(pid) = pid.filter(|_| self.path("profile").exists()) {
            // The opener became the browser; its helpers end with it.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The browser's page, and the hands that type and click in it.
pub struct Browser {
    driver: Child,
    door: Door,
    session: String,
}

/// How often it is started until its port is free.
const STARTS_MAX: usize = 5;

/// chromedriver and its port; none where it ended instead.
fn start_driver() -> Option<(Child, u16)> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut driver = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = driver.stdout.take().expect("standard output is a pipe");
    let (said, ready) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let port = line
                .rsplit_once("successfully on port ")
                .and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
            if let Some(port) = port {
                // Nobody listens any more after the first.
                let _ = said.send(port);
            }
        }
    });
    match ready.recv_timeout(PATIENCE) {
        Ok(port) => Some((driver, port)),
        Err(_) => {
            // It has ended, or says nothing: either way it is not the one.
            let _ = driver.kill();
            driver.wait().expect("its own child can be waited for");
            None
        }
    }
}

impl Browser {
    fn attach(debugger: u16) -> Self {
        // It takes a free port of one address family and wants the same of the other, which somebody may have.
        let started = (0..STARTS_MAX).find_map(|_| start_driver());
        let (driver, port) = started.expect("chromedriver starts and says its port");
        let door = Door::Tcp((std::net::Ipv4Addr::LOCALHOST, port).into());
        let mut browser = Self { driver, door, session: String::new() };
        let options = json!({ "debuggerAddress": format!("127.0.0.1:{debugger}") });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = browser.send("POST", "/session", &wanted).unwrap_or_else(|error| panic!("{error}"));
        browser.session =
            format!("/session/{}", session["sessionId"].as_str().expect("a session has a name"));
        browser
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Result<Value, String> {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let fields = [("Content-Type", "application/json")];
        let answer = self.door.request_of_server(method, target, &fields, body.as_bytes());
        let answer = answer.map_err(|error| format!("{method} {target}: {error}"))?;
        let mut said = answer.json();
        if answer.status == 200 {
            Ok(said["value"].take())
        } else {
            Err(said["value"]["message"].to_string())
        }
    }

    fn ask(&self, method: &str, what: &str, body: &Value) -> Result<Value, String> {
        self.send(method, &format!("{}{what}", self.session), body)
    }

    fn find(&self, selector: &str) -> Result<String, String> {
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector }))?;
        Ok(found[ELEMENT].as_str().unwrap_or_default().to_owned())
    }

    /// Does something with what a selector finds, once it is there and can be used.
    #[track_caller]
    fn with(&self, selector: &str, act: &str, body: &Value) {
        let mut last = String::new();
        let wanted = format!("{act} {selector}");
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(&wanted, || {
                let done = self
                    .find(selector)
                    .and_then(|id| self.ask("POST", &format!("/element/{id}/{act}"), body));
                done.map_err(|error| last = error).ok()
            })
        }));
        assert!(done.is_ok(), "{wanted}: {last}; at {}: {}", self.address(), self.text());
    }

    /// Clicks on it.
    ///
    /// # Panics
    /// When there is no such thing to click on.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.with(selector, "click", &json!({}));
    }

    /// Types into it.
    ///
    /// # Panics
    /// When there is no such thing to type into.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        self.with(selector, "value", &json!({ "text": text }));
    }

    /// What a person reads on the page now.
    pub fn text(&self) -> String {
        let text =
            self.find("body").and_then(|id| self.ask("GET", &format!("/element/{id}/text"), &Value::Null));
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Where the page is.
    pub fn address(&self) -> String {
        let url = self.ask("GET", "/url", &Value::Null).unwrap_or_default();
        url.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    ///
    /// # Panics
    /// When it never does.
    #[track_caller]
    pub fn wait_text(&self, text: &str) -> String {
        wait_for(format!("{text:?} on the page"), || Some(self.text()).filter(|page| page.contains(text)))
    }

    /// What a script on the page would find out.
    ///
    /// # Panics
    /// When it cannot be run.
    #[track_caller]
    pub fn evaluate(&self, script: &str) -> Value {
        let script = json!({ "script": format!("return {script}"), "args": [] });
        self.ask("POST", "/execute/sync", &script).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Goes to another address.
    ///
    /// # Panics
    /// When it cannot.
    #[track_caller]
    pub fn open(&self, address: &str) {
        let went = self.ask("POST", "/url", &json!({ "url": address }));
        went.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Presses keys, one after the other, as on a keyboard.
    ///
    /// # Panics
    /// When nothing takes them.
    #[track_caller]
    pub fn press(&self, keys: &[Key]) {
        let strokes = keys.iter().flat_map(|key| {
            ["keyDown", "keyUp"].map(|act| json!({ "type": act, "value": key.code().to_string() }))
        });
        let strokes: Vec<Value> = strokes.collect();
        let keyboard = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.ask("POST", "/actions", &keyboard).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Speaks to the browser's own debugger (Chrome DevTools Protocol).
    ///
    /// # Panics
    /// When it refuses.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        let answer = self.ask("POST", "/goog/cdp/execute", &body);
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// A window so wide, of a person who prefers `light` or `dark`.
    ///
    /// # Panics
    /// When the browser cannot be told.
    #[track_caller]
    pub fn window(&self, width: u32, theme: &str) {
        let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Keeps a picture of what is seen of the page below the build folder, for people to look at, and says where.
    ///
    /// # Panics
    /// When there is none to be had.
    #[track_caller]
    pub fn picture(&self, name: &str) -> PathBuf {
        let picture = self.ask("GET", "/screenshot", &Value::Null).unwrap_or_else(|error| panic!("{error}"));
        keep(name, &picture)
    }

    /// The same of the page from its beginning to its end.
    ///
    /// # Panics
    /// When there is none to be had.
    #[track_caller]
    pub fn whole_picture(&self, name: &str) -> PathBuf {
        let size = self.evaluate(
            "[document.documentElement.clientWidth, Math.ceil(document.body.getBoundingClientRect().bottom + scrollY)]",
        );
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        keep(name, &self.devtools("Page.captureScreenshot", &wanted)["data"])
    }
}

/// A key, by what WebDriver calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// To the next thing that can be used.
    Tab,
    /// Uses it.
    Enter,
    /// Uses it too, where it is a button.
    Space,
}

impl Key {
    fn code(self) -> char {
        match self {
            Self::Tab => '\u{e004}',
            Self::Enter => '\u{e007}',
            Self::Space => ' ',
        }
    }
}

#[track_caller]
fn keep(name: &str, picture: &Value) -> PathBuf {
    let picture = STANDARD.decode(picture.as_str().unwrap_or_default()).expect("a picture in base64");
    assert!(picture.starts_with(b"\x89PNG"), "a picture of {} bytes", picture.len());
    let program = std::env::current_exe().expect("a test is a program");
    let below = program.ancestors().find(|folder| folder.join("debug").is_dir()).unwrap_or(Path::new("."));
    let folder = below.join("screenshots");
    fs::create_dir_all(&folder).expect("a folder for pictures can be made");
    let path = folder.join(format!("{name}.png"));
    fs::write(&path, picture).expect("a picture can be kept");
    path
}

impl Drop for Browser {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and needs not.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
