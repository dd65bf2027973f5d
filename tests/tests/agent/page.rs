//! The status page, as a person has it: in a real Chromium, from a running agent, at servers that fail.

#![cfg(unix)]

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Agent, Browser, Desktop, Home, Key, QUICK_RETRY, Running, disclosure, pause, wait_for};
use serde_json::Value;

/// The worst that a server can say and a page can show: markup, a text that turns around, one without end.
const HOSTILE: &str =
    "<img src=x onerror='window.pwned=1'><script>window.pwned=2</script> \u{202e}drawkcab \u{2066}";

fn port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    free.local_addr().expect("a bound listener has an address").port()
}

fn server(lifetime_s: u64) -> AuthorizationServer {
    let config = AsConfig { lifetime_ms: lifetime_s * 1000, ..AsConfig::default() };
    AuthorizationServer::start(config).expect("a server can be started")
}

fn home(port: u16, more: &str) -> Home {
    Home::with(&format!(
        "{QUICK_RETRY}[auth_retrying]\ninterval = \"2s\"\n[agent]\nstatus = \"127.0.0.1:{port}\"\n{more}"
    ))
}

/// A text of the page, by what it is in it.
fn text(browser: &Browser, selector: &str) -> String {
    let found = browser.evaluate(&format!("document.querySelector({selector:?})?.textContent ?? ''"));
    found.as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn wait_in(browser: &Browser, selector: &str, wanted: &str) -> String {
    wait_for(format!("{wanted:?} in {selector} of:\n{}", browser.text()), || {
        Some(text(browser, selector)).filter(|seen| seen.contains(wanted))
    })
}

/// Everything that the page has asked for, and of whom.
fn asked(browser: &Browser) -> Vec<String> {
    let all = browser.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)");
    all.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Neither in what the page is made of, nor in what it was made from.
#[track_caller]
fn holds_no_secret(browser: &Browser) {
    let whole = browser.evaluate("document.documentElement.outerHTML");
    let whole = whole.as_str().expect("a page is text");
    assert!(whole.len() > 1000, "{whole}");
    assert!(disclosure::search(whole.as_bytes()).is_empty(), "a secret stands in the page:\n{whole}");
}

#[test]
fn the_modules_of_the_page_pass_their_own_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cli/src/agent/page/tests");
    let output = match Command::new("node").arg("--test").arg(&tests).output() {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var_os("RENEWD_PEERS_REQUIRED").is_some_and(|value| value == "1");
            assert!(!required, "node is required (RENEWD_PEERS_REQUIRED=1): {error}");
            println!("SKIPPED, nothing was tested: no node on the path; apt-get install nodejs");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("pass 2") && said.contains("fail 0"), "the tests were found: {said}");
}

#[test]
fn an_open_page_shows_an_outage_its_end_and_an_agent_that_is_gone() {
    let Some(desktop) = Desktop::with_chromium() else { return };
    let server = server(3);
    let port = port();
    let home = home(port, "");
    home.import("work", &server);
    let agent = Agent::start(&home);
    let browser = desktop.visit(&format!("http://127.0.0.1:{port}/"));
    wait_in(&browser, ".word", "running");
    wait_in(&browser, "#reach", "live");
    assert_eq!(text(&browser, "h1"), "The credential is well");
    wait_in(&browser, ".token", "token valid");
    browser.evaluate("window.kept = 1");

    server.set_fault(Fault::WafBlock);
    wait_in(&browser, ".word", "auth_retrying");
    wait_in(&browser, "h1", "The credential is in trouble");
    wait_in(&browser, ".evidence", "HTTP 403 text/html");
    wait_in(&browser, ".why", "cannot be reached, or answers nothing usable");
    wait_in(&browser, ".next", "attempt in");
    wait_in(&browser, "#announcer", "work: running → auth_retrying");
    wait_in(&browser, ".token", "token expired");
    assert_eq!(browser.evaluate("document.title"), "◐ 1 · renewd");
    wait_for("the outage in the picture", || {
        (browser.evaluate("document.querySelectorAll('.day .band[data-status=auth_retrying]').length") == 1)
            .then_some(())
    });

    server.set_fault(Fault::Ok);
    wait_in(&browser, ".word", "running");
    wait_in(&browser, "h1", "The credential is well");
    wait_for("the recovery in the picture", || {
        (browser.evaluate("document.querySelectorAll('.day .mark.recovered').length") == 1).then_some(())
    });
    wait_in(&browser, ".events", "recovered after");
    let told = browser.evaluate("document.querySelector('.day svg').getAttribute('aria-label')");
    assert!(told.as_str().is_some_and(|told| told.contains("1 recovery")), "{told}");
    assert_eq!(browser.evaluate("window.kept"), 1, "it is the same page: nothing was loaded anew");

    agent.stop();
    wait_in(&browser, "#reach", "agent not reached");
    wait_in(&browser, "#stale", "What stands below is from");
    assert_eq!(browser.evaluate("document.title"), "? renewd");
    // Nothing counts down that nobody knows.
    let frozen = text(&browser, ".token");
    pause(std::time::Duration::from_millis(2500));
    assert_eq!(text(&browser, ".token"), frozen);
    let agent = Agent::start(&home);
    wait_in(&browser, "#reach", "live");
    assert_eq!(browser.evaluate("document.getElementById('stale').hidden"), true);
    assert_eq!(browser.evaluate("window.kept"), 1);

    let own = format!("http://127.0.0.1:{port}/");
    let asked = asked(&browser);
    assert!(asked.len() > 8 && asked.iter().all(|address| address.starts_with(&own)), "{asked:?}");
    holds_no_secret(&browser);
    drop(agent);
}

