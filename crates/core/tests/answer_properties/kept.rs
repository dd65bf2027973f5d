//! No refresh token is lost that came whole.

use proptest::prelude::*;
use proptest::sample::select;
use renewd_core::Secret;
use serde_json::Value;

use crate::cases;
use crate::draw::{self, Granted, escaped, granted, gzip, json, objects, values};
use crate::promises::exchange::Exchange;
use crate::promises::hold;

fn kept(exchange: &Exchange) -> Option<String> {
    hold(exchange).refresh_token.as_ref().and_then(Secret::expose_str).map(String::from)
}

/// Where the refresh token is complete: after its closing quotation mark. The same token may be an access token or
/// stand under another name; it counts where it has its own.
fn complete_at(granted: &Granted) -> usize {
    let value = Value::from(granted.refresh_token.as_str()).to_string();
    let ends = [":", ": ", " :\t"].map(|colon| {
        let member = format!("\"refresh_token\"{colon}{value}");
        granted.text.find(&member).map(|at| at + member.len())
    });
    ends.into_iter().flatten().next().unwrap()
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn an_answer_that_breaks_off_anywhere_keeps_a_refresh_token_that_came_whole(granted in granted()) {
        let complete = complete_at(&granted);
        let wire = granted.text.as_bytes();
        // Long tokens: where the token itself breaks off, one place is like the next.
        let step = (wire.len() / 400).max(1);
        for end in (0..wire.len()).step_by(step).chain(complete.saturating_sub(3)..wire.len().min(complete + 3)) {
            for exchange in [json(200, &wire[..end]), draw::cut(json(200, &wire[..end]))] {
                let kept = kept(&exchange);
                if end >= complete {
                    prop_assert_eq!(kept.as_deref(), Some(granted.refresh_token.as_str()), "cut at {}", end);
                } else {
                    // An earlier one of two, or none; never a piece.
                    prop_assert!(matches!(kept.as_deref(), None | Some("earlier")), "cut at {}", end);
                }
            }
        }
    }

    #[test]
    fn an_answer_in_utf_16_that_breaks_off_anywhere_keeps_it_too(granted in granted(), mark: bool) {
        let complete = 2 * (granted.text[..complete_at(&granted)].encode_utf16().count() + usize::from(mark));
        let units = mark.then_some(0xfeff).into_iter().chain(granted.text.encode_utf16());
        let wire: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
        for end in (complete..wire.len()).step_by((wire.len() / 100).max(1)) {
            prop_assert_eq!(kept(&json(200, &wire[..end])), Some(granted.refresh_token.clone()));
        }
    }
}

