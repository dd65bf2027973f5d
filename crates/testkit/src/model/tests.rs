//! Replay semantics of every class, as pure model tests.

use super::*;

const CLIENT: &str = "testkit-client";

fn model(class: AsClass) -> AsModel {
    AsModel::new(AsConfig { class, grace_ms: 1_000, lifetime_ms: 10_000, cap: 3, ..AsConfig::default() })
}

fn refresh(model: &mut AsModel, now_ms: u64, token: &str) -> AsReply {
    model.token_request(now_ms, &TokenForm::refresh(token).client(CLIENT))
}

/// A refresh that must succeed: the new access token, and the refresh token if one came.
fn refreshed(model: &mut AsModel, now_ms: u64, token: &str) -> (String, Option<String>) {
    let reply = refresh(model, now_ms, token);
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    (reply.json_text("access_token").unwrap(), reply.json_text("refresh_token"))
}

fn rotated(model: &mut AsModel, now_ms: u64, token: &str) -> (String, String) {
    let (access, refresh) = refreshed(model, now_ms, token);
    (access, refresh.expect("a rotated refresh token"))
}

fn assert_refused(reply: &AsReply) {
    assert_eq!((reply.status, reply.json_text("error").as_deref()), (400, Some("invalid_grant")));
}

fn last_verdict(model: &AsModel) -> TokenVerdict {
    model.log().last().and_then(|entry| entry.verdict).expect("a verdict")
}

#[test]
fn p0_keeps_the_refresh_token_and_any_replay_succeeds() {
    let mut model = model(AsClass::P0);
    let login = model.mint_grant(0);
    for now in [1, 2, 3_000] {
        let (_, token) = refreshed(&mut model, now, &login.refresh_token);
        assert_eq!(token, None);
    }
    model.configure(|config| config.repeat_refresh_token = true);
    let (_, token) = refreshed(&mut model, 4_000, &login.refresh_token);
    assert_eq!(token, Some(login.refresh_token));
    assert_eq!((model.totals().successes, model.totals().rotations), (4, 0));
}

#[test]
fn p1_rotates_and_every_older_refresh_token_stays_valid() {
    let mut model = model(AsClass::P1);
    let login = model.mint_grant(0);
    let (_, second) = rotated(&mut model, 1, &login.refresh_token);
    let (_, third) = rotated(&mut model, 2, &second);
    for token in [&login.refresh_token, &second, &third] {
        rotated(&mut model, 1_000_000, token);
    }
    assert_eq!((model.totals().replays, model.totals().reuse_trips), (2, 0));
}

#[test]
fn p2_reuse_revokes_the_family_with_its_newest_tokens() {
    let mut model = model(AsClass::P2);
    let login = model.mint_grant(0);
    let other = model.mint_grant(0);
    let (access, second) = rotated(&mut model, 1, &login.refresh_token);
    assert!(model.check_access(2, &access).is_valid());
    assert_refused(&refresh(&mut model, 2, &login.refresh_token));
    assert_eq!(last_verdict(&model), TokenVerdict::Reuse);
    assert_refused(&refresh(&mut model, 3, &second));
    assert_eq!(last_verdict(&model), TokenVerdict::RevokedGrant);
    assert_eq!(model.check_access(3, &access).name(), "revoked");
    assert!(!model.grant_alive(login.grant));
    assert!(model.check_access(3, &other.access_token).is_valid(), "another login is untouched");
    rotated(&mut model, 4, &other.refresh_token);
    let totals = model.totals();
    assert_eq!((totals.reuse_trips, totals.families_revoked, totals.invalid_grants), (1, 1, 2));
}

#[test]
fn p3_mints_a_sibling_within_the_grace_and_trips_after_it() {
    let mut model = model(AsClass::P3);
    let login = model.mint_grant(0);
    let (_, second) = rotated(&mut model, 100, &login.refresh_token);
    let (_, sibling) = rotated(&mut model, 1_099, &login.refresh_token);
    assert_eq!(last_verdict(&model), TokenVerdict::Sibling);
    assert_ne!(second, sibling);
    assert_eq!(model.ordinal(&second).unwrap().generation, model.ordinal(&sibling).unwrap().generation);
    assert_refused(&refresh(&mut model, 1_100, &login.refresh_token));
    assert_refused(&refresh(&mut model, 1_101, &second));
    assert_refused(&refresh(&mut model, 1_101, &sibling));
    assert_eq!(model.totals().reuse_trips, 1);
}

