//! `renewd explain`: what an answer of a token endpoint means, by the rules that refreshes go by.

use std::path::PathBuf;

use clap::Args;
use renewd_core::{
    Answer, Grant, Judgement, Profile, RequestContext, Response, Secret, Span, Verdict, judge,
};

use crate::app::App;
use crate::exit::Failure;
use crate::input::file::{read_checked, read_limited};
use crate::input::secret::SecretSource;
use crate::input::stdin::read_body;
use crate::json::{ExplainDocument, SCHEMA, line};
use crate::output::Painter;

/// What stands for the refresh token that was sent, where none is given.
const PLACEHOLDER: &str = "<RT_OLD>";

/// Largest body that is taken from disk. The rules themselves look at 64 KiB, as a refresh does.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What a refresh reads of an answer.
const WIRE_BYTES_MAX: usize = 64 << 10;

/// Headers at most.
const HEADERS_MAX: usize = 128;

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  renewd explain --status 403 --header 'Content-Type: text/html' --body page.html\n\n\
                        A body that holds <RT_OLD> as its refresh token counts as not rotated."
)]
pub(crate) struct Explain {
    /// The HTTP status
    #[arg(long, value_name = "N")]
    status: u16,
    /// A header of the answer; may be repeated
    #[arg(long = "header", value_name = "K: V")]
    headers: Vec<String>,
    /// The body: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    body: Option<PathBuf>,
    /// The provider profile [default: generic]
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// The refresh token that was sent: a file, or fd:N
    #[arg(long, value_name = "PATH|fd:N")]
    sent_refresh_token_file: Option<SecretSource>,
    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Explains.
///
/// # Errors
/// What is wrong with the call.
pub(crate) fn run(args: &Explain, app: &App) -> Result<(), Failure> {
    if !(100..=599).contains(&args.status) {
        return Err(Failure::usage(format!("--status {} is no HTTP status from 100 to 599", args.status)));
    }
    let sent_from_stdin = args.sent_refresh_token_file.as_ref().is_some_and(SecretSource::is_stdin);
    if body_is_stdin(args) && sent_from_stdin {
        return Err(Failure::usage("two readers of standard input: --body and --sent-refresh-token-file")
            .advise("give one of them by file"));
    }
    let headers = args.headers.iter().map(|h| header(h)).collect::<Result<Vec<_>, _>>()?;
    if headers.len() > HEADERS_MAX {
        return Err(Failure::usage(format!("more than {HEADERS_MAX} headers")));
    }
    let sent = match &args.sent_refresh_token_file {
        Some(source) => source.read("the sent refresh token")?,
        None => Secret::from(PLACEHOLDER),
    };
    let (body, truncated) = body(args)?;
    let answer = Answer::Response(Response { status: args.status, headers, body, truncated });
    let profile = match &args.profile {
        Some(name) => app.profile(name)?,
        None => Profile::generic(),
    };
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: None,
        now: app.now().wall,
        profile: &profile,
    };
    let judgement = judge(&answer, &context);
    if args.json {
        return app.output.data(&line(&document(judgement))?);
    }
    app.output.data(text(&judgement, app.output.out).as_bytes())
}

fn body_is_stdin(args: &Explain) -> bool {
    args.body
        .as_ref()
        .and_then(|b| b.to_str())
        .is_some_and(|b| matches!(b.parse::<SecretSource>(), Ok(source) if source.is_stdin()))
}

