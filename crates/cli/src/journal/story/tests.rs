use super::*;
use crate::environment::Environment;
use crate::output::ColourChoice;

fn plain() -> Painter {
    Painter::new(ColourChoice::Never, false, &Environment::default())
}

/// `TIME EVENT JSON`, a line each; times without a date are those of the line before.
fn entries(text: &str) -> Vec<Entry> {
    let line = |line: &str| {
        let (at, rest) = line.trim().split_once(' ').unwrap();
        let (event, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        let json = format!(r#"{{"schema":1,"at":"{at}","event":"{event}"{more}}}"#);
        serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"))
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

fn refreshed(at: &str, until: &str) -> String {
    format!(
        r#"{at} refreshed "reason":"proactive","epoch":1,"generation":2,"expires_at":"{until}","rotated":true,"took_ms":90"#
    )
}

fn failed(at: &str, evidence: &str, next: &str) -> String {
    format!(
        r#"{at} attempt_failed "verdict":"transient","evidence":"{evidence}","rule":"r","oauth_error":null,"next_attempt_at":"{next}""#
    )
}

const RETRYING: &str = r#"status "from":"running","to":"auth_retrying","cause":"outage""#;

fn told(own: &[String], agents: &str, zone: &str, now: &str) -> String {
    let clock = Clock::of(zone);
    let login = "renewd login work".to_owned();
    let now = parse_rfc3339(now).unwrap();
    let told = story(&entries(&own.join("\n")), &entries(agents), login, &clock, now);
    written(&told, &clock, plain(), None)
}

#[test]
fn a_whole_night_is_told_in_a_few_sentences() {
    let mut own = vec![
        r#"2026-11-21T17:40:00Z logged_in "epoch":3,"way":"device""#.to_owned(),
        refreshed("2026-11-21T18:25:00Z", "2026-11-21T19:25:00Z"),
        refreshed("2026-11-21T19:10:00Z", "2026-11-21T20:10:00Z"),
        refreshed("2026-11-21T21:52:00Z", "2026-11-21T22:52:00Z"),
    ];
    for n in 0..16 {
        let at = format!("2026-11-21T22:{:02}:00Z", 12 + n);
        own.push(failed(&at, "HTTP 403 text/html", "2026-11-21T23:00:00Z"));
        if n == 2 {
            own.push(format!("2026-11-21T22:14:00Z {RETRYING}"));
        }
    }
    own.push(failed("2026-11-22T01:37:00Z", "no answer in time", "2026-11-22T01:48:00Z"));
    own.push(refreshed("2026-11-22T01:48:00Z", "2026-11-22T02:48:00Z"));
    own.push(r#"2026-11-22T01:48:00Z recovered "after_s":12960,"attempts":17"#.into());
    own.push(r#"2026-11-22T01:48:00Z status "from":"auth_retrying","to":"running","cause":null"#.into());
    own.push(refreshed("2026-11-22T02:33:00Z", "2026-11-22T03:33:00Z"));
    own.push(
        r#"2026-11-22T02:40:00Z sink_failed "path":"/shared/token","message":"no space left on device""#
            .into(),
    );
    own.push(
        r#"2026-11-22T02:41:00Z sink_failed "path":"/shared/token","message":"no space left on device""#
            .into(),
    );
    own.push(r#"2026-11-22T02:42:00Z sink_healed "path":"/shared/token""#.into());
    own.push(r#"2026-11-22T03:00:00Z rejection_passed "generation":9"#.into());
    own.push(r#"2026-11-22T03:01:00Z rejection_passed "generation":9"#.into());
    own.push(
        r#"2026-11-22T03:18:00Z store_failed "kind":"unavailable","message":"the keyring is locked""#.into(),
    );
    own.push("2026-11-22T03:20:00Z store_healed".into());
    own.push(refreshed("2026-11-22T03:20:00Z", "2026-11-22T04:20:00Z"));
    own.push(
        r#"2026-11-22T05:00:00Z status "from":"running","to":"unauthenticated","cause":"grant_refused""#
            .into(),
    );
    let agents = r#"
        2026-11-20T08:00:00Z agent_started "pid":1,"version":"0.1.0"
        2026-11-21T17:45:00Z agent_started "pid":7,"version":"0.1.0"
        2026-11-22T02:50:00Z reload_failed "message":"line 3: unknown key"
        2026-11-22T03:05:00Z agent_stopped "pid":7
        2026-11-22T03:05:04Z agent_started "pid":8,"version":"0.1.0"
    "#;
    insta::assert_snapshot!(told(&own, agents, "Europe/Berlin", "2026-11-22T07:00:00Z"), @r#"
    Saturday, 21 November 2026
      18:40               ✓ logged in (device), epoch 3
      18:45               ! the agent started (process 7, version 0.1.0); of process 1 no end is written: it was killed, or runs yet
      19:25–22:52         ✓ the token was refreshed 3 times; for 1h42m in between there was no valid one, and nobody asked; the last is valid until 23:52
      23:12–Nov 22 02:48  ! 17 attempts failed in 3h36m (auth_retrying: outage): HTTP 403 text/html (16 times), no answer in time (once); the token of before was valid until 23:52, then callers were told to wait (2h56m); recovered at Nov 22 02:48, nobody had to log in; served a valid token until Nov 22 03:48

    Sunday, 22 November 2026
      03:33               ✓ the token was refreshed once; the last is valid until 04:33
      03:40–03:42         ! the token file /shared/token cannot be written: no space left on device, twice; it is written again at 03:42
      03:50               ! the configuration could not be read anew, the one before stays in force: line 3: unknown key
      04:00–04:01         ! a resource server refused the fresh token of generation 9; passed through (twice)
      04:05               · the agent was started anew; it was gone for 4s
      04:18–04:20         ! the store fails (unavailable): the keyring is locked; it works again at 04:20
      04:20               ✓ the token was refreshed once; the last is valid until 05:20
      06:00–              ✗ a login is needed (grant_refused): renewd login work
    "#);
}

#[test]
fn an_outage_that_goes_on_says_until_when_the_token_of_before_is_valid_and_when_it_is_tried_again() {
    let own = [
        refreshed("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"),
        failed("2026-11-22T08:45:00Z", "HTTP 503", "2026-11-22T08:46:00Z"),
        format!("2026-11-22T08:46:00Z {RETRYING}"),
        failed("2026-11-22T08:46:00Z", "HTTP 503", "2026-11-22T08:56:00Z"),
    ];
    insta::assert_snapshot!(told(&own, "", "UTC", "2026-11-22T08:50:00Z"), @r#"
    Sunday, 22 November 2026
      08:00   ✓ the token was refreshed once; the last is valid until 09:00
      08:45–  ! 2 attempts failed in 5m (auth_retrying: outage): HTTP 503; the token of before is valid until 09:00; not over yet; the next attempt is due 08:56
    "#);
    insta::assert_snapshot!(told(&own, "", "UTC", "2026-11-22T09:30:00Z"), @r#"
    Sunday, 22 November 2026
      08:00   ✓ the token was refreshed once; the last is valid until 09:00
      08:45–  ! 2 attempts failed in 45m (auth_retrying: outage): HTTP 503; the token of before was valid until 09:00, then callers were told to wait (30m), still; not over yet; the next attempt was due 08:56, and nothing is known of it
    "#);
}

const REFUSED: &str = r#"rejected "epoch":1,"generation":2"#;

#[test]
fn a_refused_token_whose_refresh_failed_is_not_said_to_have_been_valid_to_its_end() {
    let own = [
        refreshed("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"),
        // Of another audience: nothing of the credential's own.
        r#"2026-11-22T08:10:00Z rejected "epoch":1,"generation":1,"for":"resource https://other""#.into(),
        format!("2026-11-22T08:20:00Z {REFUSED}"),
        // Another process was told of it as well.
        format!("2026-11-22T08:20:01Z {REFUSED}"),
        failed("2026-11-22T08:20:02Z", "HTTP 403", "2026-11-22T08:21:00Z"),
        format!("2026-11-22T08:21:00Z {RETRYING}"),
        // As a loop writes it: first that it is over, then what came of it.
        r#"2026-11-22T08:40:00Z recovered "after_s":1140,"attempts":2"#.into(),
        refreshed("2026-11-22T08:40:00Z", "2026-11-22T09:40:00Z"),
        r#"2026-11-22T08:40:00Z status "from":"auth_retrying","to":"running","cause":null"#.into(),
    ];
    insta::assert_snapshot!(told(&own, "", "UTC", "2026-11-22T08:50:00Z"), @r#"
    Sunday, 22 November 2026
      08:00        ✓ the token was refreshed once; the last is valid until 09:00
      08:10        ! a resource server refused the token for resource https://other of generation 1
      08:20–08:40  ! 1 attempt failed (auth_retrying: outage): HTTP 403; a resource server refused the token of before at 08:20, then callers were told to wait (20m); recovered at 08:40, nobody had to log in; served a valid token until 09:40
    "#);
    let so_far = told(&own[..6], "", "UTC", "2026-11-22T08:30:00Z");
    assert!(
        so_far.contains("at 08:20, then callers were told to wait (10m), still; not over yet"),
        "{so_far}"
    );
}

#[test]
fn a_refusal_that_a_refresh_answered_is_told_with_it_and_one_that_ended_a_login_before_that() {
    let lost = r#"status "from":"running","to":"unauthenticated","cause":"grant_refused""#;
    let own = [
        refreshed("2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z"),
        format!("2026-11-22T07:30:00Z {REFUSED}"),
        refreshed("2026-11-22T07:30:01Z", "2026-11-22T08:30:00Z"),
        r#"2026-11-22T08:20:00Z rejected "epoch":1,"generation":3"#.into(),
        format!("2026-11-22T08:20:01Z {lost}"),
        r#"2026-11-22T09:00:00Z logged_in "epoch":2,"way":"device","expires_at":"2026-11-22T10:00:00Z""#
            .into(),
        r#"2026-11-22T09:30:00Z rejected "epoch":2,"generation":0"#.into(),
    ];
    insta::assert_snapshot!(told(&own, "", "UTC", "2026-11-22T09:31:00Z"), @r#"
    Sunday, 22 November 2026
      07:00–07:30  ✓ the token was refreshed twice (once because a resource server refused the one before); a resource server refused the last at 08:20, before its end at 08:30
      08:20–09:00  ✗ a login was needed (grant_refused) for 39m
      09:00        ✓ logged in (device), epoch 2
      09:30        ! a resource server refused the token of generation 0
    "#);
}

#[test]
fn a_refusal_of_the_logins_own_token_is_told_though_another_audiences_is_newer() {
    let other = r#"2026-11-22T08:10:00Z refreshed "reason":"demand","epoch":1,"generation":5,"expires_at":"2026-11-22T09:10:00Z","rotated":true,"took_ms":90,"for":"resource https://other""#;
    let own = [
        refreshed("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"),
        other.into(),
        format!("2026-11-22T08:20:00Z {REFUSED}"),
        failed("2026-11-22T08:20:02Z", "HTTP 403", "2026-11-22T08:21:00Z"),
    ];
    let told = told(&own, "", "UTC", "2026-11-22T08:20:30Z");
    assert!(told.contains("a resource server refused the token of before at 08:20"), "{told}");
}

#[test]
fn a_login_in_the_middle_of_an_outage_ended_it_and_nothing_recovered_by_itself() {
    let own = |login: &str| {
        [
            refreshed("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"),
            failed("2026-11-22T08:45:00Z", "HTTP 503", "2026-11-22T09:10:00Z"),
            format!("2026-11-22T08:46:00Z {RETRYING}"),
            login.to_owned(),
            r#"2026-11-22T09:05:00Z adopted "epoch":2,"generation":0"#.into(),
            r#"2026-11-22T09:05:00Z status "from":"auth_retrying","to":"running","cause":null"#.into(),
        ]
    };
    let now = "2026-11-22T09:06:00Z";
    let with = own(r#"2026-11-22T09:05:00Z logged_in "epoch":2,"expires_at":"2026-11-22T10:05:00Z""#);
    insta::assert_snapshot!(told(&with, "", "UTC", now), @r#"
    Sunday, 22 November 2026
      08:00        ✓ the token was refreshed once; the last is valid until 09:00
      08:45–09:05  ! 1 attempt failed (auth_retrying: outage): HTTP 503; the token of before was valid until 09:00, then callers were told to wait (5m); a login ended it at 09:05
      09:05        ✓ logged in, epoch 2
    "#);
    let without = told(&own("2026-11-22T09:05:00Z late_answer"), "", "UTC", now);
    assert!(without.contains("a login ended it at 09:05") && !without.contains("nobody had to"), "{without}");
}

#[test]
fn an_agent_of_which_no_end_is_written_was_not_just_started_and_no_attempt_is_due_where_none_runs() {
    let own = [
        refreshed("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"),
        failed("2026-11-22T08:45:00Z", "HTTP 503", "2026-11-22T09:10:00Z"),
    ];
    let agents = r#"
        2026-11-22T07:00:00Z agent_started "pid":7,"version":"0.1.0"
        2026-11-22T08:30:00Z agent_started "pid":8,"version":"0.1.0"
        2026-11-22T08:50:00Z agent_stopped "pid":8
    "#;
    insta::assert_snapshot!(told(&own, agents, "UTC", "2026-11-22T08:55:00Z"), @r#"
    Sunday, 22 November 2026
      08:00   ✓ the token was refreshed once; the last is valid until 09:00
      08:30   ! the agent started (process 8, version 0.1.0); of process 7 no end is written: it was killed, or runs yet
      08:45–  ! 1 attempt failed: HTTP 503; the token of before is valid until 09:00; not over yet
      08:50   · the agent stopped
    "#);
    let later = told(&own[..1], "", "UTC", "2026-11-22T12:00:00Z");
    assert!(later.contains("the last was valid until 09:00, and none has come since"), "{later}");
}

#[test]
fn in_the_night_in_which_the_clocks_change_each_time_carries_its_zone() {
    let own = [
        refreshed("2026-10-25T00:30:00Z", "2026-10-25T01:15:00Z"),
        failed("2026-10-25T01:10:00Z", "HTTP 503", "2026-10-25T01:20:00Z"),
        refreshed("2026-10-25T01:20:00Z", "2026-10-25T02:20:00Z"),
    ];
    insta::assert_snapshot!(told(&own, "", "Europe/Berlin", "2026-10-25T09:00:00Z"), @r#"
    Sunday, 25 October 2026
      02:30 CEST           ✓ the token was refreshed once; the last is valid until 02:15 CET
      02:10 CET–02:20 CET  ! 1 attempt failed: HTTP 503; the token of before was valid until 02:15 CET, then callers were told to wait (5m); recovered at 02:20 CET, nobody had to log in; served a valid token until 03:20 CET
    "#);
}

#[test]
fn a_login_that_was_waited_for_says_how_long_and_the_one_that_is_waited_for_how() {
    let lost =
        |at: &str| format!(r#"{at} status "from":"running","to":"unauthenticated","cause":"rotation_lost""#);
    let own = [
        lost("2026-11-22T02:00:00Z"),
        r#"2026-11-22T07:30:00Z imported "epoch":2"#.into(),
        "2026-11-22T08:00:00Z teleported".to_owned(),
        "2026-11-22T08:01:00Z teleported".to_owned(),
        lost("2026-11-22T09:00:00Z"),
    ];
    insta::assert_snapshot!(told(&own, "", "UTC", "2026-11-22T10:00:00Z"), @r#"
    Sunday, 22 November 2026
      02:00–07:30  ✗ a login was needed (rotation_lost) for 5h30m
      07:30        ✓ a refresh token was imported, epoch 2
      08:00–08:01  · something that this version does not know (twice)
      09:00–       ✗ a login is needed (rotation_lost): renewd login work
    "#);
}

#[test]
fn a_narrow_terminal_wraps_under_the_sentence() {
    let text = wrapped("one two three four", Some(9));
    assert_eq!(text, ["one two", "three", "four"]);
    let clock = Clock::of("UTC");
    let at = parse_rfc3339("2026-11-22T10:00:00Z").unwrap();
    let told = Told {
        from: at,
        to: None,
        lasts: false,
        tone: Tone::Plain,
        text: "it was so and it is so still".into(),
    };
    let text = written(&[told], &clock, plain(), Some(40));
    assert_eq!(text, "Sunday, 22 November 2026\n  10:00  · it was so and it is so still\n");
    assert!(text.lines().all(|line| line.chars().count() <= 40));
}
