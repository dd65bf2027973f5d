//! `renewd helper git`, asked by git itself: clone, fetch and push over HTTP from a server that wants a token.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Agent, Home, QUICK_RETRY, Ran, Running, renewd};

use super::site::{Asked, Says, Site, is_there, takes};

/// The first git that takes `authtype` and `state` from a helper.
const KNOWS_MORE: (u32, u32) = (2, 46);

struct World {
    server: AuthorizationServer,
    api: Arc<ProtectedApi>,
    home: Home,
    site: Site,
}

/// A forge that takes a token under this scheme, and a home with a login for it.
fn world(scheme: &'static str) -> World {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = Arc::new(ProtectedApi::start(&server).unwrap());
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let root = home.path().join("served");
    std::fs::create_dir(&root).unwrap();
    let (known, folder) = (Arc::clone(&api), root.clone());
    let site = Site::start(move |asked| match asked.shown() {
        Some((shown, token, user)) if shown.eq_ignore_ascii_case(scheme) && takes(&known, &token) => {
            assert!(user.is_none_or(|user| user == "oauth2"), "the user name that the forge wants");
            backend(&folder, asked)
        }
        _ => Says(401, Vec::new(), Vec::new()).with("WWW-Authenticate", &format!("{scheme} realm=\"forge\"")),
    });
    let world = World { server, api, home, site };
    world
        .git(&["init", "--quiet", "--bare", "--initial-branch=main", root.join("a.git").to_str().unwrap()])
        .succeeded();
    world.git(&["config", "--global", "user.name", "A Person"]).succeeded();
    world.git(&["config", "--global", "user.email", "person@example.com"]).succeeded();
    let helper =
        format!("!'{}' helper git --credential work --host {}", renewd().display(), world.site.address);
    let key = format!("credential.http://{}.helper", world.site.address);
    world.git(&["config", "--global", &key, &helper]).succeeded();
    world
}

