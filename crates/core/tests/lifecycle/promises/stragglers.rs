//! Requests that arrive after the wait for them was cut.

use renewd_core::*;

use crate::host::*;

fn graceful(grace: Span) -> Host {
    let profile = Profile { as_class: AsClass::P3, grace, ..Profile::generic() };
    Host::new(setup_with(Policy::default(), profile, Client::public("client")), Some(login(1)))
}

#[test]
fn after_a_wait_that_a_grace_has_cut_nothing_is_rotated_on_top_until_the_old_request_is_settled() {
    let mut h = graceful(Span::from_secs(30));
    h.server.script = [Mode::Hang].into();
    h.pass(secs(50));
    assert_eq!(h.requests.len(), 2, "the wait is cut to half of the grace");
    h.input(Input::Refresh);
    h.reject();
    h.pass(secs(15));
    assert_eq!(h.requests.len(), 2, "not even when somebody asks");
    h.pass(secs(10));
    assert_eq!(h.requests.len(), 3, "35 s after the deadline the old request can no longer arrive");
    let given_up = h.requests[0] + Policy::default().request.timeout;
    assert!(h.requests[2].since(given_up) >= Policy::default().settle());
}

#[test]
fn a_server_that_says_when_does_not_shorten_the_hold_on_what_a_useless_answer_brought() {
    let mut h = graceful(Span::from_secs(30));
    let useless = Mode::Says(200, Some(("Retry-After", "1")), r#"{"refresh_token":"rt-9"}"#);
    h.server.script = [Mode::Hang, useless].into();
    h.server.current = "rt-9".into();
    h.pass(secs(50));
    assert_eq!(h.requests.len(), 2, "the wait is cut to half of the grace");
    h.pass(mins(3));
    let given_up = h.requests[0] + Policy::default().request.timeout;
    assert!(h.requests[2].since(given_up) >= Policy::default().settle(), "{:?}", h.requests);
    assert_eq!(h.sent_tokens[..3], ["rt-0", "rt-0", "rt-9"]);
}

#[test]
fn where_the_whole_wait_fits_into_the_grace_nothing_is_held_back() {
    let mut h = graceful(Span::from_mins(5));
    h.server.script = [Mode::Hang].into();
    h.pass(secs(70));
    assert_eq!(h.requests.len(), 2);
    h.input(Input::Refresh);
    h.pass(secs(1));
    assert_eq!(h.requests.len(), 3);
}
