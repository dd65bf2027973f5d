//! One try of a request: how it goes upstream, and when it goes there once more because the try before it did nothing.

use std::future::Future;
use std::pin::pin;

use http::header::{EXPECT, HeaderMap};
use http::{Request, StatusCode, Version};
use tokio::time::{Instant, sleep_until};

use super::answer::Answer;
use super::bodies::RequestBody;
use super::headers::{self, Framing};
use super::recording::Recording;
use super::{End, Exchange};
use crate::replay::{Replay, Replaying};
use crate::token::BearerToken;
use crate::upstream::{Manner, SendFailure};

/// How often one request is sent again because the upstream did nothing with it.
const UNPROCESSED_TRIES_MAX: u32 = 3;

/// What is sent as the body of one try.
#[derive(Clone)]
pub(super) enum Source<'r> {
    /// The client's, as it comes in.
    Client(&'r Recording),
    /// The copy.
    Copy { replay: Replay, sized: bool },
}

impl Source<'_> {
    fn body(&self) -> RequestBody {
        match self {
            Self::Client(recording) => RequestBody::Recorded(recording.stream()),
            Self::Copy { replay, sized } => RequestBody::Replayed(Replaying::new(replay.clone(), *sized)),
        }
    }
}

impl Exchange<'_> {
    pub(super) fn copy(&self, replay: Replay) -> Source<'static> {
        Source::Copy { replay, sized: self.framing != Framing::Chunked }
    }

    /// Sends it, and again on a connection of its own if it met a stale one and that is safe, or if the upstream did
    /// nothing with it.
    pub(super) async fn send<'r>(
        &'r self,
        token: &BearerToken,
        mut source: Source<'r>,
    ) -> Result<Answer, End> {
        let mut manner = Manner { afresh: false, upgrades: self.upgrades };
        let mut unprocessed = 0;
        loop {
            let fields = self.authorized(token)?;
            let make = |version| self.request(version, fields.clone(), source.body());
            let failure = match self.in_time(self.way.pool.send(manner, make)).await {
                Ok((response, tenancy)) => {
                    if token.proof_key().is_some() {
                        self.way.prover.hear(&self.way.origin, &response);
                    }
                    return self.checked(Answer { response, tenancy, seen: None });
                }
                Err(failure) => failure,
            };
            if failure.is_unprocessed && unprocessed < UNPROCESSED_TRIES_MAX {
                unprocessed += 1;
                match self.once_more(&source).await {
                    Some(again) => source = again,
                    None => return Err(End::Upstream(failure)),
                }
            } else if failure.was_stale && !manner.afresh && self.is_repeatable(&source) {
                manner.afresh = true;
            } else {
                return Err(End::Upstream(failure));
            }
        }
    }

    /// Whether nobody is hurt if the upstream did get it.
    fn is_repeatable(&self, source: &Source<'_>) -> bool {
        let at_hand = match source {
            Source::Client(recording) => !recording.is_touched(),
            Source::Copy { .. } => true,
        };
        at_hand && self.method.is_idempotent()
    }

    /// The body for one more try.
    async fn once_more<'r>(&self, source: &Source<'r>) -> Option<Source<'r>> {
        match source {
            Source::Client(recording) if recording.is_touched() => {
                Some(self.copy(recording.whole(self.way.patience().into()).await?))
            }
            source => Some(source.clone()),
        }
    }

    /// An upstream that switches to another protocol than the one it was asked for is not to be trusted with bytes.
    fn checked(&self, answer: Answer) -> Result<Answer, End> {
        let switches = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        if switches && !headers::switches_to_websocket(answer.response.headers()) {
            let authority = self.way.pool.authority();
            let detail = format!("{authority} switched to another protocol than the one it was asked for");
            return Err(End::Upstream(SendFailure::unreachable(detail)));
        }
        Ok(answer)
    }

    fn authorized(&self, token: &BearerToken) -> Result<HeaderMap, End> {
        let mut fields = self.headers.clone();
        let (prover, origin) = (&self.way.prover, &self.way.origin);
        let added = prover.authorize(&mut fields, token, &self.method, origin, self.target.path());
        added.map_err(End::Unfit)?;
        Ok(fields)
    }

    /// As this version of HTTP has it.
    fn request(&self, version: Version, fields: HeaderMap, body: RequestBody) -> Request<RequestBody> {
        let upload = body.upload().cloned();
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = fields;
        if version == Version::HTTP_2 {
            *request.version_mut() = version;
            *request.uri_mut() = self.way.route.upstream.absolute(&self.target);
            headers::for_http2(request.headers_mut());
            // The library does not tell of a `100 Continue` there; a server that does not want the body resets it.
            if let Some(upload) = upload {
                upload.continue_now();
            }
            return request;
        }
        *request.uri_mut() = self.target.clone();
        match upload {
            // The body is here: there is nothing to hold back.
            None => _ = request.headers_mut().remove(EXPECT),
            Some(_) if !self.headers.contains_key(EXPECT) => {}
            Some(upload) => {
                hyper::ext::on_informational(&mut request, move |information| {
                    if information.status() == StatusCode::CONTINUE {
                        upload.continue_now();
                    }
                });
            }
        }
        request
    }

    /// Bounds the upstream's silence between the end of the request and the beginning of its answer.
    async fn in_time<T>(
        &self,
        sending: impl Future<Output = Result<T, SendFailure>>,
    ) -> Result<T, SendFailure> {
        let Some(limit) = self.response_timeout else { return sending.await };
        let began = Instant::now();
        let mut sending = pin!(sending);
        loop {
            // While the client still uploads, the upstream owes nothing.
            let ended = self.recording.ended_at();
            let silent_since = ended.map_or_else(Instant::now, |ended| ended.max(began));
            tokio::select! {
                biased;
                outcome = &mut sending => return outcome,
                () = sleep_until(silent_since + limit) => {}
            }
            if ended.is_some() {
                let authority = self.way.pool.authority();
                return Err(SendFailure::timed_out(format!("{authority} did not answer within {limit:?}")));
            }
        }
    }
}
