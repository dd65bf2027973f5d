//! Core: `lifecycle/stop.rs`.

use renewd_core::Phase;

use super::{Cx, Loads, Machine};
use crate::mutant::Mutant;
use crate::process::Command;

impl Machine {
    /// Nothing is under way: stop.
    pub(super) fn stop_now(&mut self, cx: &mut Cx<'_>) {
        self.writing = None;
        self.release(cx);
        self.stopping = None;
        self.forget_plans();
        self.loads = Loads::default();
        cx.push(Command::Drained);
        self.to(Phase::Stopped);
    }

    /// Something is under way: give it `shutdown.grace`.
    pub(super) fn stop_gently(&mut self, cx: &mut Cx<'_>) {
        if self.stopping.is_none() {
            let grace = if cx.is(Mutant::ShutdownAtOnce) { 0 } else { cx.setting.shutdown_grace };
            self.stopping = Some(grace);
        }
        self.save_retry = self.save_retry.map(|(_, last)| (0, last));
        self.stop_when_due(cx);
    }

    /// Past the grace: leave the intent where it is; whoever comes next waits it out.
    pub(super) fn stop_when_due(&mut self, cx: &mut Cx<'_>) {
        if self.stopping != Some(0) {
            return;
        }
        if let Some(attempt) = self.exchange.take() {
            cx.push(Command::Abort(attempt));
        }
        self.stop_now(cx);
    }
}
