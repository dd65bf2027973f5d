//! Ports on real sockets of this machine, somebody who notes what a login shows, and a browser made of a few lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use renewd_blocking::{ThreadTimer, block_on};
use renewd_core::{Client, Policy, Profile, Record, Settings};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock, NoSigner, Signer};
use renewd_login::{
    Browser, CodeOptions, Granted, LoginError, LoginEvent, NullUi, Plan, Ports, Start, Ui, by_code, discover,
};
use renewd_signer::KeySigner;
use renewd_testkit::AuthorizationServer;
use renewd_ureq::{UreqOptions, UreqWeb, Workers};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The client of the test server.
pub(crate) const CLIENT: &str = "testkit-client";

/// Ports over real sockets and clocks.
pub(crate) fn ports_with(signer: Arc<dyn Signer>) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let web = UreqWeb::new(UreqOptions::default(), Workers::default(), Arc::clone(&clock));
    let timer = ThreadTimer::new(Arc::clone(&clock)).unwrap();
    Ports::new(Arc::new(web), signer, clock, Arc::new(timer))
}

pub(crate) fn ports() -> Ports {
    ports_with(Arc::new(NoSigner))
}

pub(crate) fn signing_ports() -> Ports {
    ports_with(Arc::new(KeySigner))
}

/// The world as a test of boundaries sees it: outside is all that speaks IPv4, inside is `::1`.
pub(crate) fn ports_outside() -> Ports {
    Ports { is_public: |address: IpAddr| address.is_ipv4(), ..ports() }
}

pub(crate) fn issuer(url: &str) -> Start {
    Start { issuer: Some(url.into()), ..Start::default() }
}

pub(crate) fn resource(url: &str) -> Start {
    Start { resource: Some(url.into()), ..Start::default() }
}

pub(crate) fn found(ports: &Ports, start: &Start) -> Result<renewd_login::Server, LoginError> {
    block_on(discover(ports, start, &Profile::generic(), &Policy::default().request))
}

/// A login of a public client at this server.
pub(crate) fn plan(ports: &Ports, server: &AuthorizationServer) -> Plan {
    let server = found(ports, &issuer(&server.issuer())).unwrap();
    Plan {
        server,
        client: Client::public(CLIENT),
        profile: Profile::generic(),
        policy: Policy::default(),
        parameters: Vec::new(),
        dpop_thumbprint: None,
    }
}

pub(crate) fn record(granted: &Granted, plan: &Plan) -> Record {
    granted.record(1, plan, Settings::default(), SystemClock.now()).unwrap()
}

/// Logs in with this browser.
pub(crate) fn log_in(ports: &Ports, plan: &Plan, browser: impl Browser) -> Result<Granted, LoginError> {
    block_on(by_code(ports, plan, with(browser), &NullUi))
}

pub(crate) fn with(browser: impl Browser) -> CodeOptions {
    CodeOptions { browser: Some(Arc::new(browser)), ..CodeOptions::default() }
}

/// A browser that does what a test says, on a thread of its own, as browsers do.
pub(crate) struct Doing<F>(pub(crate) F);

impl<F: Fn(String) + Clone + Send + Sync + 'static> Browser for Doing<F> {
    fn open(&self, url: &str) -> Result<(), String> {
        let (act, url) = (self.0.clone(), url.to_owned());
        std::thread::spawn(move || act(url));
        Ok(())
    }
}

/// A browser that goes where it is sent: to the server, and with its redirect back to the listener.
pub(crate) fn obedient() -> impl Browser {
    Doing(|url: String| {
        let back = redirect_of(&url);
        let page = get(&back);
        assert!(page.starts_with("HTTP/1.1 "), "{page}");
    })
}

/// Where the server sends the browser that asks for this.
pub(crate) fn redirect_of(url: &str) -> String {
    let answer = get(url);
    let line = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("location:"));
    line.unwrap_or_else(|| panic!("no redirect: {answer}")).split_once(':').unwrap().1.trim().to_owned()
}

/// `GET`, the whole answer as text.
pub(crate) fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let target = if target.is_empty() { "/" } else { target };
    say(host, &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// Says this to a host, and gives all that comes back.
pub(crate) fn say(host: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _whatever_ended_it = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A query parameter's value, as it stands.
pub(crate) fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').unwrap().1;
    let pair = query.split('&').find(|pair| pair.split('=').next() == Some(name));
    pair.unwrap_or_else(|| panic!("no {name} in {url}")).split_once('=').unwrap().1
}

/// A parameter's value, decoded as far as addresses need it.
pub(crate) fn address_parameter(url: &str, name: &str) -> String {
    parameter(url, name).replace("%3A", ":").replace("%2F", "/").replace("%5B", "[").replace("%5D", "]")
}

/// Notes what a login shows.
#[derive(Default)]
pub(crate) struct Noting(Mutex<Vec<String>>);

impl Noting {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Ui for Noting {
    fn tell(&self, event: &LoginEvent<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

/// A server that answers whatever a test says, and notes which paths were asked for.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    asked: Receiver<String>,
}

impl Stub {
    /// On 127.0.0.1. `answer` writes the whole answer for a request line's target.
    pub(crate) fn new(answer: impl Fn(&str, &mut TcpStream) + Clone + Send + 'static) -> Self {
        Self::on(Ipv4Addr::LOCALHOST.into(), answer).unwrap()
    }

    /// On `::1`, which stands for the inside of a network; none on a machine without IPv6.
    pub(crate) fn inside(answer: impl Fn(&str, &mut TcpStream) + Clone + Send + 'static) -> Option<Self> {
        Self::on(Ipv6Addr::LOCALHOST.into(), answer)
    }

    fn on(ip: IpAddr, answer: impl Fn(&str, &mut TcpStream) + Clone + Send + 'static) -> Option<Self> {
        let listener = TcpListener::bind((ip, 0)).ok()?;
        let address = listener.local_addr().unwrap();
        let (note, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, note) = (answer.clone(), note.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &note, answer));
            }
        });
        Some(Self { address, asked })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths that were asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.try_iter().collect()
    }
}

fn serve(mut stream: TcpStream, note: &Sender<String>, answer: impl Fn(&str, &mut TcpStream)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    let _gone = reader.read_line(&mut first);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
        line.clear();
    }
    let Some(target) = first.split(' ').nth(1) else { return };
    let _test_is_over = note.send(target.to_owned());
    answer(target, &mut stream);
}

/// A whole answer.
pub(crate) fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nContent-Type: application/json\r\n{headers}\r\n{body}",
        body.len()
    );
    let _gone = stream.write_all(text.as_bytes());
}
