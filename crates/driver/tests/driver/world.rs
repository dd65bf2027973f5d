//! One virtual process: the real loop over a store in memory, a scripted endpoint and clocks that jump.

use std::sync::Arc;

use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

pub(crate) const START: Now =
    Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_unix_millis(1_780_000_000_000) };

/// Long enough for anything that happens at all.
pub(crate) const LONG: Span = Span::from_hours(48);

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) executor: VirtualExecutor,
    pub(crate) store: MemoryStore,
    pub(crate) endpoint: Arc<ScriptedEndpoint>,
    pub(crate) observer: Arc<RecordingObserver>,
    pub(crate) handle: DriverHandle,
}

pub(crate) fn secs(n: u64) -> Span {
    Span::from_secs(n)
}

pub(crate) fn mins(n: u64) -> Span {
    Span::from_mins(n)
}

pub(crate) fn name(text: &str) -> CredentialName {
    text.parse().expect("a good name")
}

pub(crate) fn setup() -> Setup {
    Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("cli")),
        owner: Arc::new(Owner { boot_id: BootId(0xb007), ..Owner::default() }),
    }
}

/// A login whose access token was issued `age` ago and lives an hour.
pub(crate) fn record(age: Span) -> Record {
    record_at(START, age)
}

/// The same with an access token of five minutes, of which so much is left.
pub(crate) fn record_left(left: Span) -> Record {
    let mut record = record(mins(5).saturating_sub(left));
    record.grant.access[0].lifetime = mins(5);
    record
}

pub(crate) fn record_at(now: Now, age: Span) -> Record {
    let issued = Now { boot: now.boot - age, wall: now.wall - age };
    let access = Access {
        key: AccessKey::default(),
        token: Secret::from("at-0"),
        token_type: "Bearer".into(),
        issued: Stamp::new(issued, BootId(0xb007)),
        lifetime: Span::from_hours(1),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant = GrantMaterial {
        refresh_token: Some(Secret::from("rt-0")),
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

impl World {
    pub(crate) fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::with(script, DriverOptions::default(), |store, _| store)
    }

    pub(crate) fn with(
        script: impl IntoIterator<Item = Reply>,
        options: DriverOptions,
        store: impl FnOnce(MemoryStore, &VirtualClock) -> MemoryStore,
    ) -> Self {
        let clock = VirtualClock::new(START);
        let mut executor = VirtualExecutor::new(&clock);
        let store = store(MemoryStore::new(), &clock);
        let endpoint = Arc::new(ScriptedEndpoint::new(&clock, Span::from_millis(200), script));
        let observer = Arc::new(RecordingObserver::default());
        let ports = Ports {
            endpoint: endpoint.clone(),
            store: Arc::new(store.clone()),
            clock: Arc::new(clock.clone()),
            timer: Arc::new(VirtualTimer::new(&clock)),
            entropy: Arc::new(CountedEntropy::default()),
            signer: Arc::new(NoSigner),
            observer: observer.clone(),
        };
        let (driver, handle) = Driver::new(ports, options);
        executor.spawn(driver.run());
        Self { clock, executor, store, endpoint, observer, handle }
    }

    /// A credential whose record stands in the store, loaded.
    pub(crate) fn keep(&mut self, text: &str, record: Record) -> Keeper {
        self.store.write(&name(text), record);
        let keeper = self.handle.add(name(text), setup(), 7);
        self.executor.run_ready();
        keeper
    }

    pub(crate) fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        self.executor.run_until(LONG, future).expect("it ends within two days")
    }

    pub(crate) fn view(&mut self, keeper: &Keeper) -> View {
        self.wait(keeper.view()).expect("the loop runs").view
    }

    /// Somebody asks for a token and does not mind what comes of it.
    pub(crate) fn demand(&mut self, keeper: &Keeper) {
        let keeper = keeper.clone();
        self.executor.spawn(async move { drop(keeper.token().await) });
    }
}

pub(crate) fn text(token: &Snapshot) -> &str {
    token.access_token().expose_str().expect("text")
}
