//! No refresh token is lost that a lenient reader sees in a success.
//!
//! The reader here is another than core's and simpler: it looks for `"refresh_token": "…"` wherever that stands, as a
//! person would who has the answer before him. Where the text is JSON, `serde_json` says what stands at its top.

use renewd_core::{Judgement, Response, Secret};
use serde_json::Value;

use super::strict::Members;

/// No more is looked at: as much as core decodes, less what a character more or less would change.
const TEXT_MAX_BYTES: usize = 200 * 1024;

/// What a reader sees of refresh tokens.
#[derive(Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing that he would swear by.
    Nothing,
    /// This one, and no other will do.
    One(String),
    /// Several, or one in a place where it is likely but not certain to be meant: one of these.
    Any(Vec<String>),
    /// Some beside an access token that is not theirs: it may be somebody else's.
    Doubtful(Vec<String>),
}

/// What a reader sees in a response is kept.
///
/// # Panics
/// Where it is not.
pub fn nothing_is_lost(response: &Response, sent: Option<&Secret>, judgement: &Judgement) {
    if !(200..300).contains(&response.status) {
        return;
    }
    let kept = judgement.refresh_token.as_ref().map(|token| String::from_utf8_lossy(token.expose()));
    let kept = kept.as_deref();
    let sent = sent.and_then(Secret::expose_str);
    let sight = sight(response.body.expose(), response.truncated);
    match &sight {
        Sight::Nothing => {}
        Sight::One(token) => {
            let new = Some(token.as_str()).filter(|token| Some(*token) != sent);
            assert_eq!(kept, new, "another refresh token than the one that is there");
        }
        Sight::Any(tokens) | Sight::Doubtful(tokens) => {
            let old = tokens.iter().any(|token| Some(token.as_str()) == sent);
            let may_be_none = old || matches!(sight, Sight::Doubtful(_));
            let right = kept.map_or(may_be_none, |kept| tokens.iter().any(|token| token == kept));
            assert!(right, "{tokens:?} are there, {kept:?} is kept");
        }
    }
}

/// What a lenient reader sees in a body.
pub fn sight(wire: &[u8], cut: bool) -> Sight {
    let Some((text, whole)) = decoded(wire, !cut) else { return Sight::Nothing };
    let solid = text.trim_start_matches(|c: char| c <= ' ');
    match solid.chars().next() {
        Some('{' | '[') => in_json(solid),
        Some('"') | None => Sight::Nothing,
        Some(_) if is_form(solid) => in_form(solid, whole),
        // A page is not searched: what scripts in it say is not said to us.
        Some('<') if !solid.trim_end().ends_with(['}', ']']) => Sight::Nothing,
        Some(_) => after_junk(solid),
    }
}

fn in_json(text: &str) -> Sight {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Members>();
    let Some(Ok(top)) = values.next() else { return in_broken_json(text) };
    let tokens = tokens(&text[..values.byte_offset()]);
    let own = top.last_text("refresh_token");
    match own {
        Some(token) => Sight::One(token.to_owned()),
        None if top.has_odd("refresh_token") => Sight::Nothing,
        None if tokens.is_empty() => Sight::Nothing,
        None if top.is_object && top.has("access_token") => Sight::Doubtful(tokens),
        None => Sight::Any(tokens),
    }
}

/// Cut, or not quite JSON: which level a member stands on is counted.
fn in_broken_json(text: &str) -> Sight {
    let levels = levels(text);
    let end = levels.iter().position(|level| *level == 0).unwrap_or(text.len());
    let tokens = tokens(&text[..end]);
    if tokens.is_empty() {
        return Sight::Nothing;
    }
    let on_top = |name: &str| text[..end].match_indices(name).any(|(at, _)| levels[at] == 1);
    if on_top("\"access_token\"") && !on_top("\"refresh_token\"") {
        return Sight::Doubtful(tokens);
    }
    Sight::Any(tokens)
}

