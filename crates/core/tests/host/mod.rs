//! A host for one machine in virtual time: an in-memory store, a scripted server, and clocks that jump to the next
//! thing that is due. It does what any real host does, in the order the crate's page asks for.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::VecDeque;
use std::sync::Arc;

use renewd_core::*;

pub const BOOT: BootId = BootId(0xb007);

/// What the server does with the next request.
#[derive(Clone, Debug, PartialEq)]
pub enum Server {
    /// Grants a token of that many seconds, rotating the refresh token.
    Ok(i64),
    /// Grants a token with this `expires_in` written as it is.
    OkRaw(&'static str),
    /// A web application firewall: 403, HTML, no OAuth code.
    Waf,
    /// A status with an empty body.
    Status(u16),
    /// 429 with that `Retry-After`.
    Limited(u32),
    /// `invalid_grant`.
    InvalidGrant,
    /// `invalid_client`.
    InvalidClient,
    /// No byte leaves.
    Unreachable,
    /// The request leaves, and nothing comes back within the time-out.
    Hang,
    /// It is never answered at all: the test answers by hand.
    Silent,
}

/// What happened, in a form that tests compare.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Changed(Status, Status, Option<Cause>),
    Advise(Hint),
    Report(Report),
    Sent(AttemptId),
    Aborted(AttemptId),
    Published(Option<(u64, u64)>),
    Revoked(usize),
    Drained(Option<String>),
    Claimed,
    Released,
    Marked,
    Committed,
}

pub struct Host {
    pub machine: Lifecycle,
    pub now: Now,
    /// What stands in the store.
    pub store: Option<Record>,
    /// While set, every write fails with it.
    pub store_broken: Option<StoreFaultKind>,
    /// Another process holds the claim.
    pub claim_taken: bool,
    pub claim_held: bool,
    pub server: Server,
    /// Taken before `server`, one a request.
    pub script: VecDeque<Server>,
    /// How long the server takes.
    pub latency: Span,
    /// The request on the wire: when it ends, and how.
    pub wire: Option<(AttemptId, Boot, Answer)>,
    /// When each request was sent.
    pub requests: Vec<Boot>,
    /// The refresh tokens that were sent.
    pub sent_tokens: Vec<Vec<u8>>,
    pub seen: Vec<(Boot, Seen)>,
    /// Inputs that have not been handed over yet: outcomes of store commands.
    inbox: VecDeque<Input>,
    next_attempt_id: u128,
    minted: u64,
}

pub fn setup() -> Setup {
    setup_with(Policy::default(), Profile::generic(), Client::public("cli"))
}

pub fn setup_with(policy: Policy, profile: Profile, client: Client) -> Setup {
    Setup {
        policy: Arc::new(policy),
        profile: Arc::new(profile),
        client: Arc::new(client),
        owner: Arc::new(Owner { host: "box".into(), boot_id: BOOT, pid: 1, start_time: 1 }),
    }
}

pub fn at(millis: u64) -> Now {
    Now {
        boot: Boot::from_millis(1_000_000 + millis),
        wall: Wall::from_unix_millis(1_800_000_000_000 + millis as i64),
    }
}

pub fn identity() -> Identity {
    Identity {
        token_endpoint: "https://as.example/token".into(),
        revocation_endpoint: Some("https://as.example/revoke".into()),
        client_id: "cli".into(),
        profile: "generic".into(),
        ..Identity::default()
    }
}

/// A login with a refresh token and no access token yet.
pub fn login(epoch: u64) -> Record {
    let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-0")), ..GrantMaterial::default() };
    Record::new(epoch, identity(), Settings::default(), grant, at(0))
}

/// A login with an access token of that many seconds.
pub fn login_with_token(epoch: u64, seconds: u64) -> Record {
    let mut r = login(epoch);
    r.grant.access.push(Access {
        key: AccessKey::default(),
        token: Secret::from("at-0"),
        token_type: "Bearer".into(),
        issued: Stamp::new(at(0), BOOT),
        lifetime: Span::from_secs(seconds),
        lifetime_given: true,
    });
    r
}

impl Host {
    pub fn new(setup: Setup, record: Option<Record>) -> Self {
        Self::with_seed(setup, record, 7)
    }

    pub fn with_seed(setup: Setup, record: Option<Record>, seed: u64) -> Self {
        let mut host = Self {
            machine: Lifecycle::new(setup, seed),
            now: at(0),
            store: record,
            store_broken: None,
            claim_taken: false,
            claim_held: false,
            server: Server::Ok(3600),
            script: VecDeque::new(),
            latency: Span::from_millis(100),
            wire: None,
            requests: Vec::new(),
            sent_tokens: Vec::new(),
            seen: Vec::new(),
            inbox: VecDeque::new(),
            next_attempt_id: 1,
            minted: 0,
        };
        host.drain();
        host
    }

