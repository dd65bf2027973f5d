//! `explain`: the verdict for people and for programs.

use crate::world::{CANARY, World};

#[test]
fn the_json_has_every_field_of_the_contract() {
    let world = World::new();
    let waf = world.file("waf.html", "<!DOCTYPE html><html>blocked</html>");
    let json = world
        .run(&[
            "explain",
            "--status",
            "403",
            "--header",
            "Content-Type: text/html",
            "--body",
            waf.to_str().unwrap(),
            "--json",
        ])
        .expect(0, &[])
        .json();
    let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    for field in [
        "schema",
        "verdict",
        "retry_after_s",
        "may_have_rotated",
        "expires_in",
        "rotated",
        "token_type",
        "oauth_error",
        "rule",
        "message",
    ] {
        assert!(fields.contains(&field), "{field}: {json}");
    }
    assert_eq!(json["verdict"], "transient");
    assert_eq!(json["rule"], "client-error-without-oauth-code");
    assert_eq!(json["may_have_rotated"], false);
}

#[test]
fn rotation_is_told_relative_to_the_sent_token_or_its_placeholder() {
    let world = World::new();
    let sent = world.file("sent", "rt-sent-7\n");
    let sent = sent.to_str().unwrap();
    let body = |rt: &str| {
        format!(
            "{{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"{rt}\"}}"
        )
    };
    for (rt, more, rotated) in [
        ("<RT_NEW>", &[][..], true),
        ("<RT_OLD>", &[], false),
        ("rt-sent-7", &["--sent-refresh-token-file", sent], false),
        ("rt-other", &["--sent-refresh-token-file", sent], true),
    ] {
        let mut args = vec!["explain", "--status", "200", "--body", "-", "--json"];
        args.extend(more);
        let json = world.feed(&args, body(rt).as_bytes()).expect(0, &[]).json();
        assert_eq!(json["verdict"], "success");
        assert_eq!(json["rotated"], rotated, "{rt}");
        assert_eq!(json["expires_in"], 60);
        assert_eq!(json["token_type"], "Bearer");
    }
}

#[test]
fn what_the_answer_does_not_give_is_null() {
    let world = World::new();
    for body in [r#"{"access_token":"at"}"#, r#"{"access_token":"at","expires_in":0,"token_type":null}"#] {
        let args = ["explain", "--status", "200", "--body", "-", "--json"];
        let json = world.feed(&args, body.as_bytes()).expect(0, &[]).json();
        assert_eq!(json["verdict"], "success");
        assert!(json["expires_in"].is_null() && json["token_type"].is_null(), "{json}");
    }
}

#[test]
fn a_retry_after_is_whole_seconds() {
    let world = World::new();
    let json = world
        .run(&["explain", "--status", "429", "--header", "Retry-After: 120", "--json"])
        .expect(0, &[])
        .json();
    assert_eq!(json["verdict"], "rate_limited");
    assert_eq!(json["retry_after_s"], 120);
}

#[test]
fn people_are_told_what_happens_next_and_what_they_can_do() {
    let world = World::new();
    let ended = world
        .feed(&["explain", "--status", "400", "--body", "-"], b"{\"error\":\"invalid_grant\"}")
        .expect(0, &[]);
    for word in ["permanent_grant", "invalid_grant", "log in again"] {
        assert!(ended.out.contains(word), "{word}: {}", ended.out);
    }
}

#[test]
fn what_echoes_a_secret_or_controls_a_terminal_is_not_repeated() {
    let world = World::new();
    let sent = world.file("sent", CANARY);
    let body =
        format!("{{\"error\":\"invalid_grant\",\"error_description\":\"no {CANARY} \\u001b[2J here\"}}");
    for more in [&[][..], &["--json"]] {
        let mut args = vec![
            "explain",
            "--status",
            "400",
            "--body",
            "-",
            "--sent-refresh-token-file",
            sent.to_str().unwrap(),
        ];
        args.extend(more);
        let ended = world.feed(&args, body.as_bytes()).expect(0, &[]);
        assert!(!ended.out.contains('\x1b'), "{:?}", ended.out);
    }
}

#[test]
fn wrong_usage_is_exit_2() {
    let world = World::new();
    for (args, words) in [
        (&["--status", "99"][..], "no HTTP status"),
        (&["--status", "600"], "no HTTP status"),
        (&["--status", "abc"], "abc"),
        (&["--status", "70000"], "70000"),
        (&["--status", "400", "--header", "novalue"], "Name: value"),
        (&["--status", "400", "--header", "a: b\nc: d"], "control character"),
        (&["--status", "400", "--body", "/nonexistent"], "/nonexistent does not exist"),
        (&["--status", "400", "--profile", "nobody-s"], "no provider profile is called \"nobody-s\""),
        (&["--status", "400", "--body", "-", "--sent-refresh-token-file", "fd:0"], "two readers"),
        (&["--status", "400", "--sent-refresh-token-file", "/nonexistent"], "does not exist"),
    ] {
        let args = [&["explain"], args].concat();
        world.run(&args).expect(2, &[words]);
    }
}

#[test]
fn bodies_of_any_size_and_kind_are_explained() {
    let world = World::new();
    let deep = "[".repeat(100_000);
    let huge = format!("{{\"pad\":\"{}\",\"error\":\"invalid_grant\"}}", "x".repeat(1 << 20));
    for body in [&b""[..], b"\xff\xfe\0\0", deep.as_bytes(), huge.as_bytes(), b"\x1f\x8b\x08junk"] {
        for status in ["200", "400", "503"] {
            let json = world
                .feed(&["explain", "--status", status, "--body", "-", "--json"], body)
                .expect(0, &[])
                .json();
            assert_ne!(json["verdict"], "success");
        }
    }
}
