//! The upstream's answer on its way to the client, or to nobody.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::bodies::{AnswerFrame, ResponseBody};
use super::headers;
use crate::tunnel::Switch;
use crate::upstream::Tenancy;

/// A refused answer's body is read so far, so that its connection can serve the replay's neighbours; a longer one
/// costs its connection.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// And for so long.
const REFUSAL_READ: Duration = Duration::from_secs(2);

/// The upstream's answer, its body still to come.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    pub(super) tenancy: Tenancy,
    /// The first frame of the body, where it was looked at.
    pub(super) seen: Option<AnswerFrame>,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// As the client gets it. Only the head's hop-by-hop part is ours to change.
    pub(super) fn into_response(mut self, switch: Option<&Switch>) -> Response<ResponseBody> {
        let becomes_tunnel = self.status() == StatusCode::SWITCHING_PROTOCOLS;
        if becomes_tunnel && let Some(switch) = switch {
            switch.set(&mut self.response, self.tenancy);
            let (mut head, _) = self.response.into_parts();
            headers::to_client(&mut head.headers);
            head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            head.version = Version::HTTP_11;
            head.extensions.clear();
            return Response::from_parts(head, ResponseBody::empty());
        }
        let (mut head, body) = self.response.into_parts();
        headers::to_client(&mut head.headers);
        head.version = Version::HTTP_11;
        Response::from_parts(head, ResponseBody::streamed(body, self.tenancy, self.seen))
    }

    /// Nobody wants it any more. A short one is read to its end, for the sake of its connection.
    pub(super) fn discard(self) {
        let body = ResponseBody::streamed(self.response.into_body(), self.tenancy, self.seen);
        tokio::spawn(timeout(REFUSAL_READ, async move {
            let mut body = body;
            let mut left = REFUSAL_BYTES_MAX;
            while let Some(Ok(frame)) = body.frame().await {
                let read = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(read) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        }));
    }
}
