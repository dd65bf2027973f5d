//! What a profile says holds for its provider's answers, and costs nobody a login by being wrong.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
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
    let range = (100_u16..700, any::<u16>()).prop_map(|(from, to)| StatusRange { from, to });
    let short = || vec(texts(), 0..3).prop_map(owned);
    let member = (a_path(), short()).prop_map(|(path, equals)| MemberIs { path: Cow::Owned(path), equals });
    let when = (vec(range, 0..3), short(), short(), short(), vec(member, 0..3)).prop_map(
        |(status, code, words, page, members)| When {
            status: status.into(),
            code,
            words,
            page,
            members: members.into(),
        },
    );
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
        granted in granted(), overrides in vec(overrides(), 0..4), status in 200_u16..300,
    ) {
        let mut exchange = json(status, granted.text.as_str());
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
