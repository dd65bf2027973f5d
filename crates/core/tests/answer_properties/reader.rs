//! The reader that the promises are measured by: what it sees is what it should.

use crate::promises::lenient::{Sight, sight};

fn one(token: &str) -> Sight {
    Sight::One(token.into())
}

fn any(tokens: &[&str]) -> Sight {
    Sight::Any(tokens.iter().map(|&token| token.into()).collect())
}

#[test]
fn what_a_person_would_see_is_seen() {
    for (text, seen) in [
        (r#"{"refresh_token":"a"}"#, one("a")),
        (r#"{"refresh_token" : "\u0061\/\"b"}"#, one("a/\"b")),
        (r#"{"refresh_token":"a","refresh_token":"b","refresh_token":null}"#, one("b")),
        (r#"{"data":{"refresh_token":"a"}}"#, any(&["a"])),
        (r#"[{"refresh_token":"a"},{"refresh_token":"b"}]"#, any(&["a", "b"])),
        (r#"{"access_token":"x","data":{"refresh_token":"a"}}"#, Sight::Doubtful),
        (r#"{"access_token":"x","data":{"refresh_token":"a""#, Sight::Doubtful),
        (r#"{"refresh_token":"a","expires_"#, any(&["a"])),
        (r#"{"access_token":"x","refresh_token":"a","e"#, any(&["a"])),
        (r#"{"refresh_token":"a"#, Sight::Nothing),
        (r#"{"refresh_token":""}"#, Sight::Nothing),
        (r#"{"x":1}{"refresh_token":"a"}"#, Sight::Nothing),
        (r#"{"message":"\"refresh_token\":\"a\""}"#, Sight::Nothing),
        (r#"{"data":{"access_token":"x","refresh_token":"a"}}"#, any(&["a"])),
        (r#"{"data":{"access_token":"x"},"b":{"refreshToken":"a"}}"#, Sight::Doubtful),
        (r#"{"refresh_token":"OLD","x":{"refresh_token":"a"}}"#, any(&["a"])),
        (r#"{"refresh_token":"a","refresh_token":"OLD"}"#, one("a")),
        (r#"{"access_token":"x","refresh_token":"","x":{"refresh_token":"a"}}"#, Sight::Doubtful),
        (r#"{"access_token":"x","refresh_token":"OLD","x":{"refresh_token":"a"}}"#, Sight::Doubtful),
        (r#"{"access_token":"x",oh,"refresh_token":"a""#, Sight::Some),
        (r#"{"grant_type":oh,"refresh_token":"a""#, Sight::Doubtful),
        (r#"OK {"access_token":"x","refresh_token":"a"}"#, Sight::Some),
        (r#")]}',{"refresh_token":"a"}"#, Sight::Doubtful),
        (r#"<p>{"refresh_token":"a"}</p>"#, Sight::Nothing),
        (r#"<br />{"access_token":"x","refresh_token":"a"}"#, Sight::Some),
        ("access_token=x&refresh_token=a%2Fb+c", one("a/b+c")),
        ("refresh_token=a&refresh_token=&x=1", one("a")),
        ("refresh_tokens=a", Sight::Nothing),
        ("", Sight::Nothing),
    ] {
        assert_eq!(sight(text.as_bytes(), false, Some("OLD")), seen, "{text}");
    }
    assert_eq!(sight(b"access_token=x&refresh_token=a", true, None), Sight::Nothing);
    assert_eq!(sight(b"refresh_token=a&access_token=x", true, None), one("a"));
}

#[test]
fn it_is_seen_in_every_encoding() {
    let text = r#"{"refresh_token":"a"}"#;
    let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for wire in [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
        [&b"\xff\xfe"[..], &utf16(u16::to_le_bytes)].concat(),
        crate::draw::gzip(text.as_bytes()),
        [text.as_bytes(), b"\xe9"].concat(),
    ] {
        assert_eq!(sight(&wire, false, None), one("a"), "{wire:?}");
    }
    let broken = crate::draw::gzip(text.as_bytes());
    assert_ne!(sight(&broken[..broken.len() - 12], false, None), one("b"));
}
