//! A fault applied: what becomes of one token request, as a value that a socket or a simulator then acts out.

use crate::fault::{Fault, PORTAL_PAGE, WAF_PAGE};
use crate::gzip;
use crate::model::{AsModel, AsReply, TokenForm};
use std::fmt;

/// What a gzip bomb unpacks to.
const BOMB_BYTES: usize = 64 * 1024 * 1024;

/// What the client gets to see of one token request. `Debug` shows no token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// A complete answer.
    Answer(AsReply),
    /// A complete answer, one byte at a time.
    Drip {
        /// The answer.
        reply: AsReply,
        /// Milliseconds between two bytes.
        interval_ms: u64,
    },
    /// An answer that announces its full length and breaks off half-way through its body.
    Truncated(AsReply),
    /// Bytes that need not be HTTP, then the end.
    Raw(Vec<u8>),
    /// Nothing; the connection stays open.
    Nothing,
    /// Nothing; the connection is closed in order.
    Closed,
    /// Nothing; the connection is reset.
    Reset,
}

impl Delivery {
    /// The answer that was begun or sent, whole or not.
    pub fn reply(&self) -> Option<&AsReply> {
        match self {
            Self::Answer(reply) | Self::Drip { reply, .. } | Self::Truncated(reply) => Some(reply),
            Self::Raw(_) | Self::Nothing | Self::Closed | Self::Reset => None,
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(reply) => f.debug_tuple("Answer").field(reply).finish(),
            Self::Drip { reply, interval_ms } => {
                f.debug_struct("Drip").field("reply", reply).field("interval_ms", interval_ms).finish()
            }
            Self::Truncated(reply) => f.debug_tuple("Truncated").field(reply).finish(),
            Self::Raw(bytes) => write!(f, "Raw({} bytes)", bytes.len()),
            Self::Nothing => f.write_str("Nothing"),
            Self::Closed => f.write_str("Closed"),
            Self::Reset => f.write_str("Reset"),
        }
    }
}

impl Fault {
    /// Plays this fault on one token request: lets the model process it or not, logs it, and says what the client sees.
    pub fn apply(&self, model: &mut AsModel, now_ms: u64, form: &TokenForm) -> Delivery {
        let name = (*self != Self::Ok).then(|| self.to_string());
        if self.processes() {
            let reply = model.token_request_under(now_ms, form, name);
            self.distort(reply)
        } else {
            model.note_unprocessed(now_ms, Some(form), name.as_deref().unwrap_or_default());
            self.instead()
        }
    }

    /// The same for a request of another kind: `process` answers it, where this fault lets it be processed.
    pub(crate) fn apply_to(&self, process: impl FnOnce() -> AsReply) -> Delivery {
        if self.processes() { self.distort(process()) } else { self.instead() }
    }

    /// What is delivered of the answer of a request that was processed.
    fn distort(&self, mut reply: AsReply) -> Delivery {
        match self {
            Self::SlowDrip { interval_ms } => Delivery::Drip { reply, interval_ms: *interval_ms },
            Self::DropAfterRotate => Delivery::Closed,
            Self::ResetAfterRotate => Delivery::Reset,
            Self::WrongContentType => {
                for (name, value) in &mut reply.headers {
                    if name == "Content-Type" {
                        *value = "text/html; charset=utf-8".to_owned();
                    }
                }
                Delivery::Answer(reply)
            }
            Self::HugeBody { bytes } => {
                reply.body = padded(&reply.body, *bytes);
                Delivery::Answer(reply)
            }
            Self::TruncatedBody => Delivery::Truncated(reply),
            Self::Gzip => Delivery::Answer(compressed(reply)),
            Self::GzipBomb => {
                reply.body = padded(&reply.body, BOMB_BYTES);
                Delivery::Answer(compressed(reply))
            }
            Self::AfterRotate(then) if then.processes() => then.distort(reply),
            Self::AfterRotate(then) => then.instead(),
            _ => Delivery::Answer(reply),
        }
    }

    /// What is delivered for a request that nobody processed.
    fn instead(&self) -> Delivery {
        let html = "text/html; charset=utf-8";
        Delivery::Answer(match self {
            Self::WafBlock => AsReply::new(403, html, WAF_PAGE),
            Self::Status { code, retry_after, body } => {
                let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
                let reply = AsReply::new(*code, kind, body.as_str());
                match retry_after {
                    Some(value) => reply.with("Retry-After", value),
                    None => reply,
                }
            }
            Self::InvalidGrant => AsReply::error(400, "invalid_grant", "the refresh token is not valid"),
            Self::InvalidClient => AsReply::error(401, "invalid_client", "client authentication failed"),
            Self::Html200 => AsReply::new(200, html, PORTAL_PAGE),
            Self::Empty200 => AsReply { status: 200, headers: Vec::new(), body: Vec::new() },
            Self::Redirect { location } => AsReply::new(302, html, "").with("Location", location),
            Self::Hang => return Delivery::Nothing,
            Self::Raw(bytes) => return Delivery::Raw(bytes.clone()),
            Self::ResetOnAccept | Self::ResetBeforeRead | Self::ResetAfterRead => return Delivery::Reset,
            _ => return Delivery::Closed,
        })
    }
}

/// The JSON object with a member of so many bytes before all others, or plain padding after anything else.
fn padded(body: &[u8], bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + bytes + 16);
    match body.strip_prefix(b"{") {
        Some(members) => {
            out.extend_from_slice(b"{\"padding\":\"");
            out.resize(out.len() + bytes, b'x');
            out.extend_from_slice(b"\",");
            out.extend_from_slice(members);
        }
        None => {
            out.extend_from_slice(body);
            out.resize(body.len() + bytes, b' ');
        }
    }
    out
}

fn compressed(mut reply: AsReply) -> AsReply {
    reply.body = gzip::compress(&reply.body);
    reply.with("Content-Encoding", "gzip")
}
