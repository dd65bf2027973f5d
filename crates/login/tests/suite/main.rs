//! What a login does and believes, from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod code;
mod corpus;
mod device;
mod discovery;
mod grants;
mod listener;
mod scripted;
mod support;
