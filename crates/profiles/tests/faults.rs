//! What is wrong with a profile is told with its line, its key and the way out.

use std::path::Path;

use renewd_profiles::{Lines, PROFILE_BYTES_MAX, Rules, parse, parse_file, parse_table};
use toml::de::DeTable;

/// What a user is told of a file; empty where it is good.
fn told(text: &str) -> String {
    match parse("mine", Path::new("mine.toml"), text, Rules::Own) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

/// An override with this in it, beginning in line 1.
fn one_override(lines: &str) -> String {
    format!("[[override]]\nname = \"a\"\n{lines}\n")
}

#[test]
fn a_profile_of_ones_own_may_say_as_little_as_one_likes() {
    assert_eq!(told(""), "");
    assert_eq!(told("\u{feff}lifetime = \"1h\"\r\n"), "");
    assert_eq!(told(&one_override("verdict = \"transient\"\nwhen = { status = [404] }")), "");
}

#[test]
fn a_key_that_is_not_known_is_told_with_the_nearest_or_where_it_belongs() {
    for (text, expect) in [
        ("as-class = \"P1\"", "mine.toml:1: unknown key as-class; did you mean as_class?"),
        ("\n\nlifetme = \"1h\"", "mine.toml:3: unknown key lifetme; did you mean lifetime?"),
        ("token = \"https://as.example\"", "mine.toml:1: unknown key token; token belongs in [endpoints]"),
        ("hosts = []", "mine.toml:1: unknown key hosts; hosts belongs in [endpoints]"),
        ("verdict = \"transient\"", "unknown key verdict; verdict belongs in [[override]]"),
        ("words = []", "unknown key words; words belongs in when of [[override]]"),
        ("[refresh]\nheader = {}", "mine.toml:2: unknown key refresh.header; did you mean headers?"),
        ("[refresh]\ncolour = 1", "known here: scope, encoding, parameters, headers"),
        (
            "client_id = \"x\"",
            "client_id belongs to a client, and a profile is the same for all; it stands in [credential.NAME]",
        ),
        ("endpoints.client_secret = \"hunter2\"", "endpoints.client_secret belongs to a client"),
    ] {
        let told = told(text);
        assert!(told.contains(expect), "{text}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let condition = told(&one_override("verdict = \"transient\"\nwhen = { cod = [\"x\"] }"));
    assert!(
        condition.contains("mine.toml:4: unknown key override.a.when.cod; did you mean code?"),
        "{condition}"
    );
    let long = told(&format!("{} = 1", "a".repeat(500)));
    assert!(long.contains("unknown key aaaaaaaaaaaaaaaaaaaa…"), "{long}");
}

#[test]
fn a_value_of_another_kind_is_told_with_what_it_must_be() {
    for (text, expect) in [
        ("title = 1", "title = 1 is an integer; it must be a text in quotes"),
        ("title = \"\"", "title = \"\" is empty"),
        ("as_class = \"p2\"", "as_class = \"p2\" is none of P0, P1, P2, P3, P4, P5, P6"),
        ("lifetime = 3600", "lifetime = 3600 is a number without a unit; write a duration like"),
        ("lifetime = \"0s\"", "is zero"),
        ("lifetime = \"99999d\"", "is longer than 3660 days"),
        ("client_auth = \"post\"", "client_auth is a string; it must be a list; write [\"post\"]"),
        ("client_auth = [\"pots\"]", "client_auth holds \"pots\", which is none of none, basic, post"),
        ("client_auth = [\"post\", \"post\"]", "which stands there twice"),
        ("endpoints = 1", "endpoints is an integer; it must be a table"),
        ("endpoints.token = \"http://as.example/t\"", "is plain http to another machine"),
        ("endpoints.issuer = \"https://as.example?x\"", "holds a query"),
        (
            "endpoints.token = \"https://u:hunter2@as.example/\"",
            "endpoints.token holds a user name or password",
        ),
        ("endpoints.hosts = [\"https://as.example\"]", "is a URL or has a port"),
        ("refresh.scope = \"true\"", "refresh.scope = \"true\" is a string; it must be true or false"),
        ("refresh.encoding = \"jsn\"", "is none of form, json; did you mean json?"),
        (
            "refresh.parameters = { grant_type = \"x\" }",
            "refresh.parameters.grant_type cannot be set by a profile",
        ),
        ("refresh.parameters = { scope = \"x\" }", "refresh.scope = true names the grant's scope again"),
        ("refresh.headers = { DPoP = \"x\" }", "refresh.headers.DPoP cannot be set by a profile"),
        ("refresh.headers = { Host = \"x\" }", "refresh.headers.Host cannot be set by a profile"),
        ("refresh.headers = { a = \"1\", A = \"2\" }", "refresh.headers.A stands there twice"),
        (
            "refresh.names = { client = \"x\" }",
            "refresh.names.client is no parameter that can have another name",
        ),
        ("refresh.names = { client_id = \"client_secret\" }", "has a meaning of its own"),
        ("refresh.names = { client_id = 1 }", "refresh.names.client_id is an integer"),
        (
            "refresh.names = { client_id = \"a\", client_secret = \"a\" }",
            "refresh.names calls both client_id and client_secret a",
        ),
        (
            "refresh = { names = { client_id = \"a\" }, parameters = { a = \"1\" } }",
            "refresh.names calls client_id a, and so is one of the parameters called; leave it out of refresh.parameters",
        ),
        ("refresh.headers = [\"a\"]", "it must be a table of texts"),
        ("fields.error = [\"a..b\"]", "is no path like data.access_token"),
        ("fields.error = \"a\"", "write [\"a\"]"),
        ("sources = [\"docs\"]", "which does not begin with https://"),
        ("override = 1", "it must be a list of tables: [[override]]"),
        ("override = [1]", "it must hold tables: [[override]]"),
        ("unsure = 1", "it must be a table of texts"),
        ("unsure = { colour = \"x\" }", "unsure names colour, which is no key of a profile"),
        ("unsure = { token = \"x\" }", "did you mean \"endpoints.token\"?"),
        ("unsure = { lifetme = \"x\" }", "did you mean \"lifetime\"?"),
        ("name = \"other\"", "name = \"other\" is not what this profile is called here, mine"),
        ("= 1", "this is no TOML"),
    ] {
        let told = told(text);
        assert!(told.starts_with("mine.toml:1: ") && told.contains(expect), "{text}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_is_wrong_is_not_told_as_missing_besides() {
    for (text, expect) in [
        (
            "[[override]]\nname = \"Bad Name\"\nverdict = \"transient\"\nwhen = { status = [400] }",
            "mine.toml:2: override[1].name = \"Bad Name\" is no kebab-case name",
        ),
        (
            "[[override]]\nname = \"a\"\nverdict = \"permanent\"\nwhen = { status = [400] }",
            "mine.toml:3: override.a.verdict = \"permanent\" is none of",
        ),
        (
            "[[override]]\nname = \"a\"\nverdict = \"transient\"\nwhen = \"400\"",
            "mine.toml:4: override.a.when is a string; it must be a table",
        ),
        (
            "[[override]]\nname = \"a\"\nverdict = \"permanent_grant\"\nwhen = { status = \"400\" }",
            "mine.toml:4: override.a.when.status is a string; it must be a list; write [400]",
        ),
        (
            "[[override]]\nname = \"a\"\nverdict = \"transient\"\nwhen = { cod = [\"x\"] }",
            "mine.toml:4: unknown key override.a.when.cod; did you mean code?",
        ),
    ] {
        let told = told(text);
        assert!(told.starts_with(expect) && told.lines().count() == 1, "{text}: {told}");
    }
}

#[test]
fn conditions_are_checked_one_by_one() {
    for (condition, expect) in [
        (
            "status = [99]",
            "when.status holds 99, which is no status like 400 or \"401-403\", from 100 to 999",
        ),
        ("status = 400", "when.status is an integer; it must be a list; write [400]"),
        ("status = [\"400\"]", "is no status like"),
        ("status = [\"403-401\"]", "which runs backwards"),
        ("status = [\"400-4000\"]", "is no status like"),
        ("status = [0x190]", "is no status like"),
        ("words = [\"ab\"]", "is shorter than 3 bytes"),
        ("code = [\"\"]", "which is empty"),
        ("members = { a.b = [\"x\"] }", "a path with dots stands in quotes"),
        ("members = { \"a[\" = [\"x\"] }", "is no path like"),
        ("members = { a = \"x\" }", "it must be a list of values"),
        ("members = { a = [1.5] }", "write it in quotes"),
        ("members = { a = [1979-05-27] }", "it must be a text, a number, true or false"),
    ] {
        let told = told(&one_override(&format!("verdict = \"transient\"\nwhen = {{ {condition} }}")));
        assert!(
            told.starts_with("mine.toml:4: override.a.when") && told.contains(expect),
            "{condition}: {told}"
        );
    }
}

#[test]
fn what_must_hold_between_keys_is_told_too() {
    for (text, expect) in [
        ("as_class = \"P3\"", "mine.toml:1: as_class is P3, which is a grace period, but grace is not given"),
        ("\ngrace = \"30s\"", "mine.toml:2: grace holds with as_class = \"P3\" only, and this is P2"),
        (
            "[[override]]\nverdict = \"transient\"\nwhen = { code = [\"x\"] }",
            "mine.toml:1: override[1] needs name",
        ),
        (&one_override("when = { code = [\"x\"] }"), "mine.toml:1: override.a needs verdict"),
        (&one_override("verdict = \"transient\""), "mine.toml:1: override.a needs when"),
        (
            &one_override("verdict = \"transient\"\nwhen = {}"),
            "mine.toml:4: override.a.when has no condition",
        ),
        (
            &one_override("verdict = \"success\"\nwhen = { code = [\"x\"] }"),
            "mine.toml:3: override.a.verdict = \"success\" is no verdict that a profile can give",
        ),
        (
            &one_override("verdict = \"permanent_grant\"\nwhen = { status = [401] }"),
            "mine.toml:4: override.a would give up the login for its status alone; a firewall sends the same",
        ),
        (
            &one_override("verdict = \"permanent_grant\"\nwhen = { code = [\"x\"] }\nretry_after = \"1s\""),
            "mine.toml:5: override.a.retry_after means nothing with permanent_grant",
        ),
        (
            &one_override("verdict = \"retry_immediately\"\nwhen = { code = [\"x\"] }\nretry_after = \"1s\""),
            "mine.toml:5: override.a.retry_after means nothing with retry_immediately",
        ),
        (
            "as_class = \"P4\"\ngrace = \"30s\"",
            "mine.toml:2: grace holds with as_class = \"P3\" only, and this is P4",
        ),
        (
            &one_override(
                "verdict = \"permanent_grant\"\nwhen = { code = [\"x\"] }\nmay_have_rotated = true",
            ),
            "mine.toml:5: override.a.may_have_rotated: a grant that is refused was not rotated",
        ),
        (
            &one_override("verdict = \"transient\"\nwhen = { code = [\"x\"] }\n").repeat(2),
            "mine.toml:7: two overrides are called a",
        ),
        ("unsure.\"override.a\" = \"x\"", "unsure names override.a, which is no key of a profile"),
        (
            &(one_override("verdict = \"transient\"\nwhen = { code = [\"x\"] }\nunsure = \"y\"")
                + "[unsure]\n\"override.a\" = \"x\""),
            "unsure says twice why override.a is not sure",
        ),
    ] {
        let told = told(text);
        assert!(told.contains(expect), "{text}: {told}");
    }
}

#[test]
fn each_condition_beside_a_status_lets_an_override_give_up_a_login() {
    for condition in ["code = [\"x\"]", "words = [\"dead\"]", "page = [\"dead\"]", "members = { a = [] }"] {
        let text = format!("verdict = \"permanent_grant\"\nwhen = {{ status = [401], {condition} }}");
        assert_eq!(told(&one_override(&text)), "", "{condition}");
    }
}

#[test]
fn a_built_in_profile_must_say_where_it_is_known_from() {
    let text = one_override("verdict = \"transient\"\nwhen = { code = [\"x\"] }");
    let told =
        parse("mine", Path::new("mine.toml"), &text, Rules::BuiltIn).map_err(|e| e.to_string()).unwrap_err();
    assert_eq!(
        told,
        "mine.toml:1: override.a does not say where it is known from; give its source, or say with unsure why it is \
         not sure\n\
         mine.toml:1: a built-in profile needs title\n\
         mine.toml:1: a built-in profile needs sources"
    );
    let local = "title = \"T\"\nsources = [\"https://docs.example\"]\nendpoints.hosts = [\"localhost\"]";
    let told =
        parse("mine", Path::new("mine.toml"), local, Rules::BuiltIn).map_err(|e| e.to_string()).unwrap_err();
    assert_eq!(told, "mine.toml:3: a built-in profile cannot claim the local name localhost");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_line() {
    let told = told("title = 1\nas_class = \"P9\"\n[fields]\ncolour = 1\n[endpoints]\ntoken = \"x\"\n");
    let lines: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines, ["mine.toml:1", "mine.toml:2", "mine.toml:4", "mine.toml:6"]);
}

#[test]
fn there_are_limits() {
    let many = |count: usize| (0..count).map(|i| format!("\"x{i:03}\"")).collect::<Vec<_>>().join(", ");
    let codes =
        |count| one_override(&format!("verdict = \"transient\"\nwhen = {{ code = [{}] }}", many(count)));
    assert_eq!(told(&codes(64)), "");
    assert!(told(&codes(65)).contains("override.a.when.code has 65 items; at most 64 are read"));
    let over = |count: usize| -> String {
        (0..count)
            .map(|i| {
                format!(
                    "[[override]]\nname = \"a{i}\"\nverdict = \"transient\"\nwhen = {{ status = [400] }}\n"
                )
            })
            .collect()
    };
    assert_eq!(told(&over(64)), "");
    assert!(told(&over(65)).contains("override has 65 items"));
    let paths = format!("[fields]\nerror = [{}]\nscope = [{}]", many(40), many(25));
    assert!(told(&paths).contains("65 paths stand in fields and in conditions; at most 64 are followed"));
    let members = |count: usize| {
        let members = (0..count).map(|i| format!("x{i} = []")).collect::<Vec<_>>().join(", ");
        let override_ =
            one_override(&format!("verdict = \"transient\"\nwhen = {{ members = {{ {members} }} }}"));
        format!("{override_}\n[fields]\nerror = [{}]", many(40))
    };
    assert_eq!(told(&members(24)), "");
    assert!(told(&members(25)).contains("65 paths stand in fields and in conditions"));
    assert!(told(&" ".repeat(PROFILE_BYTES_MAX + 1)).contains("longer than"));
}

#[test]
fn a_file_gives_its_profile_a_name_or_its_key_does() {
    let named = |file: &str, text: &str| {
        parse_file(Path::new(file), text).map(|p| p.name.to_string()).map_err(|e| e.to_string())
    };
    assert_eq!(named("some/where/acme-2.toml", ""), Ok("acme-2".into()));
    assert_eq!(named("My Profile.toml", "name = \"acme\""), Ok("acme".into()));
    assert_eq!(named("-", "name = \"acme\""), Ok("acme".into()));
    let told = named("My Profile.toml", "").unwrap_err();
    assert!(
        told.contains("My Profile.toml:1: the profile has no name") && told.ends_with("name = \"example\""),
        "{told}"
    );
    assert!(
        named("acme.toml", "name = \"A B\"").unwrap_err().contains("name = \"A B\" is no kebab-case name")
    );
}

#[test]
fn a_table_of_a_larger_document_is_told_by_its_own_lines() {
    let text = "[other]\nx = 1\n\n[profile.acme]\nlifetime = \"1h\"\n\n[[profile.acme.override]]\nname = \"a\"\nverdict = \"transient\"\n";
    let root = DeTable::parse(text).unwrap();
    let table = &root.get_ref()["profile"].get_ref()["acme"];
    let problems = parse_table("acme", "profile.acme", &Lines::of(text), table).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].line, Some(7));
    assert_eq!(problems[0].what, "profile.acme.override.a needs when");

    let good = text.replace("verdict", "when = { code = [\"x\"] }\nverdict");
    let root = DeTable::parse(&good).unwrap();
    let profile =
        parse_table("acme", "profile.acme", &Lines::of(&good), &root.get_ref()["profile"].get_ref()["acme"])
            .unwrap();
    assert_eq!((&*profile.name, &*profile.title, profile.overrides.len()), ("acme", "acme", 1));

    for (name, text, expect) in [
        ("acme", "profile.acme = 1", "profile.acme must be a table: [profile.acme]"),
        ("Acme", "[profile.Acme]", "the profile's name \"Acme\" is no kebab-case name"),
    ] {
        let root = DeTable::parse(text).unwrap();
        let table = &root.get_ref()["profile"].get_ref()[name];
        let problems = parse_table(name, &format!("profile.{name}"), &Lines::of(text), table).unwrap_err();
        assert!(problems[0].what.contains(expect), "{problems:?}");
    }
}
