//! A keeper as the proxy's token source: the real loop, in virtual time, and what the proxy is told by it.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::sync::Arc;

use renewd_core::{
    Access, AccessKey, Boot, BootId, Cause, Client, GrantMaterial, Identity, Now, Owner, Policy, Profile,
    Record, Secret, Settings, Setup, Span, Stamp, Status, Wall,
};
use renewd_driver::testing::{
    CountedEntropy, MemoryStore, Reply, ScriptedEndpoint, VirtualClock, VirtualExecutor, VirtualTimer,
};
use renewd_driver::{Driver, DriverOptions, Keeper, NoSigner, NullObserver, Ports};
use renewd_proxy::{BearerToken, NoBearer, Rejected, TokenSource};

const START: Now =
    Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_unix_millis(1_795_000_000_000) };
const BOOT: BootId = BootId(0xb007);
const PATIENCE: Span = Span::from_secs(10);

struct World {
    clock: VirtualClock,
    executor: VirtualExecutor,
    endpoint: Arc<ScriptedEndpoint>,
    keeper: Keeper,
}

/// A credential whose access token of one hour was issued `age` ago.
fn record(age: Span) -> Record {
    let issued = Now { boot: START.boot - age, wall: START.wall - age };
    let access = Access {
        key: AccessKey::default(),
        token: Secret::from("at-0"),
        token_type: "Bearer".into(),
        issued: Stamp::new(issued, BOOT),
        lifetime: Span::from_hours(1),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let refresh_token = Some(Secret::from("rt-0"));
    let grant = GrantMaterial { refresh_token, access: vec![access], ..GrantMaterial::default() };
    let identity = Identity {
        token_endpoint: "https://as.example/token".into(),
        client_id: "cli".into(),
        profile: "generic".into(),
        ..Identity::default()
    };
    Record::new(1, identity, Settings::default(), grant, issued)
}

impl World {
    fn new(age: Span, script: impl IntoIterator<Item = Reply>) -> Self {
        let clock = VirtualClock::new(START);
        let mut executor = VirtualExecutor::new(&clock);
        let store = MemoryStore::new();
        let name = "github".parse().unwrap();
        store.write(&name, record(age));
        let endpoint = Arc::new(ScriptedEndpoint::new(&clock, Span::from_millis(200), script));
        let ports = Ports {
            endpoint: endpoint.clone(),
            store: Arc::new(store),
            clock: Arc::new(clock.clone()),
            timer: Arc::new(VirtualTimer::new(&clock)),
            entropy: Arc::new(CountedEntropy::default()),
            signer: Arc::new(NoSigner),
            observer: Arc::new(NullObserver),
        };
        let (driver, handle) = Driver::new(ports, DriverOptions::default());
        executor.spawn(driver.run());
        let setup = Setup {
            policy: Arc::new(Policy::default()),
            profile: Arc::new(Profile::generic()),
            client: Arc::new(Client::public("cli")),
            owner: Arc::new(Owner { boot_id: BOOT, ..Owner::default() }),
        };
        let keeper = handle.add(name, setup, 7);
        executor.run_ready();
        Self { clock, executor, endpoint, keeper }
    }

    fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        self.executor.run_until(Span::from_hours(48), future).unwrap()
    }

    fn token(&mut self) -> Result<BearerToken, NoBearer> {
        let keeper = self.keeper.clone();
        self.wait(async move { TokenSource::token(&keeper, PATIENCE).await })
    }

    fn rejected(&mut self, token: &BearerToken) -> Result<Rejected, NoBearer> {
        let keeper = self.keeper.clone();
        let (epoch, generation) = (token.epoch(), token.generation());
        self.wait(async move { TokenSource::rejected(&keeper, epoch, generation, PATIENCE).await })
    }
}

fn renewed(outcome: Result<Rejected, NoBearer>) -> BearerToken {
    match outcome {
        Ok(Rejected::Renewed(token)) => token,
        Ok(Rejected::Passed) => panic!("passed"),
        Err(why) => panic!("{why:?}"),
    }
}

