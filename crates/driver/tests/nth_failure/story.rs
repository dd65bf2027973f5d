//! What happens in every run: processes that share a login whose access token has run out, and callers who want one.

use std::sync::{Arc, Mutex};

use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;
use renewd_testkit::{AsClass, GrantId};

use crate::server::Server;

pub(crate) const START: Now =
    Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_unix_millis(1_780_000_000_000) };

/// A failure is over within one capped backoff: the wait for a request that may still land, the longest delay of the
/// short retry, the request itself, and the poll by which a caller sees it here.
pub(crate) const HEAL_MAX: Span = Span::from_secs(35 + 120 + 30 + 10);

/// Callers ask this often.
const ASK_EVERY: Span = Span::from_secs(10);

/// A refresh, an hour of rest, and the next one.
pub(crate) const TWO_REFRESHES: Span = Span::from_mins(70);

/// One refresh, and what follows a failure of it.
pub(crate) const ONE_REFRESH: Span = Span::from_mins(8);

/// One run: a server, processes, and what their callers saw.
pub(crate) struct Story {
    pub(crate) clock: VirtualClock,
    pub(crate) server: Arc<Server>,
    executor: VirtualExecutor,
    keepers: Vec<Keeper>,
    handles: Vec<DriverHandle>,
    seen: Arc<Mutex<Seen>>,
}

/// What callers saw.
#[derive(Default)]
struct Seen {
    served: u64,
    /// When a caller was last refused a token, or waited in vain.
    refused_last: Option<Boot>,
    first_served: Option<Boot>,
    problems: Vec<String>,
}

/// How a run ended.
pub(crate) struct End {
    pub(crate) views: Vec<View>,
    pub(crate) served: u64,
    /// How long no caller got a token, from the start; `None` where none ever did.
    pub(crate) first_after: Option<Span>,
    pub(crate) refused_last: Option<Span>,
    pub(crate) reuse_trips: u64,
    pub(crate) requests: u64,
    pub(crate) looked: u64,
    pub(crate) problems: Vec<String>,
}

pub(crate) fn name() -> CredentialName {
    "work".parse().unwrap()
}

fn setup() -> Setup {
    Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("cli")),
        owner: Arc::new(Owner { boot_id: BootId(0xb007), ..Owner::default() }),
    }
}

impl Story {
    pub(crate) fn new(class: AsClass) -> Self {
        let clock = VirtualClock::new(START);
        Self {
            server: Server::new(&clock, class),
            executor: VirtualExecutor::new(&clock),
            clock,
            keepers: Vec::new(),
            handles: Vec::new(),
            seen: Arc::default(),
        }
    }

    /// A login whose access token ran out a minute ago.
    pub(crate) fn login(&self) -> Record {
        let login = self.server.model.lock().unwrap().mint_grant(self.server.now_ms());
        let age = Span::from_mins(61);
        let issued = Now { boot: START.boot - age, wall: START.wall - age };
        let access = Access {
            key: AccessKey::default(),
            token: Secret::from(login.access_token.as_str()),
            token_type: "Bearer".into(),
            issued: Stamp::new(issued, BootId(0xb007)),
            lifetime: Span::from_hours(1),
            lifetime_given: true,
            granted: None,
            brought_by: None,
        };
        let grant = GrantMaterial {
            refresh_token: Some(Secret::from(login.refresh_token.as_str())),
            access: vec![access],
            ..GrantMaterial::default()
        };
        let identity = Identity {
            token_endpoint: "https://as.example/token".into(),
            client_id: "cli".into(),
            profile: "generic".into(),
            ..Identity::default()
        };
        Record::new(1, identity, Settings::default(), grant, issued)
    }

    /// A process over this store, and a caller who asks it again and again.
    pub(crate) fn process(&mut self, store: Arc<dyn CredentialStore>) {
        let number = self.keepers.len() as u64 + 1;
        let ports = Ports {
            endpoint: self.server.clone(),
            store,
            clock: Arc::new(self.clock.clone()),
            timer: Arc::new(VirtualTimer::new(&self.clock)),
            entropy: Arc::new(CountedEntropy::new(number)),
            signer: Arc::new(NoSigner),
            observer: Arc::new(NullObserver),
        };
        let (driver, handle) = Driver::new(ports, DriverOptions::default());
        self.executor.spawn(driver.run());
        let keeper = handle.add(name(), setup(), number);
        let caller = Caller {
            keeper: keeper.clone(),
            clock: self.clock.clone(),
            server: Arc::clone(&self.server),
            seen: Arc::clone(&self.seen),
        };
        self.executor.spawn(caller.ask_on());
        self.keepers.push(keeper);
        self.handles.push(handle);
    }

