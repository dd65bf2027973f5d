//! The person at the machine: logs in, logs out. Writes the store as the command does, and never takes the claim.

use renewd_core::{
    Access, AccessKey, GrantMaterial, Identity, Loaded, Record, Secret, Settings, Span, Stamp, StoreFaultKind,
};
use renewd_driver::{Clock, CredentialStore, Expect};
use renewd_testkit::TokenForm;

use super::World;
use super::disk::OTHER;
use super::endpoint::{REVOKE_URL, TOKEN_URL};
use super::life::Life;
use super::store::ProcessStore;

impl World<'_> {
    /// A command of its own, that lives as long as it takes.
    fn command(&self) -> ProcessStore {
        let life = Life::new(&self.machine, 0, 0);
        ProcessStore::new(&self.disk, &life, &self.machine, &self.oracle, &self.outside.triggers)
    }

    fn read(&mut self, store: &ProcessStore) -> Loaded {
        let name = self.name.clone();
        let read = async { store.store.load(&name).await };
        self.executor.run_until(Span::ZERO, read).unwrap_or(Loaded::Absent)
    }

    /// False where it could not be written.
    fn put(&mut self, store: &ProcessStore, record: &Record, expect: Expect) -> bool {
        let name = self.name.clone();
        let done = self.executor.run_until(Span::ZERO, async { store.put(&name, record, expect).await });
        let written = matches!(done, Some(Ok(())));
        if !written {
            self.journal.say("! the login or logout could not be written");
        }
        written
    }

    pub(super) fn log_in(&mut self) -> bool {
        let now_ms = self.outside.now_ms();
        let minted = self.outside.lock().model.mint_grant(now_ms);
        let store = self.command();
        let (epoch, expect) = match self.read(&store) {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => {
                (r.epoch + 1, Expect::Version { epoch: r.epoch, generation: r.generation })
            }
            Loaded::Fault(fault) if fault.kind != StoreFaultKind::Damaged => {
                self.journal.say(format!("! no login: {}", fault.message));
                return false;
            }
            // The store itself knows the greatest epoch that there ever was.
            Loaded::Absent | Loaded::Fault(_) => (1, Expect::Absent),
        };
        let now = self.machine.now();
        let access = Access {
            key: AccessKey::default(),
            token: Secret::from_string(minted.access_token),
            token_type: "Bearer".into(),
            issued: Stamp::new(now, self.machine.boot_id()),
            lifetime: Span::from_millis(self.scenario.server.lifetime_ms),
            lifetime_given: true,
            granted: None,
            brought_by: None,
        };
        let grant_type = self.scenario.grant.grant_type();
        let has_refresh_token = self.scenario.refresh_token && grant_type.spends_refresh_token();
        let settings = Settings { grant_type, ..Settings::default() };
        let grant = GrantMaterial {
            refresh_token: has_refresh_token.then(|| Secret::from_string(minted.refresh_token)),
            access: if self.scenario.access_token { vec![access] } else { Vec::new() },
            ..GrantMaterial::default()
        };
        let record = Record::new(epoch, self.identity(), settings, grant, now);
        self.put(&store, &record, expect)
    }

    /// Another credential of this store, which nobody uses.
    pub(super) fn log_in_elsewhere(&mut self) {
        let store = self.command();
        let Ok(name) = OTHER.parse() else { return };
        let record = Record::new(
            1,
            self.identity(),
            Settings::default(),
            GrantMaterial::default(),
            self.machine.now(),
        );
        let put = async { store.store.put(&name, &record, Expect::Absent).await };
        // It is there or it is not: what it is for says so.
        let _ = self.executor.run_until(Span::ZERO, put);
    }

    /// Writes a tombstone, then revokes as best it can.
    pub(super) fn log_out(&mut self) {
        let store = self.command();
        let (Loaded::Record(standing) | Loaded::RolledBack { record: standing, .. }) = self.read(&store)
        else {
            return;
        };
        let expect = Expect::Version { epoch: standing.epoch, generation: standing.generation };
        let tombstone = standing.tombstone(self.machine.now());
        if !self.put(&store, &tombstone, expect) {
            return;
        }
        if let Some(token) = standing.grant.refresh_token.as_ref().and_then(|t| t.expose_str()) {
            let form = TokenForm::revocation(token).client(self.client_id());
            let _ = self.outside.lock().model.revocation_request(&form);
        }
    }

    fn identity(&self) -> Identity {
        Identity {
            token_endpoint: TOKEN_URL.into(),
            revocation_endpoint: Some(REVOKE_URL.into()),
            client_id: self.client_id(),
            profile: "generic".into(),
            ..Identity::default()
        }
    }

    pub(super) fn client_id(&self) -> String {
        if self.scenario.client_id { self.scenario.server.client_id.clone() } else { String::new() }
    }
}
