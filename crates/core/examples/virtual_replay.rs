//! A night's history replayed in no time: the core has no clock, so a host may give it any.
//!
//! A laptop works through a VPN. The VPN drops in the evening, and a firewall answers every token request with an HTML
//! page; the laptop sleeps; in the morning the VPN is back. The same inputs always give the same timeline:
//!
//! ```text
//! cargo run -p renewd-core --example virtual_replay
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use renewd_core::*;

/// What happens, and when.
const HISTORY: [(Span, Event); 5] = [
    (Span::from_mins(0), Event::Server(true)),
    (Span::from_mins(100), Event::Server(false)),
    (Span::from_mins(180), Event::Suspend(Span::from_hours(8))),
    (Span::from_mins(670), Event::Server(true)),
    (Span::from_mins(700), Event::End),
];

#[derive(Clone, Copy)]
enum Event {
    /// The token endpoint answers, or the firewall does.
    Server(bool),
    /// The laptop sleeps: time passes and nobody is woken.
    Suspend(Span),
    End,
}

/// One credential in virtual time.
struct Replay {
    machine: Lifecycle,
    now: Now,
    store: Record,
    up: bool,
    minted: u32,
    attempts: u128,
    inbox: VecDeque<Input>,
    /// The request on the wire takes 200 ms.
    wire: Option<(Boot, AttemptId)>,
    timeline: Vec<String>,
}

const BEGIN: Now = Now { boot: Boot::from_millis(0), wall: Wall::from_unix_millis(1_800_000_000_000) };

impl Replay {
    fn new(setup: Setup, store: Record) -> Self {
        Self {
            machine: Lifecycle::new(setup, 1),
            now: BEGIN,
            store,
            up: true,
            minted: 0,
            attempts: 0,
            inbox: VecDeque::new(),
            wire: None,
            timeline: Vec::new(),
        }
    }

    fn say(&mut self, what: &str) {
        let s = self.now.boot.since(BEGIN.boot).as_secs();
        self.timeline.push(format!("{:02}:{:02}:{:02}  {what}", s / 3600, s / 60 % 60, s % 60));
    }

    /// One input, then everything that follows from it.
    fn feed(&mut self, input: Input) {
        self.inbox.push_back(input);
        while let Some(input) = self.inbox.pop_front() {
            self.machine.handle(self.now, input);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(command) = self.machine.poll_command() {
            let stands = || Loaded::Record(Box::new(self.store.clone()));
            match command {
                Command::Load => self.inbox.push_back(Input::Loaded(stands())),
                Command::Claim => {
                    let loaded = stands();
                    self.attempts += 1;
                    self.inbox.push_back(Input::ClaimGranted { loaded, attempt: AttemptId(self.attempts) });
                }
                Command::Mark { ticket, record, .. } => {
                    self.store = *record;
                    self.inbox.push_back(Input::Marked(ticket));
                }
                Command::Commit { ticket, record, .. } => {
                    self.store = *record;
                    self.inbox.push_back(Input::Committed(ticket));
                }
                Command::Send { attempt, .. } => {
                    self.wire = Some((self.now.boot + Span::from_millis(200), attempt));
                }
                Command::Changed { from, to, .. } => self.say(&format!("{} → {}", from.name(), to.name())),
                Command::Report(Report::Refreshed { reason, generation, .. }) => {
                    self.say(&format!("refreshed to generation {generation} ({})", reason.name()));
                }
                Command::Report(Report::Recovered { after, attempts }) => {
                    self.say(&format!("recovered after {after}, {attempts} attempts"));
                }
                Command::Report(Report::AttemptFailed { attempt, .. }) => {
                    let status = attempt.evidence.http_status.unwrap_or_default();
                    self.say(&format!("attempt failed: HTTP {status}"));
                }
                Command::Publish(Publication::Unavailable(_)) => self.say("no token for callers"),
                _ => {}
            }
        }
    }

    fn answer(&mut self) -> Answer {
        let (status, body) = if self.up {
            self.minted += 1;
            let n = self.minted;
            (200, format!(r#"{{"access_token":"at-{n}","expires_in":3600,"refresh_token":"rt-{n}"}}"#))
        } else {
            (403, String::from("<!DOCTYPE html><title>Blocked</title>"))
        };
        Answer::Response(Response { status, headers: Vec::new(), body: Secret::from(body), truncated: false })
    }

    /// Jumps from one thing that is due to the next, until `end`.
    fn pass_until(&mut self, end: Boot) {
        loop {
            let wire = self.wire.map(|(at, _)| at);
            let wake = self.machine.poll_timeout().map(|wake| wake.at);
            let Some(due) = wire.into_iter().chain(wake).min().filter(|due| *due <= end) else { break };
            self.jump_to(due);
            match self.wire.take_if(|(at, _)| *at <= due) {
                Some((_, attempt)) => {
                    let answer = self.answer();
                    self.feed(Input::Answer { attempt, answer, sent: Vec::new() });
                }
                None => self.feed(Input::Tick),
            }
        }
        self.jump_to(end);
    }

    fn jump_to(&mut self, at: Boot) {
        let span = at.since(self.now.boot);
        self.now = Now { boot: self.now.boot + span, wall: self.now.wall + span };
    }
}

fn setup() -> Setup {
    Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("example")),
        owner: Arc::new(Owner::default()),
    }
}

fn login() -> Record {
    let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-0")), ..GrantMaterial::default() };
    let identity = Identity { token_endpoint: "https://as.example/token".into(), ..Identity::default() };
    Record::new(1, identity, Settings::default(), grant, BEGIN)
}

/// The night as lines of text.
pub(crate) fn timeline() -> Vec<String> {
    let mut replay = Replay::new(setup(), login());
    replay.feed(Input::Tick);
    for (at, event) in HISTORY {
        replay.pass_until(BEGIN.boot + at);
        match event {
            Event::Server(up) => replay.up = up,
            Event::Suspend(span) => {
                replay.say("the laptop sleeps");
                replay.jump_to(replay.now.boot + span);
                replay.say("the laptop wakes");
                replay.feed(Input::Resumed);
            }
            Event::End => {}
        }
    }
    replay.timeline
}

pub(crate) fn main() {
    for line in timeline() {
        println!("{line}");
    }
}
