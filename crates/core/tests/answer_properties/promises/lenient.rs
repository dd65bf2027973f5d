//! No refresh token is lost that a lenient reader sees in a success.
//!
//! The reader here is another than core's and simpler: it looks for `"refresh_token": "…"` wherever that stands, as a
//! person would who has the answer before him. Where the text is JSON, `serde_json` says what stands at its top.

use renewd_core::{Judgement, Response, Secret};

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
    /// Some in text that is broken: which of them, or what else in it, is open, but something.
    Some,
    /// Some that may be somebody else's, or what was sent: beside an access token that is not theirs, or beside none
    /// where the text is broken.
    Doubtful,
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
    let sent = sent.and_then(Secret::expose_str);
    match sight(response.body.expose(), response.truncated, sent) {
        Sight::Nothing | Sight::Doubtful => {}
        Sight::One(token) => {
            assert_eq!(
                kept.as_deref(),
                Some(token.as_str()),
                "another refresh token than the one that is there"
            );
        }
        Sight::Some => assert!(kept.is_some(), "a refresh token is there, none is kept"),
        Sight::Any(tokens) => {
            let Some(kept) = kept else { panic!("{tokens:?} are there, none is kept") };
            let stands_there =
                decoded(response.body.expose(), true).is_some_and(|(text, _)| text.contains(&*kept));
            assert!(
                stands_there || tokens.contains(&kept.to_string()),
                "{tokens:?} are there, {kept:?} is kept"
            );
        }
    }
}

/// What a lenient reader sees in a body, who knows what was sent.
pub fn sight(wire: &[u8], cut: bool, sent: Option<&str>) -> Sight {
    let Some((text, whole)) = decoded(wire, !cut) else { return Sight::Nothing };
    let solid = text.trim_start_matches(|c: char| c <= ' ');
    match solid.chars().next() {
        Some('{' | '[') => in_json(solid, sent),
        Some('"') | None => Sight::Nothing,
        Some(_) if is_form(solid) => in_form(solid, whole, sent),
        // A page is not searched: what scripts in it say is not said to us.
        Some('<') if !solid.trim_end().ends_with(['}', ']']) => Sight::Nothing,
        // JSON behind something that should not be there: a guard against scripts, a server's own warning.
        Some(_) => in_broken(solid, sent),
    }
}

fn in_json(text: &str, sent: Option<&str>) -> Sight {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Members>();
    match values.next() {
        Some(Ok(top)) if top.is_object || top.is_array => {
            if top.has_odd("refresh_token") {
                return Sight::Nothing;
            }
            match top.last_text("refresh_token", sent) {
                Some(token) => Sight::One(token.to_owned()),
                None => inside(&text[..values.byte_offset()], sent),
            }
        }
        Some(Ok(_)) | None => Sight::Nothing,
        // What came is right, and there is more to come.
        Some(Err(error)) if error.is_eof() => inside(text, sent),
        Some(Err(_)) => in_broken(text, sent),
    }
}

/// Text that is right as far as it goes.
fn inside(text: &str, sent: Option<&str>) -> Sight {
    let tokens = tokens(text, sent);
    match tokens.is_empty() {
        true => Sight::Nothing,
        false if has_owner_elsewhere(text, sent) => Sight::Doubtful,
        false => Sight::Any(tokens),
    }
}

/// Text that is wrong somewhere: what was sent may come back in such, and has no access token beside it.
fn in_broken(text: &str, sent: Option<&str>) -> Sight {
    let end = levels(text).iter().position(|level| *level == OVER).unwrap_or(text.len());
    let text = &text[..end];
    let in_header = |token: &String| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    let granted = members(text, ACCESS_TOKEN).filter_map(|(_, value)| value).any(|token| in_header(&token));
    let promised = granted && tokens(text, sent).iter().any(in_header) && !has_owner_elsewhere(text, sent);
    if promised { Sight::Some } else { Sight::Doubtful }
}

/// Whether some access token stands in an object that has no new refresh token: those elsewhere may be another's.
fn has_owner_elsewhere(text: &str, sent: Option<&str>) -> bool {
    let levels = levels(text);
    let together = |one: usize, other: usize| {
        let between = &levels[one.min(other)..=one.max(other)];
        levels[one] == levels[other] && between.iter().all(|level| *level >= levels[one])
    };
    let new =
        |value: &Option<String>| value.as_ref().is_some_and(|v| !v.is_empty() && Some(v.as_str()) != sent);
    let refresh: Vec<usize> =
        members(text, REFRESH_TOKEN).filter(|(_, value)| new(value)).map(|(at, _)| at).collect();
    members(text, ACCESS_TOKEN).any(|(at, _)| !refresh.iter().any(|other| together(at, *other)))
}

const ACCESS_TOKEN: [&str; 2] = ["\"access_token\"", "\"accessToken\""];
const REFRESH_TOKEN: [&str; 2] = ["\"refresh_token\"", "\"refreshToken\""];

/// The level of what stands behind the end.
const OVER: usize = usize::MAX;

/// How many brackets are open at each byte, strings left out; from the one that closes the first it is [`OVER`].
fn levels(text: &str) -> Vec<usize> {
    let (mut level, mut inside, mut escaped) = (0_usize, false, false);
    let mut levels = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            _ if level == OVER => {}
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => level += 1,
            b'}' | b']' if !inside => level = level.checked_sub(1).filter(|left| *left > 0).unwrap_or(OVER),
            _ => {}
        }
        levels.push(level);
    }
    levels
}

/// Where members of these names stand, and the text of each where it is one, complete, unescaped.
fn members<'t>(text: &'t str, names: [&'t str; 2]) -> impl Iterator<Item = (usize, Option<String>)> + 't {
    let blank = |c: char| c <= ' ';
    let named = names.into_iter().flat_map(|name| text.match_indices(name));
    named.filter_map(move |(at, name)| {
        let after = text[at + name.len()..].trim_start_matches(blank).strip_prefix(':')?;
        Some((at, after.trim_start_matches(blank).strip_prefix('"').and_then(unescaped)))
    })
}

/// Every complete refresh token that is not empty and not the one that was sent.
fn tokens(text: &str, sent: Option<&str>) -> Vec<String> {
    let texts = members(text, REFRESH_TOKEN).filter_map(|(_, value)| value);
    texts.filter(|token| !token.is_empty() && Some(token.as_str()) != sent).collect()
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

fn in_form(text: &str, whole: bool, sent: Option<&str>) -> Sight {
    let text = text.trim_end_matches(|c: char| c <= ' ');
    let mut pairs: Vec<&str> = text.split('&').collect();
    if !whole {
        pairs.pop();
    }
    let values = pairs.iter().filter_map(|pair| pair.strip_prefix("refresh_token="));
    let new = |value: &Vec<u8>| !value.is_empty() && Some(value.as_slice()) != sent.map(str::as_bytes);
    let token = values.map(unquoted).rfind(new);
    token.map_or(Sight::Nothing, |token| match String::from_utf8(token) {
        Ok(token) => Sight::One(token),
        Err(_) => Sight::Nothing,
    })
}

fn unquoted(text: &str) -> Vec<u8> {
    // No token has a blank in it: a plus is one.
    let bytes = text.as_bytes();
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
            // A last character that is cut is no sign of another encoding.
            Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
        },
    };
    Some(text)
}
