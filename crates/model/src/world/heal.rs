//! Liveness: from any state, when nothing more goes wrong, everything ends well within a bounded time.

use renewd_core::Phase;

use crate::process::Process;
use crate::record::{RecordState, Stored};
use crate::setting::{Bounds, Setting};
use crate::world::{Step, World};

/// More steps than any recovery takes: a run that needs more goes in circles.
const STEPS_MAX: usize = 400;

impl<P: Process> World<P> {
    /// Whether a run without faults, in which every process is asked once for a refresh, ends with every process
    /// serving the newest token, or saying rightly that a login is needed.
    pub(crate) fn heals(&self, setting: &Setting) -> bool {
        let mut world = self.clone();
        world.left =
            Bounds { wishes: setting.processes as u8, faults: 0, logins: 0, units: Bounds::FOR_EVER };
        // One capped backoff: a pause that is under way, a deadline, the wait for settling, and the polls between.
        let mut units = setting.deadline + setting.settle + setting.shutdown_grace + 8;
        if !world.come_to_rest(setting, &mut units) {
            return world.is_spent();
        }
        // What is held back on purpose (the rest of a wait that was cut) is let go.
        for _ in 0..setting.settle {
            world.act(setting, Step::Time);
            units += 2;
            if !world.come_to_rest(setting, &mut units) {
                return world.is_spent();
            }
        }
        let before = world.disk.seen.view();
        for i in 0..setting.processes {
            world.act(setting, Step::Wish(i));
        }
        units += setting.deadline + setting.settle + 4;
        (world.come_to_rest(setting, &mut units) && world.is_well(before.version())) || world.is_spent()
    }

    /// The budget is used up: nothing heals before an attempt has grown back, which takes longer than a search lasts.
    fn is_spent(&self) -> bool {
        self.disk.seen.view().budget == 0
    }

    /// Lets everything happen that happens by itself, until nothing does.
    fn come_to_rest(&mut self, setting: &Setting, units: &mut u8) -> bool {
        let mut steps = Vec::new();
        for _ in 0..STEPS_MAX {
            steps.clear();
            self.progress(setting, &mut steps);
            let next = steps.iter().copied().find(|s| *s != Step::Time);
            match next {
                Some(step) => self.act(setting, step),
                None if self.rests() => return true,
                None if *units == 0 => return false,
                None => {
                    *units -= 1;
                    self.act(setting, Step::Time);
                }
            }
        }
        false
    }

    /// Whether time that passes leads somewhere.
    pub(crate) fn somebody_waits(&self) -> bool {
        let unsettled = self.disk.seen.view().intent.is_some_and(|i| i.orphaned.is_some());
        !self.rests() || unsettled || self.slots.iter().any(|s| s.paused.is_some())
    }

    fn rests(&self) -> bool {
        let phases = self.slots.iter().filter_map(|s| s.life.as_ref()).map(|l| l.seen(&self.clock).phase);
        let mut idle = true;
        for phase in phases {
            idle &= matches!(phase, Phase::Fresh | Phase::Unauthenticated);
        }
        idle && self.wire.is_empty()
    }

    fn is_well(&self, before: (u8, u8)) -> bool {
        let record = self.disk.seen.view();
        let mut seen = self.slots.iter().filter_map(|s| s.life.as_ref()).map(|l| l.seen(&self.clock));
        if record.state == RecordState::Active {
            let newest = seen.all(|s| {
                s.phase == Phase::Fresh && s.record.is_some_and(|r| r.version() == record.version())
            });
            newest && record.intent.is_none() && record.version() > before
        } else {
            seen.all(|s| s.phase == Phase::Unauthenticated)
        }
    }
}