    /// Runs for so long, shuts every process down, and tells what came of it.
    pub(crate) fn run(mut self, lasting: Span) -> End {
        self.executor.run_for(lasting);
        let views = self.keepers.clone().into_iter().map(|keeper| {
            let seen = self.executor.run_until(Span::ZERO, async move { keeper.view().await });
            seen.and_then(Result::ok).expect("the loop runs").view
        });
        let views = views.collect();
        for handle in &self.handles {
            let shutdown = handle.shutdown();
            assert!(self.executor.run_until(Span::from_mins(5), shutdown).is_some(), "it shuts down");
        }
        let totals = self.server.model.lock().unwrap().totals();
        let seen = self.seen.lock().unwrap();
        let since = |at: Boot| at.since(START.boot);
        End {
            views,
            served: seen.served,
            first_after: seen.first_served.map(since),
            refused_last: seen.refused_last.map(since),
            reuse_trips: totals.reuse_trips,
            requests: totals.token_requests,
            looked: self.server.looked(),
            problems: [seen.problems.clone(), self.server.problems()].concat(),
        }
    }
}

impl End {
    /// What must hold after any failure that loses no answer of a strict server: the login stands, and a fresh token
    /// was served within one backoff and from then on.
    pub(crate) fn assert_kept(&self, told: &str) {
        assert_eq!(self.problems, Vec::<String>::new(), "{told}");
        assert_eq!(self.reuse_trips, 0, "{told}: the server saw a spent refresh token");
        for view in &self.views {
            assert_eq!(view.status, Status::Running, "{told}: {:?}", view.cause);
            assert!(view.token_valid, "{told}");
        }
        let first = self.first_after.unwrap_or_else(|| panic!("{told}: no caller was ever served"));
        assert!(first <= HEAL_MAX, "{told}: the first token came after {first}");
        if let Some(last) = self.refused_last {
            assert!(last <= HEAL_MAX, "{told}: a caller was refused after {last}");
        }
        assert!(
            self.looked > 0 && self.looked >= self.requests,
            "{told}: only {} requests looked at",
            self.looked
        );
        assert!(self.served > 10, "{told}: only {} tokens were served", self.served);
        assert!(self.requests <= 12, "{told}: {} token requests", self.requests);
    }

    /// The one residue: the strict server had rotated and its answer was lost. It is called by its name.
    pub(crate) fn assert_told_lost(&self, told: &str) {
        assert_eq!(self.problems, Vec::<String>::new(), "{told}");
        for view in &self.views {
            assert_eq!(
                (view.status, view.cause),
                (Status::Unauthenticated, Some(Cause::RotationLost)),
                "{told}"
            );
        }
        assert_eq!(self.reuse_trips, 1, "{told}: one replay, and nothing after it");
        assert!(self.requests <= 4, "{told}: {} token requests", self.requests);
    }
}

/// A program that wants a token, and uses it.
struct Caller {
    keeper: Keeper,
    clock: VirtualClock,
    server: Arc<Server>,
    seen: Arc<Mutex<Seen>>,
}

impl Caller {
    async fn ask_on(self) {
        let mut newest = (0, 0);
        loop {
            let answer = self.keeper.token().await.ok().map(|token| token.to_owned());
            newest = self.judge(answer, newest);
            self.clock.sleep(ASK_EVERY).await;
        }
    }

    /// Uses what was served, and says which was the newest.
    fn judge(&self, answer: Option<Lease>, newest: (u64, u64)) -> (u64, u64) {
        let now = self.clock.now().boot;
        let mut seen = self.seen.lock().unwrap();
        let Some(lease) = answer else {
            seen.refused_last = Some(now);
            return newest;
        };
        seen.served += 1;
        seen.first_served.get_or_insert(now);
        let version = (lease.epoch(), lease.generation());
        if version < newest {
            seen.problems.push(format!("{version:?} was served after {newest:?}"));
        }
        let token = lease.access_token().expose_str().unwrap_or_default();
        let mut model = self.server.model.lock().unwrap();
        let check = model.check_access(self.server.now_ms(), token);
        // Where the family was revoked, nobody can know of it before the next refresh.
        if !check.is_valid() && model.grant_alive(GrantId(1)) {
            seen.problems.push(format!("a token was served that is {}", check.name()));
        }
        version
    }
}
