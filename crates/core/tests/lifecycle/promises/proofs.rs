//! Proofs: signed for the server's own time, with the nonce it gave last, and never shown in what it says of them.

use renewd_core::*;

use crate::host::*;

/// The time at which every host begins.
const BEGIN: &str = "Fri, 15 Jan 2027 08:00:00 GMT";
const HOUR_LATER: &str = "Fri, 15 Jan 2027 09:00:00 GMT";
const HOUR_EARLIER: &str = "Fri, 15 Jan 2027 07:00:00 GMT";
const YEAR_LATER: &str = "Sat, 15 Jan 2028 08:00:00 GMT";

fn signing_key() -> SigningKey {
    SigningKey { material: Secret::from("{}"), key_id: None, algorithm: None }
}

/// A client that signs, and whose tokens are bound.
fn bound() -> Host {
    let auth = ClientAuth::PrivateKeyJwt { key: signing_key(), audience: None };
    let client = Client { auth, ..Client::public("cli") };
    let mut record = login(1);
    record.settings.dpop_key = Some(Secret::from("{\"kty\":\"EC\"}"));
    Host::new(setup_with(Policy::default(), Profile::generic(), client), Some(record))
}

/// How far the proofs of the last request are ahead of the clock here, in seconds, and their nonce.
fn proofs(h: &Host) -> (Vec<i64>, Option<String>) {
    let request = h.last_request.as_ref().expect("a request");
    let sent = *h.requests.last().expect("a request");
    let wall = h.now.wall - h.now.boot.since(sent);
    let ahead = |at: Wall| (at.as_unix_millis() - wall.as_unix_millis() + 500).div_euclid(1000);
    let nonce = request.proofs.iter().find_map(|proof| match proof {
        ProofSpec::Dpop { nonce, .. } => nonce.clone(),
        _ => None,
    });
    (request.proofs.iter().filter_map(ProofSpec::signed_at).map(ahead).collect(), nonce)
}

fn wants(nonce: &'static str) -> Mode {
    Mode::Says(400, Some(("DPoP-Nonce", nonce)), r#"{"error":"use_dpop_nonce"}"#)
}

#[test]
fn a_refresh_is_proved_by_the_client_and_by_the_tokens_key() {
    let mut h = bound();
    h.pass(secs(30));
    assert_eq!(proofs(&h), (vec![0, 0], None));
}

#[test]
fn a_token_is_bound_where_the_server_says_so_and_a_bearer_token_where_it_says_that() {
    for (said, bound_to_key) in [("DPoP", true), ("dpop", true), ("Bearer", false)] {
        let mut h = bound();
        h.server.token_type = said;
        h.pass(secs(30));
        let token = h.last_published.as_ref().expect("a token");
        assert_eq!(token.proof_key.is_some(), bound_to_key, "{said}");
    }
}

#[test]
fn the_nonce_of_any_answer_goes_into_the_next_proof() {
    let mut h = bound();
    h.server.headers = vec![("DPoP-Nonce", "n-1".into())];
    h.pass(secs(30));
    assert_eq!(h.ask(), Ok("at-1".into()));
    h.server.headers = vec![("DPoP-Nonce", "n-2".into())];
    h.server.script = [Mode::Waf].into();
    h.input(Input::Refresh);
    h.pass(secs(1));
    assert_eq!(proofs(&h).1.as_deref(), Some("n-1"), "of a success");
    h.server.headers.clear();
    h.pass(mins(2));
    assert_eq!(proofs(&h).1.as_deref(), Some("n-2"), "of a failure");
    h.input(Input::Refresh);
    h.pass(secs(1));
    assert_eq!(proofs(&h).1.as_deref(), Some("n-2"), "the last one stays until another comes");
}

#[test]
fn a_stale_nonce_costs_one_more_request_and_nothing_that_anybody_sees() {
    let mut h = bound();
    h.server.script = [wants("n-1"), Mode::Ok(3600), wants("n-2"), Mode::Ok(3600)].into();
    h.pass(secs(30));
    assert_eq!((h.requests.len(), h.ask()), (2, Ok("at-1".into())));
    assert_eq!(proofs(&h).1.as_deref(), Some("n-1"));
    h.input(Input::Refresh);
    h.pass(secs(5));
    assert_eq!((h.requests.len(), h.ask()), (4, Ok("at-2".into())));
    assert_eq!(proofs(&h).1.as_deref(), Some("n-2"));
    assert_eq!(h.changes(), []);
    assert!(!h.reports().any(|r| matches!(r, Report::AttemptFailed { .. })));
}

#[test]
fn a_server_that_is_never_content_with_its_nonces_is_left_alone_like_any_that_fails() {
    let mut h = bound();
    h.server.script =
        [wants("a"), wants("b"), wants("c"), wants("d"), wants("e"), wants("f"), wants("g")].into();
    h.server.mode = wants("h");
    h.pass(hours(2));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::Outage)));
    assert!(h.requests.len() < 40, "{}", h.requests.len());
    let doubted = h.store.record.as_ref().is_some_and(|r| r.intent.is_some());
    assert!(!doubted, "nothing was spent");
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(11));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_refused_proof_is_no_refused_login() {
    let mut h = bound();
    h.server.mode = Mode::Says(400, None, r#"{"error":"invalid_dpop_proof"}"#);
    h.pass(hours(100));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::ClientRefused)));
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(11));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_clock_that_is_wrong_is_set_by_the_first_refusal_and_the_attempt_repeated_at_once() {
    for (date, ahead) in [(HOUR_LATER, 3600), (HOUR_EARLIER, -3600)] {
        for refusal in [r#"{"error":"invalid_client"}"#, r#"{"error":"invalid_dpop_proof"}"#] {
            let mut h = bound();
            h.server.script = [Mode::Says(401, Some(("Date", date)), refusal)].into();
            h.pass(secs(5));
            assert_eq!((h.requests.len(), h.ask()), (2, Ok("at-1".into())), "{date} {refusal}");
            let (times, _) = proofs(&h);
            assert!(times.iter().all(|at| (at - ahead).abs() <= 5), "{date}: {times:?}");
            assert_eq!((h.changes(), h.hints()), (vec![], 0));
        }
    }
}

