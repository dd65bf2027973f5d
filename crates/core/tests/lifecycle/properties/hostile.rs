//! Totality: whatever comes, in whatever order, with whatever values, nothing panics, and the commands stay orderly.

use proptest::prelude::*;
use renewd_core::*;

use super::config;
use super::spec::{
    LoadSpec, RecordSpec, SERVERS, answer, fault, loads, nows, policies, records, spans, token_of, versions,
};
use crate::host::*;

/// Commands that one input may lead to. The worst is a logout in the middle of everything, with about ten.
const COMMANDS_MAX: u64 = 16;

/// What is done next. Outcomes fit what the machine asked for, or, where `fits` is false, nothing at all.
#[derive(Clone, Debug)]
enum Step {
    Tick,
    Denied(bool),
    Marked,
    Committed,
    StoreChanged,
    Refresh,
    Resumed,
    NetworkChanged,
    Shutdown,
    Loaded(LoadSpec),
    Granted(LoadSpec, u128),
    MarkFailed { fits: bool, why: LoadSpec },
    CommitFailed { fits: bool, why: LoadSpec },
    Answer { fits: bool, n: u8, bytes: bool, closed: bool },
    Rejected { fits: bool, version: (u64, u64) },
    Demand(Span),
    DemandFor(u8, Span),
    LoggedIn(RecordSpec),
    LoggedOut(RecordSpec),
    Policy(Policy),
}

fn steps() -> impl Strategy<Value = Step> {
    let plain = prop_oneof![
        Just(Step::Tick),
        any::<bool>().prop_map(Step::Denied),
        Just(Step::Marked),
        Just(Step::Committed),
        Just(Step::StoreChanged),
        Just(Step::Refresh),
        Just(Step::Resumed),
        Just(Step::NetworkChanged),
    ];
    prop_oneof![
        8 => plain,
        4 => loads().prop_map(Step::Loaded),
        6 => (loads(), 0u128..4).prop_map(|(l, a)| Step::Granted(l, a)),
        2 => (any::<bool>(), loads()).prop_map(|(fits, why)| Step::MarkFailed { fits, why }),
        2 => (any::<bool>(), loads()).prop_map(|(fits, why)| Step::CommitFailed { fits, why }),
        4 => (any::<bool>(), 0u8..14, any::<bool>(), any::<bool>())
            .prop_map(|(fits, n, bytes, closed)| Step::Answer { fits, n, bytes, closed }),
        2 => (any::<bool>(), (versions(), versions()))
            .prop_map(|(fits, version)| Step::Rejected { fits, version }),
        1 => spans().prop_map(Step::Demand),
        1 => (any::<u8>(), spans()).prop_map(|(key, span)| Step::DemandFor(key, span)),
        1 => records().prop_map(Step::LoggedIn),
        1 => records().prop_map(Step::LoggedOut),
        1 => policies().prop_map(Step::Policy),
        1 => Just(Step::Shutdown),
    ]
}

/// What the machine last asked for.
#[derive(Default)]
struct Asked {
    ticket: Ticket,
    attempt: AttemptId,
    /// Where the last request went.
    server: String,
    /// Names attempts as entropy does: none twice.
    unique: Option<u128>,
    commands: u64,
}

impl Asked {
    fn drain(&mut self, machine: &mut Lifecycle) {
        while let Some(command) = machine.poll_command() {
            self.commands += 1;
            assert!(!text::command(&command).is_empty());
            match command {
                Command::Mark { ticket, .. } | Command::Commit { ticket, .. } => self.ticket = ticket,
                Command::Send { attempt, request } => {
                    self.attempt = attempt;
                    self.sent(&request);
                }
                Command::Revoke { requests } => requests.iter().for_each(|request| {
                    assert_eq!(request.url, "https://as.example/revoke", "only to the pinned endpoint");
                }),
                _ => {}
            }
        }
    }

    /// A refresh token goes to the server that gave it out.
    fn sent(&mut self, request: &TokenRequest) {
        self.server.clone_from(&request.url);
        let body = request.body.expose_str().expect("a form is text");
        let token = body.split('&').find_map(|field| field.strip_prefix("refresh_token="));
        let stranger =
            SERVERS.iter().filter(|server| **server != request.url).map(|server| token_of(server, ""));
        let strays = self.unique.is_some()
            && token.is_some_and(|token| stranger.into_iter().any(|theirs| token.ends_with(&theirs)));
        assert!(!strays, "{body} is sent to {}", request.url);
    }