#[test]
fn p3_both_siblings_live_on_side_by_side() {
    let mut model = model(AsClass::P3);
    let login = model.mint_grant(0);
    let (_, second) = rotated(&mut model, 1, &login.refresh_token);
    let (_, sibling) = rotated(&mut model, 2, &login.refresh_token);
    rotated(&mut model, 3, &second);
    rotated(&mut model, 4, &sibling);
    assert_eq!(model.totals().reuse_trips, 0);
}

#[test]
fn p3_only_the_newest_superseded_generation_has_a_grace() {
    let mut model = model(AsClass::P3);
    let login = model.mint_grant(0);
    let (_, second) = rotated(&mut model, 1, &login.refresh_token);
    rotated(&mut model, 2, &second);
    assert_refused(&refresh(&mut model, 3, &login.refresh_token));
    assert_eq!(last_verdict(&model), TokenVerdict::Reuse);
}

#[test]
fn p4_repeats_the_same_successor_until_it_is_used() {
    let mut model = model(AsClass::P4);
    let login = model.mint_grant(0);
    let (first_access, second) = rotated(&mut model, 1, &login.refresh_token);
    let (again_access, again) = rotated(&mut model, 900_000, &login.refresh_token);
    assert_eq!(second, again);
    assert_ne!(first_access, again_access);
    assert_eq!(last_verdict(&model), TokenVerdict::Repeated);
    rotated(&mut model, 900_001, &second);
    assert_refused(&refresh(&mut model, 900_002, &login.refresh_token));
    assert_eq!(model.totals().reuse_trips, 1);
}

#[test]
fn p4_the_first_use_of_the_new_access_token_acknowledges_too() {
    let mut model = model(AsClass::P4);
    let login = model.mint_grant(0);
    let (_, _) = rotated(&mut model, 1, &login.refresh_token);
    assert!(model.check_access(2, &login.access_token).is_valid());
    let (access, _) = rotated(&mut model, 2, &login.refresh_token);
    assert!(model.check_access(3, &access).is_valid());
    assert_refused(&refresh(&mut model, 4, &login.refresh_token));
    assert_eq!(last_verdict(&model), TokenVerdict::Reuse);
}

#[test]
fn p5_a_replay_is_answered_with_an_older_refresh_token() {
    let mut model = model(AsClass::P5);
    let login = model.mint_grant(0);
    let (_, second) = rotated(&mut model, 1, &login.refresh_token);
    let (_, third) = rotated(&mut model, 2, &second);
    let (access, older) = rotated(&mut model, 3, &second);
    assert_eq!(older, login.refresh_token);
    assert_eq!(last_verdict(&model), TokenVerdict::Stale);
    assert!(model.check_access(4, &access).is_valid());
    assert_eq!(
        rotated(&mut model, 4, &login.refresh_token).1,
        login.refresh_token,
        "the oldest repeats itself"
    );
    assert_eq!(model.standing(4, &third), RefreshStanding::Current);
    assert_refused(&refresh(&mut model, 1_002, &second));
    assert_eq!(model.standing(1_002, &third), RefreshStanding::Revoked);
}

#[test]
fn p6_the_oldest_tokens_die_when_the_cap_is_passed() {
    let mut model = model(AsClass::P6);
    let first = model.mint_grant(0);
    let others: Vec<_> = (1..4).map(|now| model.mint_grant(now)).collect();
    assert_refused(&refresh(&mut model, 5, &first.refresh_token));
    assert_eq!(last_verdict(&model), TokenVerdict::Evicted);
    assert_eq!(model.check_access(5, &first.access_token).name(), "revoked");
    assert_eq!(model.totals().evictions, 2);
    rotated(&mut model, 6, &others[2].refresh_token);
    rotated(&mut model, 7, &others[2].refresh_token);
    assert_eq!(model.totals().reuse_trips, 0);
}

