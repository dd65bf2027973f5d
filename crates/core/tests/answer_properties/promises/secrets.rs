//! No piece of a secret is shown.

use renewd_core::{Judgement, Secret};

use super::exchange::Exchange;

/// A secret of at least this many bytes is removed where so many of its bytes in a row come back …
const SECRET_MIN_BYTES: usize = 16;

/// … and this is how many.
const PIECE_BYTES: usize = 8;

/// Evidence shows no piece of what was sent, nor of what the answer brought.
///
/// # Panics
/// Where it does.
pub fn none_is_shown(exchange: &Exchange, judgement: &Judgement) {
    let evidence = &judgement.evidence;
    let shown: Vec<String> = [&evidence.message, &evidence.content_type, &evidence.oauth_error]
        .into_iter()
        .flatten()
        .map(|text| text.to_ascii_lowercase())
        .collect();
    let grant = judgement.grant.as_ref();
    let secrets = [
        exchange.sent_refresh_token.as_ref(),
        exchange.client_secret.as_ref(),
        judgement.refresh_token.as_ref(),
        grant.map(|grant| &grant.access_token),
        grant.and_then(|grant| grant.id_token.as_ref()),
    ];
    for piece in secrets.into_iter().flatten().flat_map(pieces) {
        if !exchange.profile.overrides.iter().any(|of| of.message.to_ascii_lowercase().contains(&piece)) {
            assert!(!shown.iter().any(|text| text.contains(&piece)), "{shown:?} shows {piece:?}");
        }
    }
}

/// The pieces of a secret that cannot be words of ours: they have a digit, which our words have not.
fn pieces(secret: &Secret) -> Vec<String> {
    let bytes = secret.expose();
    if bytes.len() < SECRET_MIN_BYTES || !bytes.iter().all(u8::is_ascii_graphic) {
        return Vec::new();
    }
    let telling = bytes.windows(PIECE_BYTES).filter(|piece| piece.iter().any(u8::is_ascii_digit));
    telling.map(|piece| String::from_utf8_lossy(piece).to_ascii_lowercase()).collect()
}
