//! One grant, several audiences.

use renewd_core::*;

use crate::host::*;

fn to(resource: &str) -> AccessKey {
    AccessKey { resource: Some(resource.into()), ..AccessKey::default() }
}

const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// The fields of the last request.
fn fields(h: &Host) -> String {
    let body = &h.last_request.as_ref().expect("a request").body;
    String::from_utf8(body.expose().to_vec()).expect("a form is text")
}

fn refuses(code: &'static str) -> Mode {
    Mode::Says(400, None, code)
}

const INVALID_TARGET: &str = r#"{"error":"invalid_target"}"#;

impl Host {
    /// Asks as a caller does that wants a token for this key.
    fn ask_of(&mut self, key: &AccessKey) -> Result<String, String> {
        self.input(Input::DemandFor { key: key.clone(), min_validity: Span::ZERO });
        self.served(key)
    }

    fn served(&self, key: &AccessKey) -> Result<String, String> {
        match self.machine.serve_for(key, self.now, Span::ZERO) {
            Serve::Token { access, .. } => Ok(access.token.expose_str().expect("text").into()),
            Serve::Wait => Err("wait".into()),
            Serve::Unavailable(u) => {
                Err(format!("{} {}", u.status.name(), u.cause.map_or("-", |c| c.name())))
            }
        }
    }

    fn version_of(&self, key: &AccessKey) -> (u64, u64) {
        match self.machine.serve_for(key, self.now, Span::ZERO) {
            Serve::Token { epoch, generation, .. } => (epoch, generation),
            Serve::Wait | Serve::Unavailable(_) => panic!("no token"),
        }
    }
}

fn rested() -> Host {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    h
}

#[test]
fn a_token_for_another_resource_costs_one_ordinary_refresh_and_the_others_stay() {
    let mut h = rested();
    assert_eq!(h.ask_of(&to(A)), Err("wait".into()));
    h.pass(secs(1));
    assert!(fields(&h).contains("resource=https%3A%2F%2Fa.example"), "{}", fields(&h));
    assert_eq!(h.ask_of(&to(A)), Ok("at-1".into()));
    assert_eq!(h.ask(), Ok("at-0".into()), "the login's own token stays what it was");
    assert_eq!(h.ask_of(&to(B)), Err("wait".into()));
    h.pass(secs(1));
    assert_eq!((h.ask_of(&to(A)), h.ask_of(&to(B))), (Ok("at-1".into()), Ok("at-2".into())));
    assert_eq!((h.requests.len(), h.server.reuse_trips), (2, 0));
    let record = h.store.record.as_ref().unwrap();
    assert_eq!((record.generation, record.grant.access.len()), (2, 3));
    assert!(record.intent.is_none());
    let key = |at: usize| record.grant.access[at].key.resource.as_deref();
    assert_eq!((key(0), key(1), key(2)), (None, Some(A), Some(B)));
}

#[test]
fn each_token_keeps_the_version_that_brought_it() {
    let mut h = rested();
    let _ = h.ask_of(&to(A));
    h.pass(secs(1));
    let _ = h.ask_of(&to(B));
    h.pass(secs(1));
    assert_eq!((h.version_of(&to(A)), h.version_of(&to(B))), ((1, 1), (1, 2)));
    assert_eq!(h.version_of(&AccessKey::default()), (1, 0));
    let published = h.last_published.as_ref().unwrap();
    assert_eq!((published.epoch, published.generation), (1, 0), "nothing new on the fast path");
}

#[test]
fn callers_of_three_audiences_are_served_one_after_the_other_by_one_refresh_each() {
    let mut h = rested();
    let keys = [to(A), to(B), to("https://c.example")];
    for _ in 0..20 {
        for key in &keys {
            assert_eq!(h.ask_of(key), Err("wait".into()));
        }
    }
    // The host allows one request on the wire at a time, and the server rotates strictly.
    h.pass(secs(5));
    assert_eq!((h.requests.len(), h.server.reuse_trips), (3, 0));
    for key in &keys {
        assert!(h.ask_of(key).is_ok());
    }
    assert_eq!(h.requests.len(), 3);
}

