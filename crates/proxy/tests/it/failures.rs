//! The upstream fails: the client learns how, the token does not leak, and nothing is done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use renewd_proxy::Outcome;
use tokio::net::TcpListener;

use crate::wire::{Wire, within};
use crate::world::{Script, Upstream, World, config, eventually, from_generation, ok, unauthorized};

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx";

#[tokio::test]
async fn an_upstream_that_refuses_connections_is_a_502_that_names_it() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let world = World::new(&format!("http://{address}")).await;
    let (head, body) = world.ask(GET).await;
    assert_eq!((head.status(), head.field("content-type")), (502, Some("application/problem+json")));
    let body = body.json();
    assert_eq!(body["type"], "urn:renewd:upstream-unreachable");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains(&address.to_string()) && detail.contains("refused"), "{detail}");
    assert_eq!(world.proxy.metrics().requests(Outcome::UpstreamUnreachable), 1);
}

#[tokio::test]
async fn an_unknown_name_is_a_502() {
    let world = World::new("http://upstream.invalid").await;
    let (head, body) = world.ask(GET).await;
    assert_eq!(head.status(), 502, "{}", body.text());
    assert!(body.text().contains("upstream.invalid"), "{}", body.text());
}

#[tokio::test]
async fn an_upstream_that_answers_nonsense_or_nothing_is_a_502_without_the_token() {
    for nonsense in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 101 S\r\n\r\n",
    ] {
        let upstream = Upstream::start(move |mut wire: Wire| async move {
            wire.head().await;
            let _ = wire.try_write(nonsense).await;
        })
        .await;
        let world = World::new(&upstream.url()).await;
        let (head, body) = world.ask(GET).await;
        assert_eq!(
            (head.status(), body.json()["type"].as_str()),
            (502, Some("urn:renewd:upstream-unreachable"))
        );
        assert!(!body.text().contains("token-1"), "{}", body.text());
    }
}

#[tokio::test]
async fn a_silent_upstream_is_a_504_after_the_response_timeout() {
    let upstream = Upstream::start(|mut wire: Wire| async move {
        wire.rest().await;
    })
    .await;
    let mut config = config(&upstream.url());
    config.response_timeout = Some(Duration::from_millis(100));
    let world = World::with(config, Script::Tokens).await;
    for request in [GET, POST] {
        let (head, body) = world.ask(request).await;
        assert_eq!((head.status(), body.json()["type"].as_str()), (504, Some("urn:renewd:upstream-timeout")));
    }
    assert_eq!(world.proxy.metrics().requests(Outcome::UpstreamTimeout), 2);
}

/// Time that passes by `advance` alone. (While a blocking task runs the runtime does not step on to its next timer
/// whenever nothing is ready, as if nothing could come over a socket.)
struct HeldTime(#[expect(dead_code, reason = "the blocking task ends with it")] std::sync::mpsc::Sender<()>);

impl HeldTime {
    fn begin() -> Self {
        let (held, end) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || end.recv());
        tokio::time::pause();
        Self(held)
    }
}

#[tokio::test]
async fn neither_a_slow_upload_nor_a_quiet_stream_counts_as_silence() {
    const LIMIT: Duration = Duration::from_secs(2);
    let _time = HeldTime::begin();
    let (began, mut heads) = tokio::sync::mpsc::unbounded_channel();
    let loud = Arc::new(tokio::sync::Notify::new());
    let quiet = Arc::clone(&loud);
    let upstream = Upstream::start(move |mut wire: Wire| {
        let (began, quiet) = (began.clone(), Arc::clone(&quiet));
        async move {
            let head = wire.head().await.unwrap();
            began.send(()).unwrap();
            wire.body(&head).await.unwrap();
            wire.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            quiet.notified().await;
            wire.write_chunk("late").await;
            wire.write("0\r\n\r\n").await;
        }
    })
    .await;
    let mut config = config(&upstream.url());
    config.response_timeout = Some(LIMIT);
    let world = World::with(config, Script::Tokens).await;
    let mut client = world.client().await;
    client.write("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\na").await;
    within("the request's head", heads.recv()).await.unwrap();
    tokio::time::advance(LIMIT * 2).await;
    client.write("b").await;
    let head = client.head().await.unwrap();
    assert_eq!(head.status(), 200);
    // Longer than the limit, after the answer began.
    tokio::time::advance(LIMIT * 2).await;
    loud.notify_one();
    assert_eq!(client.body(&head).await.unwrap().text(), "late");
}

