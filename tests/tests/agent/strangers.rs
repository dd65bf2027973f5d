//! Another user of the machine: connections to the proxy and the agent are closed before a byte is acted upon.
//!
//! Needs root, to be somebody else for a moment. File modes already keep others from the sockets; the tests take that
//! protection away to see the one behind it.

#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi};
use renewd_e2e::{Agent, Crowd, Door, Home, PATIENCE, QUICK_RETRY};
use tempfile::TempDir;

/// The user `nobody`, by convention; it need not exist.
const STRANGER: u32 = 65_534;

/// A folder that everybody may enter, with a program that everybody may run.
struct PublicPlace {
    dir: TempDir,
}

impl PublicPlace {
    fn new() -> Self {
        let dir =
            tempfile::Builder::new().prefix("renewd-e2e-public-").tempdir().expect("a folder can be made");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("its mode can be set");
        let program = dir.path().join("stranger");
        fs::copy(env!("CARGO_BIN_EXE_stranger"), &program).expect("the program can be copied");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode can be set");
        Self { dir }
    }

    fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What becomes of a user's request there.
    fn ask(&self, user: u32, door: &Door) -> String {
        self.ask_for("/v1/credentials", user, door)
    }

    /// The same for another target.
    fn ask_for(&self, target: &str, user: u32, door: &Door) -> String {
        let mut command = Command::new(self.join("stranger"));
        match door {
            Door::Tcp(address) => command.arg("tcp").arg(address.to_string()),
            Door::Unix(path) => command.arg("unix").arg(path),
            other => panic!("no way to {other}"),
        };
        command.arg(target);
        let output = command.uid(user).gid(user).current_dir("/").output().expect("the program can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn open_to_all(socket: &Path) {
    fs::set_permissions(socket, Permissions::from_mode(0o666)).expect("the mode of a socket can be set");
}

#[test]
fn a_second_user_gets_its_connections_closed_and_nothing_is_asked_upstream() {
    let me = rustix::process::geteuid();
    if !me.is_root() {
        println!("skipped: only root can connect as another user");
        return;
    }
    let place = PublicPlace::new();
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let (agent_socket, proxy_socket) = (place.join("agent.sock"), place.join("proxy.sock"));
    let upstream = api.url();
    let home = Home::with(&format!(
        "{QUICK_RETRY}[agent]\nsocket = \"{}\"\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\ncredential = \"work\"\n\
         [[proxy]]\nlisten = \"unix:{}\"\nupstream = \"{upstream}\"\ncredential = \"work\"\n",
        agent_socket.display(),
        proxy_socket.display()
    ));
    home.import("work", &server);
    let agent = Agent::start_at(home.command(["agent"]), &agent_socket);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let doors = [agent.proxy(), Door::Unix(proxy_socket.clone()), Door::Unix(agent_socket.clone())];

    for door in &doors[1..] {
        assert_eq!(place.ask(STRANGER, door), "refused", "the mode of {door} lets nobody else in");
    }
    open_to_all(&proxy_socket);
    open_to_all(&agent_socket);
    let (asked, sent) = (server.totals().token_requests, api.totals().requests);
    for door in &doors {
        assert_eq!(place.ask(STRANGER, door), "closed", "{door}");
    }
    assert_eq!(
        (server.totals().token_requests, api.totals().requests),
        (asked, sent),
        "nothing went upstream"
    );
    // The same program, from the agent's own user, is served: it was the user that made the difference.
    for door in &doors {
        assert_eq!(place.ask(me.as_raw(), door), "HTTP/1.1 200 OK", "{door}");
    }
    assert_eq!(api.totals().requests, sent + 2);
}

#[test]
fn even_root_is_a_stranger_to_another_users_agent() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can start an agent for another user");
        return;
    }
    let place = PublicPlace::new();
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let home = Home::with(&format!(
        "[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        api.url()
    ));
    home.import("work", &server);
    let binary = place.join("renewd");
    fs::copy(renewd_e2e::renewd(), &binary).unwrap();
    let given = Command::new("chown").args(["-R", &STRANGER.to_string()]).arg(home.path()).status().unwrap();
    assert!(given.success());
    let mut command = home.command(["agent"]);
    // Another user may not be able to reach where the binary was built.
    let mut as_stranger = Command::new(&binary);
    as_stranger.arg("agent").env_clear().current_dir(home.path());
    as_stranger.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = as_stranger;
    command.uid(STRANGER).gid(STRANGER);
    let mut running = renewd_e2e::Running::start(command, b"");
    let proxy = renewd_e2e::wait_for("the agent to name its proxy", || {
        assert!(running.is_running(), "{}", running.stderr());
        running.stderr().lines().find_map(|line| Door::of_url(line.strip_prefix("renewd: proxy on ")?))
    });

