//! Every input, in the variants that make a difference.

use renewd_core::*;

use super::examples::Rig;
use crate::host::store::Store;
use crate::host::*;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&Rig) -> (Now, Input),
}

/// How many inputs there are.
pub(crate) const KINDS: usize = 21;

/// The name of an input. No wildcard: a new one must come into the table.
pub(crate) fn kind(input: &Input) -> &'static str {
    match input {
        Input::Tick => "Tick",
        Input::Loaded(_) => "Loaded",
        Input::ClaimGranted { .. } => "ClaimGranted",
        Input::ClaimDenied(_) => "ClaimDenied",
        Input::Marked(_) => "Marked",
        Input::MarkFailed(..) => "MarkFailed",
        Input::Answer { .. } => "Answer",
        Input::Committed(_) => "Committed",
        Input::CommitFailed(..) => "CommitFailed",
        Input::StoreChanged => "StoreChanged",
        Input::Demand { .. } => "Demand",
        Input::DemandFor { .. } => "DemandFor",
        Input::Rejected { .. } => "Rejected",
        Input::Refresh => "Refresh",
        Input::LoggedIn(_) => "LoggedIn",
        Input::LoggedOut(_) => "LoggedOut",
        Input::Revoked => "Revoked",
        Input::Resumed => "Resumed",
        Input::NetworkChanged => "NetworkChanged",
        Input::PolicyChanged(_) => "PolicyChanged",
        Input::Shutdown => "Shutdown",
    }
}

/// What stands in the store, or would.
fn stands(rig: &Rig) -> Record {
    rig.host.store.record.clone().unwrap_or_else(|| login(1))
}

/// The next generation, by another process.
fn newer(rig: &Rig) -> Record {
    let mut r = stands(rig);
    r.generation += 10;
    r.state = RecordState::Active;
    r.intent = None;
    r.window = None;
    r.grant.refresh_token = Some(Secret::from("rt-newer"));
    r.grant.access = vec![access("at-newer", Stamp::new(rig.host.now, BOOT), 3600)];
    r
}

fn next_login(rig: &Rig) -> Record {
    login_at(stands(rig).epoch + 1, "rt-login", rig.host.now)
}

/// The same generation, with attempts that another process made.
fn in_others_window(rig: &Rig) -> Record {
    let stamp = Stamp::new(rig.host.now, BOOT);
    let window = Window {
        accumulated: mins(10),
        counted: stamp,
        since: rig.host.now.wall,
        attempts: 9,
        last_attempt_at: stamp,
        client_refused: false,
    };
    Record { window: Some(window), ..stands(rig) }
}

fn loaded(record: Record) -> Loaded {
    Loaded::Record(Box::new(record))
}

fn another_key() -> AccessKey {
    AccessKey { resource: Some("https://other.example".into()), ..AccessKey::default() }
}

fn fault() -> StoreFault {
    Store::fault(StoreFaultKind::Io)
}

fn granted(loaded: Loaded) -> Input {
    Input::ClaimGranted { loaded, attempt: AttemptId(0xc1a1) }
}

fn answer(rig: &Rig, answer: Answer) -> (Now, Input) {
    (rig.host.now, Input::Answer { attempt: rig.attempt, answer, sent: Vec::new() })
}

