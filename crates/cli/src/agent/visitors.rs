//! The places of the status address: some for the user itself, the others for whoever else comes.
//!
//! Any user of the machine can connect there, as often as he likes, and hold what he has. So he gets places of his own to
//! fill: the user's are kept for the user. Whoever comes when the visitors' places are full takes the place of the one that
//! has been there longest, so that even a crowd keeps nobody out: a question is asked and answered in a moment. Where
//! a path is the key, everybody is a visitor until he names it, and then gets one of the user's places.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::accept::told;
use super::http::{Body, note, rules};

/// Connections of the user itself: a page that listens for events, and has some more answered beside.
const OWN_MAX: usize = 96;

/// Connections of all others: probes and collectors of metrics, which ask and go.
const VISITORS_MAX: usize = 32;

/// A visitor is cut that has not sent the head of a question so long after he came, or after his last answer.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// A visitor is asked to go after so long, and cut after as much again.
const VISIT_MAX: Duration = Duration::from_secs(10);

/// All places. Clones are the same.
#[derive(Clone)]
pub(super) struct Places {
    own: Arc<Semaphore>,
    visitors: Arc<Mutex<Visitors>>,
}

#[derive(Default)]
struct Visitors {
    /// How many ever came.
    came: u64,
    /// The one that has been here longest first. Whose end is dropped is to go.
    here: VecDeque<(u64, oneshot::Sender<Infallible>)>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { own: Arc::new(Semaphore::new(OWN_MAX)), visitors: Arc::default() }
    }

    /// A place for the user itself, once there is one.
    pub(super) async fn own(&self) -> OwnedSemaphorePermit {
        super::accept::permit(&self.own).await
    }

    /// A visitor's place, now: the one that has been here longest may lose his.
    pub(super) fn visitor(&self) -> Visit {
        let (stay, to_go) = oneshot::channel();
        let mut visitors = self.visitors();
        let number = visitors.came;
        visitors.came += 1;
        if visitors.here.len() >= VISITORS_MAX {
            visitors.here.pop_front();
        }
        visitors.here.push_back((number, stay));
        drop(visitors);
        Visit { seat: Seat { places: self.clone(), number, own: Mutex::default() }, to_go }
    }

    fn visitors(&self) -> std::sync::MutexGuard<'_, Visitors> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody's place any more; none where it was another's already.
    fn leave(&self, number: u64) -> Option<oneshot::Sender<Infallible>> {
        let mut visitors = self.visitors();
        let at = visitors.here.iter().position(|(of, _)| *of == number)?;
        visitors.here.remove(at).map(|(_, stay)| stay)
    }
}

/// A visitor's connection.
pub(super) struct Visit {
    seat: Seat,
    /// Ends when the place is another's.
    to_go: oneshot::Receiver<Infallible>,
}

/// Which place a connection has.
struct Seat {
    places: Places,
    number: u64,
    /// One of the user's places, with what would have told the visitor to go.
    own: Mutex<Option<(OwnedSemaphorePermit, oneshot::Sender<Infallible>)>>,
}

impl Seat {
    fn is_own(&self) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// He is the user. Where the user's places are all taken, he stays what he was.
    fn become_own(&self) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none()
            && let Ok(permit) = Arc::clone(&self.places.own).try_acquire_owned()
        {
            *own = self.places.leave(self.number).map(|stay| (permit, stay));
        }
    }

    /// Ends when a visitor has been here for long enough.
    async fn overstayed(&self) {
        tokio::time::sleep(VISIT_MAX).await;
        if self.is_own() {
            std::future::pending().await
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.places.leave(self.number);
    }
}

