//! The secrets of a request that was printed with its answer, as `curl -v` and a copied command line show them: the server
//! may have echoed any of them, and what is told of the answer must not repeat it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_core::Secret;
use zeroize::Zeroizing;

use super::raw::{status_line, take_line};

/// Lines of a request that are looked at; a trace of several tries has a few dozen.
const LINES_MAX: usize = 256;

/// More of one line is not looked at: a form with an assertion in it is far shorter.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// More secrets than a chain of requests has.
const SECRETS_MAX: usize = 64;

const REFRESH_TOKEN: &[u8] = b"refresh_token";

/// Members of a form or an object whose value is a secret (RFC 6749, 7521, 7636, 8628, 8693).
const MEMBERS: [&[u8]; 13] = [
    REFRESH_TOKEN,
    b"client_secret",
    b"client_assertion",
    b"assertion",
    b"subject_token",
    b"actor_token",
    b"access_token",
    b"id_token",
    b"token",
    b"code",
    b"code_verifier",
    b"device_code",
    b"password",
];

/// Headers whose value holds one.
const HEADERS: [&[u8]; 5] = [b"authorization", b"proxy-authorization", b"dpop", b"cookie", b"x-api-key"];

/// Options of `curl` with `name:secret` behind them.
const USER_OPTIONS: [&[u8]; 2] = [b"-u", b"--user"];

/// What a request gave away.
#[derive(Default)]
pub(super) struct Request {
    /// The refresh token that was sent; of several the last.
    pub(super) refresh_token: Option<Secret>,
    /// Everything else, and every other spelling.
    pub(super) others: Vec<Secret>,
}

impl Request {
    /// Of what stands before the answer's first head, and behind it what `curl -v` marks as sent.
    pub(super) fn read(text: &[u8]) -> Self {
        let (mut request, mut rest, mut answered, mut lines) = (Self::default(), text, false, 0);
        while !rest.is_empty() && lines < LINES_MAX {
            let (line, after) = take_line(rest);
            rest = after;
            match (line, answered) {
                // Not marked: what follows is the answer's, to the end.
                (line, false) if status_line(line).is_some() => break,
                ([b'<', b' ', said @ ..], _) if status_line(said).is_some() => answered = true,
                ([b'>', b' ', said @ ..], _) | (said, false) => {
                    lines += 1;
                    request.line(&said[..said.len().min(LINE_MAX_BYTES)]);
                }
                (_, true) => {}
            }
        }
        request
    }

    fn line(&mut self, line: &[u8]) {
        for name in MEMBERS {
            for at in places(line, name) {
                if let Some(value) = member(line, at + name.len()) {
                    self.keep(name == REFRESH_TOKEN, value);
                }
            }
        }
        for name in HEADERS {
            for at in places(line, name) {
                let Some(value) = line.get(at + name.len()..).and_then(|rest| rest.strip_prefix(b":")) else {
                    continue;
                };
                self.header(until(value, b"'\""));
            }
        }
        let mut words = line.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            if let Some(user) = words.next().filter(|_| USER_OPTIONS.contains(&word)) {
                self.behind_colon(user);
            }
        }
    }

    /// `Basic …`, `Bearer …`, `a=…; b=…`, or the value alone.
    fn header(&mut self, value: &[u8]) {
        let words: Vec<&[u8]> =
            value.split(|&b| b.is_ascii_whitespace() || b == b';').filter(|word| !word.is_empty()).collect();
        let is_scheme = words.len() > 1 && !words[0].contains(&b'=');
        for word in words.iter().skip(usize::from(is_scheme)) {
            self.keep(false, word);
            // A cookie; padding has nothing behind it.
            if let Some(at) = word.iter().position(|&b| b == b'=') {
                self.keep(false, &word[at + 1..]);
            }
            if words[0].eq_ignore_ascii_case(b"basic")
                && let Ok(pair) = STANDARD.decode(word).map(Zeroizing::new)
            {
                self.behind_colon(&pair);
            }
        }
    }

    fn behind_colon(&mut self, pair: &[u8]) {
        if let Some(colon) = pair.iter().position(|&b| b == b':') {
            self.keep(false, until(&pair[colon + 1..], b"'\""));
        }
    }

    /// Keeps it as it is written and as it is meant (RFC 6749 §2.3.1, appendix B).
    fn keep(&mut self, is_refresh_token: bool, written: &[u8]) {
        if written.is_empty() || self.others.len() >= SECRETS_MAX {
            return;
        }
        let meant = unescaped(written);
        if is_refresh_token {
            self.refresh_token = Some(Secret::copy_of(&meant));
        }
        if meant.as_slice() != written {
            self.others.push(Secret::copy_of(&meant));
        }
        self.others.push(Secret::copy_of(written));
    }
}

