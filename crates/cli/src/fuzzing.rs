//! What must hold of bytes that the command reads from files and sockets: the bodies of the fuzz targets
//! `configuration`, `agent_answer` and `raw_answer`, and of properties that are tested everywhere.

use std::path::Path;

use crate::config::{Config, Places};
use crate::environment::Environment;

/// Where the fuzzed file is said to be.
const FILE: &str = "/fuzzed/config.toml";

/// From this length on a word of the file is no name any more and could be a secret: no message may repeat it whole.
const WORD_BYTES: usize = 65;

/// As many header fields as a raw answer may have.
const RAW_HEADERS_MAX: usize = 128;

/// Reads the bytes as a configuration file: it is accepted, or refused with the same words each time, which name a line
/// of the file each, hold no control character and repeat nothing that could be a secret.
///
/// # Panics
/// Where that does not hold.
pub fn configuration(bytes: &[u8]) {
    let env = Environment::of(&[("HOME", "/fuzzed/home")]);
    let places = match Places::find(&env, Some(Path::new(FILE)), Some(Path::new("/fuzzed/state"))) {
        Ok(places) => places,
        Err(failure) => panic!("{}", failure.message),
    };
    let read = || Config::of(&places, &env, Some(bytes));
    match (read(), read()) {
        (Ok(a), Ok(b)) => {
            assert_eq!(format!("{a:?}"), format!("{b:?}"), "the same file, another configuration")
        }
        (Err(a), Err(b)) => {
            assert_eq!(a.message, b.message, "the same file, other words");
            refusal(bytes, &a.message);
        }
        _ => panic!("the same file, once refused and once not"),
    }
}

fn refusal(bytes: &[u8], message: &str) {
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    assert!(!message.is_empty());
    for sentence in message.lines() {
        assert!(!sentence.chars().any(char::is_control), "a control character in {sentence:?}");
        let named = sentence.strip_prefix(FILE).and_then(|rest| rest.strip_prefix(':'));
        let line = named.and_then(|rest| rest.split(':').next()).and_then(|line| line.parse::<usize>().ok());
        assert!(line.is_none_or(|line| (1..=lines).contains(&line)), "no such line: {sentence}");
    }
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() >= WORD_BYTES);
    for word in words {
        assert!(!message.contains(word), "the message repeats a long value");
    }
}

/// Reads the bytes as an agent's answer, piece by piece: an answer that is complete stays what it is when more bytes
/// come, and its body is no longer than what came.
///
/// # Panics
/// Where that does not hold.
#[cfg(unix)]
pub fn agent_answer(bytes: &[u8]) {
    use crate::agent_client::wire::complete;
    let mut known: Option<(u16, Vec<u8>)> = None;
    // Every cut of a short answer, some of a long one.
    let step = (bytes.len() / 64).max(1);
    for cut in (0..=bytes.len()).step_by(step).chain([bytes.len()]) {
        let Some(part) = bytes.get(..cut) else { continue };
        let now = match complete(part) {
            Ok(Some((status, body))) => Some((status, body.to_vec())),
            Ok(None) => None,
            Err(why) => {
                assert!(known.is_none(), "a complete answer became an error: {why}");
                return;
            }
        };
        assert!(known.is_none() || known == now, "a complete answer changed");
        assert!(now.as_ref().is_none_or(|(_, body)| body.len() <= cut));
        known = now;
    }
}

