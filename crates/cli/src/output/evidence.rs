//! What an attempt met, in the same few words wherever a person reads of it: messages, the journal, the status table.

use renewd_core::{Evidence, LastAttempt};

/// `HTTP 403 text/html`, `HTTP 400 invalid_grant`; nothing where no answer came.
pub(crate) fn answer(
    http_status: Option<u16>,
    oauth_error: Option<&str>,
    content_type: Option<&str>,
) -> Option<String> {
    let part = |part: Option<&str>| part.map(String::from);
    Evidence {
        http_status,
        oauth_error: part(oauth_error),
        content_type: part(content_type),
        ..Evidence::default()
    }
    .answer()
}

/// The answer and what it said, or the transport's own words.
pub(crate) fn looked_like(last: &LastAttempt) -> String {
    last.evidence.to_string()
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
