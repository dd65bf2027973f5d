//! The model as the checker sees it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stateright::{Model, Property};

use crate::process::Process;
use crate::promise::Promise;
use crate::setting::Setting;
use crate::world::{Step, World};

/// What was met on the way, counted once for each state.
#[derive(Debug, Default)]
pub struct Tally {
    needed_logins: AtomicU64,
    trips: AtomicU64,
}

impl Tally {
    /// States in which only a person can help.
    pub fn needed_logins(&self) -> u64 {
        self.needed_logins.load(Ordering::Relaxed)
    }

    /// States in which the login that stands was ended because the server saw reuse.
    pub fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }
}

/// The model over one kind of process.
pub struct Transaction<P> {
    setting: Setting,
    tally: Arc<Tally>,
    process: PhantomData<fn() -> P>,
}

impl<P: Process> Transaction<P> {
    /// The model of that setting.
    pub fn new(setting: Setting) -> Self {
        Self { setting, tally: Arc::default(), process: PhantomData }
    }

    /// Whether it is tried out in this state how a run without faults ends.
    fn looks_ahead(&self, world: &World<P>) -> bool {
        let one_in = self.setting.looks_ahead_one_in;
        if one_in <= 1 {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        hasher.finish().is_multiple_of(one_in)
    }

    /// What a search will have met.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// What it explores.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }
}

/// One closure for each promise: a property is known by a function, not by a value.
macro_rules! promise {
    ($promise:ident) => {
        Property::always(Promise::$promise.name(), |_: &Self, w: &World<P>| !w.broken(Promise::$promise))
    };
}

impl<P: Process> Model for Transaction<P> {
    type State = World<P>;
    type Action = Step;

    fn init_states(&self) -> Vec<World<P>> {
        vec![World::new(&self.setting)]
    }

    fn actions(&self, world: &World<P>, steps: &mut Vec<Step>) {
        world.steps(&self.setting, steps);
    }

    fn next_state(&self, world: &World<P>, step: Step) -> Option<World<P>> {
        Some(world.after(&self.setting, step))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            promise!(OneUnsettledRequest),
            promise!(IntentBeforeSend),
            promise!(RotationIsNotDropped),
            promise!(CommitOverItsOrigin),
            promise!(VersionsGrow),
            promise!(SupersededIsNeverSent),
            promise!(NoResendBeforeSettled),
            promise!(UnauthenticatedForACause),
            promise!(UnauthenticatedSendsNothing),
            promise!(WithinBudget),
            promise!(OneRequestPerRefresh),
            promise!(LoginsStand),
            promise!(RevokesOnlyWhatIsOver),
            promise!(NoAvoidableTrip),
            promise!(NoTripWhereHarmless),
            promise!(NoLoginWhereHarmless),
            promise!(LoginOnlyForALoss),
            promise!(LossIsTold),
            promise!(LikeCore),
            Property::always(Promise::Heals.name(), |model: &Self, world: &World<P>| {
                let tally = &model.tally;
                tally.needed_logins.fetch_add(world.needs_login(&model.setting).into(), Ordering::Relaxed);
                tally.trips.fetch_add(world.has_tripped().into(), Ordering::Relaxed);
                world.any_broken() || !model.looks_ahead(world) || world.heals(&model.setting)
            }),
        ]
    }
}
