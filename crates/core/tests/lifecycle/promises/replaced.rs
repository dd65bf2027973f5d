//! A login or a logout that comes in the middle of an attempt, wherever the attempt is, told at once or found in the
//! store: it wins, nothing of the old login becomes durable after it, and what the old login still brings is revoked.

use renewd_core::*;

use crate::host::*;

/// Where an attempt can be.
#[derive(Clone, Copy, Debug)]
enum At {
    Claiming,
    Marking,
    Exchanging,
    /// The answer is there and not yet saved.
    Committing,
    Unsaved,
    Settling,
    Backoff,
    /// Given up without an answer, which comes later.
    Overdue,
}

const PLACES: [At; 8] = [
    At::Claiming,
    At::Marking,
    At::Exchanging,
    At::Committing,
    At::Unsaved,
    At::Settling,
    At::Backoff,
    At::Overdue,
];

fn host(at: At) -> Host {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = match at {
        At::Settling => Mode::Hang,
        At::Backoff => Mode::Status(503),
        At::Claiming | At::Marking | At::Exchanging | At::Committing | At::Unsaved | At::Overdue => {
            Mode::Silent
        }
    };
    h.ops_held = matches!(at, At::Claiming | At::Marking);
    h.input(Input::Refresh);
    match at {
        At::Claiming => {}
        At::Marking => h.one_op(),
        At::Exchanging => h.pass_until(Phase::Exchanging),
        At::Committing => {
            h.ops_held = true;
            h.reply(&Mode::Ok(3600));
        }
        At::Unsaved => {
            h.store.writes_fail = Some(StoreFaultKind::Full);
            h.reply(&Mode::Ok(3600));
        }
        At::Settling => h.pass_until(Phase::Settling),
        At::Backoff => h.pass_until(Phase::Backoff),
        At::Overdue => {
            h.pass_until(Phase::Settling);
        }
    }
    h
}

/// Goes on with whatever was held, with the answer of the old login where one is still to come.
fn go_on(h: &mut Host, at: At, told: bool) {
    let current = h.server.current.clone();
    if matches!(at, At::Exchanging | At::Overdue) {
        h.reply(&Mode::Ok(3600));
        // The old login's tokens are another grant's.
        h.server.current = current;
    }
    h.ops_held = false;
    h.store.writes_fail = None;
    h.drain();
    if !told {
        h.input(Input::StoreChanged);
    }
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(1));
}

/// Whether the old login's new tokens exist, and so must be taken back.
fn brings_tokens(at: At) -> bool {
    matches!(at, At::Exchanging | At::Committing | At::Unsaved | At::Overdue)
}

#[test]
fn a_login_wins_wherever_the_attempt_of_the_old_one_is() {
    for at in PLACES {
        for told in [true, false] {
            let mut h = host(at);
            if told {
                h.log_in();
            } else {
                let (_, refresh_token) = h.server.mint(Span::ZERO);
                let newcomer = login_at(2, &refresh_token, h.now);
                h.ledger.logged_in();
                h.store.put(newcomer);
            }
            let newcomers = h.server.current.clone();
            go_on(&mut h, at, told);
            let stands = h.store.record.as_ref().expect("a record");
            assert_eq!((stands.epoch, stands.state), (2, RecordState::Active), "{at:?}, told {told}");
            assert_eq!(h.view().epoch, 2, "{at:?}, told {told}");
            assert_eq!(h.server.reuse_trips, 0, "{at:?}, told {told}");
            assert!(
                !h.sent_tokens.iter().skip_while(|t| **t != newcomers).any(|t| t == "rt-0"),
                "{at:?}, told {told}"
            );
            if brings_tokens(at) {
                assert!(h.revoked() >= 2, "{at:?}, told {told}: {} revoked", h.revoked());
            }
            assert!(h.ask().is_ok(), "{at:?}, told {told}");
            assert!(!h.claim_held, "{at:?}, told {told}");
        }
    }
}

#[test]
fn a_logout_wins_wherever_the_attempt_is() {
    for at in PLACES {
        for told in [true, false] {
            let mut h = host(at);
            if told {
                h.log_out();
            } else {
                let tombstone = h.store.record.as_ref().expect("a record").tombstone(h.now);
                h.store.put(tombstone);
            }
            go_on(&mut h, at, told);
            let stands = h.store.record.as_ref().expect("a record");
            assert!(matches!(stands.state, RecordState::Tombstone { .. }), "{at:?}, told {told}");
            assert!(
                stands.grant.refresh_token.is_none() && stands.grant.access.is_empty(),
                "{at:?}, told {told}"
            );
            assert_eq!(
                (h.status(), h.view().cause),
                (Status::Unauthenticated, Some(Cause::LoggedOut)),
                "{at:?}, told {told}"
            );
            assert_eq!(h.ask(), Err("unauthenticated logged_out".into()), "{at:?}, told {told}");
            if brings_tokens(at) {
                assert!(h.revoked() >= 2, "{at:?}, told {told}: {} revoked", h.revoked());
            }
            let sent = h.requests.len();
            h.pass(hours(30));
            assert_eq!((h.requests.len(), h.claim_held), (sent, false), "{at:?}, told {told}");
        }
    }
}
