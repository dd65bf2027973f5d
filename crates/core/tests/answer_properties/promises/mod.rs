//! What must hold of any answer, whoever sends it: the bodies of the fuzz targets `token_answer` and
//! `token_answer_json`, and of properties that are drawn in the ordinary tests. Both include this folder, and it knows
//! of core only what everybody may know.

pub mod exchange;
pub mod lenient;
pub mod secrets;
pub mod strict;

use renewd_core::{Answer, Grant, Judgement, Verdict, judge};

use exchange::Exchange;

/// As long as evidence says its parts may be, in bytes.
const MESSAGE_MAX_BYTES: usize = 200;
const CONTENT_TYPE_MAX_BYTES: usize = 64;
const OAUTH_ERROR_MAX_BYTES: usize = 64;
const NONCE_MAX_BYTES: usize = 1024;
const TOKEN_TYPE_MAX_BYTES: usize = 64;

/// Judges the exchange and checks everything that holds of any.
///
/// # Panics
/// Where that does not hold.
pub fn hold(exchange: &Exchange) -> Judgement {
    let judgement = judge(&exchange.answer, &exchange.context());
    let again = judge(&exchange.answer, &exchange.context());
    assert!(same(&judgement, &again), "the same answer, another judgement");
    bounded(&judgement);
    consistent(exchange, &judgement);
    secrets::none_is_shown(exchange, &judgement);
    if let Answer::Response(response) = &exchange.answer
        && exchange.profile.fields.refresh_token.is_empty()
    {
        lenient::nothing_is_lost(response, exchange.sent_refresh_token.as_ref(), &judgement);
    }
    judgement
}

/// Everything of two judgements, secrets included, is equal.
pub fn same(a: &Judgement, b: &Judgement) -> bool {
    let all = |j: &Judgement| {
        let grant = j.grant.as_ref().map(|g: &Grant| {
            (
                g.access_token.expose().to_vec(),
                (g.token_type.clone(), g.token_type_given, g.expires_in, g.refresh_token_expires_in),
                g.scope.clone(),
                g.id_token.as_ref().map(|t| t.expose().to_vec()),
            )
        });
        (
            (j.verdict, j.evidence.clone(), j.retry_after, j.may_have_rotated, j.dpop_nonce.clone()),
            (j.refresh_token.as_ref().map(|t| t.expose().to_vec()), grant),
        )
    };
    all(a) == all(b)
}

/// What leaves for people, logs and headers has a limit and plays no tricks.
fn bounded(judgement: &Judgement) {
    let evidence = &judgement.evidence;
    for (text, limit) in [
        (evidence.message.as_deref(), MESSAGE_MAX_BYTES),
        (evidence.content_type.as_deref(), CONTENT_TYPE_MAX_BYTES),
        (evidence.oauth_error.as_deref(), OAUTH_ERROR_MAX_BYTES),
        (judgement.dpop_nonce.as_deref(), NONCE_MAX_BYTES),
        (Some(&*evidence.rule), MESSAGE_MAX_BYTES),
    ] {
        let text = text.unwrap_or_default();
        assert!(text.len() <= limit, "{text:?} is too long");
        assert!(!text.chars().any(tricky), "{text:?} is more than one honest line");
    }
    assert!(!evidence.rule.is_empty(), "no rule decided");
}

/// Ends a line, turns what follows, or cannot be seen.
fn tricky(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// The parts of a judgement agree with each other and with what came.
fn consistent(exchange: &Exchange, judgement: &Judgement) {
    let status = match &exchange.answer {
        Answer::Response(response) => Some(response.status),
        Answer::Failed(_) => None,
    };
    let is_2xx = status.is_some_and(|status| (200..300).contains(&status));
    assert_eq!(judgement.evidence.http_status, status);
    assert_eq!(judgement.verdict == Verdict::Success, judgement.grant.is_some());
    assert!(is_2xx || judgement.refresh_token.is_none(), "a refresh token from no success");
    if let Some(token) = &judgement.refresh_token {
        assert!(!token.is_empty(), "an empty refresh token");
        let sent = exchange.sent_refresh_token.as_ref();
        assert!(sent.is_none_or(|sent| sent.expose() != token.expose()), "the old one is no new one");
    }
    if let Some(grant) = &judgement.grant {
        assert!(is_2xx && !grant.access_token.is_empty());
        assert!(grant.access_token.expose().iter().all(u8::is_ascii_graphic), "it would end the header");
        assert!(grant.token_type.len() <= TOKEN_TYPE_MAX_BYTES && !grant.token_type.is_empty());
        assert!(grant.lifetime().is_none_or(|lifetime| !lifetime.is_zero()));
        assert!(!judgement.may_have_rotated && judgement.retry_after.is_none());
    }
    let own = exchange.profile.overrides.is_empty();
    let refused = matches!(judgement.verdict, Verdict::PermanentGrant | Verdict::PermanentClient);
    if own && refused {
        assert!(status.is_some_and(|status| (200..500).contains(&status)), "refused by no refusal");
    }
    if judgement.verdict != Verdict::Success {
        assert!(judgement.evidence.message.as_ref().is_some_and(|m| !m.is_empty()), "nothing to show");
    }
}
