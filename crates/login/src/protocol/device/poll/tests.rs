use proptest::prelude::*;
use renewd_core::Secret;

use super::*;
use crate::protocol::Address;

fn begun(interval_s: u64, lifetime_s: u64) -> DevicePoll {
    let answer = DeviceAnswer {
        device_code: Secret::from("dc"),
        user_code: "AB".into(),
        verification_uri: Address::parse("https://as.example/device").unwrap(),
        verification_uri_complete: None,
        expires_in: Span::from_secs(lifetime_s),
        interval: Span::from_secs(interval_s),
    };
    DevicePoll::new(&answer, at(0))
}

fn at(seconds: u64) -> Boot {
    Boot::from_millis(seconds * 1000)
}

fn denial(error: &str) -> Denial {
    Denial::new(error, None, None)
}

#[test]
fn an_answer_is_known_by_its_code_whatever_its_status() {
    let read = |status, body: &str| PollAnswer::read(status, Some(Span::from_secs(9)), body.as_bytes());
    for status in [200, 400, 403] {
        assert_eq!(read(status, r#"{"error":"authorization_pending"}"#), PollAnswer::Pending);
    }
    assert_eq!(read(400, r#"{"error":"slow_down"}"#), PollAnswer::SlowDown(None));
    let github = r#"{"error":"slow_down","interval":12}"#;
    assert_eq!(read(200, github), PollAnswer::SlowDown(Some(Span::from_secs(12))));
    assert_eq!(read(400, r#"{"error":"access_denied"}"#), PollAnswer::Denied(denial("access_denied")));
    assert_eq!(read(400, r#"{"error":"expired_token"}"#), PollAnswer::Expired);
    assert_eq!(read(401, r#"{"error":"invalid_client"}"#), PollAnswer::Refused(denial("invalid_client")));
    assert_eq!(read(200, r#"{"access_token":"x"}"#), PollAnswer::Granted);
    assert_eq!(read(404, "<html>"), PollAnswer::Refused(denial("HTTP 404")));
    assert_eq!(read(401, ""), PollAnswer::Refused(denial("HTTP 401")));
    for (status, body) in
        [(502, "<html>"), (403, "blocked"), (503, r#"{"error":"x"}"#), (400, r#"{"error":"server_error"}"#)]
    {
        assert_eq!(read(status, body), PollAnswer::NoAnswer(Some(Span::from_secs(9))), "{body}");
    }
}

// rfc-test: 8628-3.5 8628-3.5-3
#[test]
fn slow_down_lengthens_this_wait_and_all_later_ones() {
    let mut poll = begun(5, 900);
    assert_eq!(poll.step(at(0)), PollStep::Wait { until: at(5) });
    assert_eq!(poll.step(at(5)), PollStep::Ask);
    poll.asked(at(5));
    assert_eq!(poll.answered(&PollAnswer::SlowDown(None), at(6)), PollStep::Wait { until: at(16) });
    assert_eq!(poll.answered(&PollAnswer::Pending, at(17)), PollStep::Wait { until: at(27) });
    assert_eq!(
        poll.answered(&PollAnswer::SlowDown(Some(Span::from_secs(30))), at(27)),
        PollStep::Wait { until: at(57) }
    );
    assert_eq!(
        poll.answered(&PollAnswer::SlowDown(Some(Span::from_secs(1))), at(57)),
        PollStep::Wait { until: at(92) }
    );
}

// rfc-test: 8628-3.5-2
#[test]
fn without_answers_a_long_interval_becomes_longer_too() {
    let mut poll = begun(300, 3600);
    assert_eq!(poll.answered(&PollAnswer::NoAnswer(None), at(300)), PollStep::Wait { until: at(900) });
    assert_eq!(poll.answered(&PollAnswer::NoAnswer(None), at(900)), PollStep::Wait { until: at(1500) });
    assert_eq!(poll.answered(&PollAnswer::Pending, at(1500)), PollStep::Wait { until: at(1800) });
}

// rfc-test: 8628-3.5-2
#[test]
fn without_answers_it_asks_ever_more_rarely_and_with_one_as_before() {
    let mut poll = begun(5, 3600);
    let mut now = 5;
    for wait in [10, 20, 40, 80, 120, 120] {
        assert_eq!(
            poll.answered(&PollAnswer::NoAnswer(None), at(now)),
            PollStep::Wait { until: at(now + wait) }
        );
        now += wait;
    }
    assert_eq!(
        poll.answered(&PollAnswer::NoAnswer(Some(Span::from_secs(300))), at(now)),
        PollStep::Wait { until: at(now + 300) }
    );
    now += 300;
    assert_eq!(poll.answered(&PollAnswer::Pending, at(now)), PollStep::Wait { until: at(now + 5) });
}

// rfc-test: 8628-3.5-4
#[test]
fn it_ends_once_and_stays_so() {
    for (answer, end) in [
        (PollAnswer::Granted, PollEnd::Granted),
        (PollAnswer::Denied(denial("access_denied")), PollEnd::Denied(denial("access_denied"))),
        (PollAnswer::Expired, PollEnd::Expired),
        (PollAnswer::Refused(denial("invalid_grant")), PollEnd::Refused(denial("invalid_grant"))),
    ] {
        let mut poll = begun(5, 900);
        assert_eq!(poll.answered(&answer, at(5)), PollStep::Ended(end.clone()));
        assert_eq!(poll.answered(&PollAnswer::Pending, at(6)), PollStep::Ended(end.clone()));
        assert_eq!(poll.step(at(500)), PollStep::Ended(end));
    }
}

#[test]
fn it_ends_when_the_codes_expire_and_wakes_for_it() {
    let poll = begun(60, 30);
    assert_eq!(poll.step(at(0)), PollStep::Wait { until: at(30) });
    assert_eq!(poll.step(at(30)), PollStep::Ended(PollEnd::Expired));
}

fn any_answer() -> impl Strategy<Value = PollAnswer> {
    prop_oneof![
        Just(PollAnswer::Pending),
        prop::option::of(0u64..100).prop_map(|told| PollAnswer::SlowDown(told.map(Span::from_secs))),
        prop::option::of(0u64..1000).prop_map(|told| PollAnswer::NoAnswer(told.map(Span::from_secs))),
    ]
}

proptest! {
    // rfc-test: 8628-3.5 8628-3.5-2 8628-3.5-3
    #[test]
    fn never_is_asked_sooner_than_the_server_told(
        interval in 1u64..120,
        lifetime in 1u64..4000,
        turns in prop::collection::vec((any_answer(), 0u64..20, 0u64..40), 1..60),
    ) {
        let mut poll = begun(interval, lifetime);
        let (mut now, mut told, mut timeouts) = (Boot::from_millis(0), Span::from_secs(interval), 0u32);
        let (mut last, mut least) = (now, told);
        for (answer, flight, late) in turns {
            let until = match poll.step(now) {
                PollStep::Wait { until } => until,
                PollStep::Ask => now,
                PollStep::Ended(end) => {
                    prop_assert_eq!(end, PollEnd::Expired);
                    prop_assert!(now >= poll.expires());
                    break;
                }
            };
            now = until + Span::from_secs(late);
            if poll.step(now) != PollStep::Ask {
                prop_assert_eq!(poll.step(now), PollStep::Ended(PollEnd::Expired));
                break;
            }
            prop_assert!(now.since(last) >= least, "{now:?} is too soon after {last:?}");
            prop_assert!(now < poll.expires());
            last = now;
            poll.asked(now);
            now = now + Span::from_secs(flight);
            match &answer {
                PollAnswer::SlowDown(new) => {
                    told = (told + Span::from_secs(5)).max(new.unwrap_or(Span::ZERO));
                    timeouts = 0;
                }
                PollAnswer::NoAnswer(_) => timeouts += 1,
                _ => timeouts = 0,
            }
            least = told;
            if timeouts > 0 {
                least = told.times(2);
            }
            if let PollAnswer::NoAnswer(Some(after)) = &answer {
                least = least.max(*after);
            }
            poll.answered(&answer, now);
            prop_assert_eq!(poll.interval(), told);
        }
    }

    #[test]
    fn any_answer_is_read_and_always_alike(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(PollAnswer::read(status, None, &body), PollAnswer::read(status, None, &body));
    }
}