impl Visit {
    /// Serves the connection until it ends, its time is over, its place is another's, or the agent stops. `is_own`: whether
    /// a question shows that the user asks it.
    pub(super) async fn serve<S, F>(
        self,
        stream: S,
        is_own: impl Fn(&Request<Incoming>) -> bool,
        answer: impl Fn(Request<Incoming>) -> F,
        mut stopping: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = Response<Body>>,
    {
        let Self { seat, mut to_go } = self;
        let service = service_fn(|request| {
            if is_own(&request) {
                seat.become_own();
            }
            let answered = answer(request);
            async move { Ok::<_, Infallible>(answered.await) }
        });
        let connection = rules(SILENCE_MAX).serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            // First, and not by chance: a place that is another's is left, whatever has come meanwhile.
            biased;
            _ = &mut to_go => return,
            ended = connection.as_mut() => return note(ended),
            () = seat.overstayed() => {}
            () = told(&mut stopping) => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection => note(ended),
            _ = &mut to_go => {}
            () = tokio::time::sleep(VISIT_MAX) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::http::answer;
    use http::StatusCode;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::time::Instant;

    const QUESTION: &[u8] = b"GET /visitor HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A visitor's end of a connection. Whoever asks for `/own` is the user.
    fn visitor(places: &Places) -> DuplexStream {
        let (client, server) = tokio::io::duplex(64 << 10);
        let (visit, (tell, stopping)) = (places.visitor(), watch::channel(false));
        tokio::spawn(async move {
            let answer = |_| async { answer(StatusCode::OK, "a", "ok") };
            visit.serve(server, |request| request.uri().path() == "/own", answer, stopping).await;
            drop(tell);
        });
        client
    }

    async fn ask(client: &mut DuplexStream, question: &[u8]) -> Option<String> {
        client.write_all(question).await.ok()?;
        let mut told = vec![0; 1024];
        let length = client.read(&mut told).await.ok().filter(|length| *length > 0)?;
        told.truncate(length);
        String::from_utf8(told).ok()
    }

    /// How long it takes until nothing can come any more.
    async fn cut(client: &mut DuplexStream) -> Duration {
        let began = Instant::now();
        let _ = client.read_to_end(&mut Vec::new()).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_that_says_nothing_or_only_begins_to_is_cut_early() {
        let places = Places::new();
        let mut silent = visitor(&places);
        assert!(cut(&mut silent).await <= SILENCE_MAX + Duration::from_millis(100));
        let mut slow = visitor(&places);
        slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        assert!(cut(&mut slow).await <= SILENCE_MAX + Duration::from_millis(100));
        let mut idle = visitor(&places);
        assert!(ask(&mut idle, QUESTION).await.unwrap().starts_with("HTTP/1.1 200"));
        assert!(cut(&mut idle).await <= SILENCE_MAX + Duration::from_millis(100));
        assert_eq!(places.visitors().here.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_that_asks_on_and_on_is_asked_to_go_and_the_user_is_not() {
        let places = Places::new();
        let (mut endless, mut own) = (visitor(&places), visitor(&places));
        ask(&mut own, b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut last = String::new();
        for _ in 0..VISIT_MAX.as_secs() + 1 {
            last = ask(&mut endless, QUESTION).await.unwrap_or(last);
            assert!(ask(&mut own, QUESTION).await.unwrap().starts_with("HTTP/1.1 200"));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(ask(&mut endless, QUESTION).await.is_none(), "{last}");
        assert!(ask(&mut own, QUESTION).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_been_here_longest_gives_way_unless_he_is_the_user() {
        let places = Places::new();
        let (mut own, mut first) = (visitor(&places), visitor(&places));
        ask(&mut own, b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        ask(&mut first, QUESTION).await.unwrap();
        assert_eq!(places.own.available_permits(), OWN_MAX - 1);
        let mut crowd: Vec<_> = (0..VISITORS_MAX).map(|_| visitor(&places)).collect();
        assert!(ask(&mut first, QUESTION).await.is_none());
        assert!(ask(&mut own, QUESTION).await.is_some());
        for one in &mut crowd {
            assert!(ask(one, QUESTION).await.is_some());
        }
        drop((own, crowd));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!((places.own.available_permits(), places.visitors().here.len()), (OWN_MAX, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_without_a_place_of_his_own_is_served_as_a_visitor() {
        let places = Places::new();
        let taken = Arc::clone(&places.own).acquire_many_owned(96).await.unwrap();
        let mut own = visitor(&places);
        assert!(ask(&mut own, b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n").await.is_some());
        assert_eq!(places.visitors().here.len(), 1);
        drop(taken);
        assert!(ask(&mut own, b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n").await.is_some());
        assert_eq!(places.visitors().here.len(), 0);
    }
}
