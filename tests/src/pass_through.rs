//! A pass-through between a client and a server that nobody here can tell to hold or to lose something.
//!
//! What a lost answer does is decided by when the server spent the refresh token. Our own test server can be held before
//! and after that; a stranger's cannot. So its requests go through here, one to a connection, and wait or vanish on the way.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use renewd_testkit::{HttpAnswer, SecretKind, read_answer};

use crate::disclosure;
use crate::peer::Place;
use crate::wait::{PATIENCE, wait_for};

/// The longest request that is passed on, in bytes: token requests are a few hundred.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Where an exchange is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an exchange has these two halves")]
pub enum Stop {
    /// The request is here, and the server has seen nothing.
    Request,
    /// The server has answered, and the client has seen nothing.
    Answer,
}

/// What becomes of exchanges that are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    GoOn,
    Vanish,
}

struct State {
    stop: Option<Stop>,
    fate: Fate,
    held: usize,
    passed: usize,
    last: HttpAnswer,
    ended: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    target: Place,
}

/// A running pass-through. It ends with this value.
pub struct PassThrough {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl PassThrough {
    /// One that leads to that place.
    ///
    /// # Panics
    /// When the system gives no port.
    pub fn to(target: Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let state = State {
            stop: None,
            fate: Fate::Waiting,
            held: 0,
            passed: 0,
            last: HttpAnswer::default(),
            ended: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), target });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.lock().ended {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A side that goes away in the middle is what this is for.
                std::thread::spawn(move || shared.exchange(stream).unwrap_or_default());
            }
        });
        Self { shared, address }
    }

    /// The target's URL, by this way.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.shared.target.path)
    }

    /// Stops what comes from now on.
    pub fn stop_at(&self, stop: Stop) {
        let mut state = self.shared.lock();
        (state.stop, state.fate) = (Some(stop), Fate::Waiting);
    }

    /// Waits until an exchange is stopped.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn wait_stopped(&self) {
        wait_for("an exchange to be stopped on its way", || (self.shared.lock().held > 0).then_some(()));
    }

    /// Lets what is stopped go on, and what comes pass.
    pub fn release(&self) {
        self.end_of(Fate::GoOn);
    }

    /// Lets what is stopped vanish, and what comes pass. The client's connection is closed without an answer.
    pub fn lose(&self) {
        self.end_of(Fate::Vanish);
    }

    /// Exchanges that went through whole.
    pub fn passed(&self) -> usize {
        self.shared.lock().passed
    }

    /// The server's last answer, whether it went through or not.
    pub fn last_answer(&self) -> HttpAnswer {
        self.shared.lock().last.clone()
    }

    /// Waits until nobody is stopped any more, so that a later stop does not catch those of an earlier one.
    fn end_of(&self, fate: Fate) {
        let mut state = self.shared.lock();
        (state.stop, state.fate) = (None, fate);
        self.shared.changed.notify_all();
        drop(state);
        wait_for("what was stopped to be gone", || (self.shared.lock().held == 0).then_some(()));
    }
}

impl Drop for PassThrough {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        (state.ended, state.fate) = (true, Fate::Vanish);
        self.shared.changed.notify_all();
        drop(state);
        // The listener looks at the end only when somebody comes.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request and its answer. An error is the end of a side.
    fn exchange(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        let Some(request) = read_request(&mut client, &self.target.host)? else { return Ok(()) };
        if self.stopped(Stop::Request) == Fate::Vanish {
            return Ok(());
        }
        let mut server = TcpStream::connect(self.target.address)?;
        server.set_read_timeout(Some(PATIENCE))?;
        server.write_all(&request)?;
        // The request says `Connection: close`: the answer is whole when the server closes.
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        let last = read_answer(&mut answer.as_slice(), false)?;
        learn_tokens(&last);
        self.lock().last = last;
        if self.stopped(Stop::Answer) == Fate::Vanish {
            return Ok(());
        }
        client.write_all(&answer)?;
        self.lock().passed += 1;
        client.shutdown(Shutdown::Write)
    }

