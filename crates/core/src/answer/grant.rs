//! What a 2xx grants (RFC 6749 §5.1).

use alloc::string::String;

use super::body::{Body, Format};
use super::echo::is_no_new_token;
use super::fields::Slot;
use super::lifetime;
use super::types::{Grant, RequestContext, Response};
use crate::secret::Secret;

/// A longer type is no type.
const TOKEN_TYPE_MAX_BYTES: usize = 64;

/// Why there is no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing that could hold one: a page, nothing at all, half a body.
    Readable,
    /// No access token in it.
    AccessToken,
    /// An access token that cannot stand in a header.
    Usable,
}

/// The new refresh token: taken out before anything else is judged, because the old one may be gone. Where the answer
/// holds no access token that could be its owner, one that stands anywhere inside is better than none.
pub(super) fn new_refresh_token(body: &mut Body, context: &RequestContext<'_>) -> Option<Secret> {
    let tokens = &body.fields.tokens;
    if body.bytes(&tokens.refresh_token).is_none() {
        if body.str(&tokens.access_token).is_none() {
            body.salvage(context.sent_refresh_token);
        } else if !body.salvage_rest(context.sent_refresh_token) {
            return None;
        }
        return body.bytes(&body.fields.stray_refresh_token).map(Secret::copy_of);
    }
    let bytes = body.bytes(&tokens.refresh_token)?;
    let is_zero = matches!(tokens.refresh_token, Slot::Number(_)) && matches!(bytes, b"0" | b"-1");
    let is_old = is_zero || is_no_new_token(context.sent_refresh_token, bytes);
    (!is_old).then(|| Secret::copy_of(bytes))
}

/// The grant of a body.
pub(super) fn read(body: &Body, response: &Response, context: &RequestContext<'_>) -> Result<Grant, Missing> {
    let tokens = &body.fields.tokens;
    if !body.whole || !matches!(body.format, Format::Json | Format::Form) {
        return Err(Missing::Readable);
    }
    if tokens.access_token.is_absent() {
        return Err(Missing::AccessToken);
    }
    let access_token =
        body.text(&tokens.access_token).filter(|token| fits_header(token)).ok_or(Missing::Usable)?;
    let token_type = body.text(&tokens.token_type).filter(|name| is_type(name));
    let scope = body.text(&tokens.scope).or(tokens.scope_list.as_deref());
    Ok(Grant {
        access_token: Secret::from(access_token),
        token_type: String::from(token_type.unwrap_or("Bearer")),
        token_type_given: token_type.is_some(),
        expires_in: lifetime::expires_in(body, response, context.now),
        scope: scope.map(String::from),
        id_token: secret(body, &tokens.id_token),
        refresh_token_expires_in: lifetime::refresh_expires_in(body),
    })
}

fn secret(body: &Body, slot: &Slot) -> Option<Secret> {
    body.text(slot).map(Secret::from)
}

/// RFC 6750 §2.1 allows fewer characters; servers use more. What must not pass is what could end the header or
/// split the token: blanks, control characters, anything beyond ASCII.
fn fits_header(token: &str) -> bool {
    token.bytes().all(|b| b.is_ascii_graphic())
}

/// RFC 6749 appendix A.13: a name or a URI. Some servers call it in words (`User Access Token`).
fn is_type(name: &str) -> bool {
    name.len() <= TOKEN_TYPE_MAX_BYTES
        && name.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && !name.trim_ascii().is_empty()
}
