//! What a profile says holds for its provider's answers, and costs nobody a login by being wrong.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use renewd_core::{MemberIs, Override, Profile, Secret, Span, StatusRange, Verdict, When};

use crate::cases;
use crate::draw::{bodies, granted, headers, json, sent, statuses, texts};
use crate::promises::exchange::{Exchange, paths};
use crate::promises::hold;

type Text = Cow<'static, str>;

fn owned(texts: Vec<String>) -> Cow<'static, [Text]> {
    texts.into_iter().map(Cow::Owned).collect()
}

/// Paths that lead somewhere, to nothing, and such as no parser would let through.
fn a_path() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec![
            "access_token", "data.access_token", "data.refresh_token", "authed_user.access_token", "errors[0].code",
            "errors[*].resource", "error.type", "data.items[1].x", "[0].access_token", "refreshToken", "scope",
        ])
        .prop_map(String::from),
        1 => "[a-z.\\[\\]*0-9]{0,30}",
        1 => any::<String>(),
    ]
}

fn overrides() -> impl Strategy<Value = Override> {
    let verdict = select(vec![
        Verdict::Success,
        Verdict::Transient,
        Verdict::RateLimited,
        Verdict::PermanentGrant,
        Verdict::PermanentClient,
        Verdict::ProtocolErrorTransient,
        Verdict::RetryImmediately,
    ]);
    // Most have one condition or two, and most of those fit what is drawn beside them: see the test of that.
    let range = prop_oneof![
        2 => Just(StatusRange { from: 200, to: 299 }),
        1 => Just(StatusRange { from: 400, to: 403 }),
        1 => (100_u16..700, any::<u16>()).prop_map(|(from, to)| StatusRange { from, to }),
    ];
    let some = |fitting: Vec<&'static str>| {
        let one = prop_oneof![3 => select(fitting).prop_map(String::from), 1 => texts()];
        prop_oneof![3 => Just(Vec::new()), 2 => vec(one, 1..3)].prop_map(owned)
    };
    let path = prop_oneof![
        3 => select(vec!["token_type", "expires_in", "code", "message", "error"]).prop_map(String::from),
        1 => a_path(),
    ];
    let member = (path, some(vec!["bearer", "3600", "odd", "invalid_grant", "said so"]))
        .prop_map(|(path, equals)| MemberIs { path: Cow::Owned(path), equals });
    let when = (
        prop_oneof![1 => Just(Vec::new()), 1 => vec(range, 1..3)],
        some(vec!["odd", "Odd", "invalid_grant"]),
        some(vec!["said", "SO"]),
        some(vec!["access_token", "Said"]),
        prop_oneof![2 => Just(Vec::new()), 1 => vec(member, 1..3)],
    )
        .prop_map(|(status, code, words, page, members)| When {
            status: status.into(),
            code,
            words,
            page,
            members: members.into(),
        });
    (when, verdict, any::<bool>(), any::<Option<u64>>(), texts()).prop_map(
        |(when, verdict, may_have_rotated, wait, message)| Override {
            name: Cow::Borrowed("of-our-own"),
            when,
            verdict,
            may_have_rotated,
            retry_after: wait.map(Span::from_secs),
            message: Cow::Owned(message),
            source: None,
        },
    )
}