    /// Waits where exchanges are stopped here.
    fn stopped(&self, here: Stop) -> Fate {
        let mut state = self.lock();
        if state.stop != Some(here) {
            return Fate::GoOn;
        }
        state.held += 1;
        while state.fate == Fate::Waiting {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.held -= 1;
        state.fate
    }
}

/// What a stranger's server issues on this way is looked for from now on, as what our own issues is.
fn learn_tokens(answer: &HttpAnswer) {
    let issued = answer.json();
    for (name, kind) in
        [("access_token", SecretKind::AccessToken), ("refresh_token", SecretKind::RefreshToken)]
    {
        if let Some(token) = issued[name].as_str() {
            disclosure::learn_token(kind, token);
        }
    }
}

/// A whole request, with another `Host` and without a second one after it; `None` where the client sent nothing.
fn read_request(client: &mut TcpStream, host: &str) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some((head, body)) = split(&bytes) {
            let head = String::from_utf8_lossy(head).into_owned();
            if body.len() >= length(&head) {
                let mut request = rewritten(&head, host).into_bytes();
                request.extend_from_slice(body);
                return Ok(Some(request));
            }
        }
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match client.read(&mut piece)? {
            0 => return Ok(None),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&bytes[..end], &bytes[end + 4..]))
}

fn field_is(line: &str, wanted: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case(wanted))
}

fn length(head: &str) -> usize {
    let line = head.lines().find(|line| field_is(line, "content-length"));
    line.and_then(|line| line.split_once(':')?.1.trim().parse().ok()).unwrap_or(0)
}

fn rewritten(head: &str, host: &str) -> String {
    let kept = head.lines().filter(|line| !field_is(line, "host") && !field_is(line, "connection"));
    let mut text: String = kept.map(|line| format!("{line}\r\n")).collect();
    text += &format!("Host: {host}\r\nConnection: close\r\n\r\n");
    text
}

#[cfg(test)]
mod tests {
    use renewd_testkit::{AsConfig, AuthorizationServer, http_request};

    use super::*;

    fn refresh(way: &PassThrough, token: &str) -> io::Result<u16> {
        let form = format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={token}");
        let fields = [("Content-Type", "application/x-www-form-urlencoded")];
        http_request(way.address, "POST", "/token", &fields, form.as_bytes()).map(|answer| answer.status)
    }

    #[test]
    fn what_is_stopped_before_the_server_spends_nothing_and_what_is_stopped_after_it_has_spent() {
        let server = AuthorizationServer::start(AsConfig::default()).unwrap();
        let way = PassThrough::to(Place::of(&server.token_url()));
        let token = server.mint_grant().refresh_token;
        for (stop, rotations) in [(Stop::Request, 0), (Stop::Answer, 1)] {
            way.stop_at(stop);
            std::thread::scope(|scope| {
                let asking = scope.spawn(|| refresh(&way, &token));
                way.wait_stopped();
                assert_eq!(server.totals().rotations, rotations, "{stop:?}");
                way.lose();
                assert!(asking.join().unwrap().is_err(), "the client hears nothing");
            });
        }
        assert_eq!((server.totals().rotations, way.passed()), (1, 0));
    }

    #[test]
    fn what_is_released_arrives() {
        let server = AuthorizationServer::start(AsConfig::default()).unwrap();
        let way = PassThrough::to(Place::of(&server.token_url()));
        let token = server.mint_grant().refresh_token;
        way.stop_at(Stop::Answer);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| refresh(&way, &token));
            way.wait_stopped();
            way.release();
            assert_eq!(asking.join().unwrap().unwrap(), 200);
        });
        assert_eq!(refresh(&way, "never-issued").unwrap(), 400, "and nothing is stopped any more");
        wait_for("both to be counted", || (way.passed() == 2).then_some(()));
    }
}