proptest! {
    // Each of these overwrites a buffer as large as a bomb may get, slowly without optimisation.
    #![proptest_config(cases(4))]

    #[test]
    fn a_compressed_answer_that_breaks_off_keeps_what_came_out_of_it(granted in granted()) {
        let wire = gzip(granted.text.as_bytes());
        for end in (0..wire.len()).step_by((wire.len() / 60).max(1)) {
            // What comes out of a broken stream is seen by the reader of the promises as well.
            hold(&json(200, &wire[..end]));
        }
        prop_assert_eq!(kept(&json(200, wire)), Some(granted.refresh_token.clone()));
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_form_that_breaks_off_keeps_a_pair_that_came_whole(
        access in "[A-Za-z0-9_~.%+/-]{1,30}", refresh in "[A-Za-z0-9_~./-]{1,30}", first: bool,
    ) {
        let refresh_pair = format!("refresh_token={refresh}&");
        let text = if first {
            format!("{refresh_pair}access_token={access}&expires_in=3600")
        } else {
            format!("access_token={access}&{refresh_pair}expires_in=3600")
        };
        let complete = text.find(&refresh_pair).unwrap() + refresh_pair.len();
        for end in 0..text.len() {
            let kept = kept(&draw::cut(json(200, &text[..end])));
            prop_assert_eq!(kept, (end >= complete).then(|| refresh.clone()), "{}", &text[..end]);
        }
        prop_assert_eq!(kept(&json(200, text)), Some(refresh.clone()));
    }

    #[test]
    fn a_refresh_token_is_found_in_any_wrapper_at_any_depth(
        granted in granted(),
        wrappers in proptest::collection::vec(select(vec!["data", "result", "list", "items"]), 1..6),
        cut_off in 0_usize..3,
    ) {
        let mut text = wrappers.iter().fold(granted.text.clone(), |text, wrapper| draw::wrapped(&text, wrapper));
        text.truncate(text.len() - cut_off.min(wrappers.len()));
        prop_assert_eq!(kept(&json(200, text)), Some(granted.refresh_token.clone()));
    }

    #[test]
    fn a_refresh_token_is_found_behind_what_cannot_be_read(
        granted in granted(),
        wrong in select(vec!["\"a\":undefined()", "'a':1", "\"a\" 1", "a:1", "\"a\":", "\"a\":\"\\uzzzz\"", "\"a\":[1}", "/* a */", "\"a\":#1"]),
    ) {
        let members = granted.text.trim_start().strip_prefix('{').unwrap();
        let text = format!("{{{wrong},{members}");
        prop_assert!(kept(&json(200, text.as_str())).is_some(), "lost in {}", text);
        // And where the access token was read before it.
        let text = format!("{{\"access_token\":\"a\",{wrong},{members}");
        prop_assert!(kept(&json(200, text.as_str())).is_some(), "lost in {}", text);
    }

    #[test]
    fn a_refresh_token_is_found_behind_what_should_not_be_there(
        granted in granted(),
        junk in select(vec![
            ")]}',\n", "for(;;);", "while(1);", "/**/callback(", "\u{feff}\u{feff}", "Array\n", "OK ", "\u{1}\u{7f}",
            "<br />\n<b>Deprecated</b>: strlen(): in <b>/srv/token.php</b> on line <b>12</b><br />\n", "data: ",
        ]),
        after in select(vec!["", "\n", "<!-- cache-3 -->", "{\"a\":1}", ");"]),
    ) {
        if junk.starts_with('<') && !after.trim().is_empty() {
            return Ok(());
        }
        let text = format!("{junk}{}{after}", granted.text);
        prop_assert!(kept(&json(200, text.as_str())).is_some(), "lost in {}", text);
    }

    #[test]
    fn no_refresh_token_is_lost_that_a_strict_reader_sees(
        object in objects(values()), status in 200_u16..300, pretty: bool,
    ) {
        let value = Value::from(object);
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        hold(&json(status, escaped(&text)));
        let kept = kept(&json(status, text));
        if let Some(seen) = value["refresh_token"].as_str().filter(|seen| !seen.is_empty()) {
            prop_assert_eq!(kept.as_deref(), Some(seen).filter(|seen| *seen != draw::OLD_REFRESH_TOKEN));
        }
    }
}

#[test]
fn a_page_that_mentions_a_refresh_token_brings_none() {
    for page in [
        "<!DOCTYPE html><script>var texts={\"refresh_token\":\"Stay signed in\"}</script></html>",
        "<html><body><pre>{\"refresh_token\":\"example\"}</pre></body></html>",
    ] {
        assert_eq!(kept(&json(200, page)), None, "{page}");
    }
}

#[test]
fn a_refresh_token_of_somebody_else_beside_an_access_token_is_left_alone() {
    let text =
        r#"{"access_token":"a","identities":[{"provider":"x","refresh_token":"theirs"}],"expires_in":60}"#;
    assert_eq!(kept(&json(200, text)), None);
}

#[test]
fn a_refresh_token_that_is_none_does_not_hide_one_behind_it() {
    for text in [
        r#"{"access_token":"a","refresh_token":bfresh/9","expires_in":60,"refresh_token":"fresh"}"#,
        r#"{"refresh_token":true,"inner":{"access_token":"a","refresh_token":"fresh"}}"#,
    ] {
        assert_eq!(kept(&json(200, text)).as_deref(), Some("fresh"), "{text}");
    }
}
