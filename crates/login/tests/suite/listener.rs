//! What the listener does with everybody who is not the browser with the answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::support::{Doing, PATIENCE, address_parameter, get, log_in, plan, ports, redirect_of, say};
use renewd_testkit::{AsConfig, AuthorizationServer};

/// Logs in with a browser that does this first with the listener's host and port, and then what it should.
fn disturbed(act: impl Fn(&str) + Clone + Send + Sync + 'static) {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = ports();
    let plan = plan(&ports, &server);
    let failure = Arc::new(Mutex::new(None));
    let note = Arc::clone(&failure);
    let browser = Doing(move |url: String| {
        let redirect = address_parameter(&url, "redirect_uri");
        let host = redirect.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let acting = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(&host)));
        if let Err(panic) = acting {
            let text = panic.downcast_ref::<String>().cloned();
            *note.lock().unwrap() = Some(text.unwrap_or_else(|| "a check failed".into()));
        }
        get(&redirect_of(&url));
    });
    let granted = log_in(&ports, &plan, browser);
    assert_eq!(failure.lock().unwrap().take(), None);
    assert!(granted.unwrap().is_renewable(&plan));
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn other_paths_methods_hosts_and_garbage_are_refused_and_the_login_goes_on() {
    disturbed(|host| {
        let port = host.rsplit(':').next().unwrap();
        let head = |line: &str, name: &str| format!("{line} HTTP/1.1\r\nHost: {name}\r\n\r\n");
        for (request, expected) in [
            (head("GET /favicon.ico", host), "404"),
            (head("GET /", host), "404"),
            (head("GET /callback/../callback2?code=a", host), "404"),
            (head("POST /callback?code=a", host), "405"),
            (head("HEAD /callback?code=a", host), "405"),
            (head("OPTIONS /callback", host), "405"),
            (head("GET /callback?code=a", "evil.example"), "421"),
            (head("GET /callback?code=a", &format!("evil.example:{port}")), "421"),
            (head("GET /callback?code=a", "127.0.0.1"), "421"),
            ("GET /callback?code=a HTTP/1.1\r\n\r\n".to_owned(), "421"),
            ("\x16\x03\x01\x00\x05hello\r\n\r\n".to_owned(), "400"),
            (format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(60_000)), "431"),
        ] {
            let answer = say(host, &request);
            let shown: String = request.chars().take(60).collect();
            assert_eq!(status(&answer), expected, "{shown}: {answer}");
        }
    });
}

#[test]
fn whoever_says_nothing_or_half_a_word_holds_nobody_up() {
    disturbed(|host| {
        // More than have a place; all of them stay open while the browser comes.
        let silent: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(host).unwrap()).collect();
        for mut stream in &silent {
            // The oldest were turned away to make room.
            let _turned_away = stream.write_all(b"GET /callback?code=");
        }
        let answer = get(&format!("http://{host}/favicon.ico"));
        assert_eq!(status(&answer), "404");
        std::mem::forget(silent);
    });
}

#[test]
fn a_thousand_connections_cost_the_login_nothing() {
    disturbed(|host| {
        for _ in 0..1000 {
            let mut stream = TcpStream::connect(host).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let request = format!("GET /callback?code=a&state=b HTTP/1.1\r\nHost: {host}\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut start = [0; 12];
            stream.read_exact(&mut start).unwrap();
            assert_eq!(&start, b"HTTP/1.1 400");
        }
    });
}
