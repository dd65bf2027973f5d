//! Reading a token endpoint's answer: from the bytes that came to a verdict.
//!
//! Real answers keep to no standard. So everything here is lenient in reading, strict in concluding: whatever can be
//! read is read, but only a known code refuses a grant, only a readable token is a success, and everything else leaves
//! the grant alone.
//!
//! The way of an answer: [`decode`] makes text of bytes, [`body`] reads [`fields`] from it with [`scanner`] or
//! [`form`], [`code`] finds the error code, [`rules`] decide in order, [`evidence`] says what it looked like. All of
//! it is total and bounded: no input panics, loops or grows without limit.

mod body;
mod challenge;
mod code;
mod decode;
mod evidence;
mod fields;
mod form;
mod grant;
mod http_date;
mod inflate;
mod lifetime;
mod plain;
mod redact;
mod retry_after;
mod rules;
mod scanner;
mod types;

pub use plain::plain_line;
pub use types::{Answer, Failure, FailureKind, Grant, Judgement, RequestContext, Response, Sent};

use body::Body;
use rules::Reading;

use crate::verdict::Verdict;

/// Judges an answer. The same answer in the same context always gets the same judgement.
pub fn judge(answer: &Answer, context: &RequestContext<'_>) -> Judgement {
    match answer {
        Answer::Response(response) => judge_response(response, context),
        Answer::Failed(failure) => judge_failure(failure, context),
    }
}

fn judge_failure(failure: &Failure, context: &RequestContext<'_>) -> Judgement {
    let rule = rules::decide_failure(failure);
    Judgement {
        verdict: rule.verdict,
        evidence: evidence::of_failure(&failure.message, rule, &evidence::redactor(context, None)),
        may_have_rotated: rule.may_have_rotated,
        ..Judgement::default()
    }
}

fn judge_response(response: &Response, context: &RequestContext<'_>) -> Judgement {
    let body = Body::read(response.body.expose(), response.truncated);
    let is_success = (200..300).contains(&response.status);
    // First of all: whatever else is wrong with a 2xx, the old refresh token may be gone.
    let refresh_token = is_success.then(|| grant::new_refresh_token(&body, context)).flatten();

    let granted = grant::read(&body, response, context);
    let code = code::find(response, &body);
    let dpop_nonce = evidence::dpop_nonce(response);
    let rule = rules::decide(&Reading {
        response,
        body: &body,
        code: code.as_ref(),
        has_nonce: dpop_nonce.is_some(),
        has_retry_after: retry_after::header(response, context.now).is_some(),
        missing: granted.as_ref().err().copied(),
    });
    let redactor = evidence::redactor(context, Some(&body));
    Judgement {
        verdict: rule.verdict,
        evidence: evidence::of_response(response, &body, code.as_ref(), rule, &redactor),
        retry_after: retry_after::wait(response, &body, rule.verdict, context.now),
        may_have_rotated: rule.may_have_rotated,
        refresh_token,
        grant: granted.ok().filter(|_| rule.verdict == Verdict::Success),
        dpop_nonce,
    }
}
