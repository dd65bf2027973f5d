//! Through a proxy: what it sees, what its failures are called, and that its preamble is no byte of the request.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::mpsc::Receiver;

use renewd_core::{FailureKind as Kind, Sent, Span};
use renewd_ureq::{ProxyChoice, UreqOptions, Workers};
use support::tls::{Identity, close, url};
use support::{
    Rig, Server, assert_failed, failure, header, ok, read_head, read_request, report, request, reset, take,
};

/// A proxy that grants every CONNECT, tells each, and passes bytes on.
fn granting_proxy() -> (Server, Receiver<String>) {
    let (tell, told) = report();
    let server = Server::start(move |mut client| {
        let head = read_head(&mut client);
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        tell(head);
        let Ok(upstream) = TcpStream::connect(target) else { return };
        client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").unwrap();
        let (back, forth) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
        let up = std::thread::spawn(move || pass(client, upstream));
        pass(back, forth);
        up.join().unwrap();
    });
    (server, told)
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _broken = std::io::copy(&mut from, &mut to);
    let _gone = to.shutdown(Shutdown::Write);
}

/// A proxy that reads a CONNECT and then does this.
fn proxy(then: impl Fn(TcpStream) + Send + Sync + 'static) -> Server {
    Server::start(move |mut stream| {
        read_head(&mut stream);
        then(stream);
    })
}

fn through(proxy: &Server) -> UreqOptions {
    let url = format!("http://user:proxy-canary@{}", proxy.address);
    UreqOptions { proxy: ProxyChoice::Url(url), ..UreqOptions::default() }
}

fn rig(options: UreqOptions) -> Rig {
    Rig::with(options, Workers::default())
}

/// A token endpoint with TLS.
fn endpoint(identity: &Identity) -> Server {
    identity.serve(|mut stream| {
        read_request(&mut stream);
        let _gone = stream.write_all(ok("{}").as_bytes());
        close(stream);
    })
}

