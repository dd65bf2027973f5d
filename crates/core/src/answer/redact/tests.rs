//! Echoes in every way of writing that is known, and what must stay.

use alloc::format;
use alloc::string::ToString as _;

use proptest::prelude::*;

use super::shape::OPAQUE_MIN_BYTES;
use super::*;
use crate::request::push_base64;

fn clean(secret: &str, text: &str) -> String {
    let mut redactor = Redactor::default();
    redactor.add(secret.as_bytes());
    redactor.clean(text)
}

fn base64(text: &[u8]) -> String {
    let mut coded = Vec::new();
    push_base64(&mut coded, text);
    String::from_utf8(coded).unwrap()
}

fn base32(text: &[u8]) -> String {
    let mut bits = text.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).peekable();
    let mut coded = String::new();
    while bits.peek().is_some() {
        let five = (0..5).fold(0, |digit, _| digit << 1 | bits.next().unwrap_or(0));
        coded.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(five)]));
    }
    coded
}

fn each(secret: &str, write: impl Fn(char) -> String) -> String {
    secret.chars().map(write).collect()
}

fn with_between(secret: &str, between: &str) -> String {
    secret.chars().map(String::from).collect::<Vec<_>>().join(between)
}

/// One way of writing a secret.
type Writing = (&'static str, fn(&str) -> String);

/// Every way of writing that is taken off.
const WRITINGS: &[Writing] = &[
    ("as it is", |s| s.into()),
    ("upper case", |s| s.to_uppercase()),
    ("lower case", |s| s.to_lowercase()),
    ("case turned", |s| {
        each(
            s,
            |c| if c.is_lowercase() { c.to_uppercase().to_string() } else { c.to_lowercase().to_string() },
        )
    }),
    ("backwards", |s| s.chars().rev().collect()),
    ("percent", |s| each(s, |c| format!("%{:02X}", c as u32))),
    ("percent, lower case", |s| each(s, |c| format!("%{:02x}", c as u32))),
    ("percent, twice", |s| each(s, |c| format!("%25{:02X}", c as u32))),
    ("percent, thrice", |s| each(s, |c| format!("%2525{:02X}", c as u32))),
    ("percent-u", |s| each(s, |c| format!("%u{:04x}", c as u32))),
    ("JSON", |s| each(s, |c| format!("\\u{:04X}", c as u32))),
    ("JSON in JSON", |s| each(s, |c| format!("\\\\u{:04x}", c as u32))),
    ("long escapes", |s| each(s, |c| format!("\\U{:08x}", c as u32))),
    ("braced escapes", |s| each(s, |c| format!("\\u{{{:x}}}", c as u32))),
    ("hexadecimal escapes", |s| each(s, |c| format!("\\x{:02x}", c as u32))),
    ("octal escapes", |s| each(s, |c| format!("\\{:03o}", c as u32))),
    ("backslashes", |s| each(s, |c| if c.is_alphanumeric() { c.to_string() } else { format!("\\{c}") })),
    ("entities", |s| each(s, |c| format!("&#{};", c as u32))),
    ("hexadecimal entities", |s| each(s, |c| format!("&#x{:X};", c as u32))),
    ("entities with zeros", |s| each(s, |c| format!("&#x0000{:x};", c as u32))),
    ("entities without an end", |s| with_between(&each(s, |c| format!("&#{:03}", c as u32)), "")),
    ("entities of entities", |s| each(s, |c| format!("&amp;#{};", c as u32))),
    ("quoted-printable", |s| each(s, |c| format!("={:02X}", c as u32))),
    ("quoted-printable of quoted-printable", |s| each(s, |c| format!("=3D{:02X}", c as u32))),
    ("code points", |s| each(s, |c| format!("U+{:04X} ", c as u32))),
    ("hexadecimal", |s| each(s, |c| format!("{:02x}", c as u32))),
    ("hexadecimal, upper case", |s| each(s, |c| format!("{:02X}", c as u32))),
    ("hexadecimal with colons", |s| each(s, |c| format!("{:02x}:", c as u32))),
    ("hexadecimal with blanks", |s| each(s, |c| format!("{:02x} ", c as u32))),
    ("hexadecimal list", |s| each(s, |c| format!("0x{:02x}, ", c as u32))),
    ("decimal list", |s| each(s, |c| format!("{}, ", c as u32))),
    ("base64", |s| base64(s.as_bytes())),
    ("base64url", |s| base64(s.as_bytes()).replace('+', "-").replace('/', "_").replace('=', "")),
    ("base64 after one byte", |s| base64(format!("x{s}").as_bytes())),
    ("base64 after two bytes", |s| base64(format!("id{s}").as_bytes())),
    ("base64 with blanks", |s| with_between(&base64(s.as_bytes()), " ")),
    ("base64 in lower case", |s| base64(s.as_bytes()).to_lowercase()),
    ("base64 in upper case", |s| base64(s.as_bytes()).to_uppercase()),
    ("base64, percent-encoded", |s| each(&base64(s.as_bytes()), |c| format!("%{:02X}", c as u32))),
    ("base64 of base64", |s| base64(base64(s.as_bytes()).as_bytes())),
    ("base64 of base64 of base64", |s| base64(base64(base64(s.as_bytes()).as_bytes()).as_bytes())),
    ("base64 of hexadecimal", |s| base64(each(s, |c| format!("{:02x}", c as u32)).as_bytes())),
    ("hexadecimal of base64", |s| each(&base64(s.as_bytes()), |c| format!("{:02x}", c as u32))),
    ("hexadecimal of percent", |s| {
        each(&each(s, |c| format!("%{:02X}", c as u32)), |c| format!("{:02x}", c as u32))
    }),
    ("base64 of UTF-16", |s| base64(&s.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())),
    ("hexadecimal of UTF-16", |s| each(s, |c| format!("00{:02x}", c as u32))),
    ("UTF-7", |s| format!("+{}-", base64(&s.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()))),
    ("base64 backwards", |s| base64(s.chars().rev().collect::<String>().as_bytes())),
    ("base32", |s| base32(s.as_bytes())),
    ("base32 in lower case", |s| base32(s.as_bytes()).to_lowercase()),
    ("base32 of base64", |s| base32(base64(s.as_bytes()).as_bytes())),
    ("blanks between", |s| with_between(s, " ")),
    ("many blanks between", |s| with_between(s, "   ")),
    ("dots between", |s| with_between(s, ".")),
    ("dashes and blanks between", |s| with_between(s, " - ")),
    ("quotes between", |s| with_between(s, "' + '")),
    ("tags between", |s| with_between(s, "<wbr>")),
    ("comments between", |s| with_between(s, "<!-- x -->")),
    ("names of characters between", |s| with_between(s, "&shy;")),
    ("zero-width characters between", |s| with_between(s, "\u{200b}")),
    ("line ends between", |s| with_between(s, "\r\n")),
    ("zero bytes between", |s| with_between(s, "\0")),
    ("accents between", |s| with_between(s, "\u{301}")),
    ("terminal sequences between", |s| with_between(s, "\u{1b}[1m")),
    ("wide", |s| each(s, |c| char::from_u32(c as u32 + 0xfee0).unwrap().to_string())),
    ("mathematical", |s| {
        each(s, |c| match c {
            'A'..='Z' => char::from_u32(c as u32 - 0x41 + 0x1d400).unwrap().to_string(),
            'a'..='z' => char::from_u32(c as u32 - 0x61 + 0x1d41a).unwrap().to_string(),
            '0'..='9' => char::from_u32(c as u32 - 0x30 + 0x1d7ce).unwrap().to_string(),
            _ => c.to_string(),
        })
    }),
];

fn solid(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

/// As a message is made of what a server said.
fn shown(secret: &str, said: &str) -> String {
    clean(secret, core::str::from_utf8(&plain_text(said, 512)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_piece_of_eight_bytes_survives_in_any_way_of_writing(
        secret in "([A-Za-z0-9]{4}[_./+~=-]{0,2}){4,9}", from in 0_usize..4, piece in 8_usize..24,
        before in "([a-z]{1,8} ){0,4}", after in "( [a-z]{1,8}){0,4}",
    ) {
        let piece: String = secret.chars().skip(from).take(piece).collect();
        prop_assume!(piece.chars().filter(char::is_ascii_alphanumeric).count() >= 8);
        for (name, write) in WRITINGS {
            let written = write(&piece);
            let said = format!("{before}{written}{after}");
            let line = shown(&secret, &said);
            prop_assert!(line.contains(REMOVED), "{name}: {said:?} became {line:?}");
            let visible = solid(&line.replace(REMOVED, ""));
            for window in piece.as_bytes().windows(8) {
                // The first and the last digits of a base depend on what stands beside them.
                let eight: Vec<char> = solid(&write(core::str::from_utf8(window).unwrap())).chars().collect();
                let inner: String = eight[2..eight.len() - 2].iter().collect();
                prop_assert!(!visible.contains(&inner), "{name}: {said:?} became {line:?}");
            }
        }
    }

    #[test]
    fn a_literal_piece_of_eight_bytes_never_survives(
        secret in "[ -~]{16,64}", from in 0_usize..8, length in 8_usize..40, before in "[ -~]{0,40}", after in "[ -~]{0,40}",
    ) {
        let piece: String = secret.chars().skip(from).take(length).collect();
        let line = shown(&secret, &format!("{before}{piece}{after}")).to_ascii_lowercase();
        let secret = core::str::from_utf8(&plain_text(&secret, 64)).unwrap().to_ascii_lowercase();
        for window in secret.as_bytes().windows(8) {
            let window = core::str::from_utf8(window).unwrap();
            prop_assert!(!line.contains(window), "{line:?} shows {window:?}");
        }
    }

    #[test]
    fn cleaning_is_total_and_never_makes_a_text_much_longer(secrets in prop::collection::vec(any::<Vec<u8>>(), 0..4), text in any::<String>()) {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.add(secret));
        let cleaned = redactor.clean(&text);
        prop_assert!(cleaned.len() <= text.len() * REMOVED.len() + REMOVED.len());
        prop_assert_eq!(redactor.finds_in(&text), cleaned.contains(REMOVED) || text.contains(REMOVED) && cleaned != text);
    }
}

#[test]
fn every_way_of_writing_is_taken_off_a_token_of_each_kind() {
    for secret in
        ["1//0gAbC+dEf/gHi=x~yZ4kQ", "rt_9f8e7d6c5b4a3f2e1d0c", "Qm7zKp2WvX4sLd", "correcthorsebattery"]
    {
        for (name, write) in WRITINGS {
            let said = format!("no such token: {}", write(secret));
            let line = shown(secret, &said);
            assert!(line.contains(REMOVED), "{name}: {said:?} became {line:?}");
        }
    }
}

#[test]
fn what_stands_in_two_places_is_found_across_them() {
    let mut redactor = Redactor::default();
    redactor.add(b"Qm7zKp2WvX4sLd9TfR");
    assert!(!redactor.finds_in("qm7zkp2") && !redactor.finds_in("wvx4sld"));
    assert!(redactor.finds_across("qm7zkp2", "wvx4sld"));
    assert!(redactor.finds_across("wvx4sld", "qm7zkp2"));
    assert!(!redactor.finds_across("invalid_grant", "the token is over"));
    assert!(!redactor.finds_across("", "the token is over"));
}

#[test]
fn a_text_that_would_cost_too_much_is_shown_to_nobody() {
    let mut redactor = Redactor::default();
    redactor.add(b"Qm7zKp2WvX4s");
    assert_eq!(redactor.clean(&"a1".repeat(READINGS_MAX_BYTES)), REMOVED);
}

#[test]
fn an_echo_is_removed_whole_cut_encoded_or_inside_a_word() {
    let secret = "1//0gAbC+dEf/gHi=x~y";
    for text in [
        "bad token 1//0gAbC+dEf/gHi=x~y.",
        "bad token 1//0gAbC+d....",
        "bad token ...Ef/gHi=x~y",
        "bad token prefix_1//0gAbC+dEf/gHi=x~y_suffix",
        "bad token 1%2F%2F0gAbC%2BdEf%2FgHi%3Dx~y",
        "bad token 1%2f%2f0gabc%2bdef%2fgHi%3dx~y",
        "bad token MS8vMGdBYkMrZEVmL2dIaT14fnk=",
        "bad token MS8vMGdBYkMrZEVmL2dIaT14fnk",
        "bad token YXBwOjEvLzBnQWJDK2RFZi9nSGk9eH55",
        "bad token 312f2f30674162432b6445662f6748693d787e79",
    ] {
        let cleaned = clean(secret, text);
        assert!(cleaned.starts_with("bad token "), "{text} became {cleaned}");
        assert!(cleaned.contains(REMOVED), "{text} became {cleaned}");
        assert!(
            cleaned.len() < 40 && !cleaned.to_ascii_lowercase().contains("gabc"),
            "{text} became {cleaned}"
        );
    }
}

#[test]
fn base64_is_found_wherever_in_it_the_secret_begins() {
    for before in ["", "a", "ab", "abc"] {
        let mut coded = Vec::new();
        push_base64(&mut coded, [before, "Zq!Wu!Kd!Tt"].concat().as_bytes());
        let text = core::str::from_utf8(&coded).unwrap();
        assert!(text.len() < OPAQUE_MIN_BYTES);
        assert_eq!(clean("Zq!Wu!Kd!Tt", text), REMOVED, "{text}");
    }
}

#[test]
fn short_secrets_go_and_the_words_around_them_stay() {
    assert_eq!(clean("<RT_OLD>", "no such token: rt_<RT_OLD>. Sorry"), "no such token: rt_[removed]. Sorry");
    assert_eq!(clean("<RT_OLD>", "no such token: &lt;RT_OLD&gt;"), "no such token: [removed]");
    assert_eq!(clean("s", "secret 's' is wrong"), "secret '[removed]' is wrong");
    assert_eq!(clean("p@ss word", "the secret p@ss word is wrong"), "the secret [removed] is wrong");
}

#[test]
fn words_addresses_and_correlation_ids_stay() {
    let text = "temporarily_unavailable: see https://example.com/docs/oauth2/errors#invalid, \
                trace 0c6a3f8e-1b1d-4d4f-9f55-9f1f6f0b7d11 at 2026-01-09 02:02:12Z, caf\u{e9}";
    assert_eq!(clean("unrelated-secret-1", text), text);
}

#[test]
fn what_looks_like_any_token_goes() {
    for (text, left) in [
        ("got eyJhbGciOiJIUzI1NiJ9abcdefg.eyJzdWIiOiIxMjM0NTY3ODkwIn0 back", "got [removed] back"),
        ("got eyJhbGciOiJIUzI1NiJ9.e30.bbb back", "got [removed] back"),
        ("token abc123def is dead", "token [removed] is dead"),
        ("refresh_token=abc123 is dead", "refresh_token=[removed] is dead"),
        ("{\"refresh_token\":\"abc123\",\"a\":1}", "{\"refresh_token\":\"[removed]\",\"a\":1}"),
        ("bad Authorization: Bearer abc-123-x", "bad Authorization: Bearer [removed]"),
        ("bad Authorization: Basic aWQ6c2Vj1", "bad Authorization: Basic [removed]"),
        ("client_secret: 'hunter2'", "client_secret: '[removed]'"),
    ] {
        assert_eq!(clean("x1", text), left);
    }
}

#[test]
fn words_behind_a_name_stay_words() {
    for text in [
        "Invalid refresh token: expired",
        "the token expired at 2026-01-09 02:02:12Z",
        "token 0c6a3f8e-1b1d-4d4f-9f55-9f1f6f0b7d11 is dead",
        "Token is not active",
        "use HTTP Basic authentication",
        "AADSTS70008: the refresh token has expired due to inactivity",
    ] {
        assert_eq!(clean("x1", text), text);
    }
}
