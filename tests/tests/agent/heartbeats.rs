//! Long-running work with short-lived tokens: the heartbeats of change A, which failed silently when a token expired.

#![cfg(unix)]

use std::time::Duration;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ExpiresIn, ProtectedApi};
use renewd_e2e::{Agent, Home, pause};

/// Between two heartbeats.
const BEAT: Duration = Duration::from_millis(100);

/// How long a token lives, in milliseconds. The shortest that leaves a busy machine room: a request carries a token
/// with at least `refresh.mandatory` left, and where even that runs out on the way, the replay's token is younger.
const LIFETIME_MS: u64 = 1_500;

/// So many lifetimes long.
const LIFETIMES: u64 = 30;

#[test]
fn heartbeats_over_thirty_token_lifetimes_all_succeed() {
    let server = AuthorizationServer::start(AsConfig {
        lifetime_ms: LIFETIME_MS,
        expires_in: ExpiresIn::Float,
        ..AsConfig::default()
    })
    .unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let home = Home::with(&format!(
        "[refresh]\nwindow = \"750ms\"\nmandatory = \"400ms\"\n[agent]\nstatus = \"127.0.0.1:0\"\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        api.url()
    ));
    home.import("work", &server);
    let agent = Agent::start(&home);
    let proxy = agent.proxy();

    let begun = server.now_ms();
    let (mut beats, mut failed) = (0_u64, Vec::new());
    while server.now_ms() - begun < LIFETIMES * LIFETIME_MS {
        beats += 1;
        match proxy.request("POST", "/echo", &[], b"still here") {
            Ok(answer) if answer.status == 200 && answer.body == b"still here" => {}
            Ok(answer) => failed.push(format!("beat {beats}: {} {}", answer.status, answer.text())),
            Err(error) => failed.push(format!("beat {beats}: {error}")),
        }
        pause(BEAT);
    }
    assert!(failed.is_empty(), "{} of {beats} failed: {failed:#?}\n{}", failed.len(), agent.said());
    let (totals, upstream) = (server.totals(), api.totals());
    assert!(upstream.authorized >= beats && beats > 2 * LIFETIMES, "{beats} beats, {upstream:?}");
    assert!(totals.successes >= LIFETIMES, "every token was followed by another: {totals:?}");
    assert_eq!((totals.successes, totals.reuse_trips), (totals.token_requests, 0), "{totals:?}");
    assert_eq!(server.max_in_flight(), 1);
    assert_eq!(agent.credential("work")["status"], "running");
    agent.stop().succeeded();
}
