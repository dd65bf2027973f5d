//! The core alone: no crate of ours but `renewd-core`, no runtime, one loop of sixty lines that hosts one credential.
//!
//! `run` is the whole executor: it drains commands, starts what they ask for, and sleeps until an outcome comes or the
//! machine wants to be woken. The authorization server is a function, so that this runs anywhere:
//!
//! ```text
//! cargo run -p renewd-core --example core_alone
//! ```

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use renewd_core::*;

/// Hosts one credential until `on_token` has seen enough, and then shuts it down.
fn run(mut store: Record, mut on_token: impl FnMut(&PublishedToken) -> Next) {
    let (outcomes, inbox) = channel();
    let mut machine = Lifecycle::new(setup(), 42);
    loop {
        // Everything the machine wants, before it is told anything else.
        while let Some(command) = machine.poll_command() {
            let outcome = match command {
                Command::Load => Input::Loaded(Loaded::Record(Box::new(store.clone()))),
                // One process, a store in memory: the claim is always free.
                Command::Claim => Input::ClaimGranted {
                    loaded: Loaded::Record(Box::new(store.clone())),
                    attempt: AttemptId(entropy()),
                },
                Command::Mark { ticket, record, .. } => {
                    store = *record;
                    Input::Marked(ticket)
                }
                Command::Commit { ticket, record, .. } => {
                    store = *record;
                    Input::Committed(ticket)
                }
                Command::Send { attempt, request } => {
                    let outcomes: Sender<Input> = outcomes.clone();
                    std::thread::spawn(move || {
                        let answer = server(&request);
                        // The loop may have ended.
                        let _ = outcomes.send(Input::Answer { attempt, answer, sent: Vec::new() });
                    });
                    continue;
                }
                Command::Publish(Publication::Token(token)) => match on_token(&token) {
                    Next::Wait => continue,
                    Next::Reject => Input::Rejected { epoch: token.epoch, generation: token.generation },
                    Next::Stop => Input::Shutdown,
                },
                // Somebody waits for a token, and says so.
                Command::Publish(Publication::Unavailable(_)) => Input::Demand { min_validity: Span::ZERO },
                Command::Revoke { .. } => Input::Revoked,
                Command::Drained { .. } => return,
                // Nothing to do for a host without neighbours, metrics and people.
                Command::Release
                | Command::Abort { .. }
                | Command::Changed { .. }
                | Command::Advise(_)
                | Command::Report(_) => continue,
            };
            // The receiver lives in this very function.
            let _ = outcomes.send(outcome);
        }
        let input = sleep(&inbox, machine.poll_timeout());
        machine.handle(now(), input);
    }
}

/// Until something comes, or something is due.
fn sleep(inbox: &Receiver<Input>, wake: Option<Wake>) -> Input {
    let patience = wake.map_or(Span::from_secs(1), |wake| wake.at.since(now().boot));
    match inbox.recv_timeout(patience.into()) {
        Ok(input) => input,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Input::Tick,
    }
}

/// What whoever uses the token does next.
enum Next {
    Wait,
    Reject,
    Stop,
}

/// Both clocks. A real host takes a boot clock that counts suspend.
#[expect(clippy::disallowed_methods, reason = "this is the clock adapter of this host")]
fn now() -> Now {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let boot = STARTED.get_or_init(Instant::now).elapsed();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        boot: Boot::from_millis(Span::from(boot).as_millis()),
        wall: Wall::from_unix_millis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
    }
}

/// 128 bits from the operating system, by way of the hash seeds of the standard library.
fn entropy() -> u128 {
    let word = |n: u8| u128::from(RandomState::new().hash_one(n));
    (word(0) << 64) | word(1)
}

/// An authorization server: each refresh token works once and gives a token that lives for two seconds.
fn server(request: &TokenRequest) -> Answer {
    let form = request.body.expose_str().unwrap_or_default();
    let spent = form.split('&').find_map(|field| field.strip_prefix("refresh_token=rt-"));
    let n = spent.and_then(|n| n.parse::<u32>().ok()).unwrap_or_default() + 1;
    let body = format!(
        r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":2,"refresh_token":"rt-{n}"}}"#
    );
    Answer::Response(Response {
        status: 200,
        headers: Vec::new(),
        body: Secret::from(body),
        truncated: false,
    })
}

fn setup() -> Setup {
    Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("example")),
        owner: Arc::new(Owner { boot_id: BootId(entropy()), ..Owner::default() }),
    }
}

fn login() -> Record {
    let identity = Identity {
        token_endpoint: "https://as.example/token".into(),
        client_id: "example".into(),
        ..Identity::default()
    };
    let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-0")), ..GrantMaterial::default() };
    Record::new(1, identity, Settings::default(), grant, now())
}

/// Three tokens: the first, one because a resource server refused the first, one ahead of expiry.
pub(crate) fn tokens() -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    run(login(), |token| {
        let name = token.access.token.expose_str().unwrap_or_default().to_owned();
        if seen.last() != Some(&name) {
            seen.push(name);
        }
        match seen.len() {
            1 => Next::Reject,
            2 => Next::Wait,
            _ => Next::Stop,
        }
    });
    seen
}

pub(crate) fn main() {
    for token in tokens() {
        println!("got {token}");
    }
}
