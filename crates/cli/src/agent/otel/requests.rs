//! Proxied requests, as spans: from when one was let in to the head of its answer, replay and waiting for a token included.
//!
//! Of the target nothing is told, neither path nor query: either may hold what is nobody's business. So a span lacks
//! `url.full`, which the conventions ask of HTTP clients.

use http::{HeaderMap, Method};
use renewd_core::Wall;
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;
use renewd_proxy::{Begun, ObserveRequests, ObservedRequest, Outcome};

use super::context::Context;
use super::sampler::Sampler;
use super::spans::{Attribute, Span, Spans};

/// Where the statuses of failures begin, as a client sees them.
const FAILURES: u16 = 400;

/// Hears of requests.
pub(crate) struct Requests {
    spans: Spans,
    sampler: Sampler,
}

impl Requests {
    pub(crate) fn new(spans: Spans, sampler: Sampler) -> Self {
        Self { spans, sampler }
    }
}

impl ObserveRequests for Requests {
    fn begun(&self, request: Begun<'_>, fields: &mut HeaderMap) -> Box<dyn ObservedRequest> {
        let context = Context::continued(fields, self.sampler);
        let method = known(request.method);
        let recorded = context.sampled.then(|| {
            let upstream = request.upstream;
            let scheme = if upstream.is_secure() { "https" } else { "http" };
            let begun = now();
            Span {
                name: method.unwrap_or("HTTP"),
                context,
                begun,
                ended: begun,
                events: Vec::new(),
                attributes: vec![
                    ("http.request.method", method.unwrap_or("_OTHER").into()),
                    ("url.scheme", scheme.into()),
                    ("server.address", upstream.bare_host().into()),
                    ("server.port", Attribute::Number(upstream.port().into())),
                    ("renewd.credential", request.credential.as_str().into()),
                ],
                error: None,
            }
        });
        Box::new(UnderWay { spans: self.spans.clone(), span: recorded })
    }
}

/// A request that is not answered yet.
struct UnderWay {
    spans: Spans,
    /// None: not recorded, or told of already.
    span: Option<Span>,
}

impl UnderWay {
    fn end(&mut self, outcome: &str, replayed: bool, status: Option<u16>) {
        let Some(mut span) = self.span.take() else { return };
        // The clock may have been set back meanwhile.
        span.ended = now().max(span.begun);
        span.attributes.push(("renewd.outcome", outcome.into()));
        span.attributes.push(("renewd.replayed", Attribute::Flag(replayed)));
        if replayed {
            span.attributes.push(("http.request.resend_count", Attribute::Number(1)));
        }
        if let Some(status) = status {
            span.attributes.push(("http.response.status_code", Attribute::Number(status.into())));
        }
        if status.is_none_or(|status| status >= FAILURES) {
            let answered = matches!(outcome, "forwarded" | "replayed" | "rejection_passed");
            let kind = status.filter(|_| answered).map_or_else(|| outcome.to_owned(), |n| n.to_string());
            span.attributes.push(("error.type", Attribute::Text(kind)));
            span.error = Some(outcome.to_owned());
        }
        self.spans.push(span);
    }
}

impl ObservedRequest for UnderWay {
    fn answered(mut self: Box<Self>, outcome: Outcome, status: u16) {
        self.end(outcome.name(), outcome == Outcome::Replayed, Some(status));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.end("client_gone", false, None);
    }
}

fn now() -> Wall {
    SystemClock.now().wall
}

/// Its name where it is a known one: any other is a client's own text (RFC 9110 §9.1 lets it be any token).
fn known(method: &Method) -> Option<&'static str> {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].into_iter().find(|name| method == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn begin(spans: &Spans, method: &str, fields: &mut HeaderMap) -> Box<dyn ObservedRequest> {
        let (method, name) = (Method::from_bytes(method.as_bytes()).unwrap(), "work".parse().unwrap());
        let upstream = "https://api.example:8443/base".parse().unwrap();
        Requests::new(spans.clone(), Sampler::default()).begun(Begun::new(&method, &name, &upstream), fields)
    }

    fn told(spans: &Spans) -> Vec<(String, String)> {
        let [span] = <[Span; 1]>::try_from(spans.take()).unwrap();
        let text = |value: &Attribute| match value {
            Attribute::Text(text) => text.clone(),
            Attribute::Number(n) => n.to_string(),
            Attribute::Flag(flag) => flag.to_string(),
        };
        let mut all: Vec<_> =
            span.attributes.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect();
        all.push(("name".into(), span.name.into()));
        all.push(("error".into(), span.error.unwrap_or_default()));
        all
    }

    fn has(all: &[(String, String)], key: &str, value: &str) -> bool {
        all.iter().any(|(k, v)| k == key && v == value)
    }

    #[test]
    fn a_replayed_request_says_so_and_a_strange_method_is_not_repeated() {
        let spans = Spans::default();
        begin(&spans, "SECRETISH", &mut HeaderMap::new()).answered(Outcome::Replayed, 200);
        let all = told(&spans);
        for (key, value) in [
            ("name", "HTTP"),
            ("http.request.method", "_OTHER"),
            ("server.address", "api.example"),
            ("server.port", "8443"),
            ("url.scheme", "https"),
            ("renewd.replayed", "true"),
            ("http.request.resend_count", "1"),
            ("error", ""),
        ] {
            assert!(has(&all, key, value), "{key} {value}: {all:?}");
        }
        assert!(!all.iter().any(|(key, value)| key == "error.type" || value.contains("SECRET")), "{all:?}");
    }

    #[test]
    fn whose_failure_it_was_can_be_told() {
        let spans = Spans::default();
        for (outcome, status, kind) in
            [(Outcome::Forwarded, 404, "404"), (Outcome::AuthRetrying, 503, "auth_retrying")]
        {
            begin(&spans, "GET", &mut HeaderMap::new()).answered(outcome, status);
            let all = told(&spans);
            assert!(has(&all, "error.type", kind) && has(&all, "error", outcome.name()), "{all:?}");
        }
        drop(begin(&spans, "GET", &mut HeaderMap::new()));
        assert!(has(&told(&spans), "error.type", "client_gone"));
    }

    #[test]
    fn what_the_client_does_not_record_is_passed_on_and_not_told() {
        let spans = Spans::default();
        let mut fields = HeaderMap::new();
        let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        fields.insert("traceparent", parent.clone());
        begin(&spans, "GET", &mut fields).answered(Outcome::Forwarded, 200);
        assert!(spans.take().is_empty());
        assert_ne!(fields["traceparent"], parent, "its own span");
    }
}