#[test]
fn a_clock_that_is_right_makes_no_refusal_a_matter_of_time() {
    for date in [BEGIN, YEAR_LATER] {
        let mut h = bound();
        h.server.mode = Mode::Says(401, Some(("Date", date)), r#"{"error":"invalid_client"}"#);
        h.pass(secs(5));
        assert_eq!((h.requests.len(), h.status()), (1, Status::AuthRetrying), "{date}");
        assert_eq!(proofs(&h).0, [0, 0]);
    }
}

#[test]
fn a_date_that_hops_about_is_followed_once_in_a_row() {
    let mut h = bound();
    let refused = |date| Mode::Says(401, Some(("Date", date)), r#"{"error":"invalid_client"}"#);
    h.server.script = [refused(HOUR_LATER), refused(HOUR_EARLIER), refused(HOUR_LATER)].into();
    h.server.mode = refused(HOUR_LATER);
    h.pass(secs(30));
    assert_eq!((h.requests.len(), h.status()), (2, Status::AuthRetrying));
}

#[test]
fn a_token_of_its_own_signing_that_comes_too_early_is_signed_again_for_the_servers_time() {
    let claims = AssertionClaims {
        key: signing_key(),
        issuer: "robot".into(),
        subject: None,
        audience: "https://as.example/token".into(),
        claims: vec![],
        lifetime: mins(5),
    };
    let mut h = Host::new(setup(), Some(login_by(1, GrantType::JwtBearer(JwtBearer::Signed(claims)), at(0))));
    h.server.script = [Mode::Says(400, Some(("Date", HOUR_EARLIER)), r#"{"error":"invalid_grant"}"#)].into();
    h.pass(secs(5));
    assert_eq!((h.requests.len(), h.ask()), (2, Ok("at-1".into())));
    assert!((proofs(&h).0[0] + 3600).abs() <= 5);
}

#[test]
fn a_dead_refresh_token_is_dead_whatever_time_it_is() {
    let mut h = bound();
    h.server.headers = vec![("Date", HOUR_LATER.into())];
    h.server.mode = Mode::InvalidGrant;
    h.pass(secs(30));
    assert_eq!((h.requests.len(), h.view().cause), (1, Some(Cause::GrantRefused)));
}

#[test]
fn a_login_at_another_server_begins_without_what_the_first_said() {
    let mut h = bound();
    h.server.headers = vec![("DPoP-Nonce", "n-1".into()), ("Date", HOUR_LATER.into())];
    h.pass(secs(30));
    let mut record = h.store.record.clone().expect("a record");
    record.epoch += 1;
    record.generation = 0;
    record.grant.access.clear();
    record.identity.token_endpoint = "https://other.example/token".into();
    let mut machine = h.machine.clone();
    machine.handle(h.now, Input::LoggedIn(Box::new(record.clone())));
    machine.handle(h.now, Input::Tick);
    machine.handle(
        h.now,
        Input::ClaimGranted { loaded: Loaded::Record(Box::new(record)), attempt: AttemptId(99) },
    );
    let mark = std::iter::from_fn(|| machine.poll_command()).find_map(|command| match command {
        Command::Mark { ticket, .. } => Some(ticket),
        _ => None,
    });
    machine.handle(h.now, Input::Marked(mark.expect("a mark")));
    let sent = std::iter::from_fn(|| machine.poll_command()).find_map(|command| match command {
        Command::Send { request, .. } => Some(request),
        _ => None,
    });
    h.last_request = Some(*sent.expect("a request"));
    h.requests.push(h.now.boot);
    assert_eq!(proofs(&h), (vec![0, 0], None));
}

#[test]
fn an_answer_that_brings_back_what_was_sent_shows_none_of_it() {
    // Short and readable, so that nothing but knowing it can find it.
    let secrets = ["assertion of ours", "proof-of-ours", "told once by you"];
    let subject = TokenSource::Kept(Secret::from(secrets[2]));
    let given = GrantType::JwtBearer(JwtBearer::Given(subject));
    let mut h = Host::new(setup(), Some(login_by(1, given, at(0))));
    h.server.script = [Mode::Silent].into();
    h.pass(secs(15));
    let body = format!(
        r#"{{"error":"invalid_client","error_description":"no {} and {} with {}"}}"#,
        secrets[0], secrets[1], secrets[2]
    );
    let sent = vec![Secret::from(secrets[0]), Secret::from(secrets[1])];
    h.input(Input::Answer { attempt: AttemptId(1), answer: json(401, body), sent });
    let shown = format!("{:?}", h.view().last_attempt.expect("an attempt").evidence);
    assert!(shown.contains("no ") && shown.contains("invalid_client"), "{shown}");
    for secret in secrets {
        assert!(secret.split(' ').all(|word| word.len() < 5 || !shown.contains(word)), "{secret} in {shown}");
    }
}
