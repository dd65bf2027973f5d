//! What happens around the machine: restarts, reboots, logins, logouts, and other processes at the same record.

use renewd_core::*;

use super::*;

impl Host {
    /// A new process over the same store; the old one is killed, with whatever it had under way.
    pub(crate) fn restart(&mut self, setup: Setup) {
        self.restart_with_seed(setup, 99);
    }

    pub(crate) fn restart_with_seed(&mut self, setup: Setup, seed: u64) {
        let crashed = self.wire.take().is_some();
        self.ledger.restarted(crashed, self.store.record.as_ref(), &self.server.current, &setup);
        self.machine = Lifecycle::new(setup.clone(), seed);
        self.last_published = None;
        self.setup = setup;
        self.claim_held = false;
        self.drained = false;
        self.ops_held = false;
        self.inbox.clear();
        self.ops.clear();
        self.drain();
    }

    /// Another boot of the machine: the boot clock begins again, `off` later.
    pub(crate) fn reboot(&mut self, off: Span) {
        let id = BootId(self.setup.owner.boot_id.0 + 1);
        self.advance(off);
        self.now.boot = Boot::from_millis(5_000);
        self.ledger.rebooted();
        self.restart(Setup { owner: owner("box", id), ..self.setup.clone() });
    }

    /// Somebody logs in.
    pub(crate) fn log_in(&mut self) {
        let epoch = self.store.greatest.0 + 1;
        let record = match &self.grant_type {
            GrantType::RefreshToken => {
                let (_, refresh_token) = self.server.mint(Span::ZERO);
                login_at(epoch, &refresh_token, self.now)
            }
            another => login_by(epoch, another.clone(), self.now),
        };
        self.ledger.logged_in();
        self.store.put(record.clone());
        self.input(Input::LoggedIn(Box::new(record)));
    }

    /// Somebody logs out.
    pub(crate) fn log_out(&mut self) {
        let Some(record) = self.store.record.as_ref() else { return };
        let mut tombstone = record.tombstone(self.now);
        tombstone.epoch = tombstone.epoch.max(self.store.greatest.0 + 1);
        self.store.put(tombstone.clone());
        self.input(Input::LoggedOut(Box::new(tombstone)));
    }

    /// Another process dies with its request on the wire, if it could have had the claim; the store tells.
    pub(crate) fn others_die(&mut self) {
        let Some(mut record) = self.store.record.clone() else { return };
        let spendable = record.state == RecordState::Active && record.version() == self.store.greatest;
        if self.claim_held || !spendable || record.intent.is_some() {
            return;
        }
        let marked = Stamp::new(self.now, self.setup.owner.boot_id);
        record.intent = Some(dead_mans_intent(&record, marked));
        self.store.put(record);
        self.input(Input::StoreChanged);
    }

    /// Carries out the store command that comes first, although they are held.
    pub(crate) fn one_op(&mut self) {
        if let Some(op) = self.ops.pop_front() {
            self.do_op(op);
        }
        self.drain();
    }

    /// Another process refreshes, if it can have the claim and nothing stands in its way; and the store tells.
    pub(crate) fn others_refresh(&mut self, lifetime: u64) -> bool {
        let Some(mut record) = self.store.record.clone() else { return false };
        let newest = record.version() == self.store.greatest;
        if self.claim_held || !newest || record.intent.is_some() || record.state != RecordState::Active {
            return false;
        }
        let rt = record.grant.refresh_token.as_ref().and_then(|t| t.expose_str()).unwrap_or_default();
        let spends = record.settings.grant_type.spends_refresh_token();
        if spends && rt != self.server.current {
            return false;
        }
        let (at, rt) = self.server.mint(Span::from_secs(lifetime));
        let stamp = Stamp::new(self.now, self.setup.owner.boot_id);
        record.generation += 1;
        record.grant.refresh_token = spends.then(|| Secret::from(rt));
        record.grant.access = vec![access(&at, stamp, lifetime)];
        record.window = None;
        record.budget = None;
        record.last_refresh = Some(stamp);
        record.max_wall_seen = self.now.wall;
        self.ledger.minted_by_others(&record);
        self.store.put(record);
        self.input(Input::StoreChanged);
        true
    }
}
