//! Starting, changing, ending, and a thousand at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use renewd_proxy::{Access, Listen, Outcome, Passed, Proxy, ProxyError};
use tokio::sync::Semaphore;

use crate::wire::{Wire, within};
use crate::world::{Script, Source, Upstream, World, config, eventually, ok};

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn an_address_beyond_loopback_is_refused() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let mut config = config("http://127.0.0.1:1");
        config.listen = Listen::Tcp(address.parse().unwrap());
        let error = Proxy::bind(config, Source::new(Script::Tokens)).await.err().unwrap();
        assert!(matches!(error, ProxyError::NotLoopback(_)), "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let world = World::new("http://127.0.0.1:1").await;
    let mut config = config("http://127.0.0.1:2");
    config.listen = Listen::Tcp(world.address());
    let error = Proxy::bind(config, Source::new(Script::Tokens)).await.err().unwrap().to_string();
    assert!(error.contains(&world.address().to_string()) && error.contains("in use"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_would_ask_itself_is_refused() {
    let world = World::new("http://127.0.0.1:1").await;
    let mut itself = config(&format!("http://localhost:{}", world.address().port()));
    itself.listen = Listen::Tcp(world.address());
    let error = world.proxy.reconfigure(itself, Source::new(Script::Tokens)).unwrap_err();
    assert!(matches!(error, ProxyError::Loop(_)), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_serves_and_its_file_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proxy.sock");
    let (upstream, mut seen) = Upstream::answering(|_, _| ok("in")).await;
    let mut config = config(&upstream.url());
    config.listen = Listen::Unix(path.clone());
    let world = World::with(config, Script::Tokens).await;
    assert_eq!(world.proxy.url(), format!("unix:{}", path.display()));
    let mut client = Wire::over(tokio::net::UnixStream::connect(&path).await.unwrap());
    client.write(GET).await;
    assert_eq!(client.answer().await.1.text(), "in");
    assert!(seen.recv().await.is_some());
    drop(client);
    world.proxy.shutdown(Duration::from_secs(30)).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_takes_no_new_ones() {
    let release = Arc::new(Semaphore::new(0));
    let at_upstream = Arc::new(AtomicU64::new(0));
    let (gate, count) = (Arc::clone(&release), Arc::clone(&at_upstream));
    let upstream = Upstream::start(move |mut wire: Wire| {
        let (gate, count) = (Arc::clone(&gate), Arc::clone(&count));
        async move {
            wire.head().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let _permit = gate.acquire().await.unwrap();
            wire.write(ok("finished")).await;
            wire.rest().await;
        }
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let address = world.address();
    let mut busy = world.client().await;
    busy.write(GET).await;
    eventually("the request at the upstream", || at_upstream.load(Ordering::SeqCst) == 1).await;
    let ending = tokio::spawn(world.proxy.shutdown(Duration::from_secs(60)));
    within("the end of listening", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(!ending.is_finished());
    release.add_permits(1);
    assert_eq!(busy.answer().await.1.text(), "finished");
    within("the shutdown", ending).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_cuts_what_outlives_its_grace() {
    let upstream = Upstream::start(|mut wire: Wire| async move {
        wire.head().await.unwrap();
        wire.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        wire.rest().await;
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut stream = world.client().await;
    stream.write(GET).await;
    stream.head().await.unwrap();
    within("the shutdown", world.proxy.shutdown(Duration::from_millis(50))).await;
    assert!(stream.chunk().await.is_err(), "cut, and seen to be cut");
}

#[tokio::test]
async fn a_new_configuration_is_in_force_for_the_next_request_and_the_one_under_way_ends_under_the_old() {
    let release = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&release);
    let at_old = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&at_old);
    let old = Upstream::start(move |mut wire: Wire| {
        let (gate, count) = (Arc::clone(&gate), Arc::clone(&count));
        async move {
            while wire.head().await.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
                let _permit = gate.acquire().await.unwrap();
                wire.write(ok("old")).await;
            }
        }
    })
    .await;
    let (new, _seen) = Upstream::answering(|_, _| ok("new")).await;
    let world = World::new(&old.url()).await;
    let mut client = world.client().await;
    client.write(GET).await;
    eventually("the request at the old upstream", || at_old.load(Ordering::SeqCst) == 1).await;
    world.proxy.reconfigure(config(&new.url()), Source::new(Script::Tokens)).unwrap();
    assert_eq!(world.ask(GET).await.1.text(), "new");
    release.add_permits(1);
    assert_eq!(client.answer().await.1.text(), "old");
    client.write(GET).await;
    assert_eq!(client.answer().await.1.text(), "new", "on the same connection, which no client lost");
}

#[tokio::test]
async fn a_client_that_has_just_connected_is_answered_in_spite_of_a_new_configuration() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("in")).await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    eventually("the connection", || world.proxy.metrics().connections() == 1).await;
    let mut open = config(&upstream.url());
    open.access = Access::AnyLocalUser;
    world.proxy.reconfigure(open, Source::new(Script::Tokens)).unwrap();
    client.write(GET).await;
    assert_eq!(client.answer().await.1.text(), "in");
    assert_eq!(client.rest().await, b"", "then the connection ends: others may come from now on, or fewer");
}

#[tokio::test]
async fn a_shutdown_ends_connections_of_every_configuration_before() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("in")).await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write(GET).await;
    assert_eq!(client.answer().await.1.text(), "in");
    for _ in 0..3 {
        world.proxy.reconfigure(config(&upstream.url()), Source::new(Script::Tokens)).unwrap();
    }
    within("the shutdown", world.proxy.shutdown(Duration::from_secs(3600))).await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_listener_that_was_handed_over_is_served_where_it_is_what_the_configuration_names() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("in")).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut ready = config(&upstream.url());
    let source = || Source::new(Script::Tokens);
    let passed = || Passed::Tcp(listener.try_clone().unwrap());
    let error = Proxy::adopt(passed(), ready.clone(), source()).err().unwrap();
    assert!(error.to_string().contains("listens elsewhere"), "{error}");
    ready.listen = Listen::Tcp(address);
    let proxy = Proxy::adopt(passed(), ready, source()).unwrap();
    let mut client = Wire::connect(address).await;
    client.write(GET).await;
    assert_eq!(client.answer().await.1.text(), "in");
    drop(client);
    proxy.shutdown(Duration::from_secs(60)).await;
    drop(tokio::net::TcpStream::connect(address).await.expect("whoever holds it still listens"));

    #[cfg(unix)]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut ready = config(&upstream.url());
        ready.listen = Listen::Unix(path.clone());
        Proxy::adopt(Passed::Unix(listener), ready, source())
            .unwrap()
            .shutdown(Duration::from_secs(60))
            .await;
        assert!(path.exists(), "the file is its maker's");
    }
}

#[tokio::test]
async fn a_path_secret_that_was_made_survives_a_new_configuration_and_a_new_address_does_not_come() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("")).await;
    let mut secret = config(&upstream.url());
    secret.access = Access::PathSecret(None);
    let world = World::with(secret.clone(), Script::Tokens).await;
    let before = world.proxy.client_url();
    world.proxy.reconfigure(secret, Source::new(Script::Tokens)).unwrap();
    assert!(world.proxy.client_url().same_as(before.expose()));
    let mut elsewhere = config(&upstream.url());
    elsewhere.listen = Listen::Tcp(([127, 0, 0, 1], 1).into());
    let error = world.proxy.reconfigure(elsewhere, Source::new(Script::Tokens)).unwrap_err();
    assert!(matches!(error, ProxyError::ListenChanged), "{error}");
    assert!(world.proxy.client_url().same_as(before.expose()), "the old one stays in force");
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("in")).await;
    let mut config = config(&upstream.url());
    config.connections_max = 2;
    let world = World::with(config, Script::Tokens).await;
    let mut first = world.client().await;
    let mut second = world.client().await;
    for client in [&mut first, &mut second] {
        client.write(GET).await;
        assert_eq!(client.answer().await.0.status(), 200);
    }
    let mut third = world.client().await;
    third.write(GET).await;
    let early = tokio::time::timeout(Duration::from_millis(200), third.head()).await;
    assert!(early.is_err(), "served beyond the limit");
    assert_eq!(world.proxy.metrics().connections(), 2);
    drop(first);
    assert_eq!(third.answer().await.0.status(), 200);
    second.write(GET).await;
    assert_eq!(second.answer().await.0.status(), 200);
}

