//! What a logout says.

use super::*;

fn said(told: AtServer) -> Vec<(bool, String)> {
    words(&Ok(told), Some("10:00"))
}

#[test]
fn each_outcome_has_its_words_and_what_was_not_revoked_is_never_passed_over() {
    let no = || Some(Err("HTTP 503".to_owned()));
    let yes = || Some(Ok(()));
    let tokens = |refresh_token, access_tokens| AtServer { refresh_token, access_tokens, registration: None };
    for (told, good, parts) in [
        (tokens(yes(), yes()), true, &["refresh token and access token revoked at the server"][..]),
        (tokens(yes(), None), true, &["refresh token revoked at the server"]),
        (tokens(None, yes()), true, &["access token revoked at the server"]),
        (tokens(yes(), no()), true, &["refresh token revoked", "access token was not", "until 10:00"]),
        (tokens(no(), yes()), false, &["not revoked at the server: HTTP 503", "access token was revoked"]),
        (tokens(no(), no()), false, &["not revoked at the server: HTTP 503"]),
        (tokens(None, None), false, &["no token left"]),
    ] {
        let words = said(told);
        let text = words.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("|");
        assert_eq!(words.first().map(|(good, _)| *good), Some(good), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    }
    let registered = AtServer { registration: no(), ..tokens(yes(), None) };
    assert!(
        said(registered).iter().any(|(good, text)| !good && text.contains("still at the server: HTTP 503"))
    );
}

#[test]
fn what_an_agent_answers_is_read_as_it_was_written() {
    let told = AtServer {
        refresh_token: Some(Ok(())),
        access_tokens: Some(Err("HTTP 400 (unsupported_token_type)".into())),
        registration: None,
    };
    let text = serde_json::to_string(&told).unwrap();
    assert_eq!(
        text,
        r#"{"refresh_token":{"done":true},"access_tokens":{"done":false,"why":"HTTP 400 (unsupported_token_type)"},"registration":null}"#
    );
    assert_eq!(serde_json::from_str::<AtServer>(&text).unwrap(), told);
}
