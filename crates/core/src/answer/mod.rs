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
mod catalogue;
mod challenge;
mod code;
mod decode;
mod echo;
mod evidence;
mod fields;
mod form;
mod grant;
mod http_date;
mod inflate;
mod known;
mod lifetime;
mod moment;
mod overrides;
mod places;
mod plain;
mod prelude;
mod redact;
mod resource;
mod retry_after;
mod rules;
mod salvage;
mod scanner;
mod spelt;
mod tokens;
mod types;
mod watch;
mod words;
mod xml;

pub use catalogue::{RuleFacts, rules};
pub use plain::plain_line;
pub use redact::redacted_line;
pub use resource::NextProof;
pub use types::{Answer, Failure, FailureKind, Grant, Judgement, RequestContext, Response, Sent};
pub use watch::{OVERRIDES_MAX, PATHS_MAX, is_path};

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
    let mut body = Body::read(response.body.expose(), response.truncated, context);
    let is_success = (200..300).contains(&response.status);
    // First of all: whatever else is wrong with a 2xx, the old refresh token may be gone.
    let refresh_token = is_success.then(|| grant::new_refresh_token(&mut body, context)).flatten();

    let granted = grant::read(&body, response, context);
    let code = code::find(response, &body);
    let dpop_nonce = evidence::dpop_nonce(response);
    let reading = Reading {
        response,
        body: &body,
        code: code.as_ref(),
        has_nonce: dpop_nonce.is_some(),
        has_retry_after: retry_after::header(response, context.now).is_some(),
        missing: granted.as_ref().err().copied(),
    };
    let rule = rules::decide(&reading, context.profile);
    let redactor = evidence::redactor(context, Some(&body));
    Judgement {
        verdict: rule.verdict,
        evidence: evidence::of_response(response, &body, code.as_ref(), &rule, &redactor),
        retry_after: retry_after::wait(response, &body, rule.verdict, context.now).or(rule.wait),
        may_have_rotated: rule.may_have_rotated,
        refresh_token,
        grant: granted.ok().filter(|_| rule.verdict == Verdict::Success),
        dpop_nonce,
        server_time: evidence::server_time(response),
    }
}
