//! A search that notices nothing proves nothing: each rule left out is noticed, by the name of what it breaks.

use renewd_model::{Machine, Mutant, exhaust, shortest_way, story};

fn is_caught(mutant: Mutant) {
    let setting = mutant.setting();
    let promise = mutant.breaks();
    let findings = shortest_way::<Machine>(&setting, promise, 1);
    let names: Vec<_> = findings.broken.iter().map(|(p, _)| p.name()).collect();
    let Some(way) = findings.way_to(promise) else {
        panic!("{mutant:?} should break {:?}; broken: {names:?}", promise.name());
    };
    println!("{mutant:?} breaks {:?}:\n{}", promise.name(), story::<Machine>(&setting, way));
}

#[test]
fn every_rule_left_out_is_caught_by_the_name_of_the_promise_it_breaks() {
    for mutant in Mutant::ALL {
        is_caught(mutant);
    }
}

#[test]
fn where_a_mutant_shows_the_whole_protocol_holds() {
    for mutant in Mutant::ALL {
        let mut setting = mutant.setting();
        setting.mutant = None;
        let findings = exhaust::<Machine>(&setting, 1);
        let told = findings.broken.first().map(|(promise, steps)| {
            format!("{mutant:?}: {}\n{}", promise.name(), story::<Machine>(&setting, steps))
        });
        assert_eq!(told, None);
        assert!(findings.states > 10, "{mutant:?}: nothing was explored");
    }
}