#[test]
fn the_login_s_own_key_is_its_own_however_it_is_named() {
    let mut record = login_with_token(1, 3600);
    record.identity.resource = Some(A.into());
    record.settings.scope = Some("write read".into());
    let mut h = Host::new(setup(), Some(record));
    h.pass(mins(1));
    let scoped = |scope: &str, resource: Option<&str>| AccessKey {
        scope: Some(scope.into()),
        resource: resource.map(String::from),
        audience: None,
    };
    for key in [to(A), AccessKey::default(), scoped("read write", None), scoped("read  write read", Some(A))]
    {
        assert_eq!(h.ask_of(&key), Ok("at-0".into()), "{key}");
    }
    assert_eq!(h.requests.len(), 0);
    // A scope alone is for the login's own resource.
    let _ = h.ask_of(&scoped("read", None));
    h.pass(secs(1));
    let sent = fields(&h);
    assert!(sent.contains("scope=read&") && sent.contains("resource=https%3A%2F%2Fa.example"), "{sent}");
    assert_eq!(h.ask_of(&scoped("read", Some(A))), Ok("at-1".into()), "the same key");
}

#[test]
fn a_scope_granted_narrower_is_kept_under_what_was_asked_and_shown_as_granted() {
    let mut h = rested();
    let key = AccessKey { scope: Some("b a".into()), ..to(A) };
    h.server.mode = Mode::Says(
        200,
        None,
        r#"{"access_token":"at-x","token_type":"Bearer","expires_in":3600,"scope":"a"}"#,
    );
    let _ = h.ask_of(&key);
    h.pass(secs(1));
    assert_eq!(h.served(&key), Ok("at-x".into()));
    let kept = h.store.record.as_ref().unwrap().grant.access.last().unwrap().clone();
    assert_eq!((kept.key.scope.as_deref(), kept.scope()), (Some("a b"), Some("a")));
}

#[test]
fn a_401_of_another_audience_renews_that_one_and_no_other() {
    let mut h = rested();
    for resource in [A, B] {
        let _ = h.ask_of(&to(resource));
        h.pass(secs(1));
    }
    h.pass(mins(5));
    let (epoch, generation) = h.version_of(&to(A));
    for _ in 0..20 {
        h.input(Input::Rejected { epoch, generation });
    }
    assert_eq!(h.served(&to(A)), Err("wait".into()), "a refused token is not served");
    let refused = Report::Rejected { key: Some(to(A)), epoch, generation };
    assert_eq!(h.reports().filter(|r| matches!(r, Report::Rejected { .. })).collect::<Vec<_>>(), [&refused]);
    h.pass(mins(1));
    assert_eq!(h.requests.len(), 3);
    assert_eq!(
        (h.ask(), h.served(&to(A)), h.served(&to(B))),
        (Ok("at-0".into()), Ok("at-3".into()), Ok("at-2".into()))
    );
    h.input(Input::Rejected { epoch, generation });
    h.pass(mins(1));
    assert_eq!(h.requests.len(), 3, "an old generation costs nothing");
}

#[test]
fn a_token_refused_right_after_a_401_had_asked_for_it_is_passed_through() {
    let mut h = rested();
    let _ = h.ask_of(&to(A));
    h.pass(mins(5));
    for _ in 0..10 {
        let (epoch, generation) = h.version_of(&to(A));
        h.input(Input::Rejected { epoch, generation });
        h.pass(secs(1));
    }
    assert_eq!(h.requests.len(), 2);
    assert_eq!(h.view().rejections_passed, 9);
    assert_eq!(h.served(&to(A)), Ok("at-2".into()));
}

