//! No answer came: by kind, as a flag says it or as curl does.

use clap::builder::PossibleValue;
use renewd_core::{Failure, FailureKind, Sent};

/// A kind of failure, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) FailureKind);

/// All of them, and what each means in words.
const KINDS: [(FailureKind, &str); 14] = [
    (FailureKind::Dns, "the name did not resolve"),
    (FailureKind::Refused, "the connection was refused"),
    (FailureKind::Unreachable, "no route, or no network"),
    (FailureKind::ConnectTimeout, "the connection did not stand in time"),
    (FailureKind::Tls, "TLS failed: certificate, name, protocol"),
    (FailureKind::Timeout, "the request did not end in time"),
    (FailureKind::Reset, "the connection was reset"),
    (FailureKind::Closed, "closed before the head of an answer was complete"),
    (FailureKind::Body, "the body of the answer broke off"),
    (FailureKind::Protocol, "what came is not HTTP"),
    (FailureKind::Aborted, "given up here"),
    (FailureKind::Overloaded, "the transport had no room"),
    (FailureKind::Configuration, "the configured proxy or CA file cannot be used"),
    (FailureKind::Other, "anything else"),
];

impl clap::ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Kind; KINDS.len()] = {
            let mut all = [Kind(FailureKind::Other); KINDS.len()];
            let mut at = 0;
            while at < KINDS.len() {
                all[at] = Kind(KINDS[at].0);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let value = PossibleValue::new(self.0.name()).help(words(self.0));
        // As a command line would rather have it.
        Some(if self.0 == FailureKind::ConnectTimeout { value.alias("connect-timeout") } else { value })
    }
}

/// What a kind means.
pub(super) fn words(kind: FailureKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("no answer came", |(_, words)| words)
}

/// The failure that two flags describe.
///
/// # Errors
/// Half a sentence where they contradict each other.
pub(super) fn described(kind: FailureKind, sent: bool) -> Result<Failure, String> {
    let before = matches!(
        kind,
        FailureKind::Dns
            | FailureKind::Refused
            | FailureKind::Unreachable
            | FailureKind::ConnectTimeout
            | FailureKind::Tls
            | FailureKind::Overloaded
            | FailureKind::Configuration
    );
    let after = matches!(kind, FailureKind::Body | FailureKind::Protocol);
    if before && sent {
        return Err(format!("--sent: where {}, nothing of the request was sent", words(kind)));
    }
    let sent = if sent || after { Sent::Bytes } else { Sent::Nothing };
    Ok(Failure { kind, sent, closed: true, message: String::new() })
}

/// What curl prints below its line where a certificate did not fit.
const CURL_ON_CERTIFICATES: &[u8] = b"More details here: https://curl.";

/// The failure that the last line of curl's output tells of: `curl: (6) Could not resolve host: as.example`.
pub(super) fn from_curl(text: &[u8]) -> Option<Failure> {
    let advice = text.windows(CURL_ON_CERTIFICATES.len()).rposition(|part| part == CURL_ON_CERTIFICATES);
    let text = text.get(..advice.unwrap_or(text.len()))?;
    let last = text.trim_ascii_end().rsplit(|&b| b == b'\n').next()?;
    let said = std::str::from_utf8(last.strip_prefix(b"curl: (")?).ok()?;
    let (number, words) = said.split_once(')')?;
    let in_vain = || words.contains("Connection timed out") || words.contains("Failed to connect");
    let (kind, sent) = match number.parse::<u32>().ok()? {
        5 | 6 => (FailureKind::Dns, false),
        7 => (FailureKind::Refused, false),
        28 if in_vain() => (FailureKind::ConnectTimeout, false),
        28 => (FailureKind::Timeout, true),
        35 | 51 | 53 | 54 | 58 | 59 | 60 | 64 | 66 | 80 | 83 | 90 | 91 => (FailureKind::Tls, false),
        77 => (FailureKind::Configuration, false),
        1 | 8 | 16 => (FailureKind::Protocol, true),
        52 => (FailureKind::Closed, true),
        55 | 56 => (FailureKind::Reset, true),
        18 | 92 => (FailureKind::Body, true),
        _ => return None,
    };
    described(kind, sent).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_kind_has_a_name_and_words() {
        for kind in Kind::value_variants() {
            let name = kind.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(Kind::from_str(&name, false), Ok(*kind));
            assert_eq!(Kind::from_str(&name.replace('_', "-"), false), Ok(*kind));
            assert!(!words(kind.0).is_empty());
        }
    }

    #[test]
    fn what_cannot_have_been_sent_is_not_and_what_was_answered_was() {
        assert!(described(FailureKind::Dns, true).unwrap_err().contains("did not resolve"));
        assert_eq!(described(FailureKind::Timeout, false).unwrap().sent, Sent::Nothing);
        assert_eq!(described(FailureKind::Timeout, true).unwrap().sent, Sent::Bytes);
        assert_eq!(described(FailureKind::Body, false).unwrap().sent, Sent::Bytes);
    }

    #[test]
    fn curls_failures_are_understood() {
        for (line, kind, sent) in [
            ("curl: (6) Could not resolve host: as.example", FailureKind::Dns, Sent::Nothing),
            ("x\ncurl: (7) Failed to connect to as.example port 443\n", FailureKind::Refused, Sent::Nothing),
            (
                "curl: (28) Failed to connect to x after 1 ms: Connection timed out",
                FailureKind::ConnectTimeout,
                Sent::Nothing,
            ),
            (
                "curl: (28) Operation timed out after 30000 milliseconds with 0 bytes received",
                FailureKind::Timeout,
                Sent::Bytes,
            ),
            ("curl: (60) SSL certificate problem", FailureKind::Tls, Sent::Nothing),
            (
                "curl: (60) SSL certificate problem: self-signed certificate\nMore details here: \
                 https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server\n",
                FailureKind::Tls,
                Sent::Nothing,
            ),
            ("curl: (52) Empty reply from server", FailureKind::Closed, Sent::Bytes),
            ("curl: (18) transfer closed with 9 bytes remaining to read", FailureKind::Body, Sent::Bytes),
        ] {
            let failure = from_curl(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((failure.kind, failure.sent), (kind, sent), "{line}");
        }
        for line in ["", "curl: (3) URL rejected", "curl: 6", "curl: (x) y", "{\"a\":\"curl: (6) x\"}"] {
            assert_eq!(from_curl(line.as_bytes()), None, "{line}");
        }
    }
}