#[test]
fn a_proxy_sees_the_host_and_its_own_credentials_and_no_more() {
    let identity = Identity::new(&["localhost"]);
    let server = endpoint(&identity);
    let (proxy, told) = granting_proxy();
    let rig = rig(UreqOptions { ca_file: identity.trusted().ca_file, ..through(&proxy) });
    assert_eq!(rig.answer(&url(&server)).status, 200);
    let seen = take(&told);
    assert!(seen.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", server.address.port())), "{seen}");
    assert_eq!(header(&seen, "proxy-authorization"), Some("Basic dXNlcjpwcm94eS1jYW5hcnk="));
    assert_eq!(header(&seen, "authorization"), None);
}

#[test]
fn a_server_that_never_answers_behind_a_proxy_has_received_bytes() {
    let identity = Identity::new(&["localhost"]);
    let (tell, told) = report();
    let server = identity.serve(move |mut stream| {
        read_request(&mut stream);
        tell(());
        support::wait_for_end(&mut stream);
    });
    let (proxy, _told) = granting_proxy();
    let rig = rig(UreqOptions { ca_file: identity.trusted().ca_file, ..through(&proxy) });
    let answer = rig.start(1, request(&url(&server)));
    take(&told);
    rig.clock.advance(Span::from_secs(30));
    assert_failed(&failure(take(&answer)), Kind::Timeout, Sent::Bytes);
}

#[test]
fn a_proxy_that_wants_other_credentials() {
    let proxy = proxy(|mut stream| {
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").unwrap();
        support::wait_for_end(&mut stream);
    });
    assert_failed(&rig(through(&proxy)).fail("https://as.example/token"), Kind::Configuration, Sent::Nothing);
}

#[test]
fn a_proxy_that_refuses() {
    let proxy = proxy(|mut stream| {
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").unwrap();
        support::wait_for_end(&mut stream);
    });
    let failed = rig(through(&proxy)).fail("https://as.example/token");
    assert_failed(&failed, Kind::Refused, Sent::Nothing);
    assert!(failed.message.contains("502"), "{failed:?}");
}

#[test]
fn a_proxy_that_resets_after_its_preamble() {
    let proxy = proxy(reset);
    assert_failed(&rig(through(&proxy)).fail("https://as.example/token"), Kind::Reset, Sent::Nothing);
}

#[test]
fn a_proxy_that_closes_after_its_preamble() {
    let proxy = proxy(drop);
    assert_failed(&rig(through(&proxy)).fail("https://as.example/token"), Kind::Closed, Sent::Nothing);
}

#[test]
fn a_proxy_that_never_answers() {
    let (tell, told) = report();
    let proxy = proxy(move |mut stream| {
        tell(());
        let _gone = stream.read(&mut [0]);
    });
    let rig = rig(through(&proxy));
    let answer = rig.start(1, request("https://as.example/token"));
    take(&told);
    rig.clock.advance(Span::from_secs(10));
    assert_failed(&failure(take(&answer)), Kind::ConnectTimeout, Sent::Nothing);
}

#[test]
fn a_proxy_whose_name_does_not_resolve() {
    let options =
        UreqOptions { proxy: ProxyChoice::Url("http://proxy.invalid:1".into()), ..UreqOptions::default() };
    let failed = rig(options).fail("https://as.example/token");
    assert_failed(&failed, Kind::Dns, Sent::Nothing);
    assert!(failed.message.contains("proxy.invalid"), "{failed:?}");
}

#[test]
fn a_proxy_that_speaks_tls_itself() {
    let identity = Identity::new(&["localhost"]);
    let server = endpoint(&identity);
    let (tell, told) = report();
    let proxy = identity.serve(move |mut stream| {
        tell(read_head(&mut stream));
        let _gone = stream.write_all(b"HTTP/1.1 503 Busy\r\n\r\n");
        close(stream);
    });
    let options = UreqOptions { proxy: ProxyChoice::Url(url(&proxy)), ..identity.trusted() };
    assert_failed(&rig(options).fail(&url(&server)), Kind::Refused, Sent::Nothing);
    assert!(take(&told).starts_with("CONNECT localhost:"));
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_proxy_that_cannot_be_used_stops_the_request_and_the_check() {
    let choice = ProxyChoice::Url("socks5://u:canary@127.0.0.1:1".into());
    let rig = rig(UreqOptions { proxy: choice, ..UreqOptions::default() });
    assert_failed(&rig.fail("https://as.example/token"), Kind::Configuration, Sent::Nothing);
    assert!(rig.endpoint.check().is_err());
}

#[test]
fn plain_http_to_this_machine_never_goes_through_a_proxy() {
    let (proxy, _told) = granting_proxy();
    let server = Server::replying(ok("{}"));
    assert_eq!(rig(through(&proxy)).answer(&server.url()).status, 200);
    assert_eq!(proxy.connections(), 0);
}

/// The proxy that the environment of this process names, if it does.
fn environment_proxy() -> Option<String> {
    std::env::var("ALL_PROXY").ok().filter(|v| !v.is_empty())
}

#[test]
fn a_direct_endpoint_goes_straight_to_the_server_whatever_the_environment_says() {
    let identity = Identity::new(&["localhost"]);
    let server = endpoint(&identity);
    assert_eq!(rig(identity.trusted()).answer(&url(&server)).status, 200);
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_endpoint_told_to_follow_the_environment_does_what_it_says() {
    let identity = Identity::new(&["localhost"]);
    let server = endpoint(&identity);
    let options = UreqOptions { proxy: ProxyChoice::Environment, ..identity.trusted() };
    let answer = rig(options).send(request(&url(&server)));
    match environment_proxy() {
        None => assert_eq!(support::response(answer).status, 200),
        Some(_) => assert_failed(&failure(answer), Kind::Refused, Sent::Nothing),
    }
    assert_eq!(server.connections(), usize::from(environment_proxy().is_none()));
}

/// Runs one test of this file again with a proxy in its environment.
fn run_with_proxy_in_the_environment(test: &str, proxy: &Server) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "all_proxy"] {
        child.env(name, format!("http://{}", proxy.address));
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn proxies_of_the_environment_are_ignored_unless_chosen() {
    let refusing = proxy(|mut stream| drop(stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")));
    run_with_proxy_in_the_environment(
        "a_direct_endpoint_goes_straight_to_the_server_whatever_the_environment_says",
        &refusing,
    );
    assert_eq!(refusing.connections(), 0);
    run_with_proxy_in_the_environment(
        "an_endpoint_told_to_follow_the_environment_does_what_it_says",
        &refusing,
    );
    assert_eq!(refusing.connections(), 1);
}