#[test]
fn an_audience_that_the_server_refuses_fails_its_own_callers_and_nobody_else() {
    let mut h = rested();
    h.server.mode = refuses(INVALID_TARGET);
    assert_eq!(h.ask_of(&to(A)), Err("wait".into()));
    h.pass(secs(1));
    assert_eq!(h.served(&to(A)), Err("running audience_refused".into()));
    assert_eq!((h.ask(), h.status()), (Ok("at-0".into()), Status::Running));
    assert!(h.reports().any(|r| matches!(r, Report::AudienceRefused { key, .. } if *key == to(A))));
    assert!(h.store.record.as_ref().unwrap().intent.is_none());
    assert_eq!(h.view().health, Health::Healthy);
    for _ in 0..100 {
        assert_eq!(h.ask_of(&to(A)), Err("running audience_refused".into()));
        h.pass(secs(1));
    }
    assert_eq!(h.requests.len(), 1, "a no is not asked for again and again");
    h.server.mode = Mode::Ok(3600);
    assert_eq!(h.ask_of(&to(B)), Err("wait".into()));
    h.pass(secs(1));
    assert!(h.ask_of(&to(B)).is_ok());
    h.pass(mins(5));
    assert_eq!(h.ask_of(&to(A)), Err("wait".into()), "after a while it is");
    h.pass(secs(1));
    assert!(h.ask_of(&to(A)).is_ok());
}

#[test]
fn a_no_that_could_mean_the_grant_is_put_to_the_test_with_the_login_s_own_key() {
    for (answer, verdict) in
        [(Mode::Ok(3600), Status::Running), (Mode::InvalidGrant, Status::Unauthenticated)]
    {
        let mut h = rested();
        h.server.script = [Mode::InvalidGrant].into();
        h.server.mode = answer;
        let _ = h.ask_of(&to(A));
        h.pass(Span::from_millis(150));
        assert_eq!((h.requests.len(), h.ask_of(&to(A))), (2, Err("wait".into())), "nobody knows yet");
        h.pass(secs(3));
        assert_eq!(h.status(), verdict);
        assert_eq!(h.requests.len(), 2);
        assert!(!fields(&h).contains("resource"), "{}", fields(&h));
        let expected = if verdict == Status::Running {
            "running audience_refused"
        } else {
            "unauthenticated grant_refused"
        };
        assert_eq!(h.ask_of(&to(A)), Err(expected.into()));
    }
}

#[test]
fn an_outage_is_retried_for_the_login_s_own_key_and_the_other_comes_after() {
    let mut h = rested();
    h.server.script = [Mode::Status(503)].into();
    let _ = h.ask_of(&to(A));
    h.pass(mins(1));
    assert_eq!(h.served(&to(A)), Ok("at-2".into()));
    assert_eq!((h.ask(), h.requests.len()), (Ok("at-1".into()), 3));
}

#[test]
fn an_audience_that_alone_fails_can_neither_drag_the_credential_along_nor_make_it_rotate_without_end() {
    let mut h = rested();
    for _ in 0..600 {
        let failing = fails_for(&h, A);
        h.server.mode = if failing { Mode::Status(503) } else { Mode::Ok(3600) };
        let _ = h.ask_of(&to(A));
        h.pass(secs(1));
    }
    assert_eq!(h.status(), Status::Running);
    assert!(h.requests.len() <= 12, "{} requests in ten minutes", h.requests.len());
    assert_eq!(h.server.reuse_trips, 0);
}

/// Whether the next attempt will be for that resource.
fn fails_for(h: &Host, resource: &str) -> bool {
    // The first attempt, and each after one for the login's own.
    h.last_request.is_none() || !fields(h).contains(&resource.replace("://", "%3A%2F%2F"))
}

#[test]
fn a_lost_answer_of_another_audience_leaves_the_same_doubt_as_of_the_login_s_own() {
    let mut h = rested();
    h.server.script = [Mode::LoseAnswer].into();
    let _ = h.ask_of(&to(A));
    h.pass(secs(31));
    assert_eq!(h.view().phase, Phase::Settling);
    assert!(h.view().in_doubt);
    h.pass(mins(5));
    assert_eq!(h.server.reuse_trips, 1, "the server had rotated: as with any lost answer");
    assert_eq!(h.view().cause, Some(Cause::RotationLost));
}