fn profile(fields: Vec<(&'static str, String)>, overrides: Vec<Override>) -> Profile {
    let numbered = overrides.into_iter().enumerate();
    let overrides: Vec<Override> =
        numbered.map(|(at, one)| Override { name: Cow::Owned(format!("of-our-own-{at}")), ..one }).collect();
    let mut profile = Profile { name: Cow::Borrowed("own"), overrides: overrides.into(), ..Profile::GENERIC };
    for (member, path) in fields {
        paths(&mut profile.fields, member).unwrap().to_mut().push(Cow::Owned(path));
    }
    profile
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let member = select(vec![
        "access_token",
        "refresh_token",
        "id_token",
        "token_type",
        "scope",
        "expires_in",
        "expires_at",
        "issued_at",
        "refresh_token_expires_in",
        "error",
        "error_description",
    ]);
    vec((member, a_path()), 0..6)
}

/// An answer that says something besides, for overrides to go by.
fn saying(text: &str, said: bool) -> String {
    if said { text.replacen('{', "{\"code\":\"odd\",\"message\":\"said so\",", 1) } else { text.to_owned() }
}

/// Paths at which the answers here have nothing.
fn nowhere() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let member = select(vec!["access_token", "refresh_token", "token_type", "expires_in", "error"]);
    vec((member, "(nowhere|no)(\\.where|\\[0\\]|\\[\\*\\]\\.x){1,2}"), 0..6)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn whatever_a_profile_says_the_promises_hold(
        status in statuses(), headers in headers(), body in bodies(), fields in fields(),
        overrides in vec(overrides(), 0..4),
    ) {
        let mut exchange = sent(Exchange::plain(status, headers, body, false));
        exchange.profile = profile(fields, overrides);
        hold(&exchange);
    }

    #[test]
    fn no_override_makes_a_success_of_anything_or_loses_a_refresh_token(
        granted in granted(), said: bool, overrides in vec(overrides(), 0..4), status in 200_u16..300,
    ) {
        let mut exchange = json(status, saying(&granted.text, said));
        exchange.profile = profile(Vec::new(), overrides);
        let judgement = hold(&exchange);
        let kept = judgement.refresh_token.as_ref().and_then(Secret::expose_str);
        prop_assert_eq!(kept, Some(granted.refresh_token.as_str()));
    }

    #[test]
    fn paths_that_lead_nowhere_leave_the_standard_names(granted in granted(), fields in nowhere()) {
        let mut exchange = json(200, granted.text.as_str());
        exchange.profile = profile(fields, Vec::new());
        let judgement = hold(&exchange);
        prop_assert_eq!(judgement.verdict, Verdict::Success);
        let kept = judgement.refresh_token.as_ref().and_then(Secret::expose_str);
        prop_assert_eq!(kept, Some(granted.refresh_token.as_str()));
    }
}

/// What is drawn here is worth something only where overrides decide, by each of their conditions.
#[test]
fn overrides_are_drawn_that_decide() {
    let mut runner = TestRunner::deterministic();
    let drawn = (granted(), any::<bool>(), vec(overrides(), 0..4), 200_u16..300);
    let (mut decided, mut by) = (0, [0; 5]);
    for _ in 0..400 {
        let (granted, said, overrides, status) = drawn.new_tree(&mut runner).unwrap().current();
        let mut exchange = json(status, saying(&granted.text, said));
        exchange.profile = profile(Vec::new(), overrides);
        let rule = hold(&exchange).evidence.rule;
        let Some(number) = rule.strip_prefix("own/of-our-own-") else { continue };
        let When { status, code, words, members, page } =
            &exchange.profile.overrides[number.parse::<usize>().unwrap()].when;
        decided += 1;
        let given =
            [!status.is_empty(), !code.is_empty(), !words.is_empty(), !members.is_empty(), !page.is_empty()];
        by.iter_mut().zip(given).for_each(|(count, given)| *count += usize::from(given));
    }
    assert!(decided >= 80 && by.iter().all(|count| *count >= 10), "{decided} of 400, by {by:?}");
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn built_in_profiles_lose_nothing_of_a_plain_success(granted in granted(), text in texts()) {
        for built_in in Profile::built_in() {
            let mut exchange = json(200, granted.text.as_str());
            exchange.profile = built_in.clone();
            let judgement = hold(&exchange);
            let kept = judgement.refresh_token.as_ref().and_then(Secret::expose_str);
            prop_assert_eq!(kept, Some(granted.refresh_token.as_str()), "{}", built_in.name);
            let mut refused = json(400, serde_json::json!({"error": text, "error_description": text}).to_string());
            refused.profile = built_in.clone();
            hold(&refused);
        }
    }
}