impl World {
    fn git(&self, args: &[&str]) -> Ran {
        let mut command = Command::new("git");
        command.args(args).env_clear().current_dir(self.home.path().join("home"));
        let theirs = self.home.command(["status"]);
        command.envs(theirs.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
        Running::start(command, b"").finish()
    }

    fn url(&self) -> String {
        format!("http://{}/a.git", self.site.address)
    }

    /// One line of git's protocol with the helper.
    fn helper(&self, operation: &str, said: &str) -> Ran {
        let host = self.site.address.to_string();
        let args = ["helper", "git", "--credential", "work", "--host", &host, operation];
        Running::start(self.home.command(args), said.as_bytes()).finish()
    }

    /// Clones, and pushes a first commit.
    fn work(&self) -> PathBuf {
        self.git(&["clone", "--quiet", &self.url(), "mine"]).succeeded();
        let mine = self.home.path().join("home/mine");
        let there = mine.to_str().unwrap();
        std::fs::write(mine.join("file"), "first\n").unwrap();
        self.git(&["-C", there, "checkout", "--quiet", "-B", "main"]).succeeded();
        self.git(&["-C", there, "add", "file"]).succeeded();
        self.git(&["-C", there, "commit", "--quiet", "-m", "first"]).succeeded();
        self.git(&["-C", there, "push", "--quiet", "origin", "main"]).succeeded();
        mine
    }

    fn ls_remote(&self) -> Ran {
        self.git(&["ls-remote", &self.url()])
    }
}

/// git's own server side (git-http-backend(1)), as a CGI.
fn backend(root: &Path, asked: &Asked) -> Says {
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", &asked.path)
        .env("QUERY_STRING", &asked.query)
        .env("REQUEST_METHOD", &asked.method)
        .env("CONTENT_TYPE", asked.field("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", asked.field("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", asked.field("git-protocol").unwrap_or_default())
        .env("REMOTE_USER", "person")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that needs no more of it ends before it has read all.
    let _ = child.stdin.take().unwrap().write_all(&asked.body);
    let out = child.wait_with_output().unwrap().stdout;
    let end = out.windows(4).position(|four| four == b"\r\n\r\n").expect("a CGI's head has an end");
    let head = String::from_utf8_lossy(&out[..end]).into_owned();
    let mut says = Says(200, Vec::new(), out[end + 4..].to_vec());
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => says.0 = value[..3].parse().unwrap(),
            _ => says.1.push((name.into(), value.into())),
        }
    }
    says
}

/// Whether this machine's git takes more than passwords.
fn knows_more() -> bool {
    let out = Command::new("git").arg("--version").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let mut numbers = text.split([' ', '.']).filter_map(|word| word.parse::<u32>().ok());
    (numbers.next().unwrap(), numbers.next().unwrap()) >= KNOWS_MORE
}

#[test]
fn clone_push_and_fetch_go_with_a_token_as_a_password() {
    if !is_there("git", "--version", "RENEWD_TOOLS_REQUIRED") {
        return;
    }
    let world = world("Basic");
    let mine = world.work();
    world.git(&["clone", "--quiet", &world.url(), "other"]).succeeded();
    let other = world.home.path().join("home/other");
    assert_eq!(std::fs::read_to_string(other.join("file")).unwrap(), "first\n");
    world.git(&["-C", mine.to_str().unwrap(), "fetch", "--quiet"]).succeeded();
    assert_eq!(world.server.totals().token_requests, 1, "one token for all of it");
    // The token expires; the next command has another.
    world.server.advance(std::time::Duration::from_secs(4000));
    world.api.revoke_current();
    assert!(world.site.seen().iter().any(|(asked, _)| asked == "POST /a.git/git-receive-pack"));
}

#[test]
fn a_token_that_was_revoked_costs_no_command_or_one() {
    if !is_there("git", "--version", "RENEWD_TOOLS_REQUIRED") {
        return;
    }
    for with_agent in [false, true] {
        let world = world("Basic");
        let agent = with_agent.then(|| Agent::start(&world.home));
        if let Some(agent) = &agent {
            agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
        }
        world.ls_remote().succeeded();
        let before = world.server.totals().token_requests;
        world.api.revoke_current();
        let ran = world.ls_remote();
        if knows_more() {
            // git brings the refused one back, gets another, and goes on.
            ran.succeeded();
        } else {
            ran.failed(128);
            world.ls_remote().succeeded();
        }
        assert_eq!(world.server.totals().token_requests, before + 1, "agent: {with_agent}");
        world.ls_remote().succeeded();
        assert_eq!(world.server.totals().token_requests, before + 1, "agent: {with_agent}");
    }
}

#[test]
fn a_server_that_refuses_every_token_is_asked_twice_and_costs_one_refresh() {
    if !is_there("git", "--version", "RENEWD_TOOLS_REQUIRED") {
        return;
    }
    let world = world("Basic");
    world.ls_remote().succeeded();
    world.api.answer_401_always(true);
    let asked = world.site.seen().len();
    world.ls_remote().failed(128);
    assert!(world.site.seen().len() - asked <= 3, "once without a token, and with two");
    assert!(world.server.totals().token_requests <= 3, "{:?}", world.server.totals());
}

#[test]
fn a_server_that_asks_for_a_bearer_token_gets_one() {
    if !is_there("git", "--version", "RENEWD_TOOLS_REQUIRED") {
        return;
    }
    if !knows_more() {
        println!(
            "SKIPPED, nothing was tested: this git gives passwords only; 2.46 is the first that gives more"
        );
        return;
    }
    let world = world("Bearer");
    world.work();
    let schemes: Vec<_> = world.site.seen().into_iter().filter_map(|(_, scheme)| scheme).collect();
    assert!(!schemes.is_empty() && schemes.iter().all(|scheme| scheme == "Bearer"), "{schemes:?}");
    world.api.revoke_current();
    world.ls_remote().succeeded();
}

#[test]
fn in_an_outage_git_is_told_and_asks_nobody() {
    if !is_there("git", "--version", "RENEWD_TOOLS_REQUIRED") {
        return;
    }
    let world = world("Basic");
    world.server.set_fault(Fault::WafBlock);
    let ran = world.ls_remote().failed(128);
    assert!(ran.stderr.contains("auth_retrying") && ran.stderr.contains("next attempt"), "{ran:?}");
    assert!(ran.stderr.contains("told us to quit"), "{ran:?}");
}

#[test]
fn only_the_hosts_of_the_credential_get_its_token() {
    let world = world("Basic");
    let host = world.site.address.to_string();
    let given = world.helper("get", &format!("protocol=http\nhost={host}\npath=any/path\n\n")).succeeded();
    assert!(given.stdout.starts_with("username=oauth2\npassword="), "{given:?}");
    let foreign = format!("127.0.0.1:{}", world.server.addr().port());
    for said in [
        format!("protocol=http\nhost={foreign}\n\n"),
        format!("protocol=ftp\nhost={host}\n\n"),
        format!("host={host}\n\n"),
        "protocol=http\nhost=127.0.0.1\n\n".into(),
        "protocol=https\n\n".into(),
        String::new(),
    ] {
        let nothing = world.helper("get", &said).succeeded();
        assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", ""), "{said}");
    }
    // Where nothing says which hosts there are, it is the token endpoint's, and no other.
    let own = |host: &str| {
        let command = world.home.command(["helper", "git", "--credential", "work", "get"]);
        let said = format!("protocol=http\nhost={host}\n\n");
        Running::start(command, said.as_bytes()).finish().succeeded()
    };
    assert!(own(&foreign).stdout.contains("password="), "the authorization server's own host");
    let nothing = own(&host);
    assert_eq!(nothing.stdout, "");
    // git would only ask for a password: why it has none is said here, or nowhere.
    let setting = format!("helper_hosts = [\"{host}\"] in [credential.work]");
    assert!(nothing.stderr.contains(&setting), "{nothing:?}");
}

#[test]
fn a_host_of_the_credentials_that_is_asked_over_plain_http_gets_nothing_and_the_reason_is_said() {
    let world = world("Basic");
    let args = ["helper", "git", "--credential", "work", "--host", "forge.example", "get"];
    let get = |said: &str| Running::start(world.home.command(args), said.as_bytes()).finish().succeeded();
    let plain = get("protocol=http\nhost=forge.example\n\n");
    assert_eq!(plain.stdout, "");
    assert!(plain.stderr.contains("forge.example over plain http"), "{plain:?}");
    let foreign = get("protocol=http\nhost=other.example\n\n");
    assert_eq!((foreign.stdout.as_str(), foreign.stderr.as_str()), ("", ""));
    assert!(get("protocol=https\nhost=forge.example\n\n").stdout.contains("password="));
}

#[test]
fn only_a_refusal_of_the_token_that_is_held_brings_another_and_store_does_nothing() {
    let world = world("Basic");
    let host = world.site.address.to_string();
    let of = |password: &str| format!("protocol=http\nhost={host}\nusername=oauth2\npassword={password}\n\n");
    let token = world.home.run(["token", "work"]).succeeded().line().to_owned();
    for (operation, password) in [("erase", "another"), ("store", &token), ("tomorrow", &token)] {
        let done = world.helper(operation, &of(password)).succeeded();
        assert_eq!(done.stdout, "", "{operation}");
    }
    assert_eq!(world.home.run(["token", "work"]).succeeded().line(), token);
    assert_eq!(world.helper("erase", &of(&token)).succeeded().stdout, "");
    let newer = world.home.run(["token", "work"]).succeeded().line().to_owned();
    assert_ne!(newer, token);
    assert_eq!(world.server.totals().token_requests, 2);
    // The same refusal once more is of a token that is over.
    world.helper("erase", &of(&token)).succeeded();
    assert_eq!(world.server.totals().token_requests, 2);
}