#[test]
fn the_same_seed_and_calls_give_the_same_answers_in_every_class() {
    for class in AsClass::ALL {
        let run = |seed| {
            let mut model = AsModel::new(AsConfig { class, seed, ..AsConfig::default() });
            let login = model.mint_grant(0);
            let replies: Vec<_> =
                (0..4).map(|step| refresh(&mut model, step * 20_000, &login.refresh_token)).collect();
            (login, replies, model.totals(), model.log().cloned().collect::<Vec<_>>())
        };
        assert!(run(7) == run(7), "{class}");
        assert!(run(7).0 != run(8).0, "{class}: another seed, other tokens");
    }
}

#[test]
fn an_access_token_expires_exactly_at_its_lifetime() {
    let mut model = model(AsClass::P2);
    let login = model.mint_grant(500);
    let check = model.check_access(10_499, &login.access_token);
    assert_eq!(check, AccessCheck::Valid { ordinal: check.ordinal().unwrap(), left_ms: 1 });
    assert_eq!(model.check_access(10_500, &login.access_token).name(), "expired");
    assert_eq!(model.check_access(0, "at_unknown"), AccessCheck::Unknown);
    assert_eq!((model.totals().access_checks, model.totals().access_refused), (3, 2));
}

#[test]
fn a_refresh_token_with_a_lifetime_says_so_and_expires() {
    let mut model = model(AsClass::P2);
    model.configure(|config| config.rt_lifetime_ms = Some(60_000));
    let login = model.mint_grant(0);
    let reply = refresh(&mut model, 59_999, &login.refresh_token);
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert!(text.contains("\"refresh_token_expires_in\":60"), "{text}");
    let second = reply.json_text("refresh_token").unwrap();
    assert_eq!(model.standing(119_999, &second), RefreshStanding::Expired);
    assert_refused(&refresh(&mut model, 119_999, &second));
    assert_eq!(last_verdict(&model), TokenVerdict::ExpiredGrant);
}

#[test]
fn older_access_tokens_die_at_a_refresh_where_configured() {
    let mut model = model(AsClass::P2);
    model.configure(|config| config.access_dies_on_refresh = true);
    let login = model.mint_grant(0);
    let (access, _) = rotated(&mut model, 1, &login.refresh_token);
    assert_eq!(model.check_access(2, &login.access_token).name(), "revoked");
    assert!(model.check_access(2, &access).is_valid());
}

#[test]
fn client_authentication_is_checked_in_every_form() {
    let auths = |rt: &str| {
        let form = TokenForm::refresh(rt);
        [
            form.clone(),
            form.clone().client("id"),
            form.clone().post("id", "secret"),
            form.clone().basic("id", "secret"),
            form.clone().post("id", "wrong"),
            form.basic("id", "wrong"),
        ]
    };
    let table = [
        (None, ClientAuth::Any, [401, 200, 401, 401, 401, 401]),
        (Some("secret"), ClientAuth::Any, [401, 401, 200, 200, 401, 401]),
        (Some("secret"), ClientAuth::Basic, [401, 401, 401, 200, 401, 401]),
        (Some("secret"), ClientAuth::Post, [401, 401, 200, 401, 401, 401]),
    ];
    for (secret, client_auth, wanted) in table {
        let mut model = AsModel::new(AsConfig {
            class: AsClass::P0,
            client_id: "id".into(),
            client_secret: secret.map(str::to_owned),
            client_auth,
            ..AsConfig::default()
        });
        let login = model.mint_grant(0);
        let replies = auths(&login.refresh_token).map(|form| model.token_request(1, &form));
        let statuses = replies.each_ref().map(|reply| reply.status);
        // A public client that sends a secret all the same is a known client: the secret is ignored.
        let wanted = if secret.is_none() { [401, 200, 200, 401, 200, 401] } else { wanted };
        assert_eq!(statuses, wanted, "{secret:?} {client_auth:?}");
        assert_eq!(replies[5].header("www-authenticate"), Some("Basic realm=\"testkit\""));
        assert_eq!(replies[0].json_text("error").as_deref(), Some("invalid_client"));
    }
}

