use super::*;
use proptest::prelude::*;
use renewd_core::{AssertionClaims, GrantType, JwtBearer, RECORD_FORMAT, Secret, Span, TokenSource};

#[path = "../../tests/suite/records.rs"]
mod records;

use records::{described, full, login, signing_key};

fn text_of(record: &Record) -> String {
    String::from_utf8(encode(record).unwrap().to_vec()).unwrap()
}

fn decoded(json: &str) -> Result<Record, String> {
    decode(json.as_bytes(), RECORD_FORMAT, (3, 41))
}

#[test]
fn every_field_comes_back() {
    let record = full();
    let again = decode(&encode(&record).unwrap(), RECORD_FORMAT, record.version()).unwrap();
    assert_eq!(described(&again), described(&record));
}

#[test]
fn each_grant_type_comes_back_as_it_was_written() {
    let signed = AssertionClaims {
        key: signing_key("assertion key"),
        issuer: "issuer".into(),
        subject: Some("subject".into()),
        audience: "audience".into(),
        claims: vec![("scope".into(), "a b".into())],
        lifetime: Span::from_secs(300),
    };
    for grant_type in [
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
        GrantType::JwtBearer(JwtBearer::Given(TokenSource::File("/run/assertion".into()))),
        GrantType::JwtBearer(JwtBearer::Given(TokenSource::Kept(Secret::from("assertion")))),
        GrantType::JwtBearer(JwtBearer::Signed(signed)),
    ] {
        let mut record = full();
        record.settings.grant_type = grant_type;
        let again = decode(&encode(&record).unwrap(), RECORD_FORMAT, record.version()).unwrap();
        assert_eq!(described(&again), described(&record));
    }
}

#[test]
fn the_buffer_is_allocated_once_at_its_final_size() {
    let bytes = encode(&full()).unwrap();
    assert_eq!(bytes.len(), bytes.capacity());
}

#[test]
fn a_field_that_is_not_known_is_ignored_at_every_level() {
    let text = text_of(&full());
    let with = text.replace('{', r#"{"from_tomorrow":[{"x":1}],"#);
    assert_eq!(described(&decoded(&with).unwrap()), described(&full()));
}

#[test]
fn a_field_that_is_missing_gets_its_default() {
    let least = r#"{"state":{"kind":"active"},"identity":{"token_endpoint":"https://as.example/token"}}"#;
    let record = decoded(least).unwrap();
    assert_eq!(record.version(), (3, 41));
    assert_eq!(record.identity.token_endpoint, "https://as.example/token");
    assert!(record.intent.is_none() && record.grant.refresh_token.is_none() && record.budget.is_none());
}

#[test]
fn an_intent_that_does_not_say_whether_its_outcome_is_known_is_in_doubt() {
    let json = r#"{"state":{"kind":"active"},"identity":{},"intent":{"attempt":"0f","generation":2}}"#;
    let intent = decoded(json).unwrap().intent.unwrap();
    assert!(intent.doubt && !intent.settled);
}

#[test]
fn a_state_that_is_not_known_is_an_error_and_never_a_default() {
    for state in [
        r#"{"kind":"frozen"}"#,
        r#"{"kind":"refused"}"#,
        r#"{"kind":"refused","cause":"moon"}"#,
        r#"{}"#,
        "null",
    ] {
        assert!(decoded(&format!(r#"{{"state":{state},"identity":{{}}}}"#)).is_err(), "{state}");
    }
    assert!(decoded(r#"{"identity":{}}"#).is_err());
}

#[test]
fn a_verdict_of_the_last_attempt_that_is_not_known_costs_only_the_last_attempt() {
    let json = text_of(&full()).replace("rate_limited", "from_tomorrow");
    let record = decoded(&json).unwrap();
    assert!(record.last_attempt.is_none());
    assert!(record.intent.is_some());
}

#[test]
fn an_error_shows_nothing_of_what_it_could_not_read() {
    let json =
        text_of(&login(1, "rt-secret")).replace("\"refresh_token\":\"", "\"refresh_token\":\"hunter2!");
    let error = decoded(&json).err().unwrap();
    assert!(error.starts_with("line 1, column "), "{error}");
}

#[test]
fn equal_identities_and_only_they_give_equal_bytes() {
    let a = full().identity;
    let mut b = a.clone();
    assert_eq!(identity_bytes(&a), identity_bytes(&b));
    b.resource = None;
    assert_ne!(identity_bytes(&a), identity_bytes(&b));
}

proptest! {
    #[test]
    fn any_secret_and_any_text_comes_back(
        token in prop::collection::vec(any::<u8>(), 0..3000),
        scope in prop::option::of(".*"),
        message in ".*",
        version in any::<(u64, u64)>(),
        wall in any::<i64>(),
        attempt in any::<u128>(),
    ) {
        let mut record = full();
        (record.epoch, record.generation) = version;
        record.grant.refresh_token = Some(Secret::new(token.clone()));
        record.grant.access[0].token = Secret::new(token);
        record.settings.scope = scope;
        record.max_wall_seen = renewd_core::Wall::from_unix_millis(wall);
        if let Some(last) = &mut record.last_attempt { last.evidence.message = Some(message); }
        if let Some(intent) = &mut record.intent { intent.attempt = renewd_core::AttemptId(attempt); }
        let again = decode(&encode(&record).unwrap(), RECORD_FORMAT, version).unwrap();
        prop_assert_eq!(described(&again), described(&record));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(decode(&bytes, RECORD_FORMAT, (1, 1)).is_err());
    }

    /// Damage that keeps the shape reaches deeper than noise does.
    #[test]
    fn no_change_of_a_valid_text_makes_the_decoder_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&full()).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes, RECORD_FORMAT, (1, 1));
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(decode(&bytes, RECORD_FORMAT, (1, 1)).is_err());
    }
}
