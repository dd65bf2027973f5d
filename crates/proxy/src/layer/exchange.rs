//! One request through the layer, from its token to its answer: the proxy's rules, without its pool.

use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Body;
use renewd_core::Span;
use renewd_driver::Unfit;
use tower_service::Service;

use super::body::{LayerBody, Recording};
use super::{BoxError, LayerError, Outcome, Shared};
use crate::bound::wants_nonce;
use crate::token::{BearerToken, NoBearer, Rejected};
use crate::upstream::Upstream;

/// Sends a request with its token, and once more where the token was refused and another is there. (A 401 that only
/// wants its nonce in the proof is no refusal of the token: the request goes out with it before any of that.)
pub(super) async fn run<S, B, R>(shared: Arc<Shared>, inner: S, request: Request<B>) -> Outcome<R, S::Error>
where
    S: Service<Request<LayerBody<B>>, Response = Response<R>>,
    B: Body,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    let origin = shared.origin_of(&head).map_err(|origin| LayerError::Foreign { origin })?;
    let patience = Span::from(shared.patience);
    let token = match shared.source.at_hand() {
        Some(token) => token,
        None => shared.source.token(patience).await.map_err(no_token)?,
    };
    let recording = Recording::of(body, shared.replay_limit);
    let mut sender = Sender { shared: &shared, inner, head, origin, called: false };
    let mut answer = sender.send(&token, recording.stream()).await?;
    if wants_nonce(&token, &answer)
        && let Some(replay) = recording.whole().await
    {
        drop(answer);
        answer = sender.send(&token, LayerBody::again(replay)).await?;
    }
    if answer.status() != StatusCode::UNAUTHORIZED || wants_nonce(&token, &answer) {
        return Ok(answer);
    }
    let rejected = shared.source.rejected(token.epoch(), token.generation(), patience).await;
    let Rejected::Renewed(newer) = rejected.map_err(no_token)? else { return Ok(answer) };
    let Some(replay) = recording.whole().await else { return Ok(answer) };
    drop(answer);
    sender.send(&newer, LayerBody::again(replay)).await
}

fn no_token<E>(why: NoBearer) -> LayerError<E> {
    LayerError::NoToken(Box::new(why))
}

/// One request, sent up to three times.
struct Sender<'a, S> {
    shared: &'a Shared,
    inner: S,
    head: Parts,
    origin: String,
    called: bool,
}

impl<S> Sender<'_, S> {
    async fn send<B, R>(&mut self, token: &BearerToken, body: LayerBody<B>) -> Outcome<R, S::Error>
    where
        S: Service<Request<LayerBody<B>>, Response = Response<R>>,
    {
        let mut head = self.head.clone();
        let (prover, path) = (&self.shared.prover, self.head.uri.path());
        let added = prover.authorize(&mut head.headers, token, &self.head.method, &self.origin, path);
        added.map_err(|unfit| match unfit {
            Unfit::Token => LayerError::TokenUnusable,
            Unfit::Proof(why) => LayerError::NoProof(why),
        })?;
        if std::mem::replace(&mut self.called, true) {
            // The first call was announced by the caller's own `poll_ready`.
            std::future::poll_fn(|cx| self.inner.poll_ready(cx)).await.map_err(LayerError::Inner)?;
        }
        let answer = self.inner.call(Request::from_parts(head, body)).await.map_err(LayerError::Inner)?;
        if token.proof_key().is_some() {
            self.shared.prover.hear(&self.origin, &answer);
        }
        Ok(answer)
    }
}

/// Bounded, without what could be a password, and nothing that a terminal obeys.
fn for_people(origin: &str) -> String {
    const LETTERS_MAX: usize = 200;
    let (scheme, rest) = origin.split_once("://").map_or(("", origin), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let joint = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{joint}{host}")
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(LETTERS_MAX)
        .collect()
}

impl Shared {
    /// The origin that a request goes to, if it is one of ours; else what it is, for people. Without an authority in its
    /// target `Host` says where it goes, and without that the connection, which can be told for one origin only.
    fn origin_of(&self, head: &Parts) -> Result<String, String> {
        let path = head.uri.path();
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let named = match (head.uri.scheme_str(), head.uri.authority(), host) {
            (Some(scheme), Some(authority), _) => Some(format!("{scheme}://{authority}")),
            (None, Some(authority), _) => self.scheme_of(authority.as_str()),
            (_, None, Some(host)) => self.scheme_of(host),
            (_, None, None) => match &self.origins[..] {
                [only] => Some(only.origin()),
                _ => None,
            },
        };
        let shown =
            || named.clone().or(host.map(str::to_owned)).unwrap_or_else(|| "a relative address".into());
        let origin =
            named.as_ref().and_then(|text| text.parse::<Upstream>().ok()).map(|parsed| parsed.origin());
        let known = origin.filter(|origin| self.origins.iter().any(|ours| ours.takes(origin, path)));
        known.ok_or_else(|| for_people(&shown()))
    }

    /// The authority with the scheme of the origin that it belongs to.
    fn scheme_of(&self, authority: &str) -> Option<String> {
        let ours = self.origins.iter().map(Upstream::origin);
        let mut ours =
            ours.filter_map(|origin| origin.split_once("://").map(|(scheme, _)| scheme.to_owned()));
        ours.find_map(|scheme| {
            let origin = format!("{scheme}://{authority}").parse::<Upstream>().ok()?.origin();
            self.origins.iter().any(|known| known.origin() == origin).then_some(origin)
        })
    }
}
