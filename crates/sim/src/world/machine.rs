//! The computer: its clocks, as processes on it read them.
//!
//! True time, by which servers and people live, runs evenly and is the executor's own. The machine's boot clock begins
//! anew with each boot, its wall clock is set by people, and what waits on it sleeps when it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use renewd_core::{Boot, BootId, Now, Span};
use renewd_driver::testing::VirtualClock;
use renewd_driver::{Clock, Timer};

/// Clones are the same machine.
#[derive(Clone)]
pub(super) struct Machine {
    truth: VirtualClock,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The true time at which the boot clock stood at zero.
    booted: Boot,
    boot_id: u128,
    /// Wall clock minus true time, in milliseconds.
    wall_offset: i64,
    /// How long it slept in this boot, a sleep under way not counted.
    slept: Span,
    /// In the middle of a sleep since then, by true time.
    asleep_since: Option<Boot>,
    /// Whether somebody ever set the wall clock.
    stepped: bool,
}

impl Machine {
    pub(super) fn new(truth: &VirtualClock) -> Self {
        let state = State {
            booted: Boot::default(),
            boot_id: 1,
            wall_offset: 0,
            slept: Span::ZERO,
            asleep_since: None,
            stepped: false,
        };
        Self { truth: truth.clone(), state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True time, since long before the scenario began.
    pub(super) fn true_time(&self) -> Boot {
        self.truth.now().boot
    }

    pub(super) fn truth(&self) -> &VirtualClock {
        &self.truth
    }

    pub(super) fn step_wall(&self, millis: i64) {
        let mut state = self.lock();
        state.wall_offset = state.wall_offset.saturating_add(millis);
        state.stepped = true;
    }

    pub(super) fn fall_asleep(&self) {
        let now = self.true_time();
        let mut state = self.lock();
        state.asleep_since = state.asleep_since.or(Some(now));
    }

    pub(super) fn wake_up(&self) {
        let now = self.true_time();
        let mut state = self.lock();
        if let Some(since) = state.asleep_since.take() {
            state.slept = state.slept + now.since(since);
        }
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.lock().asleep_since.is_some()
    }

    pub(super) fn reboot(&self) {
        let now = self.true_time();
        let mut state = self.lock();
        state.booted = now;
        state.boot_id += 1;
        state.slept = Span::ZERO;
        state.asleep_since = None;
    }

    /// How often it was booted again.
    pub(super) fn reboots(&self) -> u64 {
        u64::try_from(self.lock().boot_id - 1).unwrap_or(u64::MAX)
    }

    /// Whether the wall clock was set and a boot came on top: no clock tells the truth about what was before.
    pub(super) fn lost_its_time(&self) -> bool {
        let state = self.lock();
        state.stepped && state.boot_id > 1
    }

    /// Ends after so much time without sleep of the machine.
    pub(super) async fn sleep(&self, span: Span) {
        let until = self.awake_time() + span;
        loop {
            let left = until.saturating_sub(self.awake_time());
            if left.is_zero() {
                return;
            }
            self.truth.sleep(left).await;
        }
    }

    fn awake_time(&self) -> Span {
        let now = self.true_time();
        let state = self.lock();
        let sleeping = state.asleep_since.map_or(Span::ZERO, |since| now.since(since));
        now.since(state.booted).saturating_sub(state.slept + sleeping)
    }
}

impl Clock for Machine {
    fn now(&self) -> Now {
        let truth = self.truth.now();
        let state = self.lock();
        let boot = Boot::from_millis(truth.boot.since(state.booted).as_millis());
        let wall = truth.wall.as_unix_millis().saturating_add(state.wall_offset);
        Now { boot, wall: renewd_core::Wall::from_unix_millis(wall) }
    }

    fn boot_id(&self) -> BootId {
        BootId(self.lock().boot_id)
    }

    fn awake(&self) -> Option<Span> {
        Some(self.awake_time())
    }
}

#[async_trait]
impl Timer for Machine {
    async fn sleep_until(&self, at: Boot) {
        self.sleep(at.since(self.now().boot)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Wall;
    use renewd_driver::testing::VirtualExecutor;

    fn machine() -> (Machine, VirtualExecutor) {
        let truth =
            VirtualClock::new(Now { boot: Boot::from_millis(1_000), wall: Wall::from_unix_millis(50_000) });
        (Machine::new(&truth), VirtualExecutor::new(&truth))
    }

    #[test]
    fn a_sleeping_machine_ages_and_holds_its_timers_up() {
        let (machine, mut executor) = machine();
        let sleep = machine.clone();
        machine.fall_asleep();
        executor.run_for(Span::from_secs(60));
        machine.wake_up();
        assert_eq!(machine.now().boot, Boot::from_millis(61_000));
        assert_eq!(machine.awake(), Some(Span::from_secs(1)));
        executor.run_until(Span::from_hours(1), async move { sleep.sleep(Span::from_secs(5)).await });
        assert_eq!(machine.now().boot, Boot::from_millis(66_000));
    }

    #[test]
    fn a_reboot_begins_the_boot_clock_anew_and_leaves_the_wall_clock() {
        let (machine, _) = machine();
        machine.step_wall(-10_000);
        machine.reboot();
        assert_eq!(machine.now(), Now { boot: Boot::default(), wall: Wall::from_unix_millis(40_000) });
        assert_eq!(machine.boot_id(), BootId(2));
        assert!(machine.lost_its_time());
    }
}
