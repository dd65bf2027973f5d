//! A host for one machine in virtual time: an in-memory store, a scripted server, and clocks that jump to the next
//! thing that is due. It does what any real host does, in the order the crate's page asks for; and in every test it
//! checks what must hold at each step, whatever the test is about.

pub(crate) mod build;
mod ledger;
mod neighbours;
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod text;

use std::collections::{BTreeMap, VecDeque};

use renewd_core::*;

pub(crate) use build::*;
use ledger::Ledger;
pub(crate) use server::*;
use store::Store;

/// What happened, in a form that tests compare.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Changed(Status, Status, Option<Cause>),
    Advise(Hint),
    Report(Report),
    Sent(AttemptId),
    Aborted(AttemptId),
    Published(Option<(u64, u64)>),
    Revoked(usize),
    Drained(Option<String>),
}

/// The request on the wire: when it ends, and how.
pub(crate) struct Wire {
    pub(crate) attempt: AttemptId,
    pub(crate) ends: Boot,
    pub(crate) answer: Answer,
}

pub(crate) struct Host {
    pub(crate) machine: Lifecycle,
    pub(crate) setup: Setup,
    /// How the login is renewed, and every later one.
    pub(crate) grant_type: GrantType,
    pub(crate) now: Now,
    pub(crate) store: Store,
    pub(crate) server: Server,
    pub(crate) wire: Option<Wire>,
    pub(crate) claim_held: bool,
    /// Store commands are left undone until this is cleared.
    pub(crate) ops_held: bool,
    /// Store commands that have not been carried out.
    pub(crate) ops: VecDeque<Command>,
    /// When each request was sent.
    pub(crate) requests: Vec<Boot>,
    /// The refresh tokens that were sent.
    pub(crate) sent_tokens: Vec<String>,
    /// The resource that an access token was asked for, where one was named.
    pub(crate) minted_for: BTreeMap<String, String>,
    pub(crate) last_request: Option<TokenRequest>,
    pub(crate) last_revocation: Option<TokenRequest>,
    pub(crate) seen: Vec<(Boot, Seen)>,
    /// Every command as text.
    pub(crate) trace: Vec<String>,
    pub(crate) ledger: Ledger,
    inbox: VecDeque<Input>,
    next_attempt_id: u128,
    drained: bool,
    /// What callers have on the fast path.
    pub(crate) last_published: Option<PublishedToken>,
}

impl Host {
    pub(crate) fn new(setup: Setup, record: Option<Record>) -> Self {
        Self::with_seed(setup, record, 7)
    }

    pub(crate) fn with_seed(setup: Setup, record: Option<Record>, seed: u64) -> Self {
        let grant_type = record.as_ref().map(|r| r.settings.grant_type.clone()).unwrap_or_default();
        let mut host = Self {
            grant_type,
            machine: Lifecycle::new(setup.clone(), seed),
            ledger: Ledger::new(&setup.policy, record.as_ref()),
            setup,
            now: at(0),
            store: Store::new(record),
            server: Server::new(),
            wire: None,
            claim_held: false,
            ops_held: false,
            ops: VecDeque::new(),
            requests: Vec::new(),
            sent_tokens: Vec::new(),
            minted_for: BTreeMap::new(),
            last_request: None,
            last_revocation: None,
            seen: Vec::new(),
            trace: Vec::new(),
            inbox: VecDeque::new(),
            next_attempt_id: 1,
            drained: false,
            last_published: None,
        };
        host.drain();
        host
    }

    /// Hands one input over and carries out what follows, outcomes of the store included.
    pub(crate) fn input(&mut self, input: Input) {
        self.ledger.input(&input);
        self.machine.handle(self.now, input);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        loop {
            while let Some(command) = self.machine.poll_command() {
                self.carry_out(command);
            }
            if !self.ops_held
                && let Some(op) = self.ops.pop_front()
            {
                self.do_op(op);
            }
            let Some(input) = self.inbox.pop_front() else {
                if self.ops_held || self.ops.is_empty() {
                    return;
                }
                continue;
            };
            self.machine.handle(self.now, input);
        }
    }