#[test]
fn a_refused_client_spends_nothing_and_heals() {
    let mut model = model(AsClass::P2);
    let login = model.mint_grant(0);
    model.refuse_client(true);
    assert_eq!(refresh(&mut model, 1, &login.refresh_token).status, 401);
    model.refuse_client(false);
    rotated(&mut model, 2, &login.refresh_token);
    assert_eq!(model.totals().invalid_clients, 1);
}

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let mut model = model(AsClass::P2);
    let login = model.mint_grant(0);
    let good = TokenForm::refresh(&login.refresh_token).client(CLIENT);
    let table = [
        (TokenForm { grant_type: None, ..good.clone() }, "invalid_request"),
        (TokenForm { grant_type: Some("password".into()), ..good.clone() }, "unsupported_grant_type"),
        (TokenForm { refresh_token: None, ..good.clone() }, "invalid_request"),
        (TokenForm { repeated: Some("scope".into()), ..good }, "invalid_request"),
    ];
    for (form, code) in table {
        let reply = model.token_request(1, &form);
        assert_eq!((reply.status, reply.json_text("error").as_deref()), (400, Some(code)));
    }
    assert_eq!(model.totals().invalid_requests, 4);
    rotated(&mut model, 2, &login.refresh_token);
}

#[test]
fn revoking_a_refresh_token_ends_the_grant_and_an_access_token_only_itself() {
    let mut model = model(AsClass::P2);
    let login = model.mint_grant(0);
    let (access, second) = rotated(&mut model, 1, &login.refresh_token);
    let form = TokenForm::revocation(&access).client(CLIENT);
    assert_eq!(model.revocation_request(&form).status, 200);
    assert_eq!(model.check_access(2, &access).name(), "revoked");
    assert!(model.check_access(2, &login.access_token).is_valid());
    assert_eq!(model.standing(2, &second), RefreshStanding::Current);
    let form = TokenForm::revocation(&login.refresh_token).client(CLIENT);
    assert_eq!(model.revocation_request(&form).status, 200);
    assert_eq!(model.standing(2, &second), RefreshStanding::Revoked);
    let unknown = TokenForm::revocation("x").client(CLIENT);
    assert_eq!(model.revocation_request(&unknown).status, 200, "RFC 7009 section 2.2");
    assert_eq!(model.revocation_request(&TokenForm::revocation("x")).status, 401);
    assert_eq!(model.revocation_request(&TokenForm::default().client(CLIENT)).status, 400);
    assert_eq!(model.totals().revocations, 2);
}

#[test]
fn the_access_token_issued_last_can_be_revoked_without_knowing_it() {
    let mut model = model(AsClass::P2);
    assert_eq!(model.revoke_latest_access(), None);
    let login = model.mint_grant(0);
    let (access, _) = rotated(&mut model, 1, &login.refresh_token);
    let ordinal = model.revoke_latest_access();
    assert_eq!(ordinal, Some(AccessOrdinal { grant: login.grant, ordinal: 2 }));
    assert_eq!(model.check_access(2, &access).name(), "revoked");
    assert!(model.check_access(2, &login.access_token).is_valid());
}

#[test]
fn the_log_tells_which_generation_was_presented_and_never_a_token() {
    let mut model = model(AsClass::P2);
    let login = model.mint_grant(0);
    let (_, second) = rotated(&mut model, 5, &login.refresh_token);
    let (access, _) = rotated(&mut model, 6, &second);
    let entries: Vec<_> = model.log().cloned().collect();
    assert_eq!(entries[1].number, 2);
    assert_eq!(entries[1].at_ms, 6);
    assert_eq!(entries[1].presented.map(|rt| (rt.ordinal, rt.generation)), Some((2, 2)));
    assert_eq!(entries[1].issued.map(|rt| rt.generation), Some(3));
    assert_eq!(entries[1].parameters, ["grant_type", "refresh_token", "client_id"]);
    let shown = format!("{model:?}{entries:?}{login:?}{:?}", refresh(&mut model, 7, &second));
    for secret in [login.refresh_token.as_str(), &second, &access] {
        assert!(!shown.contains(&secret[3..]), "a token in debug output");
    }
}

#[test]
fn the_log_keeps_a_bounded_number_of_entries() {
    let mut model = model(AsClass::P0);
    let login = model.mint_grant(0);
    for now in 0..LOG_ENTRIES as u64 + 5 {
        refresh(&mut model, now, &login.refresh_token);
    }
    assert_eq!(model.log().count(), LOG_ENTRIES);
    assert_eq!(model.log().next().map(|entry| entry.number), Some(6));
}
