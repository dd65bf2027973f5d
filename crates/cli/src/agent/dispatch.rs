//! Who asks what: from a request to the one question of the table that it is, and the refusals before it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use renewd_driver::CredentialName;
use renewd_store::HANDOVER_BYTES_MAX;

use super::api::{Api, Side};
use super::http::{BODY_BYTES_MAX, Body, answer, body_of, failed, refused};
use super::metrics::Format;
use super::openapi;
use super::operations::{At, Operation, Question, Reach, Takes};
use super::page;
use super::query::{Query, check_keys};
use crate::exit::Failure;

/// A question, understood as far as every question is.
struct Asked {
    operation: &'static Operation,
    /// What stands for `{name}`; empty where nothing does.
    name: String,
    query: Query,
    /// Where a listener's last stream ended.
    last_event_id: Option<String>,
    /// How the metrics are wanted.
    format: Format,
    body: Bytes,
}

impl Api {
    /// One request.
    pub(crate) async fn handle(&self, request: Request<Incoming>, side: Side) -> Response<Body> {
        if side != Side::Network
            && let Err(refusal) = renewd_proxy::local_requests_only(request.headers())
        {
            return refused(refusal.status, refusal.reason);
        }
        match self.understood(request, side).await {
            Ok(asked) => self.reply(asked).await,
            Err(refusal) => *refusal,
        }
    }

    async fn understood(&self, request: Request<Incoming>, side: Side) -> Result<Asked, Box<Response<Body>>> {
        let (target, side) = self.gate.admit(request.uri(), side);
        let (method, path) = (request.method(), target.path());
        let at = At::path(path).map_err(|failure| Box::new(failed(&failure)))?;
        let refuse = |status, why: &str| Err(Box::new(refused(status, why)));
        match (side, at.reach()) {
            (_, Some(Reach::Anyone)) => {}
            (Side::Network, _) => return refuse(StatusCode::NOT_FOUND, "only healthz, readyz and metrics"),
            (Side::Stranger, _) => return refuse(StatusCode::FORBIDDEN, self.gate.refusal()),
            (_, None) => return Err(Box::new(not_in_the_table(method, path))),
            (_, Some(_)) => {}
        }
        let Some(operation) = at.with(method) else { return Err(Box::new(wrong_method(&at.allow()))) };
        if operation.reach == Reach::Socket && side != Side::Socket {
            return refuse(
                StatusCode::FORBIDDEN,
                "tokens and changes are to be asked for on the agent's socket",
            );
        }
        let known: Vec<&str> = operation.parameters.iter().map(|parameter| parameter.name).collect();
        let query = Query::of(target.query(), &known).map_err(|failure| Box::new(failed(&failure)))?;
        let last_event_id = text_of(request.headers(), "last-event-id");
        let format = Format::asked(request.headers());
        let body = match operation.takes {
            Takes::Nothing => Bytes::new(),
            Takes::Keys(known) => {
                let body = json_of(request, BODY_BYTES_MAX).await?;
                check_keys(&body, known).map_err(|failure| Box::new(failed(&failure)))?;
                body
            }
            Takes::Login => json_of(request, HANDOVER_BYTES_MAX).await?,
        };
        Ok(Asked { operation, name: at.name.unwrap_or_default(), query, last_event_id, format, body })
    }

    async fn reply(&self, asked: Asked) -> Response<Body> {
        let name = &asked.name;
        match asked.operation.question {
            Question::Health => answer(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
            Question::Ready => self.ready(asked.query.value("credential")).await,
            Question::Metrics => self.metrics(asked.format).await,
            Question::Description => openapi::document(),
            Question::About => self.about().await,
            Question::Credentials => self.credentials().await,
            Question::Credential => self.credential(name).await,
            Question::History => self.history(name, &asked.query).await,
            Question::Events => self.events(asked.query.value("credential"), asked.last_event_id.as_deref()),
            Question::Reload => self.reload().await,
            Question::LoginSettings => told(self.login_of(name).await),
            Question::Login => match (parsed(name), asked.query.flag("replace")) {
                (Ok(name), Ok(replace)) => self.login(&name, &asked.body, replace).await,
                (Err(failure), _) | (_, Err(failure)) => failed(&failure),
            },
            Question::Token
            | Question::Rejected
            | Question::Refresh
            | Question::Logout
            | Question::Changed => match self.keeper(name) {
                Ok(keeper) => told(self.act(asked.operation.question, &keeper, &asked.body).await),
                Err(refusal) => *refusal,
            },
        }
    }
}

fn told(outcome: Result<Response<Body>, Failure>) -> Response<Body> {
    outcome.unwrap_or_else(|failure| failed(&failure))
}

pub(super) fn parsed(name: &str) -> Result<CredentialName, Failure> {
    name.parse().map_err(|error: renewd_driver::NameError| Failure::usage(error.to_string()))
}

/// The page's files are no questions.
fn not_in_the_table(method: &http::Method, path: &str) -> Response<Body> {
    let file = path.strip_prefix('/').filter(|file| page::has(file));
    match file {
        None => refused(StatusCode::NOT_FOUND, "no such question; GET /openapi.json tells which there are"),
        Some(file) if matches!(*method, http::Method::GET | http::Method::HEAD) => page::file(file),
        Some(_) => wrong_method("GET, HEAD"),
    }
}

fn wrong_method(allow: &str) -> Response<Body> {
    let mut response =
        refused(StatusCode::METHOD_NOT_ALLOWED, &format!("this is asked with another method: {allow}"));
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The body of a question that takes JSON. One that says to be something else is refused: whoever sends a form would
/// be surprised by what it is read as.
async fn json_of(request: Request<Incoming>, bytes_max: usize) -> Result<Bytes, Box<Response<Body>>> {
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let body = body_of(request, bytes_max).await?;
    let is_json = |kind: &HeaderValue| {
        let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next());
        essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    };
    if !body.is_empty() && kind.is_some_and(|kind| !is_json(&kind)) {
        let why = "the body is to be JSON: Content-Type: application/json";
        return Err(Box::new(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, why)));
    }
    Ok(body)
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
