//! `POST …/rejected`: a resource server answered 401 to a token. Apart from the other questions, since what it names must
//! be checked first: it comes from a client, and for a token that nobody has the loop would wait.

use std::time::Duration;

use http::{Response, StatusCode};
use renewd_core::{AccessKey, Loaded, Span};
use renewd_driver::{Keeper, Rejection, TokenError, TokenRequestOptions};
use serde::Serialize;

use super::api::{Api, patience, read, token_document};
use super::http::{Body, json, refused};
use crate::agent_client::RejectedQuestion;
use crate::exit::Failure;
use crate::json::{SCHEMA, TokenDocument};

/// A record that another process wrote is read within this.
const LOOKING_MAX: Duration = Duration::from_secs(2);

/// Between two looks whether it is.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RejectedDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenDocument>,
}

impl Api {
    /// A token that a resource server refused.
    pub(super) async fn rejected(&self, keeper: &Keeper, bytes: &[u8]) -> Result<Response<Body>, Failure> {
        let question: RejectedQuestion = read(bytes)?;
        question.target.check()?;
        let (key, patience) = (question.target.key(), patience(question.timeout_s));
        match self.was_given(keeper, &key, (question.epoch, question.generation), patience).await {
            Ok(true) => {}
            Ok(false) => {
                let (epoch, generation) = (question.epoch, question.generation);
                let why =
                    format!("no such token of epoch {epoch}, generation {generation} was given out here");
                return Ok(refused(StatusCode::CONFLICT, &why));
            }
            Err(error) => return Err(self.why(keeper, error).await),
        }
        let renewed = keeper.rejected_for(&key, question.epoch, question.generation, patience).await;
        let document = match renewed {
            Ok(Rejection::Renewed(lease)) => {
                RejectedDocument { schema: SCHEMA, result: "renewed", token: Some(token_document(&lease)) }
            }
            Ok(Rejection::Passed) => RejectedDocument { schema: SCHEMA, result: "passed", token: None },
            Err(error) => return Err(self.why(keeper, error).await),
        };
        Ok(json(StatusCode::OK, &document))
    }

    /// Whether there has been such a token for that key. One that nobody made would be waited for in vain. What is given
    /// for a key gets greater numbers each time: an older one at hand than the one named, and that one was another key's.
    ///
    /// # Errors
    /// Where there is no token for the key: what a rejection of one would come to as well.
    async fn was_given(
        &self,
        keeper: &Keeper,
        key: &AccessKey,
        version: (u64, u64),
        patience: Span,
    ) -> Result<bool, TokenError> {
        match self.has_come_to(keeper, version).await {
            Some(true) => {}
            Some(false) => return Ok(false),
            None => return Ok(true),
        }
        let options = TokenRequestOptions { min_validity: Span::ZERO, timeout: Some(patience) };
        let at_hand = keeper.token_for(key, options).await?;
        Ok((at_hand.epoch(), at_hand.generation()) >= version)
    }

    /// Whether the credential has come as far as that. Another process may have brought it there a moment ago. None where
    /// that cannot be said: it is waited for all the same, as long as the asker likes.
    async fn has_come_to(&self, keeper: &Keeper, version: (u64, u64)) -> Option<bool> {
        let is_seen =
            async || keeper.view().await.is_ok_and(|seen| (seen.view.epoch, seen.view.generation) >= version);
        if is_seen().await {
            return Some(true);
        }
        match self.keepers.store().load(keeper.name()).await {
            Loaded::Record(record) if (record.epoch, record.generation) >= version => keeper.store_changed(),
            Loaded::Fault(_) => return None,
            _ => return Some(false),
        }
        let seeing = async {
            while !is_seen().await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(LOOKING_MAX, seeing).await.ok().map(|()| true)
    }
}