/// JSON behind something that should not be there: a guard against scripts, a server's own warning.
fn after_junk(text: &str) -> Sight {
    let tokens = tokens(text);
    if tokens.is_empty() { Sight::Nothing } else { Sight::Any(tokens) }
}

/// How many brackets are open at each byte, strings left out; 0 from the one that closes the first.
fn levels(text: &str) -> Vec<usize> {
    let (mut level, mut inside, mut escaped, mut over) = (0_usize, false, false, false);
    let mut levels = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            _ if over => {}
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => level += 1,
            b'}' | b']' if !inside => {
                level = level.saturating_sub(1);
                over = level == 0;
            }
            _ => {}
        }
        levels.push(if over { 0 } else { level });
    }
    levels
}

/// Every complete `"refresh_token": "…"`, unescaped, that is not empty.
fn tokens(text: &str) -> Vec<String> {
    const NAME: &str = "\"refresh_token\"";
    let blank = |c: char| c <= ' ';
    let found = text.match_indices(NAME).filter_map(|(at, _)| {
        let after = text[at + NAME.len()..].trim_start_matches(blank).strip_prefix(':')?;
        unescaped(after.trim_start_matches(blank).strip_prefix('"')?)
    });
    found.filter(|token| !token.is_empty()).collect()
}

/// The string up to its closing quotation mark; none where that is missing.
fn unescaped(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::new();
    let mut characters = text.chars();
    loop {
        let character = match characters.next()? {
            '"' => return Some(String::from_utf16_lossy(&units)),
            '\\' => match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                    units.push(u16::from_str_radix(&digits, 16).ok().filter(|_| hex)?);
                    continue;
                }
                // What the backslash means there is anybody's guess.
                other if !other.is_ascii() => return None,
                other => other,
            },
            other => other,
        };
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
}

/// One line of pairs, each with a name and a value, and nothing in it that a form would escape.
fn is_form(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| c <= ' ');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%+=&/:,".contains(&b);
    let named = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    };
    text.bytes().all(plain) && text.split('&').all(named)
}

fn in_form(text: &str, whole: bool) -> Sight {
    let text = text.trim_end_matches(|c: char| c <= ' ');
    let mut pairs: Vec<&str> = text.split('&').collect();
    if !whole {
        pairs.pop();
    }
    let values = pairs.iter().filter_map(|pair| pair.strip_prefix("refresh_token="));
    let token = values.map(unquoted).rfind(|value| !value.is_empty());
    token.map_or(Sight::Nothing, |token| match String::from_utf8(token) {
        Ok(token) => Sight::One(token),
        Err(_) => Sight::Nothing,
    })
}

fn unquoted(text: &str) -> Vec<u8> {
    let bytes = text.replace('+', " ").into_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|h| h.iter().all(u8::is_ascii_hexdigit));
        let code = hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        match code.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// The body as text, and whether nothing of it is missing; none where only a guess would make it text.
fn decoded(wire: &[u8], whole: bool) -> Option<(String, bool)> {
    if wire.len() > 64 * 1024 {
        return None;
    }
    if let Some(payload) = wire.strip_prefix(b"\x1f\x8b\x08\0").and_then(|rest| rest.get(6..)) {
        return match miniz_oxide::inflate::decompress_to_vec_with_limit(payload, TEXT_MAX_BYTES) {
            Ok(bytes) => Some((text(&bytes)?, whole)),
            Err(failed) => Some((text(&failed.output)?, false)),
        };
    }
    // Two bytes are enough to look like zlib to somebody.
    let zlib = matches!(wire, [first, ..] if first & 0x0f == 8);
    if zlib || wire.starts_with(b"\x1f\x8b") { None } else { Some((text(wire)?, whole)) }
}

fn text(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'{' | b'[', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'{' | b'[', ..] => utf16(bytes, u16::from_be_bytes),
        [_, 0, ..] | [0, ..] => return None,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok()?,
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(error) if error.error_len().is_none() => {
                String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
            }
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
        },
    };
    Some(text)
}

/// A value as text where it is a string.
pub fn as_text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