    fn input(&mut self, step: Step, machine: &Lifecycle) -> Input {
        let own = self.ticket;
        let ticket = |fits: bool| if fits { own } else { Ticket(u32::MAX) };
        match step {
            Step::Tick => Input::Tick,
            Step::Denied(broken) => Input::ClaimDenied(broken.then(fault)),
            Step::Marked => Input::Marked(self.ticket),
            Step::Committed => Input::Committed(self.ticket),
            Step::StoreChanged => Input::StoreChanged,
            Step::Refresh => Input::Refresh,
            Step::Resumed => Input::Resumed,
            Step::NetworkChanged => Input::NetworkChanged,
            Step::Shutdown => Input::Shutdown,
            Step::Loaded(loaded) => Input::Loaded(loaded.build()),
            Step::Granted(loaded, attempt) => {
                let attempt = match &mut self.unique {
                    Some(last) => {
                        *last += 1;
                        *last
                    }
                    None => attempt,
                };
                Input::ClaimGranted { loaded: loaded.build(), attempt: AttemptId(attempt) }
            }
            Step::MarkFailed { fits, why } => Input::MarkFailed(ticket(fits), why.failure()),
            Step::CommitFailed { fits, why } => Input::CommitFailed(ticket(fits), why.failure()),
            Step::Answer { fits, n, bytes, closed } => Input::Answer {
                attempt: if fits { self.attempt } else { AttemptId(u128::MAX) },
                answer: answer(&self.server, n, bytes, closed),
                sent: Vec::new(),
            },
            Step::Rejected { fits, version } => {
                let known = machine.record().filter(|_| fits).map(|r| r.version());
                let (epoch, generation) = known.unwrap_or(version);
                Input::Rejected { epoch, generation }
            }
            Step::Demand(min_validity) => Input::Demand { min_validity },
            Step::DemandFor(key, min_validity) => {
                let scope = key.is_multiple_of(2).then(|| format!("s{}", key % 4));
                Input::DemandFor { key: AccessKey { scope, ..super::other_key(key % 3) }, min_validity }
            }
            Step::LoggedIn(record) => Input::LoggedIn(Box::new(record.build())),
            Step::LoggedOut(record) => Input::LoggedOut(Box::new(record.build())),
            Step::Policy(policy) => {
                Input::PolicyChanged(Box::new(setup_with(policy, Profile::generic(), Client::public(""))))
            }
        }
    }
}

/// Whether it asks to be woken now, again and again, and does nothing.
fn spins(machine: &mut Lifecycle, now: Now, asked: &mut Asked) -> bool {
    for _ in 0..4 {
        let due = machine.poll_timeout().map(|w| w.at);
        if due.is_none_or(|at| at > now.boot) {
            return false;
        }
        let before = asked.commands;
        machine.handle(now, Input::Tick);
        asked.drain(machine);
        if asked.commands > before {
            return false;
        }
    }
    true
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_panics_whatever_comes_in_whatever_order(
        policy in policies(),
        seed in any::<u64>(),
        script in proptest::collection::vec((nows(), steps()), 1..60),
    ) {
        let mut machine = Lifecycle::new(setup_with(policy, Profile::generic(), Client::public("c")), seed);
        let mut asked = Asked::default();
        let mut version = None;
        for (now, step) in script {
            let before = asked.commands;
            machine.handle(now, asked.input(step, &machine));
            asked.drain(&mut machine);
            let commands = asked.commands - before;
            prop_assert!(commands <= COMMANDS_MAX, "one input, {} commands", commands);
            prop_assert!(!spins(&mut machine, now, &mut asked), "a hot loop in {:?}", machine.view(now).phase);
            // Every getter at every moment, also with clocks that run backwards.
            let view = machine.view(now);
            prop_assert!(view.health >= view.status.health());
            let _ = machine.serve(Now::default(), Span::MAX);
            let _ = machine.poll_timeout();
            let known = machine.record().map(|r| r.version());
            prop_assert!(version <= known, "5: {:?} after {:?}", known, version);
            version = known;
        }
    }

    /// A login at another server never inherits a refresh token, nor does what that gave out go back to the first.
    #[test]
    fn a_refresh_token_goes_only_to_the_server_that_gave_it_out(
        seed in any::<u64>(),
        script in proptest::collection::vec((nows(), steps()), 1..80),
    ) {
        let mut machine = Lifecycle::new(setup(), seed);
        let mut asked = Asked { unique: Some(1 << 64), ..Asked::default() };
        for (now, step) in script {
            machine.handle(now, asked.input(step, &machine));
            asked.drain(&mut machine);
            let record = machine.record();
            let token = record.and_then(|r| r.grant.refresh_token.as_ref()).and_then(|t| t.expose_str());
            if let (Some(record), Some(token)) = (record, token) {
                let own = token_of(&record.identity.token_endpoint, "");
                prop_assert!(token.ends_with(&own), "{} is kept for {}", token, record.identity.token_endpoint);
            }
        }
    }
}