#[test]
fn a_token_in_use_is_renewed_ahead_of_its_end_and_one_that_nobody_uses_is_not() {
    let mut h = rested();
    for resource in [A, B] {
        let _ = h.ask_of(&to(resource));
        h.pass(secs(1));
    }
    h.pass(mins(50));
    let before = h.requests.len();
    assert_eq!(h.ask_of(&to(A)), Ok("at-1".into()), "the old one, and a new one behind");
    h.pass(secs(1));
    assert_eq!(h.ask_of(&to(A)), Ok(format!("at-{}", before + 1)));
    h.pass(mins(30));
    let record = h.store.record.as_ref().unwrap();
    let of_b = record.other_access().find(|a| a.key == to(B)).unwrap();
    assert!(of_b.remaining(h.now, BOOT).is_zero(), "nobody used it, and no timer did");
    h.pass(hours(2));
    let record = h.store.record.as_ref().unwrap();
    assert!(record.other_access().all(|a| a.key != to(B)), "long over, and dropped");
}

#[test]
fn a_demand_for_another_audience_is_not_held_back_by_the_least_interval() {
    let mut h = Host::new(setup(), Some(login(1)));
    let _ = h.ask();
    h.pass(Span::from_millis(200));
    assert_eq!(h.ask(), Ok("at-1".into()));
    let _ = h.ask_of(&to(A));
    h.pass(Span::from_millis(200));
    assert_eq!(h.ask_of(&to(A)), Ok("at-2".into()));
}

#[test]
fn without_a_token_of_its_own_the_login_gets_that_one_first() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.latency = secs(2);
    assert_eq!(h.ask_of(&to(A)), Err("wait".into()));
    h.pass(secs(30));
    assert_eq!((h.ask(), h.ask_of(&to(A))), (Ok("at-1".into()), Ok("at-2".into())));
    assert_eq!(h.requests.len(), 2);
}

#[test]
fn no_more_than_a_handful_are_kept_and_taking_turns_does_not_rotate_without_end() {
    let mut h = rested();
    for second in 0..600u32 {
        for key in 0..24 {
            let _ = h.ask_of(&to(&format!("https://{key}.example")));
        }
        h.pass(secs(1));
        let kept = h.store.record.as_ref().unwrap().other_access().count();
        assert!(kept <= 16, "{kept} kept after {second} s");
    }
    // 16 at once, and then no key pushes another out that has not lived a minute.
    assert!(h.requests.len() <= 16 * 11, "{} requests in ten minutes", h.requests.len());
    assert_eq!(h.server.reuse_trips, 0);
}

#[test]
fn a_sibling_that_has_fetched_it_meanwhile_is_believed() {
    let mut h = rested();
    let mut theirs = h.store.record.clone().unwrap();
    theirs.generation += 1;
    theirs.grant.refresh_token = Some(Secret::from("rt-theirs"));
    theirs.grant.access[0].brought_by = Some(0);
    let stamp = Stamp::new(h.now, BOOT);
    theirs.grant.access.push(Access { key: to(A), ..access("at-theirs", stamp, 3600) });
    h.store.claim_taken = true;
    assert_eq!(h.ask_of(&to(A)), Err("wait".into()));
    h.store.record = Some(theirs);
    h.store.claim_taken = false;
    h.pass(secs(2));
    assert_eq!((h.ask_of(&to(A)), h.requests.len()), (Ok("at-theirs".into()), 0));
    assert_eq!(h.version_of(&AccessKey::default()), (1, 0));
}

#[test]
fn a_login_without_a_refresh_token_says_that_no_other_token_can_be_had() {
    let mut h = Host::new(setup(), Some(access_token_only(3600)));
    h.pass(secs(1));
    assert_eq!(h.ask_of(&to(A)), Err("running no_refresh_token".into()));
    assert_eq!(h.ask(), Ok("at-0".into()));
}

