//! Who hears of each request, for traces: what came in, what is said of it upstream, and how it ended.
//!
//! The proxy knows no tracing system. It tells an observer that a request was let in, lets it write the fields by which
//! traces are continued (W3C Trace Context), and tells it of the answer. Of the target it tells nothing: paths and queries
//! hold what is nobody's business.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use renewd_driver::CredentialName;

use crate::metrics::Outcome;
use crate::upstream::Upstream;

/// A request that was let in, before anything is asked or sent for it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// As the client has it: any token (RFC 9110 §9.1), not only the known ones.
    pub method: &'a Method,
    /// Whose token it gets.
    pub credential: &'a CredentialName,
    /// Where it goes.
    pub upstream: &'a Upstream,
}

impl<'a> Begun<'a> {
    /// For tests of an observer: the proxy makes its own.
    pub fn new(method: &'a Method, credential: &'a CredentialName, upstream: &'a Upstream) -> Self {
        Self { method, credential, upstream }
    }
}

/// Hears of requests. Called for each one: it must not block.
pub trait ObserveRequests: Send + Sync + 'static {
    /// One was let in. `fields` go upstream with every try of it, without the token. What is given back hears of the
    /// answer; it is dropped unheard where the client goes before there is one.
    fn begun(&self, request: Begun<'_>, fields: &mut HeaderMap) -> Box<dyn ObservedRequest>;
}

/// A request under way.
pub trait ObservedRequest: Send + 'static {
    /// The head of its answer is there, of the upstream or the proxy's own. The body still comes.
    fn answered(self: Box<Self>, outcome: Outcome, status: u16);
}

/// Nobody, or somebody.
#[derive(Clone, Default)]
pub struct RequestObserver(Option<Arc<dyn ObserveRequests>>);

impl RequestObserver {
    /// This one.
    pub fn new(observer: impl ObserveRequests) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(crate) fn begun(
        &self,
        request: Begun<'_>,
        fields: &mut HeaderMap,
    ) -> Option<Box<dyn ObservedRequest>> {
        self.0.as_ref().map(|observer| observer.begun(request, fields))
    }
}

impl fmt::Debug for RequestObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "RequestObserver" } else { "RequestObserver(nobody)" })
    }
}
