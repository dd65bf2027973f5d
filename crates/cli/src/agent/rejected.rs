//! `POST …/rejected`: a resource server answered 401 to a token. Apart from the other questions, since its answer is one
//! of three: a newer token, the word to pass the 401 on, or that there was no such token.

use http::{Response, StatusCode};
use renewd_driver::{Keeper, Rejection, TokenError};
use serde::Serialize;

use super::api::{Api, patience, read, token_document};
use super::http::{Body, json, refused};
use crate::agent_client::RejectedQuestion;
use crate::exit::Failure;
use crate::json::{SCHEMA, TokenDocument};

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
        let renewed = keeper.rejected_for(&key, question.epoch, question.generation, patience).await;
        let document = match renewed {
            Ok(Rejection::Renewed(lease)) => {
                RejectedDocument { schema: SCHEMA, result: "renewed", token: Some(token_document(&lease)) }
            }
            Ok(Rejection::Passed) => RejectedDocument { schema: SCHEMA, result: "passed", token: None },
            Err(never @ TokenError::NeverGiven { .. }) => {
                return Ok(refused(StatusCode::CONFLICT, &never.to_string()));
            }
            Err(error) => return Err(self.why(keeper, error).await),
        };
        Ok(json(StatusCode::OK, &document))
    }
}
