//! One HTTP/1.1 exchange over a Unix socket, with a deadline over all of it.

use std::path::Path;

use renewd_core::Span;
use zeroize::Zeroizing;

use super::NoAgent;

/// Largest answer. The status of ten thousand credentials fits.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Status and body.
pub(crate) type Answered = (u16, Zeroizing<Vec<u8>>);

/// Headers at most.
const HEADERS_MAX: usize = 64;

/// A socket that another user made is not the agent's.
pub(super) fn check_owner(socket: &Path) -> Result<(), NoAgent> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    let silent = |why: &str| NoAgent::Silent(format!("{} {why}", socket.display()));
    let Ok(meta) = std::fs::symlink_metadata(socket) else { return Err(NoAgent::Absent) };
    if !meta.file_type().is_socket() {
        return Err(silent("is no socket"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(silent("belongs to another user"));
    }
    Ok(())
}

/// Sends a request and reads the whole answer: its status and body.
///
/// # Errors
/// Half a sentence for people.
pub(super) fn exchange(
    socket: &Path,
    method: &str,
    path: &str,
    body: &[u8],
    within: Span,
) -> Result<Answered, String> {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    use renewd_driver::Clock as _;
    use renewd_driver::system::SystemClock;

    let plain = |e: std::io::Error| crate::input::file::plain(&e);
    let deadline = SystemClock.now().boot + within;
    let left = || {
        let left = deadline.since(SystemClock.now().boot);
        if left.is_zero() { Err(format!("it did not answer within {within}")) } else { Ok(left) }
    };
    let mut stream = UnixStream::connect(socket).map_err(plain)?;
    stream.set_write_timeout(Some(left()?.into())).map_err(plain)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // One write: an agent that answers early must not reset a connection with bytes still to come.
    // Of its final size, and overwritten: a login's body holds tokens.
    let mut whole = Zeroizing::new(Vec::with_capacity(head.len() + body.len()));
    whole.extend_from_slice(head.as_bytes());
    whole.extend_from_slice(body);
    stream.write_all(&whole).map_err(plain)?;
    let mut answer = Zeroizing::new(Vec::with_capacity(16 << 10));
    let mut buffer = Zeroizing::new([0u8; 4096]);
    loop {
        if let Some(done) = complete(&answer)? {
            return Ok(done);
        }
        stream.set_read_timeout(Some(left()?.into())).map_err(plain)?;
        match stream.read(&mut *buffer) {
            Ok(0) => return closed(&answer),
            Ok(n) => append(&mut answer, buffer.get(..n).unwrap_or_default()),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return Err(format!("it did not answer within {within}"));
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(plain(e)),
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return Err("its answer is too long".into());
        }
    }
}

/// Appends without leaving a copy behind where the vector has to grow.
fn append(answer: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if answer.capacity() - answer.len() < bytes.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * (answer.len() + bytes.len())));
        larger.extend_from_slice(answer);
        *answer = larger;
    }
    answer.extend_from_slice(bytes);
}

/// What is known of an answer once its head is there.
struct Head {
    status: u16,
    body_at: usize,
    length: Option<usize>,
    chunked: bool,
}

fn head(answer: &[u8]) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let body_at = match response.parse(answer) {
        Ok(httparse::Status::Complete(n)) => n,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err("its answer is no HTTP".into()),
    };
    let value = |name: &str| {
        let found = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    let chunked = value("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    let length = match value("content-length").map(str::parse::<usize>) {
        None => None,
        Some(Ok(n)) if n <= ANSWER_BYTES_MAX => Some(n),
        Some(_) => return Err("its answer has an impossible length".into()),
    };
    Ok(Some(Head { status: response.code.unwrap_or(0), body_at, length, chunked }))
}

pub(crate) fn complete(answer: &[u8]) -> Result<Option<Answered>, String> {
    let Some(head) = head(answer)? else { return Ok(None) };
    let body = answer.get(head.body_at..).unwrap_or_default();
    if head.chunked {
        return Ok(dechunked(body)?.map(|b| (head.status, b)));
    }
    let whole = head.length.and_then(|n| body.get(..n));
    Ok(whole.map(|b| (head.status, Zeroizing::new(b.to_vec()))))
}

/// The connection ended: an answer without a length is complete now, every other one is cut.
fn closed(answer: &[u8]) -> Result<Answered, String> {
    match head(answer)? {
        Some(Head { status, body_at, length: None, chunked: false }) => {
            Ok((status, Zeroizing::new(answer.get(body_at..).unwrap_or_default().to_vec())))
        }
        _ => Err("it closed the connection".into()),
    }
}

/// The body of a chunked answer (RFC 9112 §7.1), once its last chunk is there.
fn dechunked(mut rest: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    let mut body = Zeroizing::new(Vec::with_capacity(rest.len()));
    loop {
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("its answer is badly chunked".into()),
        };
        if size == 0 {
            return Ok(Some(body));
        }
        let end =
            usize::try_from(size).ok().and_then(|s| start.checked_add(s)).filter(|e| *e <= ANSWER_BYTES_MAX);
        let end = end.ok_or("its answer is too long")?;
        let (Some(chunk), Some(after)) = (rest.get(start..end), rest.get(end + 2..)) else { return Ok(None) };
        body.extend_from_slice(chunk);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
        complete(answer).unwrap().map(|(s, b)| (s, b.to_vec()))
    }

    #[test]
    fn an_answer_is_complete_by_its_length_or_its_last_chunk() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Le"), None);
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"), None);
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), Some((200, b"ab".to_vec())));
        let chunked = b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(body(chunked), Some((503, b"abc".to_vec())));
        for cut in 0..chunked.len() - 5 {
            assert_eq!(body(&chunked[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_connection_and_a_cut_one_is_an_error() {
        assert_eq!(closed(b"HTTP/1.1 200 OK\r\n\r\nab").unwrap().1.as_slice(), b"ab");
        assert!(closed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").is_err());
        assert!(closed(b"").is_err());
        assert!(complete(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(complete(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").is_err());
    }
}
