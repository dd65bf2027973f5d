//! Judging is total, deterministic and bounded, and ends no login without a code that says so.

use proptest::prelude::*;
use renewd_core::{Answer, Failure, FailureKind, Grant, Secret, Sent, Verdict};
use serde_json::json;

use crate::cases;
use crate::draw::{bodies, headers, json, sent, statuses};
use crate::promises::exchange::Exchange;
use crate::promises::hold;

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn whatever_comes_the_promises_hold(
        status in statuses(), headers in headers(), body in bodies(), cut: bool,
    ) {
        hold(&sent(Exchange::plain(status, headers, body, cut)));
    }

    #[test]
    fn any_bytes_are_some_exchange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        hold(&Exchange::read(&bytes));
    }

    #[test]
    fn a_lifetime_that_is_a_number_is_its_whole_part(seconds in -1e9_f64..1e9) {
        for text in [format!("{seconds}"), format!("\"{seconds}\""), format!("{seconds:e}")] {
            let judgement = hold(&json(200, format!("{{\"access_token\":\"a\",\"expires_in\":{text}}}")));
            prop_assert_eq!(judgement.grant.as_ref().and_then(|g| g.expires_in), Some(seconds.trunc() as i64));
        }
    }

    #[test]
    fn no_login_ends_without_a_code(status in 100_u16..600, text in "[^{\\[=\"]{0,200}", html: bool) {
        let body = if html {
            format!(
                "<!DOCTYPE html><p>{text} invalid_grant</p>\
                 <a href='/?a=1&error=invalid_grant&access_token=x&b'>"
            )
        } else {
            text
        };
        let verdict = hold(&json(status, body)).verdict;
        prop_assert!(!matches!(verdict, Verdict::PermanentGrant | Verdict::PermanentClient | Verdict::Success));
    }

    #[test]
    fn a_failure_is_never_a_verdict_on_grant_or_client(
        kind in prop::sample::select(vec![
            FailureKind::Dns, FailureKind::Refused, FailureKind::Tls, FailureKind::Timeout, FailureKind::Reset,
            FailureKind::Closed, FailureKind::Body, FailureKind::Protocol, FailureKind::Configuration,
            FailureKind::Other,
        ]),
        bytes: bool, closed: bool, message: String,
    ) {
        let left = if bytes { Sent::Bytes } else { Sent::Nothing };
        let mut exchange = sent(Exchange::plain(200, Vec::new(), Vec::new(), false));
        exchange.answer = Answer::Failed(Failure { kind, sent: left, closed, message });
        let judgement = hold(&exchange);
        prop_assert!(matches!(judgement.verdict, Verdict::Transient | Verdict::ProtocolErrorTransient));
        prop_assert_eq!(judgement.may_have_rotated, bytes);
    }
}

#[test]
fn the_largest_answers_stay_within_their_limits() {
    let long = "x".repeat(70 * 1024);
    // Beyond the wire limit nothing is read; what was complete before it counts.
    let body =
        format!("{{\"refresh_token\":\"kept\",\"access_token\":\"a\",\"error_description\":\"{long}\"}}");
    let judgement = hold(&json(200, body));
    assert_eq!(judgement.verdict, Verdict::ProtocolErrorTransient);
    assert_eq!(judgement.refresh_token.as_ref().and_then(Secret::expose_str), Some("kept"));

    let deep = format!("{{\"a\":{}{},\"error\":\"invalid_grant\"}}", "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(hold(&json(400, deep)).verdict, Verdict::Transient);

    let many = format!("{{{}\"refresh_token\":\"kept\"}}", "\"k\":1,".repeat(9_000));
    let judgement = hold(&json(200, many));
    assert_eq!(judgement.refresh_token.as_ref().and_then(Secret::expose_str), Some("kept"));

    let huge_tokens = json!({
        "access_token": "a".repeat(20_000), "refresh_token": "r".repeat(20_000), "message": long[..20_000],
    });
    let judgement = hold(&json(200, huge_tokens.to_string()));
    assert_eq!(judgement.grant.as_ref().map(|g| g.access_token.len()), Some(20_000));
    assert_eq!(judgement.grant.as_ref().and_then(Grant::lifetime), None);
}