/// Serves one request for each connection, then closes it as soon as the next one arrives, unanswered.
async fn closing_after_one() -> (Upstream, Arc<AtomicU64>) {
    let heads = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&heads);
    let upstream = Upstream::start(move |mut wire: Wire| {
        let heads = Arc::clone(&counter);
        async move {
            let head = wire.head().await.unwrap();
            wire.body(&head).await.unwrap();
            heads.fetch_add(1, Ordering::SeqCst);
            wire.write(ok("x")).await;
            if wire.head().await.is_some() {
                heads.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    (upstream, heads)
}

#[tokio::test]
async fn an_idempotent_request_that_meets_a_dying_connection_goes_out_again() {
    let (upstream, _heads) = closing_after_one().await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    for _ in 0..10 {
        client.write(GET).await;
        assert_eq!(client.answer().await.0.status(), 200);
    }
}

#[tokio::test]
async fn a_post_that_met_a_dying_connection_is_never_sent_twice() {
    let (upstream, heads) = closing_after_one().await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    let mut sent = 0;
    let mut failed = 0;
    for _ in 0..10 {
        client.write(POST).await;
        let (head, _) = client.answer().await;
        sent += 1;
        failed += u64::from(head.status() == 502);
        assert!(matches!(head.status(), 200 | 502), "{}", head.line);
    }
    assert!(failed > 0, "no connection was reused");
    assert_eq!(heads.load(Ordering::SeqCst), sent, "each request reached the upstream exactly once");
}

#[tokio::test]
async fn a_replayed_post_that_met_a_dying_connection_is_not_sent_a_third_time() {
    let replays = Arc::new(AtomicU64::new(0));
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let counter = Arc::clone(&replays);
    let upstream = Upstream::start(move |mut wire: Wire| {
        let (replays, both) = (Arc::clone(&counter), Arc::clone(&both));
        async move {
            let mut served = 0;
            while let Some(head) = wire.head().await {
                wire.body(&head).await.unwrap();
                if from_generation(&head, 2) {
                    replays.fetch_add(1, Ordering::SeqCst);
                    // A connection that served before dies under it, a new one would not.
                    if served > 0 {
                        return;
                    }
                    wire.write(ok("x")).await;
                } else {
                    if served == 0 {
                        both.wait().await;
                    }
                    wire.write(unauthorized()).await;
                }
                served += 1;
            }
        }
    })
    .await;
    let world = World::with(config(&upstream.url()), Script::NoRenewal).await;
    // Two at once leave two connections behind.
    let (a, b) = tokio::join!(world.ask(GET), world.ask(GET));
    assert_eq!((a.0.status(), b.0.status()), (401, 401));
    eventually("both wait for the next request", || world.proxy.idle_connections() == 2).await;
    world.source.with(|script| *script = Script::Tokens);
    let (head, _) = world.ask(POST).await;
    assert_eq!((head.status(), replays.load(Ordering::SeqCst)), (502, 1));
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_while_idle_is_not_used() {
    let close = Arc::new(tokio::sync::Notify::new());
    let closing = Arc::clone(&close);
    let upstream = Upstream::start(move |mut wire: Wire| {
        let closing = Arc::clone(&closing);
        async move {
            let head = wire.head().await.unwrap();
            wire.body(&head).await.unwrap();
            wire.write(ok("x")).await;
            closing.notified().await;
        }
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    for _ in 0..5 {
        client.write(POST).await;
        assert_eq!(client.answer().await.0.status(), 200);
        eventually("the connection waits", || world.proxy.idle_connections() == 1).await;
        close.notify_one();
        eventually("its end is seen", || world.proxy.idle_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_connection_that_carried_a_token_is_closed_when_the_login_is_over_and_the_next_request_opens_another()
 {
    let (told, mut heads) = tokio::sync::mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut wire: Wire| {
        let told = told.clone();
        async move {
            // Whether this connection had another request, or its end.
            while let Some(head) = wire.head().await {
                wire.body(&head).await.unwrap();
                wire.write(ok("x")).await;
                let _ = told.send(true);
            }
            let _ = told.send(false);
        }
    })
    .await;
    let world = World::new(&upstream.url()).await;
    for _ in 0..2 {
        assert_eq!(world.ask(GET).await.0.status(), 200);
        assert_eq!(within("a request", heads.recv()).await, Some(true));
        // The connection comes back a moment after its answer.
        let closed = async {
            loop {
                world.proxy.close_idle_connections();
                if let Ok(told) = heads.try_recv() {
                    return told;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(!within("the connection's end", closed).await, "no further request came over it");
    }
}

mod tls {
    use super::*;
    use std::path::PathBuf;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    /// An https upstream for the given name, and the file of who vouches for it.
    async fn upstream(name: &str) -> (std::net::SocketAddr, PathBuf, tempfile::TempDir) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ca_file = dir.path().join("ca.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                    let mut wire = Wire::over(stream);
                    while let Some(head) = wire.head().await {
                        wire.write(ok(head.token().unwrap_or("none"))).await;
                    }
                });
            }
        });
        (address, ca_file, dir)
    }

    #[tokio::test]
    async fn an_https_upstream_is_reached_when_its_ca_file_vouches_for_it() {
        let (address, ca_file, _dir) = upstream("localhost").await;
        let mut config = config(&format!("https://localhost:{}", address.port()));
        config.ca_file = Some(ca_file);
        config.upstream_http2 = renewd_proxy::UpstreamHttp2::Off;
        let world = World::with(config, Script::Tokens).await;
        let (head, body) = world.ask(GET).await;
        assert_eq!((head.status(), body.text().as_str()), (200, "token-1"));
    }

    #[tokio::test]
    async fn a_certificate_of_nobody_we_trust_or_for_another_name_gets_no_token() {
        let (address, ca_file, _dir) = upstream("elsewhere.test").await;
        let mut other_name = config(&format!("https://localhost:{}", address.port()));
        other_name.ca_file = Some(ca_file);
        let unknown = config(&format!("https://127.0.0.1:{}", address.port()));
        for config in [other_name, unknown] {
            let world = World::with(config, Script::Tokens).await;
            let (head, body) = world.ask(GET).await;
            assert_eq!(head.status(), 502);
            assert!(body.text().contains("TLS"), "{}", body.text());
        }
    }
}
