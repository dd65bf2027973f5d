//! What happens, from wherever it happens: the agent's events, the client's answers, the API's refusals, the person's
//! Ctrl-C. All of it comes in through one channel, and nothing is told that did not come in there.

use std::sync::mpsc::Sender;

use renewd_testkit::ApiEntry;
use tokio::signal::unix::{SignalKind, signal};

use super::client::Answered;
use crate::exit::Failure;
use crate::journal::Entry;

/// One thing that happened.
pub(super) enum News {
    /// The agent told an event (`GET /v1/events`).
    Agent(Box<Entry>),
    /// The agent's events ended: it is gone.
    AgentGone,
    /// The client got an answer.
    Client(Answered),
    /// The API answered 401.
    Refused(Box<ApiEntry>),
    /// Somebody wants it to end.
    Interrupted,
}

/// Ctrl-C, SIGTERM and SIGHUP become news.
///
/// # Errors
/// When the system gives no thread or no handler.
pub(super) fn hear_signals(news: Sender<News>) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::internal(format!("signals cannot be heard: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let guard = runtime.enter();
    let mut streams = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        streams.push(signal(kind).map_err(failed)?);
    }
    drop(guard);
    let listen = move || {
        let any = async {
            loop {
                let heard = futures_util::future::select_all(streams.iter_mut().map(|s| Box::pin(s.recv())));
                heard.await;
                if news.send(News::Interrupted).is_err() {
                    return;
                }
            }
        };
        runtime.block_on(any);
    };
    std::thread::Builder::new().name("signals".into()).spawn(listen).map(drop).map_err(failed)
}
