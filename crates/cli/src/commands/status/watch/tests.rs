//! The screen as it is drawn, at several sizes.

use std::collections::BTreeMap;

use ratatui::backend::TestBackend;
use renewd_core::{Span, Wall};

use super::scene::{Day, Source};
use super::timeline::Timeline;
use super::*;
use crate::journal::{Entry, story};
use crate::json::{AttemptStatus, CredentialStatus};
use crate::output::time::rfc3339;

/// 2026-11-22T09:00:00Z.
const NOW: Wall = Wall::from_unix_millis(1_795_338_000_000);

fn credential(name: &str) -> CredentialStatus {
    let text = format!(
        r#"{{"name":"{name}","status":"running","health":"healthy","cause":null,"phase":"fresh","epoch":1,"generation":42,
        "token_expires_at":"2026-11-22T10:00:00Z","token_valid":true,"next_attempt_at":"2026-11-22T09:45:03Z","retry_after_s":null,
        "since":"2026-11-22T08:55:00Z","auth_retrying_since":null,"ceiling_at":null,"saved":true,"in_doubt":false,
        "last_attempt":{{"at":"2026-11-22T08:55:00Z","verdict":"success","http_status":200,"content_type":"application/json",
        "oauth_error":null,"message":null,"rule":"token-granted"}},"refreshes":41,"rejections":1,"advice":null,"login_command":null}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn failed(status: u16, error: Option<&str>, message: &str, rule: &str, ago: Span) -> Option<AttemptStatus> {
    Some(AttemptStatus {
        at: rfc3339(NOW - ago),
        verdict: "transient".into(),
        http_status: Some(status),
        content_type: Some("text/html".into()),
        oauth_error: error.map(Into::into),
        message: Some(message.into()),
        rule: Some(rule.into()),
    })
}

fn waiting() -> CredentialStatus {
    CredentialStatus {
        status: "auth_retrying".into(),
        health: "degraded".into(),
        cause: Some("outage".into()),
        phase: "retrying".into(),
        token_expires_at: Some(rfc3339(NOW - Span::from_mins(32))),
        token_valid: false,
        next_attempt_at: Some(rfc3339(NOW + Span::from_secs(250))),
        auth_retrying_since: Some(rfc3339(NOW - Span::from_mins(48))),
        ceiling_at: Some(rfc3339(NOW + Span::from_hours(23))),
        last_attempt: failed(
            403,
            None,
            "Request blocked",
            "client-error-without-oauth-code",
            Span::from_mins(6),
        ),
        ..credential("gitlab")
    }
}

fn lost() -> CredentialStatus {
    CredentialStatus {
        status: "unauthenticated".into(),
        health: "unhealthy".into(),
        cause: Some("grant_refused".into()),
        phase: "refused".into(),
        token_expires_at: None,
        token_valid: false,
        next_attempt_at: None,
        last_attempt: failed(400, Some("invalid_grant"), "revoked", "invalid-grant", Span::from_hours(2)),
        login_command: Some("renewd login corp-sso".into()),
        ..credential("corp-sso")
    }
}

fn scene(source: Source) -> Scene {
    let clock = Clock::of("UTC");
    let line = |text: &str| serde_json::from_str::<Entry>(text).unwrap();
    let night = [
        line(r#"{"schema":1,"at":"2026-11-20T18:00:00Z","event":"logged_in","epoch":1,"way":"device"}"#),
        line(
            r#"{"schema":1,"at":"2026-11-22T08:06:00Z","event":"attempt_failed","verdict":"transient","evidence":"HTTP 403 text/html","rule":"r","oauth_error":null,"next_attempt_at":"2026-11-22T09:04:10Z"}"#,
        ),
        line(
            r#"{"schema":1,"at":"2026-11-22T08:12:00Z","event":"status","from":"running","to":"auth_retrying","cause":"outage"}"#,
        ),
    ];
    let day = Day {
        timeline: Timeline::new(&night),
        told: story(&night, &[], "renewd login gitlab".into(), &clock, NOW),
    };
    Scene {
        health: "unhealthy".into(),
        credentials: vec![credential("github"), waiting(), lost()],
        source,
        trouble: None,
        days: BTreeMap::from([("gitlab".to_owned(), day)]),
    }
}

fn drawn(
    scene: &Scene,
    look: &Look,
    colours: bool,
    width: u16,
    height: u16,
) -> ratatui::Terminal<TestBackend> {
    let hand = Hand { colours, clock: Clock::of("UTC") };
    let mut terminal = ratatui::Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, scene, look, &hand, NOW)).unwrap();
    terminal
}

