//! What is to be explained: an answer in flags, an answer in a file as tools print it, or that none came.

use std::io::IsTerminal as _;
use std::path::Path;

use renewd_core::{Answer, Failure as NoAnswer, FailureKind, Response, Secret, Sent, redacted_line};
use zeroize::Zeroizing;

use super::Explain;
use super::request::Request;
use super::{failure, raw};
use crate::exit::Failure;
use crate::input::file::{read_checked, read_limited};
use crate::input::secret::SecretSource;
use crate::input::stdin::read_body;

/// Largest body that is taken from disk. The rules themselves look at 64 KiB, as a refresh does.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What a refresh reads of an answer.
const WIRE_BYTES_MAX: usize = 64 << 10;

/// Longest path that a message repeats.
const PATH_MAX_BYTES: usize = 512;

/// What to judge, and what is worth telling of where it came from.
pub(super) struct Asked {
    pub(super) answer: Answer,
    pub(super) notes: Vec<String>,
    /// What a request gave away that was printed with it.
    pub(super) request: Request,
}

impl Asked {
    fn new(answer: Answer) -> Self {
        Self { answer, notes: Vec::new(), request: Request::default() }
    }

    /// Whether bytes of the request may still take effect.
    pub(super) fn unsettled(&self) -> bool {
        match &self.answer {
            Answer::Response(_) => false,
            Answer::Failed(failure) => failure.sent == Sent::Bytes,
        }
    }
}

/// Reads what the arguments name.
///
/// # Errors
/// What is wrong with the call.
pub(super) fn read(args: &Explain) -> Result<Asked, Failure> {
    only_one_reader_of_stdin(args)?;
    match (args.status, args.failure, &args.answer) {
        (Some(status), ..) => in_flags(args, status),
        (_, Some(kind), _) => failure::described(kind.0, args.sent)
            .map(|f| Asked::new(Answer::Failed(f)))
            .map_err(Failure::usage),
        (_, _, Some(path)) => in_file(path),
        // What is piped in without a word is the answer.
        (None, None, None) if !std::io::stdin().is_terminal() => in_file(Path::new("-")),
        (None, None, None) => Err(Failure::usage("nothing to explain").advise(
            "give an answer: curl -i … | renewd explain, renewd explain FILE, renewd explain --status N; \
             or say that none came: renewd explain --failure timeout --sent",
        )),
    }
}

fn only_one_reader_of_stdin(args: &Explain) -> Result<(), Failure> {
    let body = args.body.as_deref().is_some_and(is_stdin);
    let answer = match &args.answer {
        Some(path) => is_stdin(path),
        None => args.status.is_none() && args.failure.is_none() && args.rule.is_none(),
    };
    let sent = args.sent_refresh_token_file.as_ref().is_some_and(SecretSource::is_stdin);
    let what = if body { "--body" } else { "the answer" };
    if sent && (body || answer) {
        return Err(Failure::usage(format!(
            "two readers of standard input: {what} and --sent-refresh-token-file"
        ))
        .advise("give one of them by file"));
    }
    Ok(())
}

fn is_stdin(path: &Path) -> bool {
    path.to_str().is_some_and(|p| matches!(p.parse::<SecretSource>(), Ok(source) if source.is_stdin()))
}

fn in_flags(args: &Explain, status: u16) -> Result<Asked, Failure> {
    if !(100..=599).contains(&status) {
        return Err(Failure::usage(format!("--status {status} is no HTTP status from 100 to 599")));
    }
    let headers = args.headers.iter().map(|h| header(h)).collect::<Result<Vec<_>, _>>()?;
    if headers.len() > raw::HEADERS_MAX {
        return Err(Failure::usage(format!("more than {} headers", raw::HEADERS_MAX)));
    }
    let bytes = match &args.body {
        None => Zeroizing::new(Vec::new()),
        Some(path) => bytes_of(path, "--body ")?,
    };
    Ok(Asked::new(response(status, headers, &bytes, false)))
}

/// A file or standard input with all that a tool printed.
fn in_file(path: &Path) -> Result<Asked, Failure> {
    let bytes = bytes_of(path, "")?;
    let name = || if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    let broken = failure::from_curl(&bytes);
    match (raw::read(&bytes), broken) {
        // A head came: whatever curl says of the rest, the server did its part.
        (Ok(_), Some(NoAnswer { sent: Sent::Bytes, .. })) => {
            let failure = failure::described(FailureKind::Body, true).map_err(Failure::usage)?;
            Ok(Asked::new(Answer::Failed(failure)))
        }
        (Ok(raw), _) => {
            let answer = response(raw.status, raw.headers, &raw.body, raw.cut);
            Ok(Asked { answer, notes: raw.notes, request: raw.request })
        }
        (Err(_), Some(failure)) => Ok(Asked::new(Answer::Failed(failure))),
        (Err(no), None) => Err(Failure::usage(format!("{} {}", name(), no.why)).advise(no.advice)),
    }
}

fn response(status: u16, headers: Vec<(String, String)>, body: &[u8], cut: bool) -> Answer {
    let kept = body.get(..WIRE_BYTES_MAX).unwrap_or(body);
    let truncated = cut || kept.len() < body.len();
    Answer::Response(Response { status, headers, body: Secret::new(kept.to_vec()), truncated })
}

fn bytes_of(path: &Path, flag: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if is_stdin(path) {
        return read_body(BODY_BYTES_MAX);
    }
    let refused = |name: &str, why: &str| Failure::usage(format!("{flag}{name} {why}"));
    // An answer is looked at, not obeyed: it may belong to anybody.
    match std::fs::File::open(path) {
        Ok(file) => {
            read_limited(file, BODY_BYTES_MAX).map_err(|why| refused(&path.display().to_string(), &why))
        }
        // Somebody may have given a token where a file belongs.
        Err(_) => read_checked(path, BODY_BYTES_MAX)
            .map_err(|e| refused(&redacted_line(&path.display().to_string(), &[], PATH_MAX_BYTES), e.text())),
    }
}

/// `Name: value` (RFC 9110 §5.1, §5.5).
fn header(text: &str) -> Result<(String, String), Failure> {
    let bad = |why: &str| Failure::usage(format!("--header {why}; write it as 'Name: value'"));
    let (name, value) = text.split_once(':').ok_or_else(|| bad("has no colon"))?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(bad("has a name that no header can have"));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(bad("has a control character in its value"));
    }
    Ok((name.into(), value.trim().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_a_colon_and_a_value() {
        assert_eq!(header("Content-Type: text/html").unwrap(), ("Content-Type".into(), "text/html".into()));
        assert_eq!(header("X:").unwrap(), ("X".into(), String::new()));
        for bad in ["", "novalue", ": x", "a b: c", "a: b\r\nc: d", "\u{fc}: x"] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
    }
}
