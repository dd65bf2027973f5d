//! A path in words, one line for each step: what happened, and where everybody stands then.

use std::fmt::Write as _;

use crate::process::Process;
use crate::promise::Promise;
use crate::record::{Intent, Record, RecordState, Stored};
use crate::setting::Setting;
use crate::world::{Request, Stage, Step, World};

/// Tells that path.
pub fn story<P: Process>(setting: &Setting, steps: &[Step]) -> String {
    let mut text = String::new();
    let mut world = World::<P>::new(setting);
    for (n, step) in steps.iter().enumerate() {
        world = world.after(setting, *step);
        let _ = writeln!(text, "{:>3}. {:<16} {}", n + 1, format!("{step:?}"), describe(&world));
    }
    for promise in Promise::ALL.into_iter().filter(|p| world.broken(*p)) {
        let _ = writeln!(text, "     broken: {}", promise.name());
    }
    text
}

fn describe<P: Process>(world: &World<P>) -> String {
    let mut text = String::new();
    for (i, slot) in world.slots.iter().enumerate() {
        let claim = if world.claim == Some(i) { "+claim" } else { "" };
        let paused = if slot.paused.is_some() { " (paused)" } else { "" };
        let at = match &slot.life {
            Some(life) => format!("{:?}", life.seen(&world.clock).phase),
            None => String::from("dead"),
        };
        let _ = write!(text, "p{i} {at}{claim}{paused}, ");
    }
    let _ = write!(text, "store {}", record(&world.disk.seen.view()));
    if world.disk.unsynced() {
        let _ = write!(text, " (durable {})", record(&world.disk.durable.view()));
    }
    for request in &world.wire {
        let _ = write!(text, ", wire: {}", on_wire(request));
    }
    text
}

fn record(r: &Record) -> String {
    let state = match r.state {
        RecordState::Active => "",
        RecordState::GrantRefused => " refused",
        RecordState::RotationLost => " rotation_lost",
        RecordState::Tombstone => " tombstone",
    };
    let token = r.refresh_token.map_or_else(String::new, |t| format!(" token {}.{}", t.grant, t.index));
    let intent = r.intent.map_or_else(String::new, |i| format!(" [{}]", of_intent(&i)));
    format!("{}.{}{token}{state}{intent}", r.epoch, r.generation)
}

fn of_intent(i: &Intent) -> String {
    let mut text = format!("intent {}", i.attempt);
    if i.doubt {
        text.push_str(" in doubt");
    }
    if i.settled {
        text.push_str(" settled");
    }
    if let Some(o) = i.orphaned {
        let _ = write!(text, " orphaned for {}{}", o.age, if o.this_boot { "" } else { " in another boot" });
    }
    text
}

fn on_wire(r: &Request) -> String {
    let socket = if r.open { "open" } else { "closed" };
    let stage = match r.stage {
        Stage::Sent => String::from("on its way"),
        Stage::Lost => String::from("lost"),
        Stage::Answered(answer) => format!("answered {answer:?}"),
    };
    format!("p{}'s {}.{} {stage}, {socket} for {}", r.from, r.token.grant, r.token.index, r.age)
}
