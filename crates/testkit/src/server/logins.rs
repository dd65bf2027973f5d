//! Controls of logins: devices, registrations, proofs, and pages of a test's own.

use super::AuthorizationServer;
use crate::fault::Fault;
use crate::model::{AccessFacts, AsReply, Revocation};
use serde_json::Value;

impl AuthorizationServer {
    /// URL of the authorization endpoint.
    pub fn authorization_url(&self) -> String {
        format!("{}/authorize", self.issuer())
    }

    /// URL of the device authorization endpoint.
    pub fn device_authorization_url(&self) -> String {
        format!("{}/device_authorization", self.issuer())
    }

    /// URL of the registration endpoint.
    pub fn registration_url(&self) -> String {
        format!("{}/register", self.issuer())
    }

    /// The person at the device page approves; `false` where no login waits under this code.
    pub fn approve_device(&self, user_code: &str) -> bool {
        self.with_model(|model, _| model.decide_device(user_code, true))
    }

    /// The person at the device page says no.
    pub fn deny_device(&self, user_code: &str) -> bool {
        self.with_model(|model, _| model.decide_device(user_code, false))
    }

    /// The user codes of the logins that nobody decided on yet.
    pub fn waiting_devices(&self) -> Vec<String> {
        self.with_model(|model, _| model.waiting_devices())
    }

    /// What the clients that registered said of themselves, without their secrets.
    pub fn registered_clients(&self) -> Vec<Value> {
        self.with_model(|model, _| model.registered_clients())
    }

    /// Deletes a registration; `false` if there is none.
    pub fn forget_client(&self, id: &str) -> bool {
        self.with_model(|model, _| model.forget_client(id))
    }

    /// Another DPoP nonce from now on: proofs with the old one are refused.
    pub fn rotate_dpop_nonce(&self) {
        self.with_model(|model, _| model.rotate_dpop_nonce());
    }

    /// From now on this `subject_token` or `assertion` is refused with `invalid_grant`.
    pub fn refuse_subject(&self, token: &str) {
        self.with_model(|model, _| model.refuse_subject(token));
    }

    /// What an access token is for, where it was issued here.
    pub fn access_facts(&self, token: &str) -> Option<AccessFacts> {
        self.with_model(|model, _| model.access_facts(token))
    }

    /// The revocations that clients asked for and that were processed, oldest first.
    pub fn revocations(&self) -> Vec<Revocation> {
        self.with_model(|model, _| model.revocations().to_vec())
    }

    /// Queues a fault for the next revocation that has none yet.
    pub fn push_revocation_fault(&self, fault: Fault) {
        self.shared.change(|state| state.revocation_script.push(fault));
    }

    /// Plays this fault on every revocation from now on that has none queued.
    pub fn set_revocation_fault(&self, fault: Fault) {
        self.shared.change(|state| state.revocation_script.set(fault));
    }

    /// From now on this is answered at a path, whatever the method: metadata that lies, a redirect, a client's document.
    /// `None`: as before.
    pub fn set_page(&self, path: &str, page: Option<AsReply>) {
        self.shared.change(|state| match page {
            Some(page) => {
                state.pages.insert(path.to_owned(), page);
            }
            None => {
                state.pages.remove(path);
            }
        });
    }

    /// How often this was asked for: `GET /authorize`, say.
    pub fn visits(&self, method_and_path: &str) -> u64 {
        self.shared.look(|state| state.visits.get(method_and_path).copied().unwrap_or_default())
    }
}
