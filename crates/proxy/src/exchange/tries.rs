//! A request with its token, and what follows from the upstream's answer: passed on, sent again with the nonce that the
//! upstream wants, or sent again with another token.

use std::time::Duration;

use http::header::{EXPECT, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use super::answer::Answer;
use super::headers::{self, Framing};
use super::recording::Recording;
use super::sending::Source;
use super::{Admitted, End, fields_for_upstream, grpc};
use crate::bound::wants_nonce;
use crate::metrics::{Metrics, Outcome};
use crate::observer::{Begun, ObservedRequest};
use crate::route::Route;
use crate::site::{Site, Way};
use crate::token::{BearerToken, Rejected};

/// How long the rest of a refused gRPC call's messages is waited for. A unary call sends its one at once; a stream that
/// goes on cannot be sent again anyhow, and its caller waits for the refusal.
const CALL_READ: Duration = Duration::from_secs(1);
/// How long the head of a gRPC answer is held back to see whether the call ends right behind it: some servers say
/// UNAUTHENTICATED there. No more, for the head of a stream may be all that comes for a while.
const CALL_LOOK: Duration = Duration::from_millis(10);

/// A request as it goes upstream, once or twice.
pub(super) struct Exchange<'a> {
    pub(super) way: &'a Way,
    pub(super) metrics: &'a Metrics,
    pub(super) response_timeout: Option<Duration>,
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) recording: Recording,
    pub(super) is_call: bool,
    pub(super) upgrades: bool,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        admitted: Admitted<'a>,
        head: &Parts,
        body: Incoming,
        is_call: bool,
        may_upgrade: bool,
    ) -> Self {
        let Admitted { site, way, target } = admitted;
        let has_body = !body.is_end_stream();
        let framing = Framing::of(&head.headers, has_body && head.version == Version::HTTP_2);
        let mut headers = fields_for_upstream(site, way, head, framing);
        let awaits_continue =
            headers::expects_continue(&head.headers) && head.version == Version::HTTP_11 && has_body;
        let limit = way.route.replay_limit;
        let recording = Recording::of(body, framing.length(), limit, awaits_continue);
        if awaits_continue {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        let upgrades = may_upgrade && !has_body && headers::wants_websocket(head);
        if upgrades {
            headers::ask_for_websocket(&mut headers);
        }
        Self {
            way,
            metrics: &site.metrics,
            response_timeout: site.config.response_timeout,
            method: head.method.clone(),
            target,
            headers,
            framing,
            recording,
            is_call,
            upgrades,
        }
    }

    /// Tells of it, where somebody wants to hear, who may change the fields.
    pub(super) fn observed(&mut self, site: &Site) -> Option<Box<dyn ObservedRequest>> {
        let Route { credential, upstream, .. } = &self.way.route;
        let begun = Begun { method: &self.method, credential, upstream };
        site.config.observer.begun(begun, &mut self.headers)
    }

    pub(super) async fn answer(&self) -> Result<(Outcome, Answer), End> {
        let token = self.way.token().await.map_err(End::NoToken)?;
        let mut first = self.first_try(&token).await?;
        if wants_nonce(&token, &first.response) {
            first = self.with_nonce(first, &token).await?;
        }
        if !self.is_refused(&mut first).await {
            return Ok((Outcome::Forwarded, first));
        }
        if wants_nonce(&token, &first.response) {
            // Too long to be sent again, or the nonce changed once more: the next request has it. The token is not
            // refused.
            return Ok((Outcome::RejectionPassed, first));
        }
        self.after_refusal(first, &token).await
    }

    /// Sends it with the client's own body.
    async fn first_try(&self, token: &BearerToken) -> Result<Answer, End> {
        let mut answer = self.send(token, Source::Client(&self.recording)).await?;
        self.recording.answered();
        if self.recording.stands_still() {
            answer.tenancy.serve_once();
        }
        Ok(answer)
    }

    /// Whether the upstream says no to the token: by 401, or by gRPC's word for it.
    async fn is_refused(&self, answer: &mut Answer) -> bool {
        if answer.status() == StatusCode::UNAUTHORIZED {
            return true;
        }
        if !self.is_call || answer.status() != StatusCode::OK {
            return false;
        }
        let head = answer.response.headers();
        if grpc::has_ended(head) {
            return grpc::says_unauthenticated(head);
        }
        let body = answer.response.body_mut();
        if body.is_end_stream() || !self.recording.is_whole() {
            return false;
        }
        answer.seen = timeout(CALL_LOOK, body.frame()).await.ok();
        let Some(Some(Ok(frame))) = &answer.seen else { return false };
        frame.trailers_ref().is_some_and(grpc::says_unauthenticated)
    }

    /// The upstream wants its nonce in the proof: send it once more with that, where its body is at hand.
    async fn with_nonce(&self, mut first: Answer, token: &BearerToken) -> Result<Answer, End> {
        let whole = self.recording.whole(self.way.patience().into()).await;
        if self.recording.stands_still() {
            first.tenancy.serve_once();
        }
        let Some(replay) = whole else { return Ok(first) };
        first.discard();
        self.metrics.count_nonce_repeat();
        self.send(token, self.copy(replay)).await
    }

    /// The upstream refused the token: have it renewed, and send it once more where that makes sense.
    async fn after_refusal(&self, mut first: Answer, token: &BearerToken) -> Result<(Outcome, Answer), End> {
        let way = self.way;
        let patience = Duration::from(way.patience());
        let for_body = if self.is_call { patience.min(CALL_READ) } else { patience };
        // Both at once: the rest of the body comes in while the token is renewed.
        let (rejected, whole) = tokio::join!(
            way.route.source.rejected(token.epoch(), token.generation(), way.patience()),
            self.recording.whole(for_body),
        );
        if self.recording.stands_still() {
            first.tenancy.serve_once();
        }
        let newer = match rejected.map_err(End::NoToken)? {
            Rejected::Renewed(newer) => newer,
            Rejected::Passed => return Ok((Outcome::RejectionPassed, first)),
        };
        let Some(replay) = whole else { return Ok((Outcome::RejectionPassed, first)) };
        first.discard();
        self.metrics.count_replay();
        let second = self.send(&newer, self.copy(replay)).await?;
        Ok((Outcome::Replayed, second))
    }
}
