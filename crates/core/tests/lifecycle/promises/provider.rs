//! What a profile promises about its provider: how a refresh is asked for, how often, and how its refusals are met.

use std::borrow::Cow;

use crate::host::*;
use renewd_core::*;

const MINUTE: Span = Span::from_mins(1);

fn counting() -> Profile {
    Profile { min_interval: Some(MINUTE), ..Profile::generic() }
}

fn host(profile: Profile) -> Host {
    Host::new(setup_with(Policy::for_profile(&profile), profile, Client::public("cli")), Some(login(1)))
}

fn gaps(h: &Host) -> Vec<Span> {
    h.requests.windows(2).map(|w| w[1].since(w[0])).collect()
}

#[test]
fn attempts_keep_the_distance_that_the_provider_counts_by() {
    let mut h = host(counting());
    h.server.mode = Mode::Status(503);
    h.pass(mins(5));
    assert!(h.requests.len() > 2 && gaps(&h).iter().all(|gap| *gap >= MINUTE), "{:?}", gaps(&h));
    let _ = h.ask();
    h.input(Input::Refresh);
    assert!(gaps(&h).iter().all(|gap| *gap >= MINUTE), "asking does not help: {:?}", gaps(&h));
}

#[test]
fn what_the_provider_never_saw_it_did_not_count() {
    let mut h = host(counting());
    h.server.mode = Mode::Unreachable;
    h.pass(mins(2));
    assert!(gaps(&h).iter().any(|gap| *gap < MINUTE), "{:?}", gaps(&h));
}

