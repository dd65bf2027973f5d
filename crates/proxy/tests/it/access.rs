//! Who may use the proxy, and for what.

use renewd_core::Secret;
use renewd_proxy::{Access, Outcome};

use crate::world::{Script, Upstream, World, config, ok};

type Requests = tokio::sync::mpsc::UnboundedReceiver<(crate::wire::Head, crate::wire::Payload)>;

async fn world_with(access: Access) -> (World, Upstream, Requests) {
    let (upstream, seen) = Upstream::answering(|_, _| ok("in")).await;
    let mut config = config(&upstream.url());
    config.access = access;
    (World::with(config, Script::Tokens).await, upstream, seen)
}

async fn world() -> (World, Upstream, Requests) {
    world_with(Access::AnyLocalUser).await
}

#[tokio::test]
async fn only_loopback_hosts_are_answered() {
    let (world, _upstream, mut seen) = world().await;
    for (host, status) in [
        ("host: localhost\r\n", 200),
        ("host: LOCALHOST:8787\r\n", 200),
        ("host: 127.3.2.1\r\n", 200),
        ("host: [::1]:1\r\n", 200),
        ("host: rebound.evil.test\r\n", 403),
        ("host: 192.168.0.7\r\n", 403),
        ("", 400),
        ("host: localhost\r\nhost: evil.test\r\n", 400),
    ] {
        let (head, body) = world.ask(format!("GET / HTTP/1.1\r\n{host}\r\n")).await;
        assert_eq!(head.status(), status, "{host}");
        assert_eq!(seen.try_recv().is_ok(), status == 200, "{host}");
        assert!(!body.text().contains("github"), "a refusal names nothing");
    }
    assert_eq!(world.proxy.metrics().requests(Outcome::Refused), 4);
}

#[tokio::test]
async fn a_browsers_cross_site_requests_are_refused() {
    let (world, _upstream, mut seen) = world().await;
    for (line, status) in [
        ("origin: http://localhost:8787", 200),
        ("origin: http://evil.test", 403),
        ("origin: null", 403),
        ("sec-fetch-site: none", 200),
        ("sec-fetch-site: same-origin", 200),
        ("sec-fetch-site: same-site", 403),
        ("sec-fetch-site: cross-site", 403),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nhost: localhost:8787\r\n{line}\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(world.ask(request).await.0.status(), status, "{line}");
        assert_eq!(seen.try_recv().is_ok(), status == 200, "{line}");
    }
}