#[test]
fn a_valid_token_is_at_hand_with_its_epoch_and_generation() {
    let mut world = World::new(Span::from_mins(1), []);
    let token = world.keeper.at_hand().unwrap();
    assert!(token.token().same_as(b"at-0"));
    let same = world.token().ok().unwrap();
    assert_eq!((same.epoch(), same.generation()), (token.epoch(), token.generation()));
    assert_eq!(world.endpoint.count(), 0);
}

#[test]
fn a_rejected_token_is_renewed_and_a_token_just_minted_is_not() {
    let mut world = World::new(Span::from_mins(1), [Reply::Grant(3600)]);
    let old = world.keeper.at_hand().unwrap();
    let newer = renewed(world.rejected(&old));
    assert!(newer.generation() > old.generation() && !newer.token().same_as(b"at-0"));
    assert_eq!(
        renewed(world.rejected(&old)).generation(),
        newer.generation(),
        "an old complaint costs nothing"
    );
    assert!(matches!(world.rejected(&newer), Ok(Rejected::Passed)));
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn in_auth_retrying_the_proxy_is_told_why_since_when_and_when_the_next_attempt_is_due() {
    let mut world = World::new(Span::from_hours(2), [Reply::firewall()]);
    let first = world.token().err().unwrap();
    assert_eq!(first.status, Status::Running, "it waited in the short retry, as long as it may: {first:?}");
    world.executor.run_for(Span::from_mins(8));
    assert!(world.keeper.at_hand().is_none());
    let before = renewd_driver::Clock::now(&world.clock);
    let told = world.token().err().unwrap();
    assert_eq!(renewd_driver::Clock::now(&world.clock), before, "told at once");
    assert_eq!((told.status, told.cause), (Status::AuthRetrying, Some(Cause::Outage)));
    assert!(told.since.unwrap() > START.wall && told.since.unwrap() <= before.wall);
    let (at, wait) = (told.next_attempt_at.unwrap(), told.retry_after.unwrap());
    assert_eq!(at, before.wall + wait);
    assert!(!wait.is_zero() && wait <= Span::from_mins(10));
    assert!(
        told.detail.contains("auth_retrying") && told.detail.contains("Request blocked"),
        "{}",
        told.detail
    );
    // And it is true: the attempt is made then.
    let requests = world.endpoint.count();
    world.executor.run_for(wait + Span::from_secs(1));
    assert_eq!(world.endpoint.count(), requests + 1);
}

#[test]
fn a_refused_grant_asks_for_a_login() {
    let mut world = World::new(Span::from_hours(2), [Reply::oauth_error("invalid_grant")]);
    let told = world.token().err().unwrap();
    assert_eq!((told.status, told.cause), (Status::Unauthenticated, Some(Cause::GrantRefused)));
    assert_eq!((told.next_attempt_at, told.retry_after), (None, None));
}

#[test]
fn a_rejection_that_no_refresh_can_answer_says_why() {
    let mut world = World::new(Span::from_mins(1), [Reply::oauth_error("invalid_grant")]);
    let old = world.keeper.at_hand().unwrap();
    let told = world.rejected(&old).err().unwrap();
    assert_eq!(told.status, Status::Unauthenticated);
    assert!(world.keeper.at_hand().is_none(), "a rejected token is not served again");
}

#[test]
fn the_proxys_patience_is_the_keepers() {
    let mut world = World::new(Span::from_hours(2), [Reply::Hang]);
    let before = renewd_driver::Clock::now(&world.clock);
    let told = world.token().err().unwrap();
    assert_eq!(renewd_driver::Clock::now(&world.clock).boot, before.boot + PATIENCE);
    assert_eq!(told.status, Status::Running);
    assert!(told.detail.contains("10s"), "{}", told.detail);
}

#[test]
fn nothing_told_holds_a_secret() {
    let mut world = World::new(Span::from_hours(2), [Reply::firewall()]);
    let told = world.token().err().unwrap();
    let text = format!("{told:?}");
    assert!(!text.contains("rt-0") && !text.contains("at-0"), "{text}");
}