#[test]
fn a_person_s_refresh_is_made_for_the_login_s_own_token_also_while_another_s_is_under_way() {
    let mut h = rested();
    let _ = h.ask_of(&to(A));
    assert!(h.wire.is_some());
    h.input(Input::Refresh);
    h.pass(secs(3));
    assert_eq!((h.ask(), h.ask_of(&to(A))), (Ok("at-2".into()), Ok("at-1".into())));
}

#[test]
fn another_login_forgets_what_was_said_of_audiences_and_serves_those_who_wait() {
    let mut h = rested();
    h.server.mode = refuses(INVALID_TARGET);
    let _ = h.ask_of(&to(A));
    h.pass(secs(1));
    h.server.mode = Mode::Ok(3600);
    h.server.current = "rt-login".into();
    let next = login_at(2, "rt-login", h.now);
    h.store.record = Some(next.clone());
    h.input(Input::LoggedIn(Box::new(next)));
    assert_eq!(h.ask_of(&to(A)), Err("wait".into()));
    h.pass(secs(20));
    assert!(h.ask_of(&to(A)).is_ok());
}

#[test]
fn parameters_that_name_the_login_s_own_target_are_not_sent_with_another() {
    let mut s = setup();
    let mut client = Client::clone(&s.client);
    client.extra_parameters.push(("resource".into(), "https://own.example".into()));
    client.extra_parameters.push(("audience".into(), "own".into()));
    client.extra_parameters.push(("tenant".into(), "t".into()));
    s.client = client.into();
    let mut h = Host::new(s, Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    let key = AccessKey { audience: Some("other".into()), ..AccessKey::default() };
    let _ = h.ask_of(&key);
    h.pass(secs(1));
    let sent = fields(&h);
    assert!(sent.contains("audience=other") && sent.contains("tenant=t") && !sent.contains("own"), "{sent}");
}

#[test]
fn what_another_process_wrote_for_another_audience_is_not_taken_for_one_s_own_write() {
    let mut h = rested();
    // No rotation: by the refresh token alone the two cannot be told apart.
    h.server.mode = Mode::OkSame(3600);
    let _ = h.ask_of(&to(A));
    assert!(h.wire.is_some());
    let mut theirs = h.store.record.clone().unwrap();
    theirs.generation += 1;
    theirs.intent = None;
    theirs.grant.access[0].brought_by = Some(0);
    let stamp = Stamp::new(h.now, BOOT);
    theirs.grant.access.push(Access { key: to(B), ..access("at-theirs", stamp, 3600) });
    h.store.record = Some(theirs);
    h.pass(secs(5));
    assert_eq!(h.ask_of(&to(B)), Ok("at-theirs".into()));
    assert!(h.ask_of(&to(A)).is_ok());
    assert_ne!(h.version_of(&to(A)), h.version_of(&to(B)));
}

#[test]
fn a_grant_that_is_run_anew_has_several_audiences_as_well() {
    let mut h = Host::new(setup(), Some(login_by(1, GrantType::ClientCredentials, at(0))));
    h.pass(secs(30));
    assert_eq!(h.ask(), Ok("at-1".into()));
    let _ = h.ask_of(&to(A));
    h.pass(secs(1));
    let sent = fields(&h);
    assert!(
        sent.contains("grant_type=client_credentials") && sent.contains("resource=https%3A%2F%2Fa"),
        "{sent}"
    );
    assert_eq!((h.ask(), h.ask_of(&to(A))), (Ok("at-1".into()), Ok("at-2".into())));
    h.server.mode = refuses(INVALID_TARGET);
    let _ = h.ask_of(&to(B));
    h.pass(secs(1));
    assert_eq!(h.ask_of(&to(B)), Err("running audience_refused".into()));
    assert_eq!((h.status(), h.requests.len()), (Status::Running, 3));
}
