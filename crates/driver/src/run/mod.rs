//! The loop.

use futures_util::StreamExt;

use crate::driver::Driver;
use crate::message::Message;

pub(crate) async fn run(driver: Driver) {
    let Driver { mut messages, .. } = driver;
    while let Some(message) = messages.next().await {
        if let Message::Shutdown { .. } = message {
            return;
        }
    }
}