fn text(scene: &Scene, look: &Look, width: u16, height: u16) -> String {
    let shown = drawn(scene, look, false, width, height).backend().to_string();
    shown.lines().map(|line| line.trim_matches('"').trim_end()).collect::<Vec<_>>().join("\n")
}

fn second() -> (Scene, Look) {
    let scene = scene(Source::Agent { pid: 4711, live: true });
    let mut look = Look::default();
    look.go(&scene, true);
    (scene, look)
}

#[test]
fn at_a_wide_terminal_everything_is_seen_at_once() {
    let (scene, look) = second();
    insta::assert_snapshot!(text(&scene, &look, 110, 20), @r#"
    renewd  unhealthy  3 credentials                                                       agent 4711, live  09:00
      NAME      STATUS             TOKEN             NEXT            LAST ATTEMPT
      github    ● running          valid 1h          in 45m          success, 5m ago
    ▸ gitlab    ◐ auth_retrying    expired 32m ago   in 4m10s        HTTP 403 text/html, 6m ago
      corp-sso  ✗ unauthenticated  none              –               HTTP 400 text/html invalid_grant, 2h ago
    ╭ gitlab ────────────────────────────────────────────────────────────────────────────────────────────────────╮
    │status    ◐ auth_retrying (outage), degraded, since 08:12 (48m)                                             │
    │token     expired 32m ago (08:28)                                                                           │
    │next      in 4m10s (09:04)                                                                                  │
    │gives up  in 23h (Nov 23 08:00)                                                                             │
    │last      HTTP 403 text/html, 6m ago                                                                        │
    │          Request blocked                                                                                   │
    │rule      client-error-without-oauth-code                                                                   │
    │24 h      ██████████████████████████████████████████████▄▄                                                  │
    │                                                                                                            │
    │                                                                                                            │
    │                                                                                                            │
    │                                                                                                            │
    ╰────────────────────────────────────────────────────────────────────────────────────────────────────────────╯
    ↑↓ select   Enter details   ? help   q quit
    "#);
}

#[test]
fn at_forty_columns_the_sign_and_the_word_are_still_there() {
    let (scene, look) = second();
    insta::assert_snapshot!(text(&scene, &look, 40, 22), @r#"
    renewd  unhealthy           agent  09:00
      NAME      STATUS
      github    ● running
    ▸ gitlab    ◐ auth_retrying
      corp-sso  ✗ unauthenticated
    ╭ gitlab ──────────────────────────────╮
    │status    ◐ auth_retrying (outage),   │
    │degraded, since 08:12 (48m)           │
    │token     expired 32m ago (08:28)     │
    │next      in 4m10s (09:04)            │
    │gives up  in 23h (Nov 23 08:00)       │
    │last      HTTP 403 text/html, 6m ago  │
    │          Request blocked             │
    │rule                                  │
    │client-error-without-oauth-code       │
    │24 h      ██████████████████████████▆▄│
    │                                      │
    │                                      │
    │                                      │
    │                                      │
    ╰──────────────────────────────────────╯
    ↑↓ Enter ? q
    "#);
    // Too low for a panel, and for the whole list: the selected one is in sight.
    insta::assert_snapshot!(text(&scene, &look, 40, 5), @r#"
    renewd  unhealthy           agent  09:00
      NAME      STATUS
      github    ● running
    ▸ gitlab    ◐ auth_retrying
    ↑↓ Enter ? q
    "#);
}

#[test]
fn the_details_hold_what_happened_lately_and_scroll() {
    let (scene, mut look) = second();
    look.toggle();
    insta::assert_snapshot!(text(&scene, &look, 90, 24), @r#"
    renewd  unhealthy  3 credentials                                   agent 4711, live  09:00
    ╭ gitlab ────────────────────────────────────────────────────────────────────────────────╮
    │status    ◐ auth_retrying (outage), degraded, since 08:12 (48m)                         │
    │token     expired 32m ago (08:28)                                                       │
    │next      in 4m10s (09:04)                                                              │
    │gives up  in 23h (Nov 23 08:00)                                                         │
    │last      HTTP 403 text/html, 6m ago                                                    │
    │          Request blocked                                                               │
    │rule      client-error-without-oauth-code                                               │
    │24 h      ██████████████████████████████████████████████▄▄                              │
    │login     epoch 1, generation 42                                                        │
    │counted   41 refreshes, 1 rejection; phase retrying                                     │
    │                                                                                        │
    │Friday, 20 November 2026                                                                │
    │18:00  ✓ logged in (device), epoch 1                                                    │
    │Sunday, 22 November 2026                                                                │
    │08:06–  ! 1 attempt failed (auth_retrying: outage): HTTP 403 text/html; not over yet;   │
    │the next attempt is due 09:04                                                           │
    │                                                                                        │
    │                                                                                        │
    │                                                                                        │
    │                                                                                        │
    ╰────────────────────────────────────────────────────────────────────────────────────────╯
    Esc back   ↑↓ scroll   ? help   q quit
    "#);
    look.go(&scene, true);
    assert!(!text(&scene, &look, 90, 24).contains("auth_retrying (outage), degraded"));
    assert!(look.back() && !look.details && !look.back());
}

#[test]
fn without_an_agent_it_says_so_and_a_login_that_is_needed_how() {
    let scene = scene(Source::Store);
    let mut look = Look::default();
    for _ in 0..5 {
        look.go(&scene, true);
    }
    let shown = text(&scene, &look, 100, 20);
    assert!(shown.contains("no agent: the records") && shown.contains("renewd login corp-sso"), "{shown}");
    assert!(shown.contains("tokens are refreshed when they are asked for"), "{shown}");
    assert!(shown.contains("github") && shown.contains("when asked for"), "{shown}");
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let (scene, look) = second();
    let coloured = |colours| {
        let terminal = drawn(&scene, &look, colours, 100, 20);
        terminal.backend().buffer().content().iter().any(|cell| cell.fg != ratatui::style::Color::Reset)
    };
    assert!(coloured(true));
    assert!(!coloured(false));
}

#[test]
fn no_size_is_too_small_to_be_drawn_and_no_text_steers_the_terminal() {
    let (mut scene, mut look) = second();
    scene.credentials[1].advice = Some("\u{1b}[31mred\u{9b}2J\u{7}".into());
    scene.trouble = Some("a\u{1b}]0;title\u{7}b".into());
    for (width, height) in [(1, 1), (2, 2), (10, 3), (39, 7), (200, 60)] {
        for (details, help) in [(false, false), (true, false), (false, true)] {
            (look.details, look.help) = (details, help);
            let shown = drawn(&scene, &look, true, width, height).backend().to_string();
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        }
    }
    scene.credentials.clear();
    look.help = false;
    assert!(text(&scene, &look, 60, 10).contains("a\u{fffd}]0;title\u{fffd}b"));
}

#[test]
fn keys_do_what_the_help_says() {
    let (scene, _) = second();
    let mut look = Look::default();
    let mut press = |code, modifiers| pressed(KeyEvent::new(code, modifiers), &mut look, &scene);
    let none = KeyModifiers::NONE;
    for (code, modifiers, then) in [
        (KeyCode::Char('j'), none, Then::GoOn),
        (KeyCode::Enter, none, Then::GoOn),
        (KeyCode::Esc, none, Then::GoOn),
        (KeyCode::Char('?'), none, Then::GoOn),
        (KeyCode::Esc, none, Then::GoOn),
        (KeyCode::Esc, none, Then::Quit),
        (KeyCode::Char('q'), none, Then::Quit),
        (KeyCode::Char('c'), KeyModifiers::CONTROL, Then::Quit),
        (KeyCode::Char('z'), KeyModifiers::CONTROL, Then::Suspend),
        (KeyCode::Char('z'), none, Then::GoOn),
    ] {
        assert_eq!(press(code, modifiers), then, "{code:?} {modifiers:?}");
    }
    assert_eq!(look.of(&scene).unwrap().name, "gitlab");
}
