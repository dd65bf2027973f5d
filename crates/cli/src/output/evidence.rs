//! What an attempt met, in the same few words wherever a person reads of it: messages, the journal, the status table.

use renewd_core::LastAttempt;

/// `HTTP 403 text/html`, `HTTP 400 invalid_grant`; nothing where no answer came.
pub(crate) fn answer(
    http_status: Option<u16>,
    oauth_error: Option<&str>,
    content_type: Option<&str>,
) -> Option<String> {
    let status = http_status.map(|s| format!("HTTP {s}"));
    let what = oauth_error.or_else(|| http_status.and(content_type));
    match (status, what) {
        (Some(status), Some(what)) => Some(format!("{status} {what}")),
        (status, what) => status.or_else(|| what.map(String::from)),
    }
}

/// The answer and what it said, or the transport's own words.
pub(crate) fn looked_like(last: &LastAttempt) -> String {
    let e = &last.evidence;
    match (answer(e.http_status, e.oauth_error.as_deref(), e.content_type.as_deref()), &e.message) {
        (Some(answer), Some(message)) => format!("{answer} ({message})"),
        (Some(answer), None) => answer,
        (None, Some(message)) => message.clone(),
        (None, None) => last.verdict.name().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_the_most_telling_word() {
        for (status, error, kind, text) in [
            (Some(400), Some("invalid_grant"), Some("application/json"), Some("HTTP 400 invalid_grant")),
            (Some(403), None, Some("text/html"), Some("HTTP 403 text/html")),
            (Some(502), None, None, Some("HTTP 502")),
            (None, None, None, None),
        ] {
            assert_eq!(answer(status, error, kind).as_deref(), text);
        }
    }
}
