//! A network that swallows everything, and a process killed in it: what it had written to its socket dies with it, and
//! does not arrive when the network comes back.
//!
//! The network is the loopback of a namespace of its own, with a packet filter; the test starts itself in there. Where
//! the kernel or the machine's rules forbid that, it says that it did not run.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use renewd_e2e::testkit::{Numbers, Tier};
use renewd_e2e::{
    CLASSES, PATIENCE, Running, Scene, Served, Stopwatch, at_point, count, wait_for, wait_stopped,
};
use rustix::process::Signal;

/// Set inside the namespace.
const INSIDE: &str = "RENEWD_E2E_NAMESPACE";

/// Runs the test that asks in a network of its own; true where it is in there already.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        succeed(Command::new("ip").args(["link", "set", "lo", "up"]));
        return true;
    }
    let root = rustix::process::geteuid().is_root();
    let unshare = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(if root { &["--net"][..] } else { &["--user", "--map-root-user", "--net"] }).args(args);
        command
    };
    let probe = "ip link set lo up && nft add table ip probe";
    let tried = unshare(&["sh", "-c", probe]).stdin(Stdio::null()).output();
    match tried {
        Ok(output) if output.status.success() => {}
        other => {
            let why = other.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
            println!(
                "skipped, {test} has not run: no network of its own can be had here (unshare, ip, nft): {why:?}"
            );
            return false;
        }
    }
    let this = std::env::current_exe().expect("a test knows its own program");
    let mut again = unshare(&[]);
    again.arg("--").arg(this).args(["--exact", &format!("network::{test}"), "--nocapture"]).env(INSIDE, "1");
    let ran = Running::start(again, b"").finish();
    print!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(0), "the test in its own network");
    assert!(ran.stdout.contains("1 passed"), "it ran");
    false
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A filter on everything that goes to one port.
struct Hole(u16);

impl Hole {
    fn filter(&self, rule: &str) {
        let table = format!(
            "table ip hole{0} {{\n chain out {{\n type filter hook output priority 0\n {rule}\n }}\n}}\n",
            self.0
        );
        let mut nft =
            Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft starts");
        nft.stdin.take().expect("a pipe").write_all(table.as_bytes()).expect("nft reads");
        assert!(nft.wait().expect("nft ends").success(), "{table}");
    }

    /// Connections come about, and nothing that is written to them arrives.
    fn swallow_what_is_written(port: u16) -> Self {
        let hole = Self(port);
        hole.filter(&format!("tcp dport {port} tcp flags & psh == psh drop"));
        hole
    }

    /// Nothing passes any more, in either direction, not even the end of a connection.
    fn swallow_everything(&self) {
        self.filter(&format!("tcp dport {0} drop\n tcp sport {0} drop", self.0));
    }

    fn heal(self) {
        succeed(Command::new("nft").args(["delete", "table", "ip", &format!("hole{}", self.0)]));
    }
}

/// A line of the kernel's table of sockets.
struct Socket {
    state: String,
    unsent: u64,
}

/// The sockets on this side that lead to that port.
fn sockets_to(port: u16) -> Vec<Socket> {
    let table = fs::read_to_string("/proc/self/net/tcp").expect("the kernel tells its sockets");
    let remote = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (to, state, queues) = (fields.get(2)?, fields.get(3)?, fields.get(4)?);
            let unsent = u64::from_str_radix(queues.split_once(':')?.0, 16).ok()?;
            to.ends_with(&remote).then(|| Socket { state: (*state).to_owned(), unsent })
        })
        .collect()
}

fn wait_stuck(port: u16) {
    wait_for("bytes that cannot leave", || {
        sockets_to(port).iter().any(|socket| socket.unsent > 0).then_some(())
    });
}

/// In `TIME_WAIT` nothing is left to send.
fn still_there(port: u16) -> Vec<String> {
    const TIME_WAIT: &str = "06";
    sockets_to(port).into_iter().map(|socket| socket.state).filter(|state| state != TIME_WAIT).collect()
}

#[test]
fn the_request_of_a_process_killed_in_a_black_hole_never_arrives() {
    if !inside("the_request_of_a_process_killed_in_a_black_hole_never_arrives") {
        return;
    }
    for class in CLASSES {
        let mut row = Numbers::new(Tier::Processes, "dead-socket-bytes", class.name(), 2);
        let scene = Scene::begin(class);
        let port = scene.server.addr().port();
        let mut victim = Running::start(at_point(scene.token(), "send.before=stop"), b"");
        wait_stopped(&mut victim);
        let hole = Hole::swallow_what_is_written(port);
        victim.signal(Signal::CONT);
        wait_stuck(port);
        hole.swallow_everything();
        victim.signal(Signal::KILL);
        scene.heard(&victim.finish());
        assert!(still_there(port).is_empty(), "{class}: the socket died with its process");
        hole.heal();
        let watch = Stopwatch::start();
        let served = scene.ask();
        assert!(matches!(served, Served::Fresh(_)), "{class}: {served:?}");
        row.heal_ms = Some(watch.ms());
        row.rounds = 1;
        count(&mut row, &served);
        let totals = scene.server.totals();
        assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0), "{class}: {totals:?}");
        scene.close(&mut row);
        row.report().expect("a row can be kept");
        assert_eq!(row.leaks, 0, "{row}");
    }
}

/// What a program does that leaves its socket to the kernel: the proof that this black hole could have shown a late
/// request.
#[test]
fn what_an_ordinary_program_wrote_arrives_after_its_death() {
    if !inside("what_an_ordinary_program_wrote_arrives_after_its_death") {
        return;
    }
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address: SocketAddr = listener.local_addr().expect("it has an address");
    let hole = Hole::swallow_what_is_written(address.port());
    let mut stranger = Command::new(env!("CARGO_BIN_EXE_stranger"));
    stranger.args(["tcp", &address.to_string()]);
    let stranger = Running::start(stranger, b"");
    let (mut connection, _) = listener.accept().expect("it connects");
    wait_stuck(address.port());
    stranger.signal(Signal::KILL);
    assert_eq!(stranger.finish().code, None);
    assert_ne!(still_there(address.port()), Vec::<String>::new(), "the kernel keeps what it wrote");
    hole.heal();
    connection.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let mut first = [0; 3];
    connection.read_exact(&mut first).expect("the dead one's request arrives");
    assert_eq!(&first, b"GET");
}
