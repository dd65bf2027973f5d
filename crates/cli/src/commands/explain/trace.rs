//! What `curl -v` prints, with the body in between: the answer's lines are picked out, the request's are left alone. They
//! hold secrets.

use zeroize::Zeroizing;

use super::raw::take_line;

/// The answer as `curl -i` would have printed it; none where the text is no such trace.
pub(super) fn joined(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() + text.len() / 8));
    let (mut rest, mut seen, mut in_head) = (text, false, false);
    while !rest.is_empty() {
        let (line, after) = take_line(rest);
        match marked(line) {
            Some((b'<', said)) => {
                // A head that follows another body, of a redirect say: what was printed in between is not the last one's.
                if said.starts_with(b"HTTP/") {
                    out.clear();
                    (seen, in_head) = (true, true);
                }
                if seen {
                    out.extend_from_slice(said);
                    out.extend_from_slice(b"\r\n");
                    in_head &= !said.is_empty();
                }
            }
            Some(_) => {}
            // The body, as it is: its line ends too.
            None if seen && !in_head && !is_progress(line) => {
                out.extend_from_slice(&rest[..rest.len() - after.len()])
            }
            None => {}
        }
        rest = after;
    }
    seen.then_some(out)
}

/// A line of the trace: its mark (`<` answer, `>` request, `*` curl's own words, braces around data) and what stands
/// behind it.
fn marked(line: &[u8]) -> Option<(u8, &[u8])> {
    match line {
        [mark @ (b'<' | b'>' | b'*'), b' ', said @ ..] => Some((*mark, said)),
        [mark @ (b'<' | b'>')] => Some((*mark, b"")),
        [mark @ (b'{' | b'}'), b' ', b'[', said @ ..] if said.ends_with(b" data]") => Some((*mark, said)),
        _ => None,
    }
}

/// The table that curl shows while it waits.
fn is_progress(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let last = text.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
    let is_row = || {
        let fields: Vec<&str> = last.split_whitespace().collect();
        fields.len() == 12
            && fields[..11].iter().all(|f| f.bytes().all(|b| b.is_ascii_digit() || b":-.kMG".contains(&b)))
    };
    last.trim_start().starts_with("% Total ") || last.trim_start().starts_with("Dload ") || is_row()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "* Connected to as.example (192.0.2.1) port 443\r
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0
> POST /token HTTP/1.1\r
> Authorization: Basic c2VjcmV0\r
>\r
} [42 bytes data]
< HTTP/1.1 302 Found\r
< Location: /x\r
< \r
moved
< HTTP/1.1 400 Bad Request\r
< Content-Type: application/json\r
<\r
{ [28 bytes data]
100    70  100    28  100    42     28     42  0:00:01 --:--:--  0:00:01    70
{\"error\":
\"invalid_grant\"}
* Connection #0 to host as.example left intact
";

    #[test]
    fn of_a_trace_the_last_answer_stays() {
        let joined = joined(TRACE.as_bytes()).unwrap();
        let text = std::str::from_utf8(&joined).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{\"error\":\n\"invalid_grant\"}\n"
        );
    }

    #[test]
    fn nothing_else_is_a_trace() {
        for text in ["", "{\"a\":1}", "< a quote", "<html>", "> HTTP/1.1 200", "a\n* b\n"] {
            assert!(joined(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