fn granted_tokens(rest: &str) -> Answer {
    json(200, format!(r#"{{"token_type":"Bearer","refresh_token":"rt-new"{rest}}}"#))
}

/// An hour from now on both clocks.
fn later(rig: &Rig, span: Span) -> Now {
    Now { boot: rig.host.now.boot + span, wall: rig.host.now.wall + span }
}

fn wall_stepped(rig: &Rig, millis: i64) -> Now {
    Now { wall: Wall::from_unix_millis(rig.host.now.wall.as_unix_millis() + millis), ..rig.host.now }
}

const TEN_YEARS: i64 = 10 * 365 * 86_400_000;

macro_rules! cases {
    ($($name:literal: |$rig:ident| $make:expr;)*) => {
        vec![$(Case { name: $name, make: |$rig| $make }),*]
    };
}

macro_rules! plain {
    ($($name:literal: |$rig:ident| $input:expr;)*) => {
        vec![$(Case { name: $name, make: |$rig| ($rig.host.now, $input) }),*]
    };
}

pub(crate) fn cases() -> Vec<Case> {
    [times(), loads(), claims(), writes(), answers(), wishes(), news()].into_iter().flatten().collect()
}

fn times() -> Vec<Case> {
    cases! {
        "Tick (nothing is due)": |rig| (rig.host.now, Input::Tick);
        "Tick (when asked for)": |rig| {
            let now = rig.host.now;
            let due = rig.host.machine.poll_timeout().map_or(now.boot, |w| w.at);
            (later(rig, due.since(now.boot)), Input::Tick)
        };
        "Tick (two hours later)": |rig| (later(rig, hours(2)), Input::Tick);
        "Tick (wall clock ten years ahead)": |rig| (wall_stepped(rig, TEN_YEARS), Input::Tick);
        "Tick (wall clock ten years behind)": |rig| (wall_stepped(rig, -TEN_YEARS), Input::Tick);
    }
}

fn loads() -> Vec<Case> {
    plain! {
        "Loaded (absent)": |_rig| Input::Loaded(Loaded::Absent);
        "Loaded (what is known)": |rig| Input::Loaded(loaded(stands(rig)));
        "Loaded (a newer generation)": |rig| Input::Loaded(loaded(newer(rig)));
        "Loaded (a new login)": |rig| Input::Loaded(loaded(next_login(rig)));
        "Loaded (older)": |_rig| Input::Loaded(loaded(login(0)));
        "Loaded (given up by others)": |rig| {
            let mut r = stands(rig);
            r.state = RecordState::Refused { cause: RefusedCause::GrantRefused, at: rig.host.now.wall };
            Input::Loaded(loaded(r))
        };
        "Loaded (others are in auth_retrying)": |rig| Input::Loaded(loaded(in_others_window(rig)));
        "Loaded (rolled back)": |rig| {
            Input::Loaded(Loaded::RolledBack { record: Box::new(login(0)), greatest: (stands(rig).epoch, 99) })
        };
        "Loaded (fault)": |_rig| Input::Loaded(Loaded::Fault(fault()));
        "StoreChanged": |_rig| Input::StoreChanged;
    }
}

fn claims() -> Vec<Case> {
    plain! {
        "ClaimGranted (what is known)": |rig| granted(loaded(stands(rig)));
        "ClaimGranted (a newer generation)": |rig| granted(loaded(newer(rig)));
        "ClaimGranted (a dead process's intent)": |rig| {
            let mut r = stands(rig);
            r.intent = Some(dead_mans_intent(&r, Stamp::new(at(0), BOOT)));
            granted(loaded(r))
        };
        "ClaimGranted (a settled intent)": |rig| {
            let mut r = stands(rig);
            let intent = dead_mans_intent(&r, Stamp::new(at(0), BOOT));
            r.intent = Some(Intent { settled: true, doubt: true, ..intent });
            granted(loaded(r))
        };
        "ClaimGranted (a dead process is being waited out)": |rig| {
            let mut r = stands(rig);
            let orphaned = Some(Orphaned { boot_id: BOOT, boot: rig.host.now.boot });
            r.intent = Some(Intent { orphaned, ..dead_mans_intent(&r, Stamp::new(at(0), BOOT)) });
            granted(loaded(r))
        };
        "ClaimGranted (others are in auth_retrying)": |rig| granted(loaded(in_others_window(rig)));
        "ClaimGranted (given up by others)": |rig| {
            let mut r = stands(rig);
            r.state = RecordState::Refused { cause: RefusedCause::GrantRefused, at: rig.host.now.wall };
            granted(loaded(r))
        };
        "ClaimGranted (a newer format)": |rig| {
            granted(loaded(Record { format: RECORD_FORMAT + 1, ..stands(rig) }))
        };
        "ClaimGranted (no budget)": |rig| {
            let since = Stamp::new(rig.host.now, BOOT);
            granted(loaded(Record { budget: Some(Budget { left: 0, since }), ..stands(rig) }))
        };
        "ClaimGranted (rolled back)": |rig| {
            let greatest = (stands(rig).epoch, 99);
            granted(Loaded::RolledBack { record: Box::new(stands(rig)), greatest })
        };
        "ClaimGranted (the record is gone)": |_rig| granted(Loaded::Absent);
        "ClaimGranted (fault)": |_rig| granted(Loaded::Fault(fault()));
        "ClaimDenied (held by others)": |_rig| Input::ClaimDenied(None);
        "ClaimDenied (fault)": |_rig| Input::ClaimDenied(Some(fault()));
    }
}

fn writes() -> Vec<Case> {
    plain! {
        "Marked": |rig| Input::Marked(rig.ticket);
        "Marked (another write)": |_rig| Input::Marked(Ticket(999));
        "MarkFailed (fault)": |rig| Input::MarkFailed(rig.ticket, CommitFailure::Fault(fault()));
        "MarkFailed (a newer generation)": |rig| {
            Input::MarkFailed(rig.ticket, CommitFailure::Fenced(loaded(newer(rig))))
        };
        "Committed": |rig| Input::Committed(rig.ticket);
        "Committed (another write)": |_rig| Input::Committed(Ticket(999));
        "CommitFailed (fault)": |rig| Input::CommitFailed(rig.ticket, CommitFailure::Fault(fault()));
        "CommitFailed (a newer generation)": |rig| {
            Input::CommitFailed(rig.ticket, CommitFailure::Fenced(loaded(newer(rig))))
        };
        "CommitFailed (a new login)": |rig| {
            Input::CommitFailed(rig.ticket, CommitFailure::Fenced(loaded(next_login(rig))))
        };
        "CommitFailed (another write)": |_rig| Input::CommitFailed(Ticket(999), CommitFailure::Fault(fault()));
    }
}

fn answers() -> Vec<Case> {
    cases! {
        "Answer (tokens)": |rig| answer(rig, granted_tokens(r#","access_token":"at-new","expires_in":3600"#));
        "Answer (only a refresh token)": |rig| answer(rig, granted_tokens(""));
        "Answer (a firewall's page)": |rig| answer(rig, response(403, "text/html", "<!DOCTYPE html>"));
        "Answer (503)": |rig| answer(rig, response(503, "text/plain", ""));
        "Answer (429, Retry-After 600)": |rig| answer(rig, limited(600));
        "Answer (421)": |rig| answer(rig, response(421, "text/plain", ""));
        "Answer (a 200 that says nothing)": |rig| answer(rig, response(200, "text/html", "<p>welcome"));
        "Answer (invalid_grant)": |rig| answer(rig, refused(400, "invalid_grant"));
        "Answer (invalid_client)": |rig| answer(rig, refused(401, "invalid_client"));
        "Answer (none, the request had left)": |rig| answer(rig, failure(FailureKind::Timeout, Sent::Bytes));
        "Answer (none, never sent)": |rig| answer(rig, failure(FailureKind::Dns, Sent::Nothing));
        "Answer (of another attempt)": |rig| {
            let answer = refused(400, "invalid_grant");
            (rig.host.now, Input::Answer { attempt: AttemptId(0x1a7e), answer, sent: Vec::new() })
        };
    }
}

fn wishes() -> Vec<Case> {
    plain! {
        "Demand": |_rig| Input::Demand { min_validity: Span::ZERO };
        "DemandFor": |_rig| Input::DemandFor { key: another_key(), min_validity: Span::ZERO };
        "Demand (living longer)": |_rig| Input::Demand { min_validity: Span::from_millis(3_599_000) };
        "Rejected (the present token)": |rig| {
            let (epoch, generation) = rig.host.machine.record().map(|r| r.version()).unwrap_or_default();
            Input::Rejected { epoch, generation }
        };
        "Rejected (an old token)": |_rig| Input::Rejected { epoch: 0, generation: 7 };
        "Refresh": |_rig| Input::Refresh;
        "LoggedIn": |rig| Input::LoggedIn(Box::new(next_login(rig)));
        "LoggedIn (what is known)": |rig| Input::LoggedIn(Box::new(stands(rig)));
        "LoggedOut": |rig| Input::LoggedOut(Box::new(stands(rig).tombstone(rig.host.now)));
        "Revoked": |_rig| Input::Revoked;
    }
}

fn news() -> Vec<Case> {
    cases! {
        "Resumed": |rig| (rig.host.now, Input::Resumed);
        "Resumed (after eight hours)": |rig| (later(rig, hours(8)), Input::Resumed);
        "NetworkChanged": |rig| (rig.host.now, Input::NetworkChanged);
        "PolicyChanged": |rig| (rig.host.now, Input::PolicyChanged(Box::new(setup())));
        "Shutdown": |rig| (rig.host.now, Input::Shutdown);
    }
}