    let root = 0;
    assert_eq!(place.ask(root, &proxy), "closed");
    assert_eq!(place.ask(root, &Door::Unix(home.socket())), "closed");
    assert_eq!(api.totals().requests, 0);
    assert_eq!(place.ask(STRANGER, &proxy), "HTTP/1.1 200 OK");
    assert_eq!(api.totals().requests, 1);
}

/// Names and failures are nobody else's business; a collector of metrics often runs as a user of its own.
#[test]
fn a_second_user_gets_health_and_metrics_of_the_status_address_and_nothing_of_its_page() {
    let me = rustix::process::geteuid();
    if !me.is_root() {
        println!("skipped: only root can connect as another user");
        return;
    }
    let place = PublicPlace::new();
    let home = Home::with("[agent]\nstatus = \"127.0.0.1:0\"\n");
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    home.import("work", &server);
    let agent = Agent::start(&home);
    let door = agent.status_address();
    for target in
        ["/", "/page.mjs", "/v1/credentials", "/v1/credentials/work/history", "/v1/events", "/openapi.json"]
    {
        assert_eq!(place.ask_for(target, STRANGER, door), "HTTP/1.1 403 Forbidden", "{target}");
        // A stream of events has no end.
        if target != "/v1/events" {
            assert_eq!(place.ask_for(target, me.as_raw(), door), "HTTP/1.1 200 OK", "{target}");
        }
    }
    for target in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(place.ask_for(target, STRANGER, door), "HTTP/1.1 200 OK", "{target}");
    }
}

/// Any user can ask that, and as often as he likes.
#[test]
fn asking_whether_a_credential_is_ready_that_is_not_there_has_nobody_look_into_the_store() {
    use rustix::fs::inotify;
    const QUESTIONS: usize = 500;
    let home = Home::with("[agent]\nstatus = \"127.0.0.1:0\"\n");
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    home.import("work", &server);
    let agent = Agent::start(&home);
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    // Both: the kernel tells the same thing twice in a row only once.
    let looks = inotify::WatchFlags::OPEN | inotify::WatchFlags::CLOSE_NOWRITE;
    inotify::add_watch(&watch, home.state().join("credentials"), looks).unwrap();
    let door = agent.status_address();
    for _ in 0..QUESTIONS {
        assert_eq!(door.get("/readyz?credential=nobody").status, 404);
    }
    let mut space = [std::mem::MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(watch, &mut space);
    let told = std::iter::from_fn(|| reader.next().ok().map(drop)).count();
    // A look is told at least once for its beginning and its end. The agent looks by itself too: at its start, and every
    // few seconds.
    assert!(told < QUESTIONS / 2, "{told} times");
}

/// Somebody who listens for events; nobody, once there is no room for another one.
fn listener(address: SocketAddr) -> Option<TcpStream> {
    const NO_ROOM: Duration = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, NO_ROOM).ok()?;
    stream.set_read_timeout(Some(NO_ROOM)).ok()?;
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    stream.read(&mut [0; 16]).is_ok_and(|length| length > 0).then_some(stream)
}

/// Any user can connect to the status address, as often as he likes.
#[test]
fn whoever_takes_every_connection_of_the_status_address_keeps_nobody_from_the_socket() {
    let home = Home::with("[agent]\nstatus = \"127.0.0.1:0\"\n");
    let agent = Agent::start(&home);
    let Door::Tcp(address) = *agent.status_address() else { panic!("no TCP address") };
    // More than the agent ever held, over both.
    let taken: Vec<_> = (0..600).map_while(|_| listener(address)).collect();
    assert_ne!(taken.len(), 0);
    let answer = agent.socket().get("/v1/credentials");
    assert_eq!(answer.status, 200, "{}", answer.text());
    drop(taken);
}

/// Clients that the status address has no places for.
const CROWD: usize = 300;

