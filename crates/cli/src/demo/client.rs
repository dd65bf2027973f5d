//! The client: a program that knows no token and asks the API through the agent's proxy, again and again.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use renewd_core::Span;
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;
use renewd_testkit::{HttpAnswer, checksum, http_request};

use super::news::News;
use crate::exit::Failure;

/// Longer than the proxy lets a request wait for a token.
const LAST_ANSWER: Duration = Duration::from_secs(30);

/// The client. Dropping it lets it end after its next answer; [`Client::end`] waits for that.
pub(super) struct Client {
    stop: Sender<()>,
    ended: Receiver<()>,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// Counts requests from 1.
    pub(super) number: u64,
    /// From sending to the whole answer.
    pub(super) took: Span,
    /// The answer.
    pub(super) answer: Answer,
}

/// An answer, as the client understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200, and the API had the whole body.
    Good,
    /// 503 `urn:renewd:auth-retrying`, with the seconds of its `Retry-After`.
    FailedFast { retry_after_s: u64 },
    /// Anything else, in a few words.
    Bad(String),
}

/// A URL of a proxy, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyUrl {
    addr: SocketAddr,
    prefix: String,
}

impl ProxyUrl {
    /// Reads `http://ADDRESS[/PREFIX]`.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(Self { addr: authority.parse().ok()?, prefix: prefix.trim_end_matches('/').into() })
    }
}

/// Where the n-th request goes.
pub(super) fn target(number: u64) -> String {
    format!("/notes/{number}")
}

impl Client {
    /// Begins to ask; the first request has that number.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn begin(
        proxy: ProxyUrl,
        first: u64,
        every: Span,
        news: Sender<News>,
    ) -> Result<Self, Failure> {
        let (stop, stopped) = channel::<()>();
        let (last, ended) = channel();
        let work = move || {
            // Dropped at the end, which tells that this is over.
            let _last: Sender<()> = last;
            for number in first.. {
                if news.send(News::Client(ask(&proxy, number))).is_err() {
                    return;
                }
                if stopped.recv_timeout(every.into()) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("client".into())
            .spawn(work)
            .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
        Ok(Self { stop, ended })
    }

    /// Asks nothing more; the last answer is waited for. True when it came.
    pub(super) fn end(self) -> bool {
        drop(self.stop);
        self.ended.recv_timeout(LAST_ANSWER) == Err(RecvTimeoutError::Disconnected)
    }
}

fn ask(proxy: &ProxyUrl, number: u64) -> Answered {
    let body = format!("{{\"note\":{number},\"text\":\"written by somebody who knows no token\"}}");
    let target = format!("{}{}", proxy.prefix, target(number));
    let sent = SystemClock.now().boot;
    let fields = [("Content-Type", "application/json")];
    let answer = match http_request(proxy.addr, "POST", &target, &fields, body.as_bytes()) {
        Ok(answer) => understand(&answer, body.as_bytes()),
        Err(error) => Answer::Bad(crate::input::file::plain(&error)),
    };
    Answered { number, took: SystemClock.now().boot.since(sent), answer }
}

fn understand(answer: &HttpAnswer, body: &[u8]) -> Answer {
    let json = answer.json();
    match answer.status {
        200 if json["checksum"] == format!("{:016x}", checksum(body)) => Answer::Good,
        200 => Answer::Bad("200, but the API did not get the whole body".into()),
        503 => {
            let seconds = answer.header("retry-after").and_then(|v| v.parse().ok()).filter(|s| *s > 0);
            match (json["type"].as_str(), seconds) {
                (Some("urn:renewd:auth-retrying"), Some(retry_after_s)) => {
                    Answer::FailedFast { retry_after_s }
                }
                (Some("urn:renewd:auth-retrying"), None) => {
                    Answer::Bad("503 without a usable Retry-After".into())
                }
                (Some(other), _) => Answer::Bad(format!("503 {}", other.escape_debug())),
                (None, _) => Answer::Bad("503 of somebody else".into()),
            }
        }
        other => Answer::Bad(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_found_with_and_without_a_path_secret() {
        let plain = ProxyUrl::parse("http://127.0.0.1:8787").unwrap();
        assert_eq!((plain.addr.port(), plain.prefix.as_str()), (8787, ""));
        assert_eq!(ProxyUrl::parse("http://127.0.0.1:1/~secret/").unwrap().prefix, "/~secret");
        assert_eq!(ProxyUrl::parse("unix:/run/x"), None);
    }
}