/// Every text whose contrast with what is behind it is below 4.5 (WCAG 2.1, 1.4.3), as `TEXT: RATIO`.
const FAINT: &str = "(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  let seen = 0;
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own || element.closest('svg, template, .unseen') || element.getClientRects().length === 0) continue;
    seen += 1;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return { seen, faint };
})()";

#[track_caller]
fn is_legible(browser: &Browser, what: &str) {
    let found = browser.evaluate(FAINT);
    assert!(found["seen"].as_u64().is_some_and(|seen| seen > 15), "{what}: {found}");
    assert_eq!(found["faint"], Value::Array(Vec::new()), "{what}");
    let overflow =
        browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(overflow, 0, "{what}: nothing stands beside the window");
}

/// Six credentials: well, waiting, lost, at a hostile server, with a long name, and one that had a bad night.
struct Gallery {
    home: Home,
    agent: Agent,
    // They answer as long as they are there.
    _servers: Vec<AuthorizationServer>,
}

impl Gallery {
    fn new() -> Self {
        let home = home(
            port(),
            "[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9/\"\ncredential = \"github\"\naccess = \"path-secret\"\n",
        );
        let mut servers = Vec::new();
        let long = format!("{HOSTILE}{}", "endless ".repeat(400));
        let hostile = serde_json::json!({ "error": "temporarily_unavailable", "error_description": long });
        let fault = |name: &str| match name {
            "linear" => Fault::WafBlock,
            "corp-gitlab" => Fault::InvalidGrant,
            "hostile" => Fault::Status { code: 503, retry_after: None, body: hostile.to_string() },
            _ => Fault::Ok,
        };
        for name in ["github", "linear", "corp-gitlab", "hostile", &"a-long-name-".repeat(5)] {
            let server = server(3600);
            home.import(name, &server);
            server.set_fault(fault(name));
            servers.push(server);
        }
        let agent = Agent::start(&home);
        for (name, status) in [
            ("github", "running"),
            ("linear", "auth_retrying"),
            ("corp-gitlab", "unauthenticated"),
            ("hostile", "auth_retrying"),
        ] {
            agent.wait_status(name, status);
        }
        Self { home, agent, _servers: servers }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.agent.status_address())
    }
}

#[test]
fn every_state_is_legible_in_light_and_dark_and_on_a_phone_and_a_hostile_server_shows_only_text() {
    let Some(desktop) = Desktop::with_chromium() else { return };
    let gallery = Gallery::new();
    let browser = desktop.visit(&gallery.url());
    wait_in(&browser, "h1", "1 of 5 credentials needs a login, 2 are in trouble");
    wait_in(&browser, "#credential-linear .evidence", "HTTP 403 text/html");
    assert_eq!(text(&browser, "#credential-corp-gitlab .command code"), "renewd login corp-gitlab");
    wait_for("a picture for each", || {
        (browser.evaluate("document.querySelectorAll('.day svg').length") == 5).then_some(())
    });
    for (name, width, theme) in [
        ("light", 1280, "light"),
        ("dark", 1280, "dark"),
        ("phone", 360, "light"),
        ("phone-dark", 360, "dark"),
    ] {
        browser.window(width, theme);
        is_legible(&browser, name);
        browser.whole_picture(&format!("status-page-{name}"));
    }

    // What the server said is there, as text: no element came of it, nothing ran, and what turned it around is visible.
    let said = wait_in(&browser, "#credential-hostile .message", "<img src=x");
    assert!(said.contains("<script>") && !said.contains('\u{202e}'), "{said}");
    let made = "[document.querySelectorAll('img').length, document.querySelectorAll('script').length, window.pwned ?? null]";
    assert_eq!(browser.evaluate(made), serde_json::json!([1, 1, null]));

    // Where the proxy is, and not the path that opens it.
    let places = wait_in(&browser, "#places", "http://127.0.0.1:9");
    assert!(places.contains("as github") && !places.contains('~'), "{places}");

    by_keyboard(&browser);
    holds_no_secret(&browser);
    drop(gallery.home.run(["status"]));
}

