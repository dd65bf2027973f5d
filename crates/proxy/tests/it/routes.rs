//! Several upstreams behind one address, each with its own credential.

use std::sync::Arc;

use renewd_proxy::{Prefix, Proxy, ProxyConfig, ProxyError, Route};

use crate::wire::{Head, Payload};
use crate::world::{Script, Source, Upstream, World, config, from_generation, ok, unauthorized};

/// An upstream that says who it is, what it was asked and with which token.
async fn named(name: &'static str) -> Upstream {
    let answer = move |head: &Head, _: &Payload| {
        ok(&format!("{name} {} {}", head.target(), head.token().unwrap_or("none")))
    };
    Upstream::answering(answer).await.0
}

fn saying(token: &str) -> Arc<Source> {
    let source = Source::new(Script::Tokens);
    source.say(token);
    source
}

fn route(prefix: &str, upstream: &Upstream, source: &Arc<Source>) -> Route {
    let url = upstream.url().parse().unwrap();
    Route::new(prefix.parse().unwrap(), url, "another".parse().unwrap(), Arc::clone(source) as _)
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

struct Three {
    world: World,
    _upstreams: [Upstream; 3],
}

async fn three() -> Three {
    let upstreams = [named("main").await, named("git").await, named("deep").await];
    let mut config = config(&upstreams[0].url());
    config.prefix = "/main/".parse().unwrap();
    config.routes.push(route("/git", &upstreams[1], &saying("git-token")));
    let mut deep = route("/git/deep/", &upstreams[2], &saying("deep-token"));
    deep.strip_prefix = false;
    config.routes.push(deep);
    Three { world: World::with(config, Script::Tokens).await, _upstreams: upstreams }
}

#[tokio::test]
async fn the_longest_prefix_decides_upstream_and_token_by_whole_segments() {
    let three = three().await;
    for (target, answer) in [
        ("/main", "main / token-1"),
        ("/main/x?y=1", "main /x?y=1 token-1"),
        ("/git/a%2Fb", "git /a%2Fb git-token"),
        ("/git?q", "git /?q git-token"),
        ("/git/deeper", "git /deeper git-token"),
        ("/git/deep/x", "deep /git/deep/x deep-token"),
        ("/git/deep", "deep /git/deep deep-token"),
        ("/git/deep%2Fx", "git /deep%2Fx git-token"),
    ] {
        let (head, body) = three.world.ask(get(target)).await;
        assert_eq!((head.status(), body.text().as_str()), (200, answer), "{target}");
    }
}

#[tokio::test]
async fn what_no_prefix_holds_is_not_found_and_no_spelling_goes_from_one_to_another() {
    let three = three().await;
    for (target, status) in [
        ("/", 404),
        ("/other/x", 404),
        ("/gitx", 404),
        ("/Git/x", 404),
        ("/%67it/x", 404),
        ("//git/x", 404),
        ("/git%2Fx", 404),
        ("/main/../git/x", 400),
        ("/git/%2e%2e/main/x", 400),
        ("/git/..%2fmain", 400),
        ("/git/x/..;/y", 400),
        ("/git/..\\main", 400),
        ("/../git/x", 400),
    ] {
        let (head, body) = three.world.ask(get(target)).await;
        assert_eq!(head.status(), status, "{target}");
        assert_eq!(body.json()["type"], "urn:renewd:request-refused", "{target}");
    }
}

#[tokio::test]
async fn a_refusal_is_of_the_routes_own_token() {
    let main = named("main").await;
    let (other, _seen) =
        Upstream::answering(|head, _| if from_generation(head, 2) { ok("welcome") } else { unauthorized() })
            .await;
    let source = Source::new(Script::Tokens);
    let mut config = config(&main.url());
    config.routes.push(route("/other/", &other, &source));
    let world = World::with(config, Script::Tokens).await;
    let (head, body) = world.ask(get("/other/x")).await;
    assert_eq!((head.status(), body.text().as_str()), (200, "welcome"));
    assert_eq!(source.rejections(), [(7, 1)]);
    assert!(world.source.rejections().is_empty());
    assert_eq!(world.ask(get("/x")).await.1.text(), "main /x token-1", "all else goes to the main one");
    assert!(
        world.proxy.serves(&"another".parse().unwrap()) && world.proxy.serves(&"github".parse().unwrap())
    );
    assert!(!world.proxy.serves(&"unknown".parse().unwrap()));
}

#[tokio::test]
async fn a_problem_names_the_routes_own_credential() {
    let main = named("main").await;
    let source = Source::new(Script::Nothing(crate::world::retrying()));
    let mut config = config(&main.url());
    config.routes.push(route("/other/", &main, &source));
    let world = World::with(config, Script::Tokens).await;
    let (head, body) = world.ask(get("/other/x")).await;
    assert_eq!((head.status(), body.json()["credential"].as_str()), (503, Some("another")));
}

#[tokio::test]
async fn routes_change_in_place_while_a_connection_stays() {
    let (first, second) = (named("first").await, named("second").await);
    let world = World::with(config(&first.url()), Script::Tokens).await;
    let mut client = world.client().await;
    client.write(get("/x")).await;
    assert_eq!(client.answer().await.1.text(), "first /x token-1");
    let mut next = config(&first.url());
    next.listen = renewd_proxy::Listen::Tcp(world.address());
    next.routes.push(route("/x", &second, &saying("other-token")));
    world.proxy.reconfigure(next, Arc::clone(&world.source) as _).unwrap();
    client.write(get("/x")).await;
    assert_eq!(client.answer().await.1.text(), "second / other-token");
}

#[tokio::test]
async fn routes_that_cannot_work_are_refused() {
    let main = named("main").await;
    let source = saying("t");
    let bind = async |config: ProxyConfig| Proxy::bind(config, Source::new(Script::Tokens)).await.map(|_| ());
    let mut twice = config(&main.url());
    twice.routes = vec![route("/a", &main, &source), route("/a/", &main, &source)];
    assert!(matches!(bind(twice).await, Err(ProxyError::SamePrefix(prefix)) if prefix.to_string() == "/a/"));
    let mut root = config(&main.url());
    root.routes = vec![route("/", &main, &source)];
    assert!(matches!(bind(root).await, Err(ProxyError::SamePrefix(prefix)) if prefix == Prefix::root()));
    let mut many = config(&main.url());
    many.routes = (0..65).map(|at| route(&format!("/r{at}"), &main, &source)).collect();
    assert!(matches!(bind(many).await, Err(ProxyError::TooManyRoutes)));
    let world = World::with(config(&main.url()), Script::Tokens).await;
    let mut looped = config(&main.url());
    looped.listen = renewd_proxy::Listen::Tcp(world.address());
    let itself = format!("http://{}", world.address()).parse().unwrap();
    looped.routes =
        vec![Route::new("/a".parse().unwrap(), itself, "x".parse().unwrap(), Arc::clone(&source) as _)];
    let refused = world.proxy.reconfigure(looped, Arc::clone(&world.source) as _);
    assert!(matches!(refused, Err(ProxyError::Loop(_))));
}
