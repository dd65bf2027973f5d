//! What the browser shows in the end: a few words, no script, nothing from elsewhere.

use renewd_core::plain_line;

/// The longest foreign text on a page, in bytes.
const FOREIGN_MAX_BYTES: usize = 300;

/// No script, no frame, no style, no request from this page; no copy of it, and no word of its address to anybody.
const HEADERS: &str = "Content-Type: text/html; charset=utf-8\r\n\
    Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    Cache-Control: no-store\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n\
    X-Frame-Options: DENY\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Connection: close\r\n";

/// A page.
pub(crate) struct Page {
    status: u16,
    phrase: &'static str,
    title: &'static str,
    text: String,
}

impl Page {
    fn new(status: u16, phrase: &'static str, title: &'static str, text: impl Into<String>) -> Self {
        Self { status, phrase, title, text: text.into() }
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The answer arrived.
    pub(crate) fn arrived() -> Self {
        let text = "The answer has arrived. Close this tab and go back to the terminal: it says how the login went on.";
        Self::new(200, "OK", "You can close this tab", text)
    }

    /// The server said no.
    pub(crate) fn denied(denial: &str) -> Self {
        let text = format!(
            "The server said: {}. Close this tab; the terminal says what to do.",
            plain_line(denial, FOREIGN_MAX_BYTES)
        );
        Self::new(200, "OK", "The login was refused", text)
    }

    /// It answers another login, or none.
    pub(crate) fn strange(reason: &str) -> Self {
        let text = format!(
            "{}. The login in the terminal still waits. If you came here by logging in, go back to the terminal and \
             open the address that it shows now.",
            plain_line(reason, FOREIGN_MAX_BYTES)
        );
        Self::new(400, "Bad Request", "This is not the answer that is waited for", text)
    }

    /// It is this login's answer, and wrong.
    pub(crate) fn refused(reason: &str) -> Self {
        let text = format!(
            "{}. Nothing was sent to anybody. Close this tab; the terminal says what to do.",
            plain_line(reason, FOREIGN_MAX_BYTES)
        );
        Self::new(400, "Bad Request", "The answer was refused", text)
    }

    /// The answer is here already.
    pub(crate) fn over() -> Self {
        let text = "This login has its answer already. Close this tab; to log in again, start again in the terminal.";
        Self::new(410, "Gone", "This page can be used once", text)
    }

    pub(crate) fn not_here() -> Self {
        Self::new(404, "Not Found", "Nothing here", "There is nothing at this address.")
    }

    pub(super) fn no_request() -> Self {
        Self::new(400, "Bad Request", "Not a request", "This is not a request that a browser would make.")
    }

    pub(super) fn wrong_host() -> Self {
        Self::new(421, "Misdirected Request", "Not for this listener", "This request names another host.")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(405, "Method Not Allowed", "Only GET", "Nothing but GET is answered here.")
    }

    pub(super) fn too_large() -> Self {
        Self::new(
            431,
            "Request Header Fields Too Large",
            "Too large",
            "This request is larger than any answer.",
        )
    }

    // rfc: 6749-3.1.2.5 9700-2.1-2 no page runs a script or sends a browser anywhere
    /// The whole response.
    pub(crate) fn response(&self) -> Vec<u8> {
        let (title, text) = (escaped(self.title), escaped(&self.text));
        let body = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" \
             content=\"light dark\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\n\
             <body><h1>{title}</h1>\n<p>{text}</p></body></html>\n"
        );
        let allow = if self.status == 405 { "Allow: GET\r\n" } else { "" };
        format!(
            "HTTP/1.1 {} {}\r\n{HEADERS}{allow}Content-Length: {}\r\n\r\n{body}",
            self.status,
            self.phrase,
            body.len()
        )
        .into_bytes()
    }
}

/// As text of a page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_said_is_text_and_never_markup() {
        let page = Page::denied("<script>alert(1)</script>\r\nSet-Cookie: a=b & \"c\"");
        let response = String::from_utf8(page.response()).unwrap();
        assert!(response.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{response}");
        assert!(!response.contains("<script"));
        assert!(!response.contains("\nSet-Cookie"));
    }

    // rfc-test: 6749-3.1.2.5 9700-2.1-2
    #[test]
    fn a_page_runs_nothing_loads_nothing_and_is_kept_nowhere() {
        let response = String::from_utf8(Page::arrived().response()).unwrap();
        for header in [
            "HTTP/1.1 200 OK",
            "Content-Security-Policy: default-src 'none'",
            "Referrer-Policy: no-referrer",
            "Cache-Control: no-store",
            "frame-ancestors 'none'",
        ] {
            assert!(response.contains(header), "{header}");
        }
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        for word in ["http:", "https:", "src=", "href=", "<style", "<form", "onload"] {
            assert!(!body.contains(word), "{word}");
        }
    }
}
