//! No prompt where nobody may be asked.
//!
//! A provider answers "make this item" or "remove it" either by doing so or with a prompt that is to be opened, and the
//! client library opens it without being asked. So its answers are read here too, and where one carries a prompt the call
//! is ended. That is in time: before it opens a prompt, the library waits for an answer to a further call.

use std::future::{Future, pending};
use std::pin::pin;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use zbus::message::{Message, Type};
use zbus::zvariant::OwnedObjectPath;
use zbus::{Connection, MessageStream};

use super::trouble::Trouble;
use crate::Interaction;

/// What stands in an answer where there is no prompt.
const NONE: &str = "/";

/// The outcome of a call that makes or removes an item, unless the provider wants to prompt and may not.
pub(super) async fn unprompted<T>(
    bus: &Connection,
    interaction: Interaction,
    call: impl Future<Output = Result<T, secret_service::Error>>,
) -> Result<T, Trouble> {
    if interaction == Interaction::Allowed {
        return Ok(call.await?);
    }
    let mut answers = MessageStream::from(bus);
    let prompted = async {
        while let Some(answer) = answers.next().await {
            if answer.is_ok_and(|answer| carries_prompt(&answer)) {
                return;
            }
        }
        pending().await
    };
    match select(pin!(prompted), pin!(call)).await {
        Either::Left(((), _)) => Err(Trouble::WantsPerson),
        Either::Right((outcome, _)) => Ok(outcome?),
    }
}

fn carries_prompt(answer: &Message) -> bool {
    if answer.message_type() != Type::MethodReturn {
        return false;
    }
    let body = answer.body();
    let prompt = body
        .deserialize::<(OwnedObjectPath, OwnedObjectPath)>()
        .map(|(_, prompt)| prompt)
        .or_else(|_| body.deserialize::<OwnedObjectPath>());
    prompt.is_ok_and(|prompt| prompt.as_str() != NONE)
}
