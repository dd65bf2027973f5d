//! The swarm plays the same for the same seed, and finds what is built wrong on purpose: by name, and made small.

use renewd_sim::swarm::{self, Drawn};
use renewd_sim::{Scenario, run};

/// More seeds than any of these flaws needs to be found.
const SEEDS_MAX: u64 = 400;

#[test]
fn the_same_seed_is_the_same_night() {
    for seed in [3, 4, 5, 6, 7, 8] {
        let (one, other) = (swarm::play(seed).expect("a scenario"), swarm::play(seed).expect("a scenario"));
        assert_eq!(one.text, other.text, "seed {seed}");
        assert_eq!(one.outcome, other.outcome, "seed {seed}");
        assert!(one.outcome.timeline.len() > 3, "seed {seed}: nothing happened");
    }
}

#[test]
fn a_world_as_it_should_be_holds() {
    for seed in 20..50 {
        let drawn = swarm::play(seed).expect("a scenario");
        assert_eq!(drawn.outcome.broken, Vec::<String>::new(), "seed {seed}:\n{}", drawn.text);
    }
}

/// Draws scenarios, changes each, and gives the first that breaks this invariant.
fn found(invariant: u8, spoil: impl Fn(&str) -> Option<String>) -> Drawn {
    let name = format!("invariant {invariant} (");
    for seed in 0..SEEDS_MAX {
        let Some(text) = spoil(&swarm::draw(seed)) else { continue };
        let drawn = swarm::play_text(seed, text).expect("a scenario");
        if drawn.outcome.broken.iter().any(|b| b.starts_with(&name)) {
            return drawn;
        }
    }
    panic!("{SEEDS_MAX} seeds do not break invariant {invariant}");
}

/// Shrinks what was found; what is left must fail in the same way, and be small.
fn shrinks(invariant: u8, drawn: &Drawn, entries_max: usize) {
    let name = format!("invariant {invariant} (");
    let broken = drawn.outcome.broken.iter().find(|b| b.starts_with(&name)).expect("the invariant");
    let kind = swarm::kind(broken);
    let small = swarm::shrink(&drawn.text, |text| swarm::fails(text, &kind));
    assert!(small.len() <= drawn.text.len(), "{small}");
    let scenario = Scenario::parse(&small).unwrap_or_else(|e| panic!("{e}\n{small}"));
    let broken = run(&scenario).broken;
    assert!(broken.iter().any(|b| b.starts_with(&name)), "{broken:?}\n{small}");
    assert!(scenario.at.len() <= entries_max, "{} entries are left:\n{small}", scenario.at.len());
}

#[test]
fn a_settle_time_of_zero_is_found() {
    // The late request of a dead process lands after another has sent: what the settle time is for.
    let spoil = |text: &str| {
        let risky = text.contains("late")
            && text.contains("kill")
            && !text.contains("P3")
            && !text.contains("[policy]");
        risky.then(|| text.replacen("\n[[at]]", "\npolicy = { refresh = { settle = \"0s\" } }\n[[at]]", 1))
    };
    let drawn = found(7, spoil);
    shrinks(7, &drawn, 3);
}

#[test]
fn a_claim_that_everybody_gets_is_found() {
    let drawn = found(1, |text| (!text.contains("P3")).then(|| format!("flaw = \"claim-for-all\"\n{text}")));
    shrinks(1, &drawn, 2);
}

#[test]
fn an_intent_that_is_not_written_is_found() {
    let drawn = found(2, |text| Some(format!("flaw = \"no-mark\"\n{text}")));
    shrinks(2, &drawn, 1);
}
