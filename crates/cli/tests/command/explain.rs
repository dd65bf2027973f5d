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
fn what_a_printed_request_shows_is_not_repeated_from_its_answer() {
    let world = World::new();
    let trace = format!(
        "$ curl -v -d 'grant_type=refresh_token&refresh_token=tulip-{CANARY}' https://as.example/token\n\
         > POST /token HTTP/1.1\r\n> Authorization: Bearer orchid hedge\r\n> DPoP: zebra9\r\n>\r\n\
         < HTTP/1.1 400 Bad Request\r\n< Content-Type: application/json\r\n<\r\n\
         {{\"error\":\"invalid_grant\",\"error_description\":\"no tulip-{CANARY} by zebra9 nor orchid here\"}}\n"
    );
    for args in [&["explain"][..], &["explain", "--json"]] {
        let ended = world.feed(args, trace.as_bytes()).expect(0, &[]);
        assert!(ended.out.contains("invalid_grant") && ended.out.contains("here"), "{}", ended.out);
        for secret in ["zebra9", "orchid", CANARY] {
            assert!(!ended.out.contains(secret), "{secret}: {}", ended.out);
        }
    }
    let same = "> POST / HTTP/1.1\n> refresh_token=rt%2B7\n< HTTP/1.1 200 OK\n<\n\
                {\"access_token\":\"at\",\"refresh_token\":\"rt+7\"}\n";
    let json = world.feed(&["explain", "--json"], same.as_bytes()).expect(0, &[]).json();
    assert_eq!(json["rotated"], false, "{json}");
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

/// What `curl -i` printed.
const WAF: &str = "HTTP/2 403 \r\nserver: edge\r\ncontent-type: text/html\r\nretry-after: 120\r\n\r\n<title>Just a moment...</title>";

#[test]
fn what_curl_printed_is_read_from_a_file_from_a_dash_and_from_a_pipe() {
    let world = World::new();
    let file = world.file("answer.txt", WAF);
    for ended in [
        world.run(&["explain", "--json", file.to_str().unwrap()]),
        world.feed(&["explain", "-", "--json"], WAF.as_bytes()),
        world.feed(&["explain", "--json"], WAF.as_bytes()),
    ] {
        let json = ended.expect(0, &[]).json();
        assert_eq!(
            (&json["verdict"], &json["retry_after_s"]),
            (&"rate_limited".into(), &120.into()),
            "{json}"
        );
        assert!(json["message"].as_str().unwrap().contains("Just a moment"), "{json}");
    }
}

#[test]
fn a_raw_answer_and_the_same_in_flags_mean_the_same() {
    let world = World::new();
    for (raw, status, headers, body) in [
        (
            "HTTP/1.1 400 Bad Request\nContent-Type: application/json\n\n{\"error\":\"invalid_grant\"}",
            "400",
            "Content-Type: application/json",
            "{\"error\":\"invalid_grant\"}",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{\"access_token\":\"at\"}\r\n0\r\n\r\n",
            "200",
            "A: b",
            "{\"access_token\":\"at\"}",
        ),
    ] {
        let one = world.feed(&["explain", "--json"], raw.as_bytes()).expect(0, &[]).json();
        let other = world.feed(
            &["explain", "--json", "--status", status, "--header", headers, "--body", "-"],
            body.as_bytes(),
        );
        assert_eq!(one, other.expect(0, &[]).json());
    }
}

#[test]
fn what_is_no_answer_is_refused_with_advice_and_its_secrets_are_not_repeated() {
    let world = World::new();
    for (input, word) in [
        (format!("{{\"refresh_token\":\"{CANARY}\"}}"), "--status N --body FILE"),
        (format!("POST /token HTTP/1.1\r\n\r\nrefresh_token={CANARY}"), "a request"),
        (format!("{{\"log\":{{\"entries\":[\"{CANARY}\"]}}}}"), "HAR"),
        (String::new(), "--failure timeout --sent"),
    ] {
        world.feed(&["explain"], input.as_bytes()).expect(2, &[word]);
    }
    // A token where a file belongs.
    world.run(&["explain", &format!("{CANARY}0123456789abcdef01")]).expect(2, &["does not exist"]);
}

#[test]
fn every_kind_of_failure_is_explained() {
    let world = World::new();
    for (args, verdict, rule, doubt) in [
        (&["dns"][..], "transient", "never-sent", false),
        (&["refused"], "transient", "never-sent", false),
        (&["tls"], "transient", "tls-failed", false),
        (&["timeout"], "transient", "never-sent", false),
        (&["timeout", "--sent"], "transient", "no-answer", true),
        (&["closed", "--sent"], "transient", "no-answer", true),
        (&["body"], "protocol_error_transient", "answer-broken-off", true),
        (&["protocol"], "protocol_error_transient", "answer-not-http", true),
    ] {
        let json = world.run(&[&["explain", "--json", "--failure"], args].concat()).expect(0, &[]).json();
        assert_eq!((&json["verdict"], &json["rule"]), (&verdict.into(), &rule.into()), "{args:?}");
        assert_eq!(json["may_have_rotated"], doubt, "{args:?}");
    }
    let piped = world
        .feed(&["explain", "--json"], b"curl: (28) Operation timed out after 9 milliseconds")
        .expect(0, &[]);
    assert_eq!(piped.json()["rule"], "no-answer");
    world.run(&["explain", "--failure", "dns", "--sent"]).expect(2, &["nothing of the request was sent"]);
    world.run(&["explain", "--failure", "weather"]).expect(2, &["connect_timeout"]);
}

#[test]
fn when_renewd_would_try_again_is_said_by_the_configuration_that_holds() {
    let world = World::new();
    let plain = world.run(&["explain", "--failure", "refused"]).expect(0, &[]).out;
    assert!(plain.contains("in 1s to 10s") && plain.contains("every 10m"), "{plain}");
    world.configure("[retry]\ninitial = \"4s\"\ntries = 2\n[credential.slow]\ntoken_endpoint = \"https://as.example/token\"\nclient_id = \"x\"\nauth_retrying.interval = \"25m\"\n");
    let configured = world.run(&["explain", "--failure", "refused"]).expect(0, &[]).out;
    assert!(configured.contains("in 0s to 4s, 2 times at most"), "{configured}");
    let own = world.run(&["explain", "--failure", "refused", "--credential", "slow"]).expect(0, &[]).out;
    assert!(own.contains("every 25m"), "{own}");
    world.configure("nonsense = 1\n");
    world.run(&["explain", "--failure", "refused"]).expect(0, &["defaults count"]);
    world.run(&["explain", "--failure", "refused", "--credential", "slow"]).expect(6, &[]);
}

#[test]
fn the_profile_is_chosen_by_name_or_by_host_and_its_rule_is_explained() {
    let world = World::new();
    let dead =
        br#"{"error":"invalid_request","error_description":"This request requires an active refresh_token"}"#;
    let explain = |more: &[&str]| {
        let args = [&["explain", "--status", "401", "--body", "-"], more].concat();
        world.feed(&args, dead).expect(0, &[]).out
    };
    assert!(explain(&[]).contains("grant-refused-in-words"));
    for chosen in [
        &["--profile", "shopify"][..],
        &["--token-endpoint", "https://a.myshopify.com/admin/oauth/access_token"],
    ] {
        let text = explain(chosen);
        for part in ["permanent_grant", "shopify/refresh-token-dead", "Shopify", "dead"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    assert!(
        explain(&["--token-endpoint", "https://nobody.example/token"])
            .contains("no profile claims that host")
    );
    world.run(&["explain", "--status", "400", "--profile", "shopifi"]).expect(2, &["shopify"]);
    for flag in ["--token-endpoint", "--issuer"] {
        world.run(&["explain", "--status", "400", flag, "github.com"]).expect(2, &[flag, "https://"]);
    }
}

#[test]
fn a_rule_is_explained_by_its_name() {
    let world = World::new();
    let text = world.run(&["explain", "--rule", "client-error-without-oauth-code"]).expect(0, &[]).out;
    for part in ["transient", "firewall", "Nothing is wrong with the login"] {
        assert!(text.replace("\n             ", " ").contains(part), "{part}: {text}");
    }
    let text = world.run(&["explain", "--rule", "shopify/refresh-token-dead"]).expect(0, &[]).out;
    assert!(text.contains("permanent_grant") && text.contains("Shopify"), "{text}");
    world.run(&["explain", "--rule", "grant"]).expect(2, &["grant-refused"]);
    world.run(&["explain", "--rule", "grantrefused"]).expect(2, &["perhaps: grant-refused\n"]);
    world.run(&["explain", "--rule", "shopify/none"]).expect(2, &["no such rule", "profiles show shopify"]);
    world
        .run(&["explain", "--rule", "shopify/refresh-token-ded"])
        .expect(2, &["perhaps: shopify/refresh-token-dead"]);
    world.run(&["explain", "--rule", "shopfy/x"]).expect(2, &["did you mean shopify?"]);
    world.run(&["explain", "--rule", CANARY]).expect(2, &["no such rule"]);
}

#[test]
fn no_line_is_wider_than_a_terminal_and_colour_is_only_paint() {
    let world = World::new();
    for args in [
        &["--failure", "timeout", "--sent"][..],
        &["--status", "429", "--header", "Retry-After: 7200"],
        &["--rule", "client-refused"],
        &["--status", "200", "--profile", "shopify"],
    ] {
        let plain = world.run(&[&["explain"], args].concat()).expect(0, &[]).out;
        assert!(plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
        assert!(!plain.contains('\x1b'));
        let painted = world.run(&[&["explain", "--color", "always"], args].concat()).expect(0, &[]).out;
        assert!(painted.contains("\x1b["));
        let mut bare = String::new();
        for (at, part) in painted.split('\x1b').enumerate() {
            bare.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
        }
        // The clock may have gone on by a minute in between.
        let without_times = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(without_times(&bare), without_times(&plain));
    }
}

#[test]
fn a_type_of_token_that_echoes_one_is_not_repeated() {
    let world = World::new();
    let sent = world.file("sent", CANARY);
    let body = format!("{{\"access_token\":\"at-7f6e5d4c3b2a\",\"token_type\":\"{CANARY}\"}}");
    for more in [&[][..], &["--json"]] {
        let args = [
            "explain",
            "--status",
            "200",
            "--body",
            "-",
            "--sent-refresh-token-file",
            sent.to_str().unwrap(),
        ];
        let ended = world.feed(&[&args, more].concat(), body.as_bytes()).expect(0, &[]);
        assert!(ended.out.contains("[removed]") && !ended.out.contains('\x1b'), "{}", ended.out);
    }
}

/// The first block of that language in a section of a page.
fn block<'a>(page: &'a str, section: &str, language: &str) -> &'a str {
    let from = page.split_once(&format!("\n## {section}\n")).expect("there is such a section").1;
    let block = from.split_once(&format!("\n```{language}\n")).expect("there is such a block").1;
    block.split_once("\n```").expect("it ends").0
}

#[test]
fn the_book_shows_what_is_said() {
    let world = World::new();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let page = std::fs::read_to_string(path).unwrap();
    let said = world.feed(&["explain"], block(&page, "explain", "http").as_bytes()).expect(0, &[]).out;
    assert_eq!(said.trim_end(), block(&page, "explain", "text"));
    let json =
        world.feed(&["explain", "--json"], block(&page, "explain", "http").as_bytes()).expect(0, &[]).json();
    let shown: serde_json::Value = serde_json::from_str(block(&page, "explain", "json")).unwrap();
    for (field, value) in shown.as_object().unwrap() {
        assert!(field == "message" || json[field] == *value, "{field}: {json}");
    }
}

#[test]
fn a_network_that_wants_a_sign_in_is_no_matter_of_the_providers_status_page() {
    let world = World::new();
    let page = world.file("page.html", "<!DOCTYPE html><html>Welcome</html>");
    let told = |status: &str, kind: &str| {
        let header = format!("Content-Type: {kind}");
        let args =
            ["explain", "--status", status, "--header", &header, "--body", page.to_str().unwrap(), "--json"];
        let json = world.run(&args).expect(0, &[]).json();
        let text = world.run(&args[..args.len() - 1]).expect(0, &[]).out;
        (json, text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let (json, text) = told("511", "text/html");
    assert_eq!(json["rule"], "network-sign-in");
    assert_eq!(json["verdict"], "transient");
    assert!(text.contains("sign in to the network") && !text.contains("status page"), "{text}");
    let (json, text) = told("503", "text/html; charset=utf-8");
    assert_eq!(json["rule"], "server-error");
    assert!(text.contains("open any page in a browser and sign in"), "{text}");
    let (_, text) = told("503", "application/json");
    assert!(!text.contains("sign in"), "{text}");
    let rule = world.run(&["explain", "--rule", "network-sign-in"]).expect(0, &[]).out;
    assert!(rule.contains("RFC 6585"), "{rule}");
}

#[test]
fn an_answer_to_a_credential_is_read_by_the_profile_that_its_login_names() {
    let world = World::new();
    world.import("mail", "https://as.example/token", CANARY, &["--profile", "slack"]).expect(0, &[]);
    let answer = r#"{"error":"invalid_auth"}"#;
    let args = ["explain", "--credential", "mail", "--status", "200", "--body", "-"];
    let out = world.feed(&args, answer.as_bytes()).expect(0, &[]).out;
    let line = out.lines().find(|line| line.starts_with("profile")).unwrap();
    assert!(line.contains("slack, as the login of mail has it"), "{out}");
    assert!(out.contains("slack/login-refused"), "{out}");
    let out = world.feed(&["explain", "--credential", "none", "--status", "500", "--body", "-"], b"").out;
    assert!(out.contains("generic: there is no login none"), "{out}");
    // What the configuration names goes before it.
    world.configure("[credential.mail]\nprofile = \"github\"\n");
    let out = world.feed(&args, answer.as_bytes()).expect(0, &[]).out;
    assert!(out.contains("github, as the configuration has it for mail"), "{out}");
}

#[test]
fn where_the_login_cannot_be_read_the_configuration_counts_and_that_is_said() {
    let world = World::new();
    world.import("mail", "https://as.example/token", CANARY, &["--profile", "slack"]).expect(0, &[]);
    let args = ["explain", "--credential", "mail", "--status", "200", "--body", "-"];
    let told = |world: &World| {
        let ended = world.feed(&args, br#"{"error":"invalid_auth"}"#).expect(0, &["the login of mail"]);
        assert!(ended.out.contains("generic, by the configuration of mail alone"), "{}", ended.out);
    };
    world.configure("[store]\npassphrase_fd = 0\n");
    told(&world);
    world.configure("");
    std::fs::write(world.state().join("credentials/mail.record"), "damaged").unwrap();
    told(&world);
}