#[test]
fn a_user_who_sets_a_shorter_distance_knows_better() {
    let mut policy = Policy::for_profile(&counting());
    policy.refresh.min_interval = Some(Span::from_secs(1));
    let mut h = Host::new(setup_with(policy, counting(), Client::public("cli")), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(mins(2));
    assert!(gaps(&h).iter().any(|gap| *gap < MINUTE), "{:?}", gaps(&h));
}

#[test]
fn a_user_who_spares_the_provider_more_still_gets_over_a_failure_as_soon_as_it_allows() {
    let mut policy = Policy::for_profile(&counting());
    policy.refresh.min_interval = Some(mins(30));
    let mut h = Host::new(setup_with(policy, counting(), Client::public("cli")), Some(login(1)));
    h.server.script = [Mode::Status(503)].into();
    h.pass(mins(5));
    assert_eq!((h.requests.len(), h.view().phase), (2, Phase::Fresh));
    assert!(gaps(&h)[0] >= MINUTE, "{:?}", gaps(&h));
}

#[test]
fn the_scope_that_the_login_was_told_goes_before_the_one_that_was_granted() {
    let refresh = RefreshRequest { scope: true, ..RefreshRequest::PLAIN };
    let profile = Profile { refresh, ..Profile::generic() };
    let scope_sent = |told: Option<&str>| {
        let mut record = login_with_token(1, 3600);
        record.settings.scope = told.map(String::from);
        record.grant.access[0].key.scope = Some("granted".into());
        let mut h =
            Host::new(setup_with(Policy::default(), profile.clone(), Client::public("cli")), Some(record));
        h.input(Input::Refresh);
        h.pass(secs(5));
        let body = h.last_request.as_ref().unwrap().body.expose_str().unwrap().to_owned();
        body.split('&').find_map(|pair| pair.strip_prefix("scope=").map(String::from))
    };
    assert_eq!(scope_sent(Some("told")).as_deref(), Some("told"));
    assert_eq!(scope_sent(None).as_deref(), Some("granted"));
}

// rfc-test: 6749-6
#[test]
fn a_refresh_never_names_a_scope_beyond_the_one_that_was_granted() {
    let scope_sent = |profile: Profile, asked: &str, granted: Option<&str>| {
        let mut record = login_with_token(1, 3600);
        record.grant.access[0].key.scope = granted.map(String::from);
        let client = Client { scope: Some(asked.into()), ..Client::public("cli") };
        let mut h = Host::new(setup_with(Policy::default(), profile, client), Some(record));
        h.input(Input::Refresh);
        h.pass(secs(5));
        let body = h.last_request.as_ref().unwrap().body.expose_str().unwrap().to_owned();
        body.split('&').find_map(|pair| pair.strip_prefix("scope=").map(String::from))
    };
    let generic = Profile::generic;
    assert_eq!(scope_sent(generic(), "a b", Some("b a c")).as_deref(), Some("a+b"), "less than granted");
    assert_eq!(scope_sent(generic(), "a b", None).as_deref(), Some("a+b"), "nobody said what was granted");
    assert_eq!(scope_sent(generic(), "a b", Some("a")), None, "the person withheld one");
    assert_eq!(scope_sent(generic(), "a b", Some("a,b")), None, "spelt anew");
    let refresh = RefreshRequest { scope: true, ..RefreshRequest::PLAIN };
    let named = Profile { refresh, ..generic() };
    assert_eq!(scope_sent(named, "a b", Some("a")).as_deref(), Some("a+b"), "the provider's own rule");
}

#[test]
fn refreshes_that_nobody_needs_keep_the_distance_too() {
    let profile = Profile { min_interval: Some(mins(4)), ..Profile::generic() };
    let mut h = Host::new(setup_with(Policy::default(), profile, Client::public("cli")), Some(login(1)));
    h.server.mode = Mode::Ok(300);
    h.pass(mins(30));
    assert!(h.requests.len() > 4 && gaps(&h).iter().all(|gap| *gap >= mins(4)), "{:?}", gaps(&h));
}

#[test]
fn an_override_and_its_wait_decide_what_happens_next() {
    let profile = Profile {
        name: Cow::Borrowed("example"),
        overrides: Cow::Owned(vec![Override {
            name: Cow::Borrowed("locked-out"),
            when: When { words: Cow::Owned(vec!["continuously".into()]), ..When::ANY },
            verdict: Verdict::RateLimited,
            may_have_rotated: false,
            retry_after: Some(mins(10)),
            message: Cow::Borrowed("too many refreshes"),
            source: None,
        }]),
        ..Profile::generic()
    };
    let mut h = host(profile);
    let refusal = r#"{"error":"access_denied","error_description":"Asked continuously."}"#;
    h.server.script = [Mode::Says(400, None, refusal)].into();
    h.pass(mins(15));
    assert_eq!((h.requests.len(), h.view().phase), (2, Phase::Fresh), "the login lives");
    assert!(gaps(&h)[0] >= mins(10), "{:?}", gaps(&h));
}

#[test]
fn a_lifetime_that_no_answer_names_is_the_providers() {
    let profile = Profile { lifetime: Some(Span::from_hours(8)), ..Profile::generic() };
    let mut h = host(profile);
    h.server.mode = Mode::OkRaw("");
    h.pass(mins(1));
    let lives = h.store.record.as_ref().and_then(|r| r.access()).map(|a| (a.lifetime, a.lifetime_given));
    assert_eq!(lives, Some((Span::from_hours(8), false)));
}

#[test]
fn a_refresh_carries_what_the_provider_wants_and_the_scope_where_it_must_be_named_again() {
    let profile = Profile {
        refresh: RefreshRequest {
            scope: true,
            parameters: Cow::Owned(vec![("team".into(), "7".into()), ("own".into(), "no".into())]),
            headers: Cow::Owned(vec![("Accept".into(), "application/vnd.example+json".into())]),
            ..RefreshRequest::PLAIN
        },
        ..Profile::generic()
    };
    let client = Client { extra_parameters: vec![("own".into(), "yes".into())], ..Client::public("cli") };
    let mut record = login(1);
    record.settings.scope = Some("read offline".into());
    let mut h = Host::new(setup_with(Policy::default(), profile, client), Some(record));
    h.pass(secs(5));
    let request = h.last_request.as_ref().unwrap();
    assert_eq!(
        request.body.expose_str(),
        Some("grant_type=refresh_token&refresh_token=rt-0&client_id=cli&scope=read+offline&own=yes&team=7")
    );
    let accept = request.headers.iter().find(|(name, _)| name == "Accept").and_then(|(_, v)| v.expose_str());
    assert_eq!(accept, Some("application/vnd.example+json"));
}

#[test]
fn a_refresh_and_a_revocation_use_the_providers_names_and_a_revocation_nothing_else_of_it() {
    let profile = Profile {
        refresh: RefreshRequest {
            names: Cow::Owned(vec![("client_id".into(), "client_key".into())]),
            parameters: Cow::Owned(vec![("team".into(), "7".into())]),
            ..RefreshRequest::PLAIN
        },
        ..Profile::generic()
    };
    let mut h = host(profile);
    h.pass(secs(5));
    assert_eq!(
        h.last_request.as_ref().and_then(|request| request.body.expose_str()),
        Some("grant_type=refresh_token&refresh_token=rt-0&client_key=cli&team=7")
    );
    h.log_out();
    assert_eq!(
        h.last_revocation.as_ref().and_then(|request| request.body.expose_str()),
        Some("token=at-1&token_type_hint=access_token&client_key=cli")
    );
}

#[test]
fn a_demand_for_a_nonce_is_met_at_once_and_once_for_each_nonce() {
    let wants = |nonce| Mode::Says(400, Some(("DPoP-Nonce", nonce)), r#"{"error":"use_dpop_nonce"}"#);
    let mut h = host(Profile::generic());
    h.server.script = [wants("n1"), wants("n2"), wants("n2"), wants("n3")].into();
    h.pass(mins(3));
    let at_once: Vec<bool> = gaps(&h).iter().map(|gap| *gap < secs(1)).collect();
    // n1 at once; n2 is a second demand in a row, and waits; n2 again is known and waits; n3 is new.
    assert_eq!(at_once, [true, false, false, true]);
    assert_eq!(h.view().phase, Phase::Fresh);
}

#[test]
fn at_once_is_not_at_once_where_the_server_says_when() {
    let mut h = host(Profile::generic());
    h.server.script = [Mode::Says(425, Some(("Retry-After", "20")), "")].into();
    h.pass(mins(2));
    assert!(gaps(&h).len() == 1 && gaps(&h)[0] >= secs(20), "{:?}", gaps(&h));
}

#[test]
fn a_grace_shortens_the_wait_and_only_where_a_replay_is_harmless() {
    let settle = Span::from_secs(35);
    let of = |as_class, grace| Profile { as_class, grace, ..Profile::generic() }.settle(settle);
    let (long, short) = (Span::from_hours(1), Span::from_secs(10));
    for class in [AsClass::P0, AsClass::P1, AsClass::P2, AsClass::P4, AsClass::P5, AsClass::P6] {
        assert_eq!(of(class, short), settle, "{class:?}");
    }
    assert_eq!((of(AsClass::P3, short), of(AsClass::P3, long)), (Span::from_secs(5), settle));
    assert_eq!(of(AsClass::P3, Span::ZERO), settle);
}