/// Without a mouse: through everything that can be used, in the order in which it is read, and seen where one is.
fn by_keyboard(browser: &Browser) {
    browser.window(1280, "light");
    browser.evaluate("(document.activeElement.blur(), scrollTo(0, 0))");
    let mut visited = Vec::new();
    for _ in 0..40 {
        browser.press(&[Key::Tab]);
        let at = browser.evaluate(
            "(() => { const at = document.activeElement; const style = getComputedStyle(at);
               return { is: at === document.body ? '' : at.textContent, visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
                        top: at.getBoundingClientRect().top + scrollY }; })()",
        );
        let is = at["is"].as_str().unwrap_or_default().to_owned();
        if is.is_empty() {
            break;
        }
        assert_eq!(at["visible"], true, "the focus is seen on {is:?}");
        visited.push((is, at["top"].as_f64().unwrap_or_default()));
    }
    let names: Vec<&str> = visited.iter().map(|(is, _)| is.as_str()).collect();
    for wanted in ["✗ corp-gitlab", "github", "corp-gitlab", "Copy", "linear"] {
        assert!(names.contains(&wanted), "{wanted} in {names:?}");
    }
    assert!(visited.is_sorted_by(|(_, a), (_, b)| a <= &(b + 20.0)), "from top to bottom: {visited:?}");

    browser.evaluate("document.querySelector('#credential-github .toggle').focus()");
    let open = "document.querySelector('#credential-github .toggle').getAttribute('aria-expanded')";
    browser.press(&[Key::Enter]);
    assert_eq!(browser.evaluate(open), "true");
    wait_in(browser, "#credential-github .events", "token refreshed");
    is_legible(browser, "opened");
    browser.whole_picture("status-page-opened");
    browser.press(&[Key::Space]);
    assert_eq!(browser.evaluate(open), "false");

    // Copying says that it was done, or how it can be.
    browser.evaluate("document.querySelector('#credential-corp-gitlab .copy').focus()");
    browser.press(&[Key::Enter]);
    wait_for("an answer of the button", || {
        let said = text(browser, "#credential-corp-gitlab .copy");
        (said == "Copied" || said == "Press Ctrl+C").then_some(())
    });
}

#[test]
fn a_page_without_credentials_says_what_to_do_first_and_one_with_thirty_has_room_for_all() {
    let Some(desktop) = Desktop::with_chromium() else { return };
    let home = home(port(), "");
    let agent = Agent::start(&home);
    let browser = desktop.visit(&format!("http://{}/", agent.status_address()));
    wait_in(&browser, "h1", "No credentials yet");
    assert!(browser.text().contains("renewd login github --client-id CLIENT_ID"), "{}", browser.text());
    for (name, width, theme) in [("empty", 1280, "light"), ("empty-phone", 360, "dark")] {
        browser.window(width, theme);
        browser.whole_picture(&format!("status-page-{name}"));
    }

    let server = server(3600);
    for n in 0..30 {
        home.import(&format!("service-{n:02}"), &server);
    }
    browser.window(1280, "light");
    wait_in(&browser, "h1", "All 30 credentials are well");
    assert_eq!(browser.evaluate("document.getElementById('empty').hidden"), true);
    is_legible(&browser, "thirty");
    browser.whole_picture("status-page-thirty");
    let order = browser.evaluate("[...document.querySelectorAll('.name')].map((name) => name.textContent)");
    let order: Vec<&str> = order.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(order.len() == 30 && order.is_sorted(), "{order:?}");
}