    fn note(&mut self, seen: Seen) {
        self.seen.push((self.now.boot, seen));
    }

    fn carry_out(&mut self, command: Command) {
        let text = text::command(&command);
        assert!(
            !self.drained || text.starts_with("publish") || text.starts_with("re"),
            "{text} after drained"
        );
        self.trace.push(format!("{} {text}", self.now.boot.as_millis()));
        match command {
            Command::Load | Command::Mark { .. } | Command::Commit { .. } | Command::Release => {
                self.ops.push_back(command);
            }
            Command::Claim => {
                let asked = self.ops.iter().any(|op| matches!(op, Command::Claim));
                assert!(!asked, "a claim that is asked for is not asked for again");
                self.ops.push_back(command);
            }
            Command::Send { attempt, request } => self.send(attempt, &request),
            Command::Abort { attempt } => self.abort(attempt),
            Command::Publish(Publication::Token(t)) => {
                self.ledger.published(&t, self.now);
                self.note(Seen::Published(Some((t.epoch, t.generation))));
                self.last_published = Some(t);
            }
            Command::Publish(Publication::Unavailable(_)) => {
                self.last_published = None;
                self.note(Seen::Published(None));
            }
            Command::Changed { from, to, cause } => {
                self.ledger.changed(from, to, cause);
                self.note(Seen::Changed(from, to, cause));
            }
            Command::Advise(hint) => {
                self.ledger.advised();
                self.note(Seen::Advise(hint));
            }
            Command::Report(report) => self.note(Seen::Report(report)),
            Command::Revoke { requests } => {
                self.note(Seen::Revoked(requests.len()));
                self.last_revocation = requests.into_iter().next_back();
                self.inbox.push_back(Input::Revoked);
            }
            Command::Drained { lost } => {
                self.drained = true;
                self.note(Seen::Drained(lost));
            }
        }
    }

    /// Carries out a store command.
    fn do_op(&mut self, op: Command) {
        match op {
            Command::Load => {
                self.note_read();
                self.inbox.push_back(Input::Loaded(self.store.load()));
            }
            Command::Claim => {
                assert!(!self.claim_held, "a claim that is held is not asked for again");
                let loaded = self.store.load();
                let input = match self.store.reads_fail {
                    Some(kind) => Input::ClaimDenied(Some(Store::fault(kind))),
                    None if self.store.claim_taken => Input::ClaimDenied(None),
                    None => {
                        self.claim_held = true;
                        self.note_read();
                        let attempt = AttemptId(self.next_attempt_id);
                        self.next_attempt_id += 1;
                        Input::ClaimGranted { loaded, attempt }
                    }
                };
                self.inbox.push_back(input);
            }
            Command::Mark { ticket, record, fence } => {
                assert!(self.claim_held, "a mark needs the claim");
                self.inbox.push_back(match self.store.write(*record, fence) {
                    Ok(()) => Input::Marked(ticket),
                    Err(failure) => Input::MarkFailed(ticket, failure),
                });
            }
            Command::Commit { ticket, record, fence } => {
                assert!(self.claim_held, "a commit needs the claim");
                self.inbox.push_back(match self.store.write(*record, fence) {
                    Ok(()) => Input::Committed(ticket),
                    Err(failure) => Input::CommitFailed(ticket, failure),
                });
            }
            Command::Release => {
                assert!(self.claim_held, "only a held claim is released");
                self.claim_held = false;
            }
            Command::Send { .. }
            | Command::Abort { .. }
            | Command::Publish(_)
            | Command::Changed { .. }
            | Command::Advise(_)
            | Command::Report(_)
            | Command::Revoke { .. }
            | Command::Drained { .. } => unreachable!("not the store's"),
        }
    }

