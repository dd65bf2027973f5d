//! Ways into each state, as real histories in virtual time.

use renewd_core::*;

use crate::host::*;

/// A machine in a state, and what it last asked for.
pub(crate) struct Rig {
    pub(crate) host: Host,
    pub(crate) ticket: Ticket,
    pub(crate) attempt: AttemptId,
}

pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) phase: Phase,
    pub(crate) build: Box<dyn Fn() -> Rig>,
}

/// The example of a login that the ceiling ended: the only one that a person may try again.
pub(crate) const CEILING: &str = "the ceiling";

fn rig(host: Host) -> Rig {
    let ticket = host.ops.iter().find_map(|op| match op {
        Command::Mark { ticket, .. } | Command::Commit { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let attempt = host.seen.iter().rev().find_map(|(_, s)| match s {
        Seen::Sent(attempt) => Some(*attempt),
        _ => None,
    });
    Rig { host, ticket: ticket.unwrap_or_default(), attempt: attempt.unwrap_or(AttemptId(0xa)) }
}

/// A host whose token lives for an hour, after a minute.
fn with_token() -> Host {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    h
}

fn without_token() -> Host {
    Host::new(setup(), Some(login(1)))
}

/// The outage has lasted so long that the long cadence has begun.
fn in_outage(mut h: Host) -> Host {
    h.server.mode = Mode::Waf;
    h.input(Input::Refresh);
    h.pass(mins(12));
    h
}

/// The request is on the wire, and nobody answers.
fn on_the_wire(mut h: Host) -> Host {
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h
}

/// The answer has come, and its outcome is being written.
fn writing(mode: &Mode) -> Host {
    writing_after(with_token(), mode)
}

fn writing_after(h: Host, mode: &Mode) -> Host {
    let mut h = on_the_wire(h);
    h.ops_held = true;
    h.reply(mode);
    h
}

fn unsaved() -> Host {
    let mut h = on_the_wire(with_token());
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.reply(&Mode::Ok(3600));
    h
}

fn refused(mode: Mode) -> Host {
    let mut h = with_token();
    h.server.mode = mode;
    h.input(Input::Refresh);
    h.pass(secs(1));
    h
}

fn stopping(mut h: Host) -> Host {
    h.input(Input::Shutdown);
    h
}

pub(crate) fn examples() -> Vec<Example> {
    let mut all = resting();
    all.extend(refreshing());
    all.extend(over());
    all
}

fn example(name: &'static str, phase: Phase, build: impl Fn() -> Host + 'static) -> Example {
    Example { name, phase, build: Box::new(move || rig(build())) }
}

fn resting() -> Vec<Example> {
    vec![
        example("loading", Phase::Absent, || {
            let mut h = Host::new(setup(), None);
            h.machine = Lifecycle::new(setup(), 7);
            let first = h.machine.poll_command();
            assert!(matches!(first, Some(Command::Load)), "a new machine asks for its record");
            h
        }),
        example("nobody logged in", Phase::Absent, || Host::new(setup(), None)),
        example("the store cannot be read", Phase::Absent, || {
            let mut h = Host::new(setup(), None);
            h.store.reads_fail = Some(StoreFaultKind::Denied);
            h.restart(setup());
            h
        }),
        example("a token", Phase::Fresh, with_token),
        example("no token yet", Phase::Fresh, without_token),
        example("an access token and nothing else", Phase::Fresh, || {
            Host::new(setup(), Some(access_token_only(3600)))
        }),
        example("the token is valid", Phase::Backoff, || {
            let mut h = with_token();
            h.server.mode = Mode::Waf;
            h.input(Input::Refresh);
            h.pass(Span::from_millis(500));
            h
        }),
        example("no token", Phase::Backoff, || {
            let mut h = without_token();
            h.server.mode = Mode::Waf;
            let _ = h.ask();
            h.pass(Span::from_millis(500));
            h
        }),
        example("an outage, the token is valid", Phase::AuthRetrying, || in_outage(with_token())),
        example("an outage, no token", Phase::AuthRetrying, || in_outage(without_token())),
        example("the client is refused", Phase::AuthRetrying, || refused(Mode::InvalidClient)),
        example("our own answer was lost", Phase::Settling, || {
            let mut h = with_token();
            h.server.mode = Mode::Hang;
            h.input(Input::Refresh);
            h.pass(secs(31));
            h
        }),
        example("another process died", Phase::Settling, || {
            let mut h = with_token();
            h.others_die();
            h.input(Input::Refresh);
            h
        }),
        example("the disk is full", Phase::Unsaved, unsaved),
        example("the disk is full, shutting down", Phase::Unsaved, || stopping(unsaved())),
    ]
}

fn refreshing() -> Vec<Example> {
    let marking = || {
        let mut h = with_token();
        h.ops_held = true;
        h.input(Input::Refresh);
        h.one_op();
        h
    };
    vec![
        example("the claim is asked for", Phase::Claiming, || {
            let mut h = with_token();
            h.ops_held = true;
            h.input(Input::Refresh);
            h
        }),
        example("another process holds the claim", Phase::Claiming, || {
            let mut h = with_token();
            h.store.claim_taken = true;
            h.input(Input::Refresh);
            h
        }),
        example("the intent is being written", Phase::Marking, marking),
        example("the same, shutting down", Phase::Marking, move || stopping(marking())),
        example("the token is valid", Phase::Exchanging, || on_the_wire(with_token())),
        example("no token", Phase::Exchanging, || on_the_wire(without_token())),
        example("in an outage", Phase::Exchanging, || on_the_wire(in_outage(without_token()))),
        example("in doubt", Phase::Exchanging, || {
            let mut h = with_token();
            h.server.script = [Mode::Status(500)].into();
            h.input(Input::Refresh);
            h.pass(Span::from_millis(500));
            on_the_wire(h)
        }),
        example("shutting down", Phase::Exchanging, || stopping(on_the_wire(with_token()))),
        example("a success", Phase::Committing, || writing(&Mode::Ok(3600))),
        example("a success, shutting down", Phase::Committing, || stopping(writing(&Mode::Ok(3600)))),
        example("a failure", Phase::Committing, || writing(&Mode::Waf)),
        example("a failure in an outage", Phase::Committing, || {
            writing_after(in_outage(without_token()), &Mode::Waf)
        }),
        example("a lost answer", Phase::Committing, || writing(&Mode::Hang)),
        example("a misdirected request", Phase::Committing, || writing(&Mode::Status(421))),
        example("a refused client", Phase::Committing, || writing(&Mode::InvalidClient)),
        example("the wait for a dead process begins", Phase::Committing, || {
            let mut h = with_token();
            h.others_die();
            h.ops_held = true;
            h.input(Input::Refresh);
            h.one_op();
            h
        }),
        example("a refused grant", Phase::Committing, || writing(&Mode::InvalidGrant)),
        example("a useless answer with a refresh token", Phase::Committing, || {
            writing(&Mode::OnlyRefreshToken)
        }),
    ]
}

fn over() -> Vec<Example> {
    vec![
        example("the grant is refused, the token is valid", Phase::Unauthenticated, || {
            refused(Mode::InvalidGrant)
        }),
        example(CEILING, Phase::Unauthenticated, || {
            let mut h = without_token();
            h.server.mode = Mode::Waf;
            h.pass(hours(26));
            h
        }),
        example("logged out", Phase::Unauthenticated, || {
            let mut h = with_token();
            h.log_out();
            h
        }),
        example("an access token alone is over", Phase::Unauthenticated, || {
            let mut h = Host::new(setup(), Some(access_token_only(60)));
            h.pass(mins(2));
            h
        }),
        example("shut down", Phase::Stopped, || stopping(with_token())),
    ]
}