/// A crowd of another user at an address; it goes when its standard input is closed.
fn crowd_of_strangers(place: &PublicPlace, address: SocketAddr) -> Child {
    let mut command = Command::new(place.join("stranger"));
    command.arg("crowd").arg(address.to_string()).arg(CROWD.to_string()).current_dir("/");
    command.uid(STRANGER).gid(STRANGER).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut crowd = command.spawn().expect("the program can be run");
    let mut said = String::new();
    let out = crowd.stdout.take().expect("it is a pipe");
    std::io::BufReader::new(out).read_line(&mut said).expect("it can be read");
    assert_eq!(said, "here\n");
    crowd
}

#[test]
fn a_second_user_who_takes_every_place_of_the_status_address_keeps_its_user_from_nothing_there() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can connect as another user");
        return;
    }
    let place = PublicPlace::new();
    let home = Home::with("[agent]\nstatus = \"127.0.0.1:0\"\n");
    let agent = Agent::start(&home);
    let Door::Tcp(address) = *agent.status_address() else { panic!("no TCP address") };
    let listening = listener(address).expect("there is room for a page");
    let mut crowd = crowd_of_strangers(&place, address);
    for target in ["/", "/page.mjs", "/v1/credentials", "/metrics"] {
        assert_eq!(agent.status_address().get(target).status, 200, "{target}");
    }
    assert!(listener(address).is_some(), "a second page");
    // Nor do they keep others like themselves out: who is new is let in.
    assert_eq!(place.ask_for("/metrics", STRANGER, agent.status_address()), "HTTP/1.1 200 OK");
    drop((listening, crowd.stdin.take()));
    assert!(crowd.wait().expect("it ends").success());
}

/// Where nobody can say whose connection it is, everybody is a stranger until he names the path.
#[test]
fn a_crowd_that_does_not_know_the_path_keeps_nobody_out_who_does() {
    let home = Home::with("[agent]\nstatus = \"127.0.0.1:0\"\nstatus_access = \"path-secret\"\n");
    let agent = Agent::start(&home);
    let Door::Tcp(address) = *agent.status_address() else { panic!("no TCP address") };
    let text = fs::read_to_string(home.socket().with_file_name("agent.json")).unwrap();
    let url = renewd_e2e::json(&text)["status_url"].as_str().unwrap().to_owned();
    let page = url.strip_prefix(&format!("http://{address}")).unwrap();
    let ask = |stream: &mut TcpStream, target: &str| {
        stream
            .write_all(format!("GET {page}{target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
            .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    // Whoever has named it is nobody's stranger any more, and stays.
    let mut listening = TcpStream::connect(address).unwrap();
    listening.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(ask(&mut listening, "v1/events"), "HTTP/1.1 200");
    let crowd = Crowd::come(address, CROWD, "/healthz").unwrap();
    for target in ["", "page.mjs", "v1/credentials"] {
        assert_eq!(agent.status_address().get(&format!("{page}{target}")).status, 200, "{target}");
    }
    renewd_e2e::wait_for("the crowd to be no larger than its places", || (crowd.here() <= 128).then_some(()));
    home.run(["agent", "reload"]).succeeded();
    let mut told = String::new();
    let mut lines = std::io::BufReader::new(listening);
    while !told.contains("reloaded") {
        assert_ne!(lines.read_line(&mut told).expect("the page still hears of what happens"), 0, "{told}");
    }
}

/// Logs are collected, and read by more people than one.
#[test]
fn a_path_secret_stands_in_the_private_description_and_in_no_log() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let home = Home::with(&format!(
        "[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n\
         access = \"path-secret\"\n",
        api.url()
    ));
    home.import("work", &server);
    let agent = Agent::start(&home);
    agent.wait_said("proxy on http://127.0.0.1:");
    let description = home.socket().with_file_name("agent.json");
    assert_eq!(fs::metadata(&description).unwrap().permissions().mode() & 0o777, 0o600);
    let proxies = renewd_e2e::json(&fs::read_to_string(&description).unwrap())["proxies"].take();
    let (listen, url) = (proxies[0]["listen"].as_str().unwrap(), proxies[0]["url"].as_str().unwrap());
    let prefix = url.strip_prefix(listen).unwrap();
    assert!(prefix.starts_with("/~") && prefix.len() > 32, "a secret of {} characters", prefix.len());
    let said = agent.said();
    assert!(!said.contains(prefix), "the secret is in the log");
    assert!(said.contains(&format!("{}", description.display())), "{said}");
    let door = Door::of_url(listen).unwrap();
    assert_eq!(door.get("/x").status, 404);
    assert_eq!(door.get(&format!("{prefix}/x")).status, 200);
}