    fn send(&mut self, attempt: AttemptId, request: &TokenRequest) {
        let body = String::from_utf8(request.body.expose().to_vec()).expect("a form is text");
        let sent = body.split('&').find_map(|f| f.strip_prefix("refresh_token="));
        let spends = body.starts_with("grant_type=refresh_token&");
        assert_eq!(sent.is_some(), spends, "a refresh token goes with its own grant and no other");
        assert!(self.wire.is_none(), "one request on the wire at a time");
        assert_eq!(request.url, "https://as.example/token", "only to the pinned endpoint");
        self.ledger.sent(attempt, sent, self.store.record.as_ref());
        self.requests.push(self.now.boot);
        self.sent_tokens.extend(sent.map(String::from));
        self.last_request = Some(request.clone());
        self.note(Seen::Sent(attempt));
        let (trips, minted) = (self.server.reuse_trips, self.server.lifetimes.len());
        let (mode, reply) = self.server.receive(sent, request.timeout);
        if spends || mode == Mode::InvalidGrant {
            self.ledger.received(&mode);
        }
        if self.server.reuse_trips > trips {
            self.ledger.tripped();
        }
        if self.server.lifetimes.len() > minted {
            self.ledger_minted();
            let resource = body.split('&').find_map(|f| f.strip_prefix("resource="));
            if let Some(resource) = resource {
                let resource = resource.replace("%3A", ":").replace("%2F", "/");
                self.minted_for.insert(self.server.last_minted().0, resource);
            }
        }
        if let Some((takes, answer)) = reply {
            self.wire = Some(Wire { attempt, ends: self.now.boot + takes, answer });
        }
    }

    /// The server has just given out a token.
    pub(crate) fn ledger_minted(&mut self) {
        let (token, lifetime) = self.server.last_minted();
        self.ledger.minted(&token, lifetime, self.now);
    }

    /// Closes the socket: what the server did stays done.
    fn abort(&mut self, attempt: AttemptId) {
        self.note(Seen::Aborted(attempt));
        if self.wire.take_if(|w| w.attempt == attempt).is_some() {
            let answer = failure(FailureKind::Aborted, Sent::Bytes);
            self.ledger.answered(&answer, self.setup.profile.settle(self.setup.policy.settle()));
            self.inbox.push_back(Input::Answer { attempt, answer, sent: Vec::new() });
        }
    }

    /// Answers the request that a silent server had left open.
    pub(crate) fn reply(&mut self, mode: &Mode) {
        let sent = self.seen.iter().rev().find_map(|(_, s)| match s {
            Seen::Sent(attempt) => Some(*attempt),
            _ => None,
        });
        let attempt = sent.expect("a request");
        let minted = self.server.lifetimes.len();
        let answer = self.server.answer(mode).expect("an answer");
        self.ledger.received(mode);
        if self.server.lifetimes.len() > minted {
            self.ledger_minted();
        }
        self.ledger.answered(&answer, self.setup.profile.settle(self.setup.policy.settle()));
        self.input(Input::Answer { attempt, answer, sent: Vec::new() });
    }

    /// The next thing that is due, if anything is.
    fn due(&self) -> Option<Boot> {
        let wake = self.machine.poll_timeout().map(|w| w.at);
        let wire = self.wire.as_ref().map(|w| w.ends);
        wake.into_iter().chain(wire).min()
    }

