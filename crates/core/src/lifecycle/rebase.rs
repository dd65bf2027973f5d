//! Times of another boot, put on this boot's clock.
//!
//! A boot clock cannot be compared over a reboot, so the wall clock is asked, once, when the record is taken over.
//! From then on both clocks count. Asked again and again, a wall clock that stands in the past would hold every wait
//! for ever, and one that is set back would make an old token young.

use crate::lifecycle::machine::Machine;
use crate::record::{Access, NotBefore, Record, Stamp};
use crate::time::Boot;

impl Machine {
    /// Another boot, and a wall clock below the greatest ever seen: nobody can tell whether the token still lives.
    pub(crate) fn clock_in_the_past(&self, record: &Record) -> bool {
        record.access().is_some_and(|a| a.issued.boot_id != self.boot_id())
            && self.now.wall < record.max_wall_seen
    }

    /// Puts the record's times on this boot's clock. What stands already there in `known`, the same record as it was
    /// taken over before, is not asked about again.
    pub(crate) fn rebase(&self, record: &mut Record, known: Option<&Record>) {
        let boot_id = self.boot_id();
        let now = self.now.boot;
        // A stamp of this boot's own future comes from a machine that was set back to a snapshot: as good as another.
        let foreign = |stamp: &Stamp| stamp.boot_id != boot_id || stamp.boot > now;
        for access in record.grant.access.iter_mut().filter(|access| foreign(&access.issued)) {
            let same = |known: &&Access| known.token.same_as(access.token.expose());
            match known.and_then(|known| known.grant.access.iter().find(same)) {
                Some(known) => *access = known.clone(),
                // A token that nobody can date stays as it is, for the next process to doubt as well.
                None if self.distrusted => {}
                None => self.rebase_access(access),
            }
        }
        let interval = self.setup.policy.auth_retrying.interval;
        if let Some(budget) = record.budget.filter(|b| foreign(&b.since)) {
            let grown = budget.grown(&self.setup.policy.retry, self.now, boot_id, interval);
            record.budget = known.and_then(|k| k.budget).or(Some(grown));
        }
        if let Some(asked) = record.not_before.filter(|n| foreign(&n.from)) {
            let elapsed = asked.from.elapsed(self.now, boot_id, asked.wait);
            let rest = NotBefore { from: self.stamp(), wait: asked.wait.saturating_sub(elapsed) };
            record.not_before = known.and_then(|k| k.not_before).or(Some(rest));
        }
        if let Some(window) = record.window.as_mut().filter(|w| foreign(&w.counted)) {
            let elapsed = window.counted.elapsed(self.now, boot_id, interval);
            if !window.client_refused {
                window.accumulated = window.accumulated + elapsed;
            }
            window.counted = self.stamp();
            let since = window.last_attempt_at.elapsed(self.now, boot_id, interval);
            window.last_attempt_at =
                Stamp { boot_id, boot: self.now.boot - since, wall: window.last_attempt_at.wall };
        }
    }

    fn rebase_access(&self, access: &mut Access) {
        let boot_id = self.boot_id();
        let uptime = self.now.boot.since(Boot::default());
        let left = access.remaining(self.now, boot_id);
        let spent = access.lifetime.saturating_sub(left);
        if spent <= uptime {
            access.issued.boot = self.now.boot - spent;
        } else {
            // A token older than this boot counts from the boot, and ends when it would have ended.
            let expiry = access.expires_wall();
            access.issued.boot = Boot::default();
            access.lifetime = left + uptime;
            access.issued.wall = expiry - access.lifetime;
        }
        access.issued.boot_id = boot_id;
    }
}