/// Where this name stands, in any case, with nothing before it that belongs to a name.
fn places<'a>(line: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let starts = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        before.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-'))
    };
    let windows = line.windows(name.len()).enumerate();
    windows.filter(move |(at, part)| part.eq_ignore_ascii_case(name) && starts(*at)).map(|(at, _)| at)
}

/// The value behind a name: `=…` of a form, `": "…"` of an object.
fn member(line: &[u8], name_end: usize) -> Option<&[u8]> {
    let rest = line.get(name_end..)?;
    let rest =
        rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest).trim_ascii_start();
    let (b'=' | b':', value) = rest.split_first()? else { return None };
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    Some(until(value, b"&'\" \t,}")).filter(|value| !value.is_empty())
}

fn until<'a>(text: &'a [u8], ends: &[u8]) -> &'a [u8] {
    text.split(|b| ends.contains(b)).next().unwrap_or_default()
}

/// `%XX` undone; anything else stands for itself.
fn unescaped(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let digit = |at: usize| text.get(at).and_then(|&b| char::from(b).to_digit(16)).map(|n| n as u8);
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> (Option<String>, Vec<String>) {
        let request = Request::read(text.as_bytes());
        let shown = |secret: &Secret| secret.expose_str().unwrap().to_owned();
        (request.refresh_token.as_ref().map(shown), request.others.iter().map(shown).collect())
    }

    #[test]
    fn what_a_request_shows_is_known_wherever_it_stands() {
        // base64 of `app:s%2Fcret`
        let basic = "YXBwOnMlMkZjcmV0";
        for (text, secrets) in [
            (format!("> Authorization: Basic {basic}\r\n"), vec![basic, "s/cret", "s%2Fcret"]),
            ("> authorization: Bearer a.b.c".into(), vec!["a.b.c"]),
            (
                "> DPoP: proof\n> Cookie: a=one; b=two==".into(),
                vec!["proof", "a=one", "one", "b=two==", "two=="],
            ),
            (
                "$ curl -d 'refresh_token=r%2Ft&x=1' -u app:pass https://as.example".into(),
                vec!["r/t", "r%2Ft", "pass"],
            ),
            ("$ curl --user 'app:pass' -H 'Authorization: Bearer tok' x".into(), vec!["tok", "pass"]),
            ("grant_type=refresh_token&client_secret=abc\n\n".into(), vec!["abc"]),
            ("{\"refresh_token\": \"r1\", \"password\":\"p\"}".into(), vec!["r1", "p"]),
            ("> POST /token HTTP/1.1\n> Host: as.example\n> Accept: */*".into(), vec![]),
        ] {
            assert_eq!(seen(&text).1, secrets, "{text}");
        }
        assert_eq!(seen("refresh_token=a\nrefresh_token=b%2b").0.as_deref(), Some("b+"));
    }

    #[test]
    fn what_the_answer_says_is_no_request() {
        for text in [
            "HTTP/1.1 400 x\r\n\r\nclient_secret=abc",
            "> POST / HTTP/1.1\n< HTTP/1.1 400 x\n< DPoP: x\n<\nclient_secret=abc\n",
        ] {
            assert_eq!(seen(text), (None, vec![]), "{text}");
        }
        let second = "> A: b\n< HTTP/1.1 401 x\n<\n> DPoP: late\n< HTTP/1.1 400 x\n<\n{}";
        assert_eq!(seen(second).1, ["late"]);
    }

    #[test]
    fn however_much_is_printed_little_is_kept() {
        let many = "> client_secret=abc\n".repeat(10_000);
        assert!(Request::read(many.as_bytes()).others.len() <= SECRETS_MAX + 1);
        assert!(Request::read("token=".repeat(100_000).as_bytes()).others.len() <= SECRETS_MAX + 1);
    }

    proptest::proptest! {
        #[test]
        fn anything_at_all_is_looked_through(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            nearly in "(> )?(authorization|cookie|token|\"code\")[:=\" ]{0,3}(Basic )?[ -~%]{0,40}",
        ) {
            for text in [&bytes[..], nearly.as_bytes()] {
                proptest::prop_assert!(Request::read(text).others.len() <= SECRETS_MAX + 1);
            }
        }
    }
}