/// Reads the bytes as a raw HTTP answer that somebody hands to `explain`: it is an answer, no longer than what came and
/// with a status that one can have, or it is said in one line what it is instead and what to do.
///
/// # Panics
/// Where that does not hold.
pub fn raw_answer(bytes: &[u8]) -> Option<renewd_core::Response> {
    let line = |text: &str| {
        let honest = !text.is_empty() && text.len() <= 300 && !text.chars().any(char::is_control);
        assert!(honest, "{text:?} is not one line for people");
    };
    match crate::commands::explain::raw_answer(bytes) {
        Ok((response, notes)) => {
            notes.iter().for_each(|note| line(note));
            assert!((200..=999).contains(&response.status), "{} is final", response.status);
            assert!(response.headers.len() <= RAW_HEADERS_MAX);
            let named =
                |(name, value): &(String, String)| !name.contains(['\n', ':']) && !value.contains('\n');
            assert!(response.headers.iter().all(named), "a header that goes on");
            // Two bytes of UTF-16 become at most three.
            assert!(response.body.len() <= bytes.len() / 2 * 3 + 1, "more than came");
            Some(response)
        }
        Err((why, advice)) => {
            line(why);
            line(&advice);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of configuration files, right and wrong.
    fn nearly_a_configuration() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            prop::sample::select(vec![
                "[retry]",
                "[credential.a]",
                "[[proxy]]",
                "[auth_retrying]",
                "interval = \"5m\"",
                "ceiling = \"1s\"",
                "tries = 3",
                "tries = -1",
                "tries = \"x\"",
                "[credential.\"\\u0000\"]",
                "client_secret = \"abc\"",
                "listen = \"127.0.0.1:0\"",
                "upstream = \"https://a.test\"",
                "credential = \"a\"",
                "interval = 1e400",
                "[store]",
                "path = \"\"",
                "x = 1979-05-27",
                "scope = [\"a\", 1]",
                "\u{feff}",
                "a.b.c = {}",
                "=",
                "[[[",
                "\"\\u202e\" = 1",
            ])
            .prop_map(str::to_owned),
            "[a-z_.]{0,12} ?= ?[ -~]{0,20}",
            "[A-Za-z0-9]{60,90} = \"[A-Za-z0-9]{60,90}\"",
            "key = \"[A-Za-z0-9]{60,90}\"",
            "\\[credential\\.[A-Za-z0-9]{60,90}\\]",
        ];
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
    }

    /// Pieces of what `curl -i` and its like print.
    fn nearly_a_raw_answer() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "HTTP/1.1 200 OK\r\n",
                "HTTP/2 403 \n",
                "HTTP/1.1 100 Continue\r\n\r\n",
                "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
                "HTTP/1.1 999\n",
                "Transfer-Encoding: chunked\r\n",
                "5\r\n{\"a\":\r\n0\r\n\r\n",
                "Content-Type: application/json\n",
                " folded\n",
                "\r\n",
                "< HTTP/1.1 200 OK\n< X: y\n<\n",
                "> POST /token HTTP/1.1\n",
                "* Connected to \u{1b}[31m\n",
                "curl: (28) Operation timed out after 3000 milliseconds\n",
                "{\"error\":\"invalid_grant\"}",
                "<!DOCTYPE html>",
                "\u{feff}",
            ])
            .prop_map(|piece| piece.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..30),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    #[cfg(unix)]
    fn nearly_an_answer() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n",
            "Content-Length: 3\r\n",
            "Content-Length: -1\r\n",
            "Transfer-Encoding: chunked\r\n",
            "\r\n",
            "abc",
            "3\r\nabc\r\n",
            "0\r\n\r\n",
            "ffffffffffffffff\r\n",
            "2;x=y\r\nab\r\n",
            "HTTP/1.0 503\r\n",
            "X: y\r\n",
            "\n",
        ]);
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_configuration_is_taken_or_refused_with_a_line_and_without_a_secret(text in nearly_a_configuration()) {
            configuration(text.as_bytes());
        }

        #[test]
        fn any_bytes_are_a_configuration_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            configuration(&bytes);
        }

        #[test]
        fn what_a_tool_prints_is_an_answer_or_said_to_be_none(bytes in nearly_a_raw_answer()) {
            raw_answer(&bytes);
        }

        #[test]
        fn an_answer_that_a_tool_prints_is_read_as_it_was(
            status in 200_u16..600, value in "[!-~]{0,20}", body in "[ -~\n]{0,80}", crlf: bool,
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let text = format!("HTTP/1.1 {status} Words{end}X-Name: {value}{end}{end}_{body}");
            let response = raw_answer(text.as_bytes()).ok_or_else(|| TestCaseError::fail("no answer"))?;
            prop_assert_eq!(response.status, status);
            prop_assert_eq!(response.header("x-name"), Some(value.as_str()));
            prop_assert_eq!(response.body.expose(), [b"_", body.as_bytes()].concat());
        }

        #[cfg(unix)]
        #[test]
        fn an_answer_that_is_complete_stays_so(bytes in nearly_an_answer()) {
            agent_answer(&bytes);
        }
    }
}
