//! Logins that are renewed by running their grant again: the same lifecycle, with nothing to lose.

use renewd_core::*;

use crate::host::*;

fn host(grant_type: GrantType) -> Host {
    Host::new(setup(), Some(login_by(1, grant_type, at(0))))
}

fn exchange(subject: TokenSource) -> GrantType {
    GrantType::TokenExchange(TokenExchange {
        subject,
        subject_type: "urn:ietf:params:oauth:token-type:jwt".into(),
        actor: None,
        requested_type: None,
    })
}

fn from_file() -> TokenSource {
    TokenSource::File("/run/token".into())
}

fn kept() -> TokenSource {
    TokenSource::Kept(Secret::from("told-once-at-login"))
}

fn signed() -> GrantType {
    GrantType::JwtBearer(JwtBearer::Signed(AssertionClaims {
        key: SigningKey { material: Secret::from("{}"), key_id: None, algorithm: None },
        issuer: "robot".into(),
        subject: None,
        audience: "https://as.example/token".into(),
        claims: vec![],
        lifetime: mins(5),
    }))
}

fn body(h: &Host) -> &str {
    h.last_request.as_ref().and_then(|request| request.body.expose_str()).expect("a form")
}

#[test]
fn the_first_token_comes_by_itself_and_is_renewed_in_its_window_for_ever() {
    let mut h = host(GrantType::ClientCredentials);
    h.pass(secs(30));
    assert_eq!((h.ask(), body(&h)), (Ok("at-1".into()), "grant_type=client_credentials&client_id=cli"));
    h.pass(hours(24));
    assert!(h.requests.len() > 24, "{}", h.requests.len());
    let stands = h.store.record.as_ref().expect("a record");
    assert!(stands.grant.refresh_token.is_none(), "one that comes along is not kept");
    assert_eq!((h.status(), h.view().health), (Status::Running, Health::Healthy));
    let rotated = |r: &Report| matches!(r, Report::Refreshed { rotated: true, .. });
    assert!(!h.reports().any(rotated), "nothing was rotated");
}

#[test]
fn scope_and_audience_of_the_login_are_named_each_time_and_the_configurations_before_them() {
    let record = |settings: fn(&mut Settings)| {
        let mut record = login_by(1, GrantType::ClientCredentials, at(0));
        record.identity.resource = Some("https://api.example".into());
        (record.settings.scope, record.settings.audience) = (Some("read".into()), Some("api".into()));
        settings(&mut record.settings);
        record
    };
    let sent = |client: Client, record: Record| {
        let mut h = Host::new(setup_with(Policy::default(), Profile::generic(), client), Some(record));
        h.pass(secs(30));
        body(&h).to_owned()
    };
    assert_eq!(
        sent(Client::public("cli"), record(|_| {})),
        "grant_type=client_credentials&client_id=cli&scope=read&resource=https%3A%2F%2Fapi.example&audience=api"
    );
    let own = Client { scope: Some("write".into()), ..Client::public("cli") };
    assert!(sent(own, record(|_| {})).contains("&scope=write&"));
    let other = Client { grant_type: signed(), ..Client::public("cli") };
    assert!(
        sent(other, record(|_| {})).starts_with("grant_type=client_credentials&"),
        "the login's own grant"
    );
}

#[test]
fn the_parameters_of_a_refresh_stay_away_and_what_every_request_wants_does_not() {
    let refresh = RefreshRequest {
        parameters: vec![("type".into(), "refresh".into())].into(),
        names: vec![("client_id".into(), "client_key".into())].into(),
        ..RefreshRequest::PLAIN
    };
    let profile = Profile { refresh, ..Profile::generic() };
    let setup = setup_with(Policy::default(), profile, Client::public("cli"));
    let mut h = Host::new(setup, Some(login_by(1, GrantType::ClientCredentials, at(0))));
    h.pass(secs(30));
    assert_eq!(body(&h), "grant_type=client_credentials&client_key=cli");
}

#[test]
fn a_request_without_an_answer_is_neither_waited_out_nor_doubted() {
    for lost in [Mode::Hang, Mode::LoseAnswer, Mode::Garbage, Mode::Status(503)] {
        let mut h = host(GrantType::ClientCredentials);
        h.server.script = [lost.clone()].into();
        h.pass(mins(2));
        let stands = h.store.record.as_ref().expect("a record");
        assert!(stands.intent.is_none() && !h.view().in_doubt, "{lost:?}");
        assert_eq!(
            (h.requests.len(), h.view().phase),
            (2, Phase::Fresh),
            "{lost:?}: the short retry came at once"
        );
        let settled = h.trace.iter().any(|line| line.contains("settl"));
        assert!(!settled, "{lost:?}");
    }
}

#[test]
fn a_process_that_died_on_the_way_holds_nobody_up() {
    let mut record = login_by(1, GrantType::ClientCredentials, at(0));
    record.intent = Some(dead_mans_intent(&record, Stamp::new(at(0), BOOT)));
    let mut h = Host::new(setup(), Some(record));
    h.pass(secs(15));
    assert_eq!(h.ask(), Ok("at-1".into()));
    assert_eq!(h.requests.len(), 1);

    let mut record = login_by(1, GrantType::ClientCredentials, at(0));
    let mut intent = dead_mans_intent(&record, Stamp::new(at(0), BootId(9)));
    intent.owner.host = "another".into();
    record.intent = Some(intent);
    let mut h = Host::new(setup(), Some(record));
    h.pass(secs(15));
    assert_eq!(h.ask(), Ok("at-1".into()), "another machine's neither");
}

