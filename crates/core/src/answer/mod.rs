//! Reading a token endpoint's answer.

mod types;

pub use types::{Answer, Failure, FailureKind, Grant, Judgement, RequestContext, Response, Sent};

/// Judges an answer.
pub fn judge(answer: &Answer, context: &RequestContext<'_>) -> Judgement {
    let _ = (answer, context);
    Judgement::default()
}
