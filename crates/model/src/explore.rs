//! Running a search and saying what it found.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use stateright::{Checker, HasDiscoveries, Model as _, Path};

use crate::process::Process;
use crate::promise::Promise;
use crate::search::Transaction;
use crate::setting::Setting;
use crate::world::{Step, World};

/// What a search found.
#[derive(Debug)]
pub struct Findings {
    /// Different states reached; two that differ only in which process is which count once.
    pub states: usize,
    /// The longest path.
    pub depth: usize,
    /// States in which only a person can help.
    pub needed_logins: u64,
    /// States in which the login that stands was ended by reuse.
    pub trips: u64,
    /// Promises that were broken, each with a way there.
    pub broken: Vec<(Promise, Vec<Step>)>,
}

impl Findings {
    /// The way to where that promise is broken.
    pub fn way_to(&self, promise: Promise) -> Option<&[Step]> {
        self.broken.iter().find(|(p, _)| *p == promise).map(|(_, steps)| steps.as_slice())
    }
}

/// Everything that can happen in that setting, up to which process is which. Ends early where a promise is broken.
pub fn exhaust<P: Process>(setting: &Setting, threads: usize) -> Findings {
    let model = Transaction::<P>::new(setting.clone());
    let tally = model.tally();
    let checker = model
        .checker()
        .threads(threads)
        .symmetry_fn(World::representative)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_dfs()
        .join();
    let broken = named(checker.discoveries());
    Findings {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        needed_logins: tally.needed_logins(),
        trips: tally.trips(),
        broken,
    }
}

/// The shortest way, or nearly, to where that promise is broken.
pub fn shortest_way<P: Process>(setting: &Setting, promise: Promise, threads: usize) -> Findings {
    let model = Transaction::<P>::new(setting.clone());
    let tally = model.tally();
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([promise.name()])))
        .spawn_bfs()
        .join();
    let mut broken = named(checker.discoveries());
    for (promise, steps) in &mut broken {
        shorten::<P>(setting, *promise, steps);
    }
    Findings {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        needed_logins: tally.needed_logins(),
        trips: tally.trips(),
        broken,
    }
}

/// Leaves out what the way does not need.
fn shorten<P: Process>(setting: &Setting, promise: Promise, steps: &mut Vec<Step>) {
    let leads_there = |steps: &[Step]| {
        let mut world = World::<P>::new(setting);
        let mut enabled = Vec::new();
        for step in steps {
            enabled.clear();
            world.steps(setting, &mut enabled);
            if !enabled.contains(step) {
                return false;
            }
            world = world.after(setting, *step);
        }
        world.broken(promise) || (promise == Promise::Heals && !world.any_broken() && !world.heals(setting))
    };
    let mut at = 0;
    while at < steps.len() {
        let without = |also: Option<usize>| -> Vec<Step> {
            let kept = steps.iter().enumerate().filter(|(n, _)| *n != at && Some(*n) != also);
            kept.map(|(_, step)| *step).collect()
        };
        let pairs = (at + 1..steps.len()).map(Some);
        match std::iter::once(None).chain(pairs).map(without).find(|fewer| leads_there(fewer)) {
            Some(fewer) => *steps = fewer,
            None => at += 1,
        }
    }
}

fn named<S, D>(discoveries: D) -> Vec<(Promise, Vec<Step>)>
where
    D: IntoIterator<Item = (&'static str, Path<S, Step>)>,
    S: Clone + PartialEq,
{
    let promise = |name: &str| Promise::ALL.into_iter().find(|p| p.name() == name);
    let found =
        discoveries.into_iter().filter_map(|(name, path)| Some((promise(name)?, path.into_actions())));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(promise, _)| *promise);
    found
}

impl<P: Process> World<P> {
    /// The same world with its processes in an order of their own: which is which does not matter.
    pub fn representative(&self) -> Self {
        let mut order: Vec<(u64, usize)> = (0..self.slots.len()).map(|i| (self.likeness(i), i)).collect();
        order.sort_unstable();
        let mut place = vec![0; order.len()];
        for (to, (_, from)) in order.iter().enumerate() {
            place[*from] = to;
        }
        let mut sorted = self.clone();
        sorted.slots = order.iter().map(|(_, from)| self.slots[*from].clone()).collect();
        sorted.claim = self.claim.map(|i| place[i]);
        for request in &mut sorted.wire {
            request.from = place[request.from];
        }
        sorted.wire.sort_by_key(|r| (r.from, r.attempt, r.token, r.age));
        sorted
    }

    fn likeness(&self, i: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.slots[i].hash(&mut hasher);
        (self.claim == Some(i)).hash(&mut hasher);
        for r in self.wire.iter().filter(|r| r.from == i) {
            (r.attempt, r.token, r.open, r.age, r.stage).hash(&mut hasher);
        }
        hasher.finish()
    }
}
