//! The status page with five credentials after a night in which something happened to three of them.
//!
//! What they are now is real: servers that answer, one that blocks, one that refuses. The day before stands in their journals,
//! as the agent writes them: nobody waits a day for a picture.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Agent, Desktop, Home, QUICK_RETRY, unix_seconds, wait_for};
use serde_json::{Value, json};

/// The largest picture that the documentation carries.
const BYTES_MAX: u64 = 150 << 10;

const HOUR: f64 = 3600.0;

/// RFC 3339 of Unix time in seconds.
fn at(seconds: f64) -> String {
    let whole = seconds as i64;
    let (days, rest) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
    // Counted from a year that begins in March, so that the leap day is its last.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date =
        (year + era * 400 + i64::from(month >= 10), (month + 2) % 12 + 1, day - (153 * month + 2) / 5 + 1);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.0,
        date.1,
        date.2,
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// A day of a credential, oldest first.
struct Day {
    lifetime_h: f64,
    now: f64,
    lines: Vec<Value>,
    generation: u64,
}

impl Day {
    fn new(lifetime_h: f64) -> Self {
        Self { lifetime_h, now: unix_seconds(), lines: Vec::new(), generation: 0 }
    }

    fn line(&mut self, hours_ago: f64, mut what: Value) {
        what["schema"] = 1.into();
        what["at"] = at(self.now - hours_ago * HOUR).into();
        self.lines.push(what);
    }

    fn refresh(&mut self, hours_ago: f64) {
        self.generation += 1;
        let expires_at = at(self.now - (hours_ago - self.lifetime_h) * HOUR);
        let (event, reason, generation) = ("refreshed", "proactive", self.generation);
        self.line(
            hours_ago,
            json!({ "event": event, "reason": reason, "epoch": 1, "generation": generation, "expires_at": expires_at, "rotated": true, "took_ms": 140 }),
        );
    }

    /// All is well from then until then, in hours before now.
    fn well(mut self, from: f64, until: f64) -> Self {
        let mut ago = from;
        while ago > until {
            self.refresh(ago);
            ago -= self.lifetime_h * 0.75;
        }
        self
    }

    fn fail(&mut self, hours_ago: f64, verdict: &str, evidence: &str, rule: &str) {
        self.line(hours_ago, json!({ "event": "attempt_failed", "verdict": verdict, "evidence": evidence, "rule": rule, "oauth_error": null, "next_attempt_at": null }));
    }

    /// The server cannot be used from then until then.
    fn outage(mut self, from: f64, until: f64) -> Self {
        const EVERY_H: f64 = 1.0 / 6.0;
        let mut ago = from;
        let mut attempts = 0;
        while ago > until {
            self.fail(ago, "transient", "HTTP 403 text/html", "client-error-without-oauth-code");
            if attempts == 0 {
                self.line(
                    ago,
                    json!({ "event": "status", "from": "running", "to": "auth_retrying", "cause": "outage" }),
                );
            }
            attempts += 1;
            ago -= EVERY_H;
        }
        self.line(
            until,
            json!({ "event": "recovered", "after_s": ((from - until) * HOUR) as u64, "attempts": attempts }),
        );
        self.refresh(until);
        self.line(
            until,
            json!({ "event": "status", "from": "auth_retrying", "to": "running", "cause": null }),
        );
        self
    }

    /// The login is refused for good, and somebody logs in again later.
    fn lost(mut self, from: f64, until: f64) -> Self {
        self.fail(from, "dead", "HTTP 400 invalid_grant", "grant-refused");
        self.line(from, json!({ "event": "status", "from": "running", "to": "unauthenticated", "cause": "grant_refused" }));
        self.line(until, json!({ "event": "logged_in", "epoch": 2, "way": "browser" }));
        self.line(
            until,
            json!({ "event": "status", "from": "unauthenticated", "to": "running", "cause": null }),
        );
        self.refresh(until);
        self
    }

    /// In the place of what the import wrote a moment ago.
    fn write(self, home: &Home, name: &str) {
        let folder = home.state().join("journal");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .expect("a folder can be made in one's own");
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let path = folder.join(format!("{name}.jsonl"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        std::io::Write::write_all(file.as_mut().expect("a file in one's own folder"), text.as_bytes())
            .expect("it can be written");
    }
}

#[test]
fn the_status_page_after_a_night() {
    assert_eq!(at(1_795_338_000.0), "2026-11-22T09:00:00Z");
    assert_eq!(at(1_709_164_800.0), "2024-02-29T00:00:00Z");
    let Some(desktop) = Desktop::with_chromium() else { return };
    let night = night();
    let browser = desktop.visit(&format!("http://{}/", night.agent.status_address()));
    for theme in ["light", "dark"] {
        browser.window(1180, theme);
        let drawn = "[document.querySelectorAll('.day .band[data-status=auth_retrying]').length, document.querySelectorAll('.day .mark.recovered').length, document.getElementById('reach').textContent]";
        wait_for(format!("the night of three: {}", browser.text()), || {
            let seen = browser.evaluate(drawn);
            (seen[0].as_u64() >= Some(2) && seen[1] == 2 && seen[2] == "live").then_some(())
        });
        let made = browser.whole_picture(&format!("status-page-night-{theme}"));
        let size = fs::metadata(&made).expect("it was made").len();
        assert!(size <= BYTES_MAX, "{} bytes are too many for a page that is read at a glance", size);
        let name = if theme == "light" { "status-page.png" } else { "status-page-dark.png" };
        println!("{}", super::keep(&made, name).display());
    }
}

/// Five credentials, and the night that they had.
pub(super) struct Night {
    pub(super) home: Home,
    pub(super) agent: Agent,
    /// They answer for as long as it lasts.
    _servers: Vec<AuthorizationServer>,
}

/// Brings it about.
pub(super) fn night() -> Night {
    let home = Home::with(&format!(
        "{QUICK_RETRY}[auth_retrying]\ninterval = \"10m\"\n[agent]\nstatus = \"127.0.0.1:0\"\n"
    ));
    let mut servers = Vec::new();
    let before = 0.2;
    for (name, lifetime_h, fault, day) in [
        ("corp-gitlab", 2.0, Fault::Ok, Day::new(2.0).well(26.0, 11.5).lost(11.2, 4.6).well(3.1, before)),
        ("figma", 1.0, Fault::InvalidGrant, Day::new(1.0).well(25.0, before)),
        ("github", 8.0, Fault::Ok, Day::new(8.0).well(31.0, before)),
        ("linear", 1.0, Fault::Ok, Day::new(1.0).well(25.0, 9.8).outage(9.6, 6.8).well(6.05, before)),
        (
            "notion",
            1.0,
            Fault::WafBlock,
            Day::new(1.0).well(25.3, 16.2).outage(16.0, 15.1).well(14.4, before),
        ),
    ] {
        let config = AsConfig { lifetime_ms: (lifetime_h * HOUR * 1000.0) as u64, ..AsConfig::default() };
        let server = AuthorizationServer::start(config).expect("a server can be started");
        home.import(name, &server);
        day.write(&home, name);
        servers.push((name, server, fault));
    }
    let agent = Agent::start(&home);
    for (name, server, fault) in &servers {
        agent.wait_credential(name, "a token", |seen| seen["token_valid"] == true);
        if *fault != Fault::Ok {
            server.set_fault(fault.clone());
            // It fails, and that is what is to be seen: the token of before is good yet.
            drop(home.run(["refresh", name]));
        }
    }
    for (name, status) in [("linear", "running"), ("figma", "unauthenticated"), ("notion", "auth_retrying")] {
        agent.wait_status(name, status);
    }
    Night { home, agent, _servers: servers.into_iter().map(|(_, server, _)| server).collect() }
}