    /// Hands one input over and carries out what follows, outcomes of the store included.
    pub fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            while let Some(command) = self.machine.poll_command() {
                self.carry_out(command);
            }
            let Some(input) = self.inbox.pop_front() else { return };
            self.machine.handle(self.now, input);
        }
    }

    fn note(&mut self, seen: Seen) {
        self.seen.push((self.now.boot, seen));
    }

    fn fault(&self) -> Option<StoreFault> {
        self.store_broken.map(|kind| StoreFault { kind, message: "broken by the test".into() })
    }

    fn loaded(&self) -> Loaded {
        self.store.clone().map_or(Loaded::Absent, |r| Loaded::Record(Box::new(r)))
    }

    fn write(&mut self, record: Box<Record>, fence: Fence) -> Result<(), CommitFailure> {
        if let Some(fault) = self.fault() {
            return Err(CommitFailure::Fault(fault));
        }
        let stands = self.store.as_ref().map(|r| (r.version(), r.intent.as_ref().map(|i| i.attempt)));
        let ok = stands.is_some_and(|(version, attempt)| {
            version == (fence.epoch, fence.generation) && (fence.attempt.is_none() || fence.attempt == attempt)
        });
        if !ok {
            return Err(CommitFailure::Fenced(self.loaded()));
        }
        self.store = Some(*record);
        Ok(())
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Load => {
                let loaded = self.loaded();
                self.inbox.push_back(Input::Loaded(loaded));
            }
            Command::Claim => {
                if self.claim_taken {
                    self.inbox.push_back(Input::ClaimDenied(None));
                } else {
                    assert!(!self.claim_held, "a claim that is held is not asked for again");
                    self.claim_held = true;
                    self.note(Seen::Claimed);
                    let attempt = AttemptId(self.next_attempt_id);
                    self.next_attempt_id += 1;
                    let loaded = self.loaded();
                    self.inbox.push_back(Input::ClaimGranted { loaded, attempt });
                }
            }
            Command::Mark { ticket, record, fence } => {
                assert!(self.claim_held, "a mark needs the claim");
                let input = match self.write(record, fence) {
                    Ok(()) => {
                        self.note(Seen::Marked);
                        Input::Marked(ticket)
                    }
                    Err(failure) => Input::MarkFailed(ticket, failure),
                };
                self.inbox.push_back(input);
            }
            Command::Commit { ticket, record, fence } => {
                assert!(self.claim_held, "a commit needs the claim");
                let input = match self.write(record, fence) {
                    Ok(()) => {
                        self.note(Seen::Committed);
                        Input::Committed(ticket)
                    }
                    Err(failure) => Input::CommitFailed(ticket, failure),
                };
                self.inbox.push_back(input);
            }
            Command::Send { attempt, request } => self.send(attempt, &request),
            Command::Abort { attempt } => self.note(Seen::Aborted(attempt)),
            Command::Release => {
                assert!(self.claim_held, "only a held claim is released");
                self.claim_held = false;
                self.note(Seen::Released);
            }
            Command::Publish(Publication::Token(t)) => {
                self.note(Seen::Published(Some((t.epoch, t.generation))));
            }
            Command::Publish(Publication::Unavailable(_)) => self.note(Seen::Published(None)),
            Command::Changed { from, to, cause } => self.note(Seen::Changed(from, to, cause)),
            Command::Advise(hint) => self.note(Seen::Advise(hint)),
            Command::Report(report) => self.note(Seen::Report(report)),
            Command::Revoke { requests } => {
                self.note(Seen::Revoked(requests.len()));
                self.inbox.push_back(Input::Revoked);
            }
            Command::Drained { lost } => self.note(Seen::Drained(lost)),
        }
    }

    fn send(&mut self, attempt: AttemptId, request: &TokenRequest) {
        // Invariants 2 and 6 of the transaction, checked at every single send of every test.
        let stands = self.store.as_ref().expect("a send without a record");
        let intent = stands.intent.as_ref().expect("a durable intent precedes every send");
        assert_eq!(intent.attempt, attempt, "the durable intent is this attempt's");
        let refresh_token = stands.grant.refresh_token.as_ref().expect("a refresh token").expose().to_vec();
        let body = String::from_utf8(request.body.expose().to_vec()).expect("a form is text");
        assert!(
            body.contains(std::str::from_utf8(&refresh_token).expect("text")),
            "the refresh token that stands in the store is the one that is sent"
        );
        assert!(self.wire.is_none(), "one request on the wire at a time");
        self.requests.push(self.now.boot);
        self.sent_tokens.push(refresh_token);
        self.note(Seen::Sent(attempt));
        let server = self.script.pop_front().unwrap_or_else(|| self.server.clone());
        let takes = if server == Server::Hang { request.timeout } else { self.latency };
        if let Some(answer) = self.answer(&server) {
            self.wire = Some((attempt, self.now.boot + takes, answer));
        }
    }

    pub fn answer(&mut self, server: &Server) -> Option<Answer> {
        let json = |status: u16, body: String| response(status, "application/json", &body);
        Some(match server {
            Server::Ok(seconds) => {
                self.minted += 1;
                let n = self.minted;
                json(
                    200,
                    format!(
                        r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":{seconds},"refresh_token":"rt-{n}"}}"#
                    ),
                )
            }
            Server::OkRaw(expires_in) => {
                self.minted += 1;
                let n = self.minted;
                let lifetime =
                    if expires_in.is_empty() { String::new() } else { format!(r#""expires_in":{expires_in},"#) };
                json(200, format!(r#"{{{lifetime}"access_token":"at-{n}","refresh_token":"rt-{n}"}}"#))
            }
            Server::Waf => response(403, "text/html", "<!DOCTYPE html><title>Blocked</title>"),
            Server::Status(status) => response(*status, "text/plain", ""),
            Server::Limited(seconds) => {
                let Answer::Response(mut r) = response(429, "text/plain", "") else { unreachable!() };
                r.headers.push(("Retry-After".into(), seconds.to_string()));
                Answer::Response(r)
            }
            Server::InvalidGrant => json(400, r#"{"error":"invalid_grant"}"#.into()),
            Server::InvalidClient => json(401, r#"{"error":"invalid_client"}"#.into()),
            Server::Unreachable => failure(FailureKind::Refused, Sent::Nothing),
            Server::Hang => failure(FailureKind::Timeout, Sent::Bytes),
            Server::Silent => return None,
        })
    }

    /// The next thing that is due, if anything is.
    fn due(&self) -> Option<Boot> {
        let wake = self.machine.poll_timeout().map(|w| w.at);
        let wire = self.wire.as_ref().map(|w| w.1);
        wake.into_iter().chain(wire).min()
    }

    /// Lets time pass, both clocks alike, handing over everything that becomes due.
    pub fn pass(&mut self, span: Span) {
        let end = self.now.boot + span;
        let mut idle = 0;
        while let Some(due) = self.due().filter(|due| *due <= end) {
            let before = (self.now.boot, self.seen.len());
            self.advance(due.since(self.now.boot));
            match self.wire.take() {
                Some((attempt, when, answer)) if when <= self.now.boot => {
                    self.input(Input::Answer { attempt, answer });
                }
                wire => {
                    self.wire = wire;
                    self.input(Input::Tick);
                }
            }
            idle = if before == (self.now.boot, self.seen.len()) { idle + 1 } else { 0 };
            assert!(idle < 10, "the machine asks to be woken now and does nothing: {:?}", self.machine.poll_timeout());
        }
        self.advance(end.since(self.now.boot));
    }

    /// Moves both clocks and tells nobody.
    pub fn advance(&mut self, span: Span) {
        self.now = Now { boot: self.now.boot + span, wall: self.now.wall + span };
    }

    /// Steps the wall clock alone, and ticks, as a driver does that notices.
    pub fn step_wall(&mut self, millis: i64) {
        self.now.wall = Wall::from_unix_millis(self.now.wall.as_unix_millis() + millis);
        self.input(Input::Tick);
    }

    /// A new process over the same store.
    pub fn restart(&mut self, setup: Setup) {
        self.machine = Lifecycle::new(setup, 99);
        self.claim_held = false;
        self.wire = None;
        self.inbox.clear();
        self.drain();
    }

    pub fn view(&self) -> View {
        self.machine.view(self.now)
    }

    pub fn status(&self) -> Status {
        self.view().status
    }

    /// Asks as a caller does; the token's text when one is served.
    pub fn ask(&mut self) -> Result<String, String> {
        self.ask_for(Span::ZERO)
    }

    pub fn ask_for(&mut self, min_validity: Span) -> Result<String, String> {
        self.input(Input::Demand { min_validity });
        match self.machine.serve(self.now, min_validity) {
            Serve::Token { access, .. } => Ok(access.token.expose_str().expect("text").into()),
            Serve::Wait => Err("wait".into()),
            Serve::Unavailable(u) => Err(format!(
                "{} {}",
                u.status.name(),
                u.cause.map_or("-", |c| c.name())
            )),
        }
    }

    pub fn changes(&self) -> Vec<(Status, Status)> {
        self.seen
            .iter()
            .filter_map(|(_, s)| match s {
                Seen::Changed(from, to, _) => Some((*from, *to)),
                _ => None,
            })
            .collect()
    }

    pub fn hints(&self) -> usize {
        self.seen.iter().filter(|(_, s)| matches!(s, Seen::Advise(_))).count()
    }

    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.seen.iter().filter_map(|(_, s)| match s {
            Seen::Report(r) => Some(r),
            _ => None,
        })
    }
}

pub fn response(status: u16, content_type: &str, body: &str) -> Answer {
    Answer::Response(Response {
        status,
        headers: vec![("Content-Type".into(), content_type.into())],
        body: Secret::from(body),
        truncated: false,
    })
}

pub fn failure(kind: FailureKind, sent: Sent) -> Answer {
    Answer::Failed(Failure { kind, sent, closed: true, message: kind.name().into() })
}

pub fn mins(n: u64) -> Span {
    Span::from_mins(n)
}

pub fn hours(n: u64) -> Span {
    Span::from_hours(n)
}