/// In virtual time: the clock jumps to the next deadline when nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_to_its_end_ends_the_connection() {
    let world = World::new("http://127.0.0.1:1").await;
    let mut client = world.client().await;
    client.write("GET / HTTP/1.1\r\nhost: local").await;
    let got = tokio::time::timeout(Duration::from_secs(600), client.rest_without_deadline()).await;
    assert_eq!(got.unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_at_once_are_all_served() {
    #[cfg(unix)]
    raise_descriptor_limit();
    let waiting = Arc::new(AtomicU64::new(0));
    let release = Arc::new(Semaphore::new(0));
    let (count, gate) = (Arc::clone(&waiting), Arc::clone(&release));
    let upstream = Upstream::start(move |mut wire: Wire| {
        let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
        async move {
            let head = wire.head().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let _permit = gate.acquire().await.unwrap();
            wire.write(ok(head.target())).await;
            wire.rest().await;
        }
    })
    .await;
    let world = Arc::new(World::new(&upstream.url()).await);
    let clients: Vec<_> = (0..1000)
        .map(|i| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let (head, body) = world.ask(format!("GET /{i} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
                assert_eq!((head.status(), body.text()), (200, format!("/{i}")));
            })
        })
        .collect();
    eventually("all of them at the upstream", || waiting.load(Ordering::SeqCst) == 1000).await;
    release.add_permits(1000);
    for client in clients {
        within("a client", client).await.unwrap();
    }
    assert_eq!(world.proxy.metrics().requests(Outcome::Forwarded), 1000);
}

/// Four descriptors for each request stand in this one process.
#[cfg(unix)]
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}