#[test]
fn an_outage_goes_through_the_short_retry_the_window_and_the_ceiling_as_with_every_login() {
    let mut h = host(exchange(from_file()));
    h.server.mode = Mode::Waf;
    h.pass(mins(6));
    assert_eq!((h.requests.len(), h.status()), (6, Status::AuthRetrying));
    h.pass(hours(23));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::Outage)));
    h.pass(hours(2));
    assert_eq!((h.status(), h.view().cause), (Status::Unauthenticated, Some(Cause::Ceiling)));
    h.server.mode = Mode::Ok(3600);
    h.input(Input::Refresh);
    h.pass(secs(5));
    assert_eq!(h.status(), Status::Running, "a person may try once more");
}

#[test]
fn a_401_renews_the_token_and_a_second_one_right_after_it_is_passed_through() {
    let mut h = host(GrantType::ClientCredentials);
    h.pass(mins(5));
    h.reject();
    h.pass(secs(5));
    assert_eq!(h.requests.len(), 2);
    h.reject();
    h.pass(secs(5));
    assert_eq!((h.requests.len(), h.view().rejections_passed), (2, 1));
}

#[test]
fn what_was_told_once_and_is_refused_needs_a_login() {
    for grant_type in [exchange(kept()), GrantType::JwtBearer(JwtBearer::Given(kept()))] {
        let mut h = host(grant_type);
        h.server.mode = Mode::InvalidGrant;
        h.pass(hours(1));
        assert_eq!((h.status(), h.view().cause), (Status::Unauthenticated, Some(Cause::GrantRefused)));
        assert_eq!((h.requests.len(), h.hints()), (1, 0), "whose token it is says nothing of the client");
    }
}

#[test]
fn what_is_signed_anew_or_is_the_client_itself_is_asked_again_until_somebody_has_mended_it() {
    for grant_type in [GrantType::ClientCredentials, signed()] {
        let mut h = host(grant_type);
        h.server.mode = Mode::InvalidGrant;
        h.pass(mins(1));
        assert_eq!((h.requests.len(), h.status()), (1, Status::AuthRetrying));
        h.pass(hours(100));
        assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::ClientRefused)));
        assert_eq!(h.view().health, Health::Unhealthy);
        h.server.mode = Mode::Ok(3600);
        h.pass(mins(11));
        assert_eq!((h.status(), h.view().health), (Status::Running, Health::Healthy));
    }
}

#[test]
fn a_token_file_that_is_stale_is_looked_at_again_soon_and_then_at_the_long_cadence() {
    let mut h = host(exchange(from_file()));
    h.server.script = [Mode::InvalidGrant, Mode::InvalidGrant].into();
    h.pass(mins(2));
    assert_eq!((h.requests.len(), h.changes()), (3, vec![]), "its owner had written a new one by then");

    let mut h = host(GrantType::JwtBearer(JwtBearer::Given(from_file())));
    h.server.mode = Mode::InvalidGrant;
    h.pass(hours(100));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::ClientRefused)));
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(11));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_late_answer_is_not_waited_for_since_the_next_one_is_as_good() {
    let mut h = host(GrantType::ClientCredentials);
    h.server.script = [Mode::Silent].into();
    h.pass_until(Phase::Exchanging);
    h.pass(secs(30 + 3 * 5));
    assert_eq!((h.requests.len(), h.view().phase), (1, Phase::Backoff), "given up without a settle wait");
    h.reply(&Mode::Ok(3600));
    assert_eq!(h.view().late_answers, 1);
    h.pass(secs(15));
    assert_eq!((h.requests.len(), h.ask()), (2, Ok("at-2".into())));
}

#[test]
fn a_restored_backup_costs_nothing() {
    let mut h = host(GrantType::ClientCredentials);
    h.pass(mins(1));
    let backup = h.store.record.clone().expect("a record");
    h.pass(hours(3));
    let newest = h.store.greatest;
    h.store.record = Some(backup);
    h.ledger.restored_backup();
    h.restart(setup());
    h.pass(mins(1));
    assert!(h.ask().is_ok() && h.store.greatest > newest, "{:?} after {newest:?}", h.store.greatest);
    assert_eq!((h.status(), h.view().in_doubt), (Status::Running, false));
}

#[test]
fn a_logout_revokes_the_access_token_and_leaves_nothing_to_renew_with() {
    let mut h = host(signed());
    h.pass(mins(1));
    h.log_out();
    h.pass(hours(2));
    assert_eq!((h.status(), h.view().cause), (Status::Unauthenticated, Some(Cause::LoggedOut)));
    assert_eq!((h.requests.len(), h.revoked()), (1, 1));
    let stands = h.store.record.as_ref().expect("a tombstone");
    assert!(!stands.is_renewable());
}