#[test]
fn a_page_of_another_site_gets_nothing_of_the_agent() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let home = home(port(), "");
    let server = server(3600);
    home.import("work", &server);
    let agent = Agent::start(&home);
    let door = agent.status_address();

    // As a browser would ask, for each of the ways that lead here from elsewhere.
    for (name, value) in [
        ("Host", "rebound.example"),
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        for target in ["/", "/page.mjs", "/v1/credentials", "/v1/credentials/work/history", "/v1/events"] {
            let answer = door.request("GET", target, &[(name, value)], b"").expect("an answer");
            assert_eq!(answer.status, 403, "{name}: {value} at {target}");
            assert!(!answer.text().contains("work"), "{}", answer.text());
        }
    }
    let page = door.get("/");
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    // And without a change of any kind: the page asks, and nothing else.
    assert_eq!(door.request("POST", "/", &[], b"").expect("an answer").status, 405);

    let Some(desktop) = Desktop::with_chromium() else { return };
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = elsewhere.local_addr().expect("a bound listener has an address").port();
    let html = format!(
        "<!doctype html><title>elsewhere</title><script>
        const at = 'http://{door}/', outcome = {{}};
        const tell = (what) => ({{ then: () => outcome[what] = 'got', else: () => outcome[what] = 'refused' }});
        for (const mode of ['cors', 'no-cors']) fetch(at + 'v1/credentials', {{ mode }}).then((a) => a.type === 'opaque' ? 'nothing seen' : a.text())
          .then((text) => outcome[mode] = text, () => outcome[mode] = 'refused');
        for (const [what, path] of [['script', 'page.mjs'], ['img', 'icon.svg']]) {{
          const made = document.createElement(what); made.onload = tell(what).then; made.onerror = tell(what).else; made.src = at + path; document.head.append(made);
        }}
        const events = new EventSource(at + 'v1/events'); events.onopen = tell('events').then; events.onerror = tell('events').else;
        </script>"
    );
    std::thread::spawn(move || {
        for mut stream in elsewhere.incoming().flatten() {
            let html = html.clone();
            // A browser opens connections ahead of need, and says nothing on them: each has a thread of its own.
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("a socket has two ends"));
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                    line.clear();
                }
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
                // A browser that has gone is its own business.
                let _ = write!(stream, "{head} {}\r\n\r\n{html}", html.len());
            });
        }
    });
    // Another port of this host is the same site for a browser; another name of it is not.
    let browser = desktop.visit(&format!("http://127.0.0.1:{port}/"));
    for origin in ["127.0.0.1", "localhost"] {
        browser.open(&format!("http://{origin}:{port}/"));
        let outcome = wait_for("what came of it", || {
            let seen = browser.evaluate("outcome");
            (seen.as_object().is_some_and(|all| all.len() == 5)).then_some(seen)
        });
        assert_eq!(
            outcome,
            serde_json::json!({ "cors": "refused", "no-cors": "nothing seen", "script": "refused", "img": "refused", "events": "refused" }),
            "{origin}"
        );
    }
}

#[test]
fn a_path_secret_opens_the_page_and_stands_in_no_log() {
    let home = home(port(), "status_access = \"path-secret\"\n");
    let server = server(3600);
    home.import("work", &server);
    let agent = Agent::start(&home);
    let door = agent.status_address().clone();
    let description = home.socket().with_file_name("agent.json");
    let text = std::fs::read_to_string(description).expect("agent.json can be read");
    let url = renewd_e2e::json(&text)["status_url"].as_str().expect("the page has an address").to_owned();
    let prefix = url.strip_prefix(&format!("http://{door}")).expect("it is the status address");
    assert!(prefix.starts_with("/~") && prefix.ends_with('/') && prefix.len() > 60, "{prefix}");

    for target in [
        "/",
        "/v1/credentials",
        "/page.mjs",
        "/~0123456789abcdef0123456789abcdef/",
        prefix.trim_end_matches('/'),
    ] {
        let refused = door.get(target);
        assert_eq!(refused.status, 403, "{target}");
        assert!(
            refused.text().contains("renewd status") && !refused.text().contains("work"),
            "{}",
            refused.text()
        );
    }
    for target in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(door.get(target).status, 200, "{target}");
    }
    assert_eq!(door.get(prefix).status, 200);
    assert_eq!(door.get(&format!("{prefix}v1/credentials")).json()["credentials"][0]["name"], "work");
    // It opens what there is to see, and no more than that.
    assert_eq!(door.post(&format!("{prefix}v1/credentials/work/token"), &serde_json::json!({})).status, 403);

    let said = agent.wait_said("status page on http://");
    assert!(!said.contains("/~") && said.contains("agent.json"), "{said}");
    assert!(!agent.said().contains(prefix), "the secret is in the log");
    let status = home.run(["status"]).succeeded();
    assert!(
        !status.stderr.contains(prefix) && status.stderr.contains("agent.json"),
        "no terminal: {}",
        status.stderr
    );

    let Some(desktop) = Desktop::with_chromium() else { return };
    let browser = desktop.visit(&url);
    wait_in(&browser, "h1", "The credential is well");
    wait_in(&browser, "#reach", "live");
    assert!(asked(&browser).iter().all(|address| address.starts_with(&url)), "{:?}", asked(&browser));
}

#[test]
fn the_status_command_and_the_agent_say_where_the_page_is() {
    let port = port();
    let home = home(port, "");
    let agent = Agent::start(&home);
    agent.wait_said(&format!("renewd: status page on http://127.0.0.1:{port}/"));
    let status = Running::start(home.command(["status"]), b"").finish().succeeded();
    assert!(status.stderr.contains(&format!("status page: http://127.0.0.1:{port}/")), "{}", status.stderr);
    let json = home.run(["status", "--json"]).succeeded();
    assert!(!json.stderr.contains("status page"), "{}", json.stderr);
}
