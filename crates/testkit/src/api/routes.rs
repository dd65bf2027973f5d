//! The routes of the protected API.

use super::Inner;
use super::admit::{self, Admitted};
use super::record::{ApiEntry, Checksum};
use crate::http::{After, Connection, Head, Service};
use crate::model::{AccessCheck, AsReply};
use crate::server::Shared;
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The longest body that is kept whole, to be echoed; `/echo/stream` takes any.
const MAX_ECHO_BYTES: usize = 256 * 1024 * 1024;

/// The longest body shown as text inside the JSON answer.
const MAX_SHOWN_BYTES: usize = 64 * 1024;

/// The longest answer of `/large`.
const MAX_LARGE_BYTES: u64 = 256 * 1024 * 1024;

/// The service behind the listener.
pub(super) struct Routes {
    pub(super) inner: Arc<Inner>,
    pub(super) auth: Arc<Shared>,
}

/// A request whose body was read.
struct Received<'a> {
    head: &'a Head,
    body: Vec<u8>,
    sum: Checksum,
    admitted: Admitted,
}

impl Service for Routes {
    fn serve(&self, connection: &mut Connection, head: &Head) -> io::Result<After> {
        if head.path().starts_with(admit::METADATA_PATH) {
            connection.read_whole_body(MAX_ECHO_BYTES)?;
            return connection.answer(&self.metadata(head));
        }
        let admitted = self.admit(head);
        let streams = head.path() == "/echo/stream";
        let after = match (&admitted.refusal, streams) {
            (None, true) => self.echo_stream(connection, head, admitted),
            _ => self.serve_whole(connection, head, admitted),
        }?;
        self.inner.change(|state| state.totals.finished += 1);
        Ok(after)
    }
}

impl Routes {
    fn serve_whole(&self, connection: &mut Connection, head: &Head, admitted: Admitted) -> io::Result<After> {
        let body = connection.read_whole_body(MAX_ECHO_BYTES)?;
        let mut sum = Checksum::default();
        sum.add(&body);
        let mut received = Received { head, body, sum, admitted };
        if let Some(refusal) = received.admitted.refusal.take() {
            self.log(&received, 401);
            return connection.answer(&refusal);
        }
        let path = head.path();
        let status = path.strip_prefix("/status/").and_then(|code| code.parse::<u16>().ok());
        let status = status.filter(|code| (200..600).contains(code));
        self.log(&received, status.unwrap_or(200));
        match (path, status) {
            (_, Some(status)) => connection.answer(&bare(status)),
            ("/echo", _) => {
                let kind = head.field("content-type").unwrap_or("application/octet-stream");
                connection.answer(&AsReply::new(200, kind, received.body))
            }
            ("/sse", _) => self.events(connection, head),
            ("/large", _) => large(connection, head),
            ("/trailers", _) => trailers(connection, &received),
            ("/slow", _) => {
                let wait = Duration::from_millis(head.query_number("ms").unwrap_or(500));
                if connection.stop.pause(wait) { show(connection, &received) } else { Ok(After::Close) }
            }
            _ => show(connection, &received),
        }
    }

    fn echo_stream(&self, connection: &mut Connection, head: &Head, admitted: Admitted) -> io::Result<After> {
        connection.say_continue()?;
        let kind = head.field("content-type").unwrap_or("application/octet-stream");
        connection.begin_chunks(200, &[("Content-Type", kind)])?;
        let mut sum = Checksum::default();
        let mut piece = vec![0; 16 * 1024];
        loop {
            let read = connection.read_body(&mut piece)?;
            if read == 0 {
                break;
            }
            sum.add(&piece[..read]);
            connection.chunk(&piece[..read])?;
        }
        self.log(&Received { head, body: Vec::new(), sum, admitted }, 200);
        connection.end_chunks(&[])
    }

    fn events(&self, connection: &mut Connection, head: &Head) -> io::Result<After> {
        let interval = Duration::from_millis(head.query_number("interval_ms").unwrap_or(20));
        let fields = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")];
        connection.begin_chunks(200, &fields)?;
        for number in 1..=head.query_number("n").unwrap_or(5) {
            if number > 1 && !connection.stop.pause(interval) {
                return Ok(After::Close);
            }
            connection.chunk(format!("data: {number}\n\n").as_bytes())?;
            self.inner.change(|state| state.totals.events += 1);
        }
        connection.end_chunks(&[])
    }

    fn log(&self, received: &Received<'_>, status: u16) {
        let entry = ApiEntry {
            number: 0,
            at_ms: self.auth.clock.now_ms(),
            method: received.head.method.clone(),
            target: received.head.target.clone(),
            status,
            token: received.admitted.token,
            body_bytes: received.sum.bytes,
            checksum: received.sum.value(),
            scheme: received.admitted.scheme.clone(),
            jkt: received.admitted.jkt.clone(),
        };
        self.inner.change(|state| state.push(entry));
    }
}

fn bare(status: u16) -> AsReply {
    match status {
        204 | 304 => AsReply { status, headers: Vec::new(), body: Vec::new() },
        _ => AsReply::new(status, "text/plain", format!("status {status}\n")),
    }
}

fn large(connection: &mut Connection, head: &Head) -> io::Result<After> {
    let bytes = head.query_number("bytes").unwrap_or(1024 * 1024).min(MAX_LARGE_BYTES);
    let body = vec![b'x'; usize::try_from(bytes).unwrap_or_default()];
    connection.answer(&AsReply::new(200, "application/octet-stream", body))
}

fn trailers(connection: &mut Connection, received: &Received<'_>) -> io::Result<After> {
    connection.begin_chunks(200, &[("Content-Type", "text/plain"), ("Trailer", "X-Checksum, X-Length")])?;
    connection.chunk(b"bo")?;
    connection.chunk(b"dy")?;
    let (sum, length) = (format!("{:016x}", received.sum.value()), received.sum.bytes.to_string());
    connection.end_chunks(&[("X-Checksum", &sum), ("X-Length", &length)])
}

/// The request as JSON.
fn show(connection: &mut Connection, received: &Received<'_>) -> io::Result<After> {
    let Received { head, body, sum, admitted } = received;
    let hidden = |name: &str, value: &str| {
        let secret = ["authorization", "dpop"].iter().any(|secret| name.eq_ignore_ascii_case(secret));
        if secret { "(hidden)".to_owned() } else { value.to_owned() }
    };
    let fields: Vec<_> = head.fields.iter().map(|(name, value)| (name, hidden(name, value))).collect();
    let shown = body.get(..body.len().min(MAX_SHOWN_BYTES)).unwrap_or_default();
    let ordinal = admitted.token.and_then(AccessCheck::ordinal);
    let answer = json!({
        "method": head.method,
        "target": head.target,
        "headers": fields,
        "trailers": connection.trailers,
        "body": String::from_utf8_lossy(shown),
        "body_bytes": sum.bytes,
        "checksum": format!("{:016x}", sum.value()),
        "token": ordinal.map(|token| json!({ "grant": token.grant.0, "ordinal": token.ordinal })),
    });
    connection.answer(&AsReply::new(200, "application/json", answer.to_string()))
}