fn body(args: &Explain) -> Result<(Secret, bool), Failure> {
    let bytes = match &args.body {
        None => return Ok((Secret::new(Vec::new()), false)),
        Some(_) if body_is_stdin(args) => read_body(BODY_BYTES_MAX)?,
        Some(path) => {
            let refused = |why: &str| Failure::usage(format!("--body {} {why}", path.display()));
            // A body is looked at, not obeyed: it may belong to anybody.
            match std::fs::File::open(path) {
                Ok(file) => read_limited(file, BODY_BYTES_MAX).map_err(|why| refused(&why))?,
                Err(_) => read_checked(path, BODY_BYTES_MAX).map_err(|e| refused(e.text()))?,
            }
        }
    };
    let kept = bytes.get(..WIRE_BYTES_MAX).unwrap_or(&bytes);
    Ok((Secret::new(kept.to_vec()), kept.len() < bytes.len()))
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

fn document(judgement: Judgement) -> ExplainDocument {
    let success = judgement.verdict == Verdict::Success;
    let rotated = judgement.refresh_token.is_some();
    ExplainDocument {
        schema: SCHEMA,
        verdict: judgement.verdict.name(),
        retry_after_s: judgement.retry_after.map(|s| s.as_secs_ceil()),
        may_have_rotated: judgement.may_have_rotated,
        // As it counts: what gives no lifetime (zero, negative, unreadable) is null.
        expires_in: judgement.grant.as_ref().and_then(Grant::lifetime).map(Span::as_secs),
        rotated: (success || rotated).then_some(rotated),
        token_type: judgement.grant.filter(|g| g.token_type_given).map(|g| g.token_type),
        oauth_error: judgement.evidence.oauth_error,
        rule: judgement.evidence.rule.into_owned(),
        message: judgement.evidence.message,
    }
}

/// What renewd would do next, and what a person could do.
fn meaning(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Success => ("saves the tokens and is done until the next refresh is due", "nothing"),
        Verdict::Transient => (
            "keeps the grant and tries again: 5 times within 5 minutes, then every 10 minutes (auth_retrying)",
            "look at the network between here and the server: a firewall, proxy or login page may answer in its place",
        ),
        Verdict::RateLimited => {
            ("keeps the grant and waits as long as the server says", "nothing; or ask less often")
        }
        Verdict::PermanentGrant => (
            "reads the store once more in case another process was faster, then gives the grant up (unauthenticated)",
            "log in again",
        ),
        Verdict::PermanentClient => (
            "keeps the grant and probes every 10 minutes (auth_retrying, client_refused)",
            "mend the client: id, secret, authentication method, registration. No new login is needed",
        ),
        Verdict::ProtocolErrorTransient => (
            "keeps the grant, remembers that the refresh token may have been rotated, and tries again with the old one",
            "check that the token endpoint is the right URL and is answered by the server itself",
        ),
        Verdict::RetryImmediately => {
            ("sends the request again at once, once, with what the server asks for", "nothing")
        }
    }
}

fn text(judgement: &Judgement, paint: Painter) -> String {
    let evidence = &judgement.evidence;
    let name = judgement.verdict.name();
    let painted = match judgement.verdict {
        Verdict::Success => paint.green(name),
        Verdict::PermanentGrant | Verdict::PermanentClient => paint.red(name),
        Verdict::Transient
        | Verdict::RateLimited
        | Verdict::ProtocolErrorTransient
        | Verdict::RetryImmediately => paint.yellow(name),
    };
    let (next, you) = meaning(judgement.verdict);
    let mut rows = vec![("verdict", painted), ("rule", evidence.rule.clone().into_owned())];
    if let Some(message) = &evidence.message {
        rows.push(("message", message.clone()));
    }
    if let Some(code) = &evidence.oauth_error {
        rows.push(("oauth error", code.clone()));
    }
    if let Some(wait) = judgement.retry_after {
        rows.push(("retry after", format!("{}s", wait.as_secs_ceil())));
    }
    if let Some(grant) = &judgement.grant {
        let lifetime =
            grant.lifetime().map_or("not given; lifetime.default counts".into(), |s| s.to_string());
        rows.push(("expires in", lifetime));
        let given = if grant.token_type_given { "" } else { " (not given)" };
        rows.push(("token type", format!("{}{given}", grant.token_type)));
    }
    if judgement.verdict == Verdict::Success {
        rows.push(("rotated", if judgement.refresh_token.is_some() { "yes" } else { "no" }.into()));
    } else if judgement.may_have_rotated {
        rows.push(("rotated", "perhaps: the refresh token that was sent may be spent".into()));
    }
    rows.push(("renewd", next.into()));
    rows.push(("you", you.into()));
    rows.into_iter().map(|(key, value)| format!("{} {value}\n", paint.dim(format!("{key:<12}")))).collect()
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

    #[test]
    fn every_verdict_says_what_happens_next_and_what_to_do() {
        for name in [
            "success",
            "transient",
            "rate_limited",
            "permanent_grant",
            "permanent_client",
            "protocol_error_transient",
            "retry_immediately",
        ] {
            let (next, you) = meaning(Verdict::from_name(name).unwrap());
            assert!(!next.is_empty() && !you.is_empty());
        }
    }
}
