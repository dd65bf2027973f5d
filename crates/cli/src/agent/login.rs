//! A login that another process made and this one keeps: the only way into a store that nobody else can open, as memory
//! is. Nothing here logs in.

use std::time::Duration;

use http::{Response, StatusCode};
use renewd_core::{GrantMaterial, Record};
use renewd_driver::CredentialName;
use renewd_store::{decode_handover, encode_handover};

use super::api::Api;
use super::dispatch::parsed;
use super::http::{Body, answer, failed, refused};
use crate::credential::{check_identity, keep, standing, unknown};
use crate::exit::Failure;
use crate::journal::What;

/// A new credential is taken up by whoever looks for new ones. That takes moments; a store that hangs takes longer.
const TAKEN_UP_MAX: Duration = Duration::from_secs(10);

/// Between two looks for it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Api {
    /// `POST …/login`: keeps the login in the body, as the next epoch of what stands.
    pub(super) async fn login(&self, name: &CredentialName, bytes: &[u8], replace: bool) -> Response<Body> {
        let record = match decode_handover(bytes) {
            Ok(record) => record,
            // What is wrong stands nowhere in it: the body is full of secrets.
            Err(why) => return refused(StatusCode::BAD_REQUEST, &format!("the login {why}")),
        };
        self.take_login(name, record, replace).await.unwrap_or_else(|failure| failed(&failure))
    }

    async fn take_login(
        &self,
        name: &CredentialName,
        record: Record,
        replace: bool,
    ) -> Result<Response<Body>, Failure> {
        if let Some(config) = self.keepers.config() {
            check_identity(&config, name, &record.identity)?;
        }
        let kept = keep(self.keepers.store().as_ref(), name, record, replace).await?;
        tracing::info!(credential = %name, epoch = kept.epoch, "a login was handed over");
        self.hub.note(Some(name), What::logged_in(&kept, None));
        if let Some(keeper) = self.keepers.keeper(name) {
            // First what the requests of that login are made with.
            self.keepers.logged_in(name).await?;
            keeper.logged_in(Box::new(kept));
            return Ok(self.status_of(&keeper).await);
        }
        self.rescan.notify_one();
        let taken_up = async {
            loop {
                if let Some(keeper) = self.keepers.keeper(name) {
                    return keeper;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        match tokio::time::timeout(TAKEN_UP_MAX, taken_up).await {
            Ok(keeper) => Ok(self.status_of(&keeper).await),
            Err(_) => Err(Failure::internal("the login is kept, and nothing takes it up yet").about(name)),
        }
    }

    /// `GET …/login`: what a login was made with, without anything secret, for whoever logs in again.
    pub(super) async fn login_of(&self, name: &str) -> Result<Response<Body>, Failure> {
        let name = parsed(name)?;
        let standing = standing(self.keepers.store().as_ref(), &name).await?;
        let record = standing.record.ok_or_else(|| unknown(&name, &[]))?;
        let bare = Record {
            settings: record.settings.without_secrets(),
            grant: GrantMaterial::default(),
            previous_digest: None,
            ..*record
        };
        let bytes = encode_handover(&bare).map_err(|why| Failure::internal(format!("the login {why}")))?;
        Ok(answer(StatusCode::OK, "application/json", bytes.to_vec()))
    }
}