    /// Lets time pass, both clocks alike, handing over everything that becomes due.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now.boot + span;
        let mut idle = 0;
        while let Some(due) = self.due().filter(|due| *due <= end) {
            let before = (self.now.boot, self.trace.len());
            self.advance(due.since(self.now.boot));
            self.due_now();
            idle = if before == (self.now.boot, self.trace.len()) { idle + 1 } else { 0 };
            assert!(
                idle < 3,
                "the machine asks to be woken now and does nothing: {:?} in {:?}",
                self.machine.poll_timeout(),
                self.view().phase
            );
        }
        self.advance(end.since(self.now.boot));
    }

    /// Lets time pass until the machine is there.
    pub(crate) fn pass_until(&mut self, phase: Phase) {
        for _ in 0..100_000 {
            if self.view().phase == phase {
                return;
            }
            self.pass(Span::from_secs(1));
        }
        panic!("never {phase:?}");
    }

    /// Hands over what is due now: the end of a request, or a tick.
    pub(crate) fn due_now(&mut self) {
        match self.wire.take_if(|w| w.ends <= self.now.boot) {
            Some(Wire { attempt, answer, .. }) => {
                self.ledger.answered(&answer, self.setup.profile.settle(self.setup.policy.settle()));
                self.input(Input::Answer { attempt, answer, sent: Vec::new() });
            }
            None => self.input(Input::Tick),
        }
    }

    /// Moves both clocks and tells nobody.
    pub(crate) fn advance(&mut self, span: Span) {
        self.ledger.advance(span);
        self.now = Now { boot: self.now.boot + span, wall: self.now.wall + span };
    }

    /// Steps the wall clock alone, and ticks, as a driver does that notices.
    fn note_read(&mut self) {
        if self.store.reads_fail.is_none() {
            self.ledger.read(self.store.record.as_ref(), &self.setup, self.now);
        }
    }

    pub(crate) fn step_wall(&mut self, millis: i64) {
        self.now.wall = Wall::from_unix_millis(self.now.wall.as_unix_millis().saturating_add(millis));
        self.input(Input::Tick);
    }

    pub(crate) fn view(&self) -> View {
        self.machine.view(self.now)
    }

    pub(crate) fn status(&self) -> Status {
        self.view().status
    }

    /// Asks as a caller does; the token's text when one is served.
    pub(crate) fn ask(&mut self) -> Result<String, String> {
        self.ask_for(Span::ZERO)
    }

    pub(crate) fn ask_for(&mut self, min_validity: Span) -> Result<String, String> {
        self.input(Input::Demand { min_validity });
        match self.machine.serve(self.now, min_validity) {
            Serve::Token { access, epoch, generation, .. } => {
                self.ledger.served(access, (epoch, generation), self.now);
                Ok(access.token.expose_str().expect("text").into())
            }
            Serve::Wait => Err("wait".into()),
            Serve::Unavailable(u) => {
                Err(format!("{} {}", u.status.name(), u.cause.map_or("-", |c| c.name())))
            }
        }
    }

    /// A resource server refuses the present token.
    pub(crate) fn reject(&mut self) {
        let View { epoch, mut generation, rejections_passed, .. } = self.view();
        let own = self.machine.record().and_then(|r| Some((r.access()?, r.generation_of(r.access()?))));
        generation = own.map_or(generation, |(_, brought_by)| brought_by);
        let token = own.and_then(|(access, _)| access.token.expose_str());
        let token = token.map(String::from);
        self.input(Input::Rejected { epoch, generation });
        // One that was passed through is as good as before, should a clock have made it seem over.
        let passed = self.view().rejections_passed > rejections_passed;
        if let Some(token) = token.filter(|_| !passed && !self.view().token_valid) {
            self.ledger.refuse(token);
        }
    }

    pub(crate) fn changes(&self) -> Vec<(Status, Status)> {
        self.seen
            .iter()
            .filter_map(|(_, s)| match s {
                Seen::Changed(from, to, _) => Some((*from, *to)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn hints(&self) -> usize {
        self.seen.iter().filter(|(_, s)| matches!(s, Seen::Advise(_))).count()
    }

    pub(crate) fn drained(&self) -> Vec<Option<String>> {
        self.seen
            .iter()
            .filter_map(|(_, s)| match s {
                Seen::Drained(lost) => Some(lost.clone()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn revoked(&self) -> usize {
        self.seen.iter().map(|(_, s)| if let Seen::Revoked(n) = s { *n } else { 0 }).sum()
    }

    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.seen.iter().filter_map(|(_, s)| match s {
            Seen::Report(r) => Some(r),
            _ => None,
        })
    }
}