#[tokio::test]
async fn it_is_no_forward_proxy() {
    let (world, _upstream, mut seen) = world().await;
    for (request, status) in [
        ("GET http://elsewhere.test/ HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        ("GET http://localhost/ HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        ("CONNECT elsewhere.test:443 HTTP/1.1\r\nhost: localhost\r\n\r\n", 405),
        ("TRACE / HTTP/1.1\r\nhost: localhost\r\n\r\n", 405),
        ("GET elsewhere.test:80 HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
    ] {
        let (head, _) = world.ask(request).await;
        assert_eq!(head.status(), status, "{request}");
        assert_eq!(head.field("allow").is_some(), status == 405);
    }
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn with_a_path_secret_nothing_else_is_there() {
    let (world, _upstream, mut seen) = world_with(Access::PathSecret(None)).await;
    let url = world.proxy.client_url();
    let url = url.expose_str().unwrap();
    let secret = url.rsplit_once("/~").unwrap().1;
    assert!(!world.proxy.url().contains(secret), "the URL for logs");
    for (target, status) in [
        (format!("/~{secret}/a?b"), 200),
        (format!("/~{secret}"), 200),
        (format!("/~{}/a", &secret[1..]), 404),
        (format!("/~{secret}x/a"), 404),
        (format!("/{secret}/a"), 404),
        ("/a".to_owned(), 404),
        ("/".to_owned(), 404),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nreferer: {url}/page\r\n\r\n");
        let (head, body) = world.ask(request).await;
        assert_eq!(head.status(), status, "{target}");
        if status == 404 {
            assert_eq!(body.text(), "", "a wrong secret learns nothing");
        }
    }
    for target in ["/a?b", "/"] {
        let (head, _) = seen.recv().await.unwrap();
        assert_eq!(head.target(), target);
        assert!(!format!("{head:?}").contains(secret), "the secret does not reach the upstream: {head:?}");
    }
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn a_path_secret_of_ones_own_is_taken_if_it_cannot_be_guessed() {
    let secret = "0123456789abcdef0123456789abcdef";
    let (world, _upstream, _seen) = world_with(Access::PathSecret(Some(Secret::from(secret)))).await;
    let request = format!("GET /~{secret}/ HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(world.ask(request).await.0.status(), 200);
    let mut config = config("http://127.0.0.1:1");
    config.access = Access::PathSecret(Some(Secret::from("hunter2")));
    let source = crate::world::Source::new(Script::Tokens);
    let error = renewd_proxy::Proxy::bind(config, source).await.err().unwrap().to_string();
    assert!(error.contains("32 to 256") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn ambiguous_framing_never_reaches_the_upstream_as_two_requests() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let length = smuggled.len() + 5;
    for (request, forwarded) in [
        // RFC 9112 §6.3: the chunks win, the length does not go on, and the connection ends.
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            true,
        ),
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: {length}\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            true,
        ),
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n{smuggled}"
            ),
            false,
        ),
        (format!("POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0, 5\r\n\r\n{smuggled}"), false),
        (format!("POST /a HTTP/1.1\r\nhost: localhost\r\ncontent-length: +0\r\n\r\n{smuggled}"), false),
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            false,
        ),
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            false,
        ),
        (
            format!(
                "POST /a HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            false,
        ),
        (
            format!(
                "POST /a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            false,
        ),
    ] {
        let (world, _upstream, mut seen) = world().await;
        let mut client = world.client().await;
        client.write(&request).await;
        let answers = client.rest().await;
        let answers = String::from_utf8_lossy(&answers);
        assert_eq!(answers.matches("HTTP/1.").count(), 1, "{request:?} got {answers:?}");
        match seen.try_recv() {
            Ok((head, body)) if forwarded => {
                assert_eq!((head.target(), head.field("content-length")), ("/a", None));
                assert_eq!(body.text(), "");
            }
            Ok((head, _)) => panic!("{request:?} went on as {head:?}"),
            Err(_) => {
                assert!(!forwarded && answers.starts_with("HTTP/1.1 400"), "{request:?} got {answers:?}")
            }
        }
        assert!(seen.try_recv().is_err(), "{request:?} was split");
    }
}

#[tokio::test]
async fn a_transfer_coding_that_is_not_understood_is_not_passed_off_as_the_body() {
    let (world, _upstream, mut seen) = world().await;
    for coding in ["gzip, chunked", "identity, chunked", "chunked\r\ntransfer-encoding: chunked"] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: {coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        );
        assert_eq!(world.ask(request).await.0.status(), 501, "{coding}");
    }
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn heads_are_bounded() {
    let (world, _upstream, mut seen) = world().await;
    let many = "x: 1\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(100_000));
    for lines in [many, long] {
        let mut client = world.client().await;
        // The answer may come before the last byte is out.
        let _ = client.try_write(format!("GET / HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    }
    assert!(seen.try_recv().is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_user_that_runs_the_proxy_is_let_in_over_ipv4_and_over_a_dual_stack_socket() {
    use crate::wire::Wire;

    let (world, _upstream, _seen) = world_with(Access::SameUser).await;
    let port = world.address().port();
    for host in ["127.0.0.1", "::ffff:127.0.0.1"] {
        let Ok(stream) = tokio::net::TcpStream::connect((host, port)).await else { continue };
        let mut client = Wire::over(stream);
        client.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(client.answer().await.0.status(), 200, "{host}");
    }
    assert_eq!(world.proxy.metrics().strangers(), 0);
}

/// Needs root, to become somebody else; CI runs as root. Without it the same is shown from the other side: root's
/// socket cannot be had either, so the test says that it could not run.
#[cfg(target_os = "linux")]
mod another_user {
    use super::*;
    use crate::world::eventually;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    const NOBODY: u32 = 65534;

    /// Runs a shell as another user that connects, sends a request and prints what comes back.
    fn as_nobody(script: &str) -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let output = Command::new("bash")
            .args(["-c", script])
            .uid(NOBODY)
            .gid(NOBODY)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn over_tcp(port: u16, target: &str) -> String {
        format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port} || exit 9\n\
             printf 'POST {target} HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\ncontent-length: 2\\r\\n\\r\\nhi' >&3\n\
             cat <&3"
        )
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn is_closed_at_once_without_an_answer_or_an_upstream_request() {
        let (world, _upstream, mut seen) = world_with(Access::SameUser).await;
        let script = over_tcp(world.address().port(), "/");
        let Some(got) = tokio::task::spawn_blocking(move || as_nobody(&script)).await.unwrap() else {
            return assert!(!rustix::process::geteuid().is_root());
        };
        assert_eq!(got, "");
        eventually("the count", || world.proxy.metrics().strangers() == 1).await;
        assert!(seen.try_recv().is_err());
        assert_eq!((world.proxy.metrics().connections(), world.source.asked()), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn that_sends_and_leaves_at_once_is_still_nobody() {
        let (world, _upstream, mut seen) = world_with(Access::SameUser).await;
        let port = world.address().port();
        // Closed under its feet, the shell must not end at the first of them.
        let script = format!(
            "trap '' PIPE; for i in 1 2 3 4 5 6 7 8 9 10; do exec 3<>/dev/tcp/127.0.0.1/{port}; \
             printf 'POST / HTTP/1.1\\r\\nhost: localhost\\r\\ncontent-length: 0\\r\\n\\r\\n' >&3; exec 3>&-; done"
        );
        if tokio::task::spawn_blocking(move || as_nobody(&script)).await.unwrap().is_none() {
            return assert!(!rustix::process::geteuid().is_root());
        }
        eventually("the counts", || world.proxy.metrics().strangers() == 10).await;
        assert!(seen.try_recv().is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn is_let_in_where_the_configuration_says_any_local_user_or_with_the_path_secret() {
        let (open, _upstream, _seen) = world().await;
        let (secret, _upstream_2, _seen_2) = world_with(Access::PathSecret(None)).await;
        let url = secret.proxy.client_url();
        let prefix = format!("/~{}", url.expose_str().unwrap().rsplit_once("/~").unwrap().1);
        for (port, target) in [(open.address().port(), "/"), (secret.address().port(), prefix.as_str())] {
            let script = over_tcp(port, target);
            let Some(got) = tokio::task::spawn_blocking(move || as_nobody(&script)).await.unwrap() else {
                return assert!(!rustix::process::geteuid().is_root());
            };
            assert!(got.starts_with("HTTP/1.1 200"), "{got}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn cannot_use_a_unix_socket_even_where_its_file_can_be_reached() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("proxy.sock");
        let (upstream, mut seen) = Upstream::answering(|_, _| ok("in")).await;
        let mut config = config(&upstream.url());
        config.listen = renewd_proxy::Listen::Unix(path.clone());
        config.access = Access::SameUser;
        let world = World::with(config, Script::Tokens).await;
        // As if an administrator had loosened both: the peer's uid still decides.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let python = format!(
            "python3 -c 'import socket\ns=socket.socket(socket.AF_UNIX)\ns.connect(\"{}\")\nprint(\"connected\")\n\
             s.sendall(b\"GET / HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n\")\nprint(s.recv(100))'",
            path.display()
        );
        let Some(got) = tokio::task::spawn_blocking(move || as_nobody(&python)).await.unwrap() else {
            return assert!(!rustix::process::geteuid().is_root());
        };
        assert!(!got.contains("HTTP/1.1"), "{got}");
        if got.contains("connected") {
            eventually("the count", || world.proxy.metrics().strangers() == 1).await;
        }
        assert!(seen.try_recv().is_err());
    }
}
