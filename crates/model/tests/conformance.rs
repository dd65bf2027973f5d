//! The model's machine and the real core, side by side in one world: told the same, they do the same.

use renewd_core::AsClass;
use renewd_model::{Bounds, Fault, Mutant, Paired, Process, Setting, Step, World, exhaust, story};

/// How long a walk is at most.
const STEPS: usize = 200;

const CLASSES: [AsClass; 7] =
    [AsClass::P0, AsClass::P1, AsClass::P2, AsClass::P3, AsClass::P4, AsClass::P5, AsClass::P6];

/// Splitmix64: enough to choose a step.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Faults, logins and time that passes come now and then, so that they meet every stage of a refresh.
fn choose(dice: &mut Dice, steps: &[Step]) -> Step {
    let rare = |s: &Step| s.is_fault() || matches!(s, Step::Login | Step::Logout);
    let (rare, usual): (Vec<Step>, Vec<Step>) = steps.iter().partition(|s| rare(s));
    let from = if usual.is_empty() || (!rare.is_empty() && dice.below(8) == 0) { rare } else { usual };
    from[dice.below(from.len())]
}

/// One walk; gives the number of steps, or the first difference.
fn walk(class: AsClass, mutant: Option<Mutant>, seed: u64) -> Result<usize, String> {
    let mut setting = Setting::new(class);
    setting.processes = 2 + (seed % 2) as usize;
    setting.grace = [2, 10][(seed / 2 % 2) as usize];
    setting.bounds = Bounds { wishes: 8, faults: 5, logins: 2, units: Bounds::FOR_EVER };
    setting.mutant = mutant;
    let mut dice = Dice(seed);
    let mut world = World::<Paired>::new(&setting);
    let mut steps = Vec::new();
    let mut way = Vec::new();
    for _ in 0..STEPS {
        steps.clear();
        world.steps(&setting, &mut steps);
        if steps.is_empty() {
            break;
        }
        let step = choose(&mut dice, &steps);
        way.push(step);
        world = world.after(&setting, step);
        if let Some(difference) = world.processes().find_map(Process::differs) {
            return Err(format!("{} seed {seed}, after {way:?}:\n{difference}", class.name()));
        }
    }
    Ok(way.len())
}

#[test]
fn the_model_and_the_real_core_do_the_same_on_random_walks() {
    let walks: u64 = std::env::var("RENEWD_WALKS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut steps = 0;
    for class in CLASSES {
        for seed in 0..walks {
            steps += walk(class, None, seed).unwrap_or_else(|difference| panic!("{difference}"));
        }
    }
    println!("{} walks, {steps} steps", walks * 7);
    assert!(steps as u64 > walks * 7 * 30, "the walks ended early: {steps} steps");
}

#[test]
fn a_rule_left_out_of_the_models_machine_is_a_difference_to_the_real_core() {
    // Those that are left out of a process; the others are left out of the store, of a login, or of reading back.
    let of_a_process = [
        Mutant::SettleZero,
        Mutant::SettleFromMark,
        Mutant::RebootSettles,
        Mutant::ResendAtOnce,
        Mutant::NoIntent,
        Mutant::LockAroundIo,
        Mutant::NoReread,
        Mutant::UnsavedDropped,
        Mutant::ShutdownAtOnce,
        Mutant::DoubtForgotten,
        Mutant::UnclearIsRefusal,
        Mutant::RefusedTriesAgain,
        Mutant::LoserRevokes,
        Mutant::OrphanForEver,
    ];
    for mutant in of_a_process {
        let told_apart = (0..2_000).any(|seed| walk(AsClass::P2, Some(mutant), seed).is_err());
        assert!(told_apart, "{mutant:?} does what core does");
    }
}

#[test]
fn the_model_and_the_real_core_do_the_same_in_every_order_of_events() {
    let mut setting = Setting::new(AsClass::P2);
    setting.faults = vec![Fault::Crash, Fault::LostAnswer];
    setting.bounds = Bounds { wishes: 2, faults: 1, logins: 0, units: 3 };
    setting.looks_ahead_one_in = 32;
    let findings = exhaust::<Paired>(&setting, 2);
    let told = findings.broken.first().map(|(p, way)| (p.name(), story::<Paired>(&setting, way)));
    assert_eq!(told, None);
    println!("{} states", findings.states);
    assert!(findings.states > 1_000, "hardly anything was explored");
}
