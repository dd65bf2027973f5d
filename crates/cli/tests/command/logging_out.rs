//! What a logout leaves: here nothing of the login, at the server as little as it lets be taken away.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::world::World;
use renewd_testkit::{AsConfig, AuthorizationServer};

/// Answers these, one to a connection, and gives the heads and forms that came.
fn answering(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/revoke", listener.local_addr().unwrap());
    let came = std::thread::spawn(move || {
        let mut came = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
            let mut text = String::new();
            let mut piece = [0; 4096];
            while !whole(&text) {
                let n = stream.read(&mut piece).unwrap();
                assert_ne!(n, 0, "cut off: {text}");
                text.push_str(&String::from_utf8_lossy(&piece[..n]));
            }
            stream.write_all(answer.as_bytes()).unwrap();
            came.push(text);
        }
        came
    });
    (url, came)
}

/// Whether a request is there to its end.
fn whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn status(line: &str, body: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[test]
fn a_server_that_is_busy_is_asked_again_when_it_says() {
    let world = World::new();
    let (url, came) =
        answering(vec![status("503 Service Unavailable\r\nRetry-After: 1", ""), status("200 OK", "")]);
    world.import("a", "http://127.0.0.1:9/token", "rt-of-a", &["--revocation-endpoint", &url]).expect(0, &[]);
    world.run(&["logout", "a"]).expect(0, &["logged out", "refresh token revoked at the server"]);
    let came = came.join().unwrap();
    assert!(
        came.iter().all(|asked| asked.contains("token=rt-of-a&token_type_hint=refresh_token")),
        "{came:?}"
    );
}

#[test]
fn what_the_server_does_not_revoke_is_told() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let refused = status("400 Bad Request", r#"{"error":"unsupported_token_type"}"#);
    let (url, came) = answering(vec![status("200 OK", ""), refused]);
    let grant = server.mint_grant();
    world
        .import("a", &server.token_url(), &grant.refresh_token, &["--revocation-endpoint", &url])
        .expect(0, &[]);
    world.run(&["token", "a"]).expect(0, &[]);
    world.run(&["logout", "a"]).expect(
        0,
        &[
            "refresh token revoked at the server",
            "access token was not revoked",
            "unsupported_token_type",
            "until",
        ],
    );
    assert_eq!(came.join().unwrap().len(), 2);
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn nothing_of_a_login_is_left_on_disk_not_even_sealed() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let grant = server.mint_grant();
    let secret = world.file("cs", "client-secret-of-a");
    let more =
        ["--revocation-endpoint", &server.revocation_url(), "--client-secret-file", secret.to_str().unwrap()];
    world.import("a", &server.token_url(), &grant.refresh_token, &more).expect(0, &[]);
    let folder = world.state().join("credentials");
    let record = folder.join("a.record");
    let mut sealed = BTreeSet::from([std::fs::read(&record).unwrap()]);
    world.run(&["refresh", "a"]).expect(0, &[]);
    sealed.insert(std::fs::read(&record).unwrap());
    // One that was damaged and set aside, one more of a process that died, and what a login had prepared.
    let mut damaged = std::fs::read(&record).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    sealed.insert(damaged.clone());
    std::fs::write(&record, damaged).unwrap();
    world.run(&["token", "a"]).expect(5, &["damaged"]);
    let again = server.mint_grant();
    world.import("a", &server.token_url(), &again.refresh_token, &more).expect(0, &[]);
    sealed.insert(std::fs::read(&record).unwrap());
    for left in [".a.tmp-0123456789abcdef", "a.prepared", "a.prepared-damaged"] {
        std::fs::copy(&record, folder.join(left)).unwrap();
    }
    world.run(&["logout", "a"]).expect(0, &["logged out"]);
    let mut left = Vec::new();
    files(&world.state(), &mut left);
    assert!(left.iter().any(|(name, _)| name.ends_with("a.record")), "the tombstone stands");
    for (name, bytes) in &left {
        for old in &sealed {
            // What is sealed begins behind the header and the name.
            let body = &old[96..];
            assert!(
                !bytes.windows(body.len()).any(|part| part == body),
                "{name} holds what was sealed before"
            );
        }
        for token in [&grant.refresh_token, &again.refresh_token] {
            assert!(!bytes.windows(token.len()).any(|part| part == token.as_bytes()), "{name}");
        }
        assert!(!name.contains(".tmp-") && !name.contains("prepared") && !name.contains("damaged"), "{name}");
    }
}

#[test]
fn a_damaged_record_can_be_logged_out_and_nobody_says_that_it_was_revoked() {
    let world = World::new();
    world.import("a", "http://127.0.0.1:9/token", "rt-of-a", &[]).expect(0, &[]);
    let record = world.state().join("credentials/a.record");
    let mut bytes = std::fs::read(&record).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&record, bytes).unwrap();
    world.run(&["logout", "a"]).expect(0, &["logged out", "not revoked at the server", "damaged"]);
    world.run(&["token", "a"]).expect(3, &["logged_out"]);
    world.run(&["logout", "a"]).expect(0, &["logged out already"]);
    world.import("a", "http://127.0.0.1:9/token", "rt-of-a-2", &[]).expect(0, &["imported"]);
}
