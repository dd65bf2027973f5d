//! The head of a request to the listener, and all that may be wrong with it.

use httparse::{EMPTY_HEADER, Request, Status};

use super::Page;

/// The largest head: a code and a state in a long line, and a browser's headers.
pub(super) const HEAD_MAX_BYTES: usize = 48 * 1024;
/// The most headers. Browsers send twenty.
const HEADERS_MAX: usize = 100;

/// What stands in the bytes so far.
pub(super) enum Head<'a> {
    /// Not all of it is there.
    Part,
    /// A `GET` of this target.
    Get(&'a str),
    /// Not for us.
    Wrong(Page),
}

/// Reads what has come.
pub(super) fn read_head(bytes: &[u8], port: u16) -> Head<'_> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Head::Part,
        Err(_) => return Head::Wrong(Page::no_request()),
    }
    let mut hosts = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("host"));
    let host = hosts.next().and_then(|h| std::str::from_utf8(h.value).ok());
    // A page of somebody's whose name was made to resolve to this machine comes with that name.
    if hosts.next().is_some() || !host.is_some_and(|host| is_ours(host, port)) {
        return Head::Wrong(Page::wrong_host());
    }
    match (request.method, request.path) {
        (Some("GET"), Some(target)) if target.starts_with('/') => Head::Get(target),
        (Some("GET"), _) => Head::Wrong(Page::no_request()),
        _ => Head::Wrong(Page::wrong_method()),
    }
}

/// Whether that is how a browser names this listener.
// rfc: 8252-8.10-2 an answer for another listener's address is no answer here
fn is_ours(host: &str, port: u16) -> bool {
    let (name, given) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits),
        _ => (host, "80"),
    };
    given == port.to_string()
        && (name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 8400;

    fn status(head: &str) -> Result<&str, u16> {
        match read_head(head.as_bytes(), PORT) {
            Head::Get(target) => Ok(target),
            Head::Wrong(page) => Err(page.status()),
            Head::Part => Err(0),
        }
    }

    #[test]
    fn a_get_of_this_listener_is_taken() {
        for host in ["127.0.0.1:8400", "[::1]:8400", "localhost:8400", "LOCALHOST:8400"] {
            let head = format!("GET /callback?code=a HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(status(&head), Ok("/callback?code=a"), "{host}");
        }
    }

    // rfc-test: 8252-8.10-2
    #[test]
    fn another_host_is_refused_however_it_resolves() {
        for host in [
            "evil.example:8400",
            "127.0.0.1:8401",
            "127.0.0.1",
            "localhost",
            "127.0.0.2:8400",
            "127.0.0.1.evil.example:8400",
            "[::1",
            "",
        ] {
            let head = format!("GET /callback?code=a HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(status(&head), Err(421), "{host}");
        }
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), Err(421));
        let two = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8400\r\nHost: 127.0.0.1:8400\r\n\r\n";
        assert_eq!(status(two), Err(421));
    }

    #[test]
    fn only_get_is_served() {
        for method in ["POST", "HEAD", "OPTIONS", "PUT", "CONNECT"] {
            let head = format!("{method} /callback HTTP/1.1\r\nHost: 127.0.0.1:8400\r\n\r\n");
            assert_eq!(status(&head), Err(405), "{method}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_bytes_come_nothing_but_a_target_comes_of_them(bytes: Vec<u8>, port: u16) {
            if let Head::Get(target) = read_head(&bytes, port) {
                proptest::prop_assert!(target.starts_with('/'));
            }
        }

        #[test]
        fn whatever_host_is_named_only_loopback_literals_are_ours(host in "[a-z0-9.:\\[\\]]{0,24}", port: u16) {
            let names = ["127.0.0.1", "[::1]", "localhost"];
            let ours = names.iter().any(|name| host == format!("{name}:{port}") || (port == 80 && host == *name));
            proptest::prop_assert_eq!(is_ours(&host, port), ours);
        }
    }

    #[test]
    fn what_is_no_request_is_refused_and_what_is_not_whole_is_waited_for() {
        assert_eq!(status("\x16\x03\x01\x02\x00\x01"), Err(400));
        assert_eq!(status("GET http://127.0.0.1:8400/ HTTP/1.1\r\nHost: 127.0.0.1:8400\r\n\r\n"), Err(400));
        assert_eq!(status("GET /callback HTTP/1.1\r\nHost: 127."), Err(0));
        assert_eq!(status(""), Err(0));
    }
}
