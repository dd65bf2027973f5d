//! No token: 503 with the truth about it, at once or within `demand_timeout`.

use std::time::Duration;

use renewd_core::{Cause, Evidence, LastAttempt, Span, Status, Verdict, Wall};
use renewd_proxy::{NoBearer, Outcome};

use crate::world::{Script, Upstream, World, config, ok};

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// 2026-11-22T08:12:00Z
const SINCE: i64 = 1_795_335_120_000;

async fn world(
    why: NoBearer,
) -> (World, Upstream, tokio::sync::mpsc::UnboundedReceiver<(crate::wire::Head, crate::wire::Payload)>) {
    let (upstream, seen) = Upstream::answering(|_, _| ok("")).await;
    let mut config = config(&upstream.url());
    config.login_command = Some("renewd login github".into());
    (World::with(config, Script::Nothing(why)).await, upstream, seen)
}

#[tokio::test]
async fn auth_retrying_is_a_503_that_says_why_since_when_and_when_to_come_back() {
    let why = NoBearer::new(Status::AuthRetrying, "HTTP 403 text/html")
        .because(Cause::Outage)
        .since(Wall::from_unix_millis(SINCE))
        .next_attempt(Wall::from_unix_millis(SINCE + 600_001), Span::from_millis(311_001));
    let (world, _upstream, mut seen) = world(why).await;
    let (head, body) = world.ask(GET).await;
    assert_eq!(head.status(), 503);
    assert_eq!(head.field("content-type"), Some("application/problem+json"));
    assert_eq!(head.field("retry-after"), Some("312"), "whole seconds, rounded up");
    assert_eq!(head.field("cache-control"), Some("no-store"));
    let expected = serde_json::json!({
        "type": "urn:renewd:auth-retrying",
        "title": "No valid access token at the moment",
        "status": 503,
        "detail": "HTTP 403 text/html",
        "credential": "github",
        "cause": "outage",
        "since": "2026-11-22T08:12:00Z",
        "next_attempt_at": "2026-11-22T08:22:01Z",
        "login_command": null,
        "last_attempt": null,
    });
    assert_eq!(body.json(), expected);
    assert!(seen.try_recv().is_err(), "nothing went upstream");
    assert_eq!(world.proxy.metrics().requests(Outcome::AuthRetrying), 1);
}

#[tokio::test]
async fn login_required_is_a_503_without_retry_after_that_names_the_command() {
    let why = NoBearer::new(Status::Unauthenticated, "invalid_grant")
        .because(Cause::GrantRefused)
        .since(Wall::from_unix_millis(SINCE))
        .next_attempt(Wall::from_unix_millis(SINCE), Span::from_secs(5));
    let (world, _upstream, _seen) = world(why).await;
    let (head, body) = world.ask(GET).await;
    assert_eq!((head.status(), head.field("retry-after")), (503, None));
    let body = body.json();
    assert_eq!(body["type"], "urn:renewd:login-required");
    assert_eq!(body["cause"], "grant_refused");
    assert_eq!(body["login_command"], "renewd login github");
    assert_eq!(body["next_attempt_at"], serde_json::Value::Null);
    assert_eq!(world.proxy.metrics().requests(Outcome::LoginRequired), 1);
}

#[tokio::test]
async fn retry_after_is_at_least_one_second_and_there_even_when_nothing_is_known() {
    for (next, expect) in [(None, "1"), (Some(0), "1"), (Some(1), "1"), (Some(1000), "1"), (Some(1001), "2")]
    {
        let mut why = NoBearer::new(Status::Running, "waiting");
        if let Some(millis) = next {
            why = why.next_attempt(Wall::from_unix_millis(SINCE), Span::from_millis(millis));
        }
        let (world, _upstream, _seen) = world(why).await;
        assert_eq!(world.ask(GET).await.0.field("retry-after"), Some(expect), "{next:?}");
    }
}

#[tokio::test]
async fn the_source_is_given_the_demand_timeout_as_its_patience() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("")).await;
    let mut config = config(&upstream.url());
    config.demand_timeout = Duration::from_millis(1234);
    let world = World::with(config, Script::Nothing(NoBearer::new(Status::Running, "x"))).await;
    world.ask(GET).await;
    assert_eq!(world.source.patience(), Some(Span::from_millis(1234)));
}

#[tokio::test]
async fn once_a_token_is_there_the_next_request_goes_through() {
    let (world, _upstream, mut seen) = world(NoBearer::new(Status::AuthRetrying, "x")).await;
    let mut client = world.client().await;
    client.write(GET).await;
    assert_eq!(client.answer().await.0.status(), 503);
    world.source.with(|script| *script = Script::Tokens);
    client.write(GET).await;
    assert_eq!(client.answer().await.0.status(), 200, "on the same connection");
    assert!(seen.recv().await.is_some());
}

#[tokio::test]
async fn a_client_in_the_middle_of_a_large_upload_can_read_its_503() {
    let (world, _upstream, _seen) = world(NoBearer::new(Status::AuthRetrying, "x")).await;
    let mut client = world.client().await;
    client.write("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20000000\r\n\r\n").await;
    // Like most clients: everything is written before the answer is looked at.
    let part = vec![7; 1_000_000];
    for _ in 0..20 {
        client.write(&part).await;
    }
    assert_eq!(client.answer().await.0.status(), 503);
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_the_503_only() {
    let (world, _upstream, _seen) = world(NoBearer::new(Status::AuthRetrying, "x")).await;
    let mut client = world.client().await;
    client.write("HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    let (head, _) = client.answer_to("HEAD").await;
    assert_eq!((head.status(), head.field("retry-after")), (503, Some("1")));
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn control_characters_of_a_detail_do_not_reach_the_client() {
    let (world, _upstream, _seen) = world(NoBearer::new(Status::AuthRetrying, "a\u{1b}[31m\r\nb")).await;
    assert_eq!(world.ask(GET).await.1.json()["detail"], "a b");
}

#[tokio::test]
async fn what_the_last_attempt_looked_like_is_told() {
    let evidence = Evidence {
        http_status: Some(403),
        content_type: Some("text/html".into()),
        oauth_error: Some("odd".into()),
        message: Some("blocked\u{202e}".into()),
        rule: "client-error-with-unknown-code".into(),
    };
    let attempt = LastAttempt { at: Wall::from_unix_millis(SINCE), verdict: Verdict::Transient, evidence };
    let (world, _upstream, _seen) = world(NoBearer::new(Status::AuthRetrying, "x").after(attempt)).await;
    let expected = serde_json::json!({
        "at": "2026-11-22T08:12:00Z",
        "verdict": "transient",
        "http_status": 403,
        "content_type": "text/html",
        "oauth_error": "odd",
        "message": "blocked",
        "rule": "client-error-with-unknown-code",
    });
    assert_eq!(world.ask(GET).await.1.json()["last_attempt"], expected);
}
