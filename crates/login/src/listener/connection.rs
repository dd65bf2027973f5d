//! One connection to the listener: reads a head, writes a page, closes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use renewd_core::{Boot, Span};
use rustix::event::PollFlags;
use zeroize::Zeroizing;

use super::request::{HEAD_MAX_BYTES, Head, read_head};
use super::{Answering, Page};

/// From the connection to the end of the request's head. Browsers open connections in advance and leave them silent.
const HEAD_TIME_MAX: Span = Span::from_secs(20);
/// For the page, and for the browser to hang up after it.
const PAGE_TIME_MAX: Span = Span::from_secs(10);
/// Read and thrown away after the page at most: closing with bytes unread would cut the page off.
const DRAINED_MAX_BYTES: usize = 64 * 1024;

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    until: Boot,
    state: State,
}

enum State {
    /// The head, so far. It holds the code: it is overwritten.
    Reading(Zeroizing<Vec<u8>>),
    /// The page, and how much of it is written.
    Writing(Vec<u8>, usize),
    /// Written; so many bytes were thrown away since.
    Ending(usize),
}

/// What one step of a state led to.
enum Step {
    To(State),
    Waits,
    Over,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, now: Boot) -> Self {
        let head = Zeroizing::new(Vec::with_capacity(HEAD_MAX_BYTES));
        Self { stream, until: now + HEAD_TIME_MAX, state: State::Reading(head) }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn waits_for(&self) -> PollFlags {
        match self.state {
            State::Reading(_) | State::Ending(_) => PollFlags::IN,
            State::Writing(..) => PollFlags::OUT,
        }
    }

    /// Whether a page is on its way to it.
    pub(super) fn has_answer(&self) -> bool {
        !matches!(self.state, State::Reading(_))
    }

    /// Does what can be done without waiting; false when it is over.
    pub(super) fn goes_on(&mut self, now: Boot, port: u16, answering: &dyn Answering) -> bool {
        loop {
            let step = match &mut self.state {
                State::Reading(head) => match fill(&self.stream, head) {
                    Ok(Filled::Some) => match read_head(head, port) {
                        Head::Part if head.len() < HEAD_MAX_BYTES => Step::Waits,
                        Head::Part => Step::To(page(Page::too_large())),
                        Head::Get(target) => Step::To(page(answering.page(target))),
                        Head::Wrong(refusal) => Step::To(page(refusal)),
                    },
                    Ok(Filled::Nothing) => Step::Waits,
                    Ok(Filled::End) | Err(_) => Step::Over,
                },
                State::Writing(bytes, at) => write(&self.stream, bytes, at),
                State::Ending(drained) => drain(&self.stream, drained),
            };
            match step {
                Step::Waits => return now < self.until,
                Step::Over => return false,
                Step::To(next) => {
                    self.until = now + PAGE_TIME_MAX;
                    self.state = next;
                }
            }
        }
    }
}

fn page(page: Page) -> State {
    State::Writing(page.response(), 0)
}

enum Filled {
    Some,
    Nothing,
    End,
}

/// Reads what is there, as far as there is room.
fn fill(mut stream: &TcpStream, head: &mut Zeroizing<Vec<u8>>) -> io::Result<Filled> {
    let mut piece = Zeroizing::new([0; 4096]);
    let mut filled = Filled::Nothing;
    while head.len() < HEAD_MAX_BYTES {
        let room = (HEAD_MAX_BYTES - head.len()).min(piece.len());
        match stream.read(&mut piece[..room]) {
            Ok(0) => return Ok(Filled::End),
            Ok(bytes) => {
                head.extend_from_slice(&piece[..bytes]);
                filled = Filled::Some;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(filled),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        // A head may be whole while more is on its way: it is looked at before the next piece is asked for.
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    Ok(filled)
}

fn write(mut stream: &TcpStream, bytes: &[u8], at: &mut usize) -> Step {
    while let Some(rest) = bytes.get(*at..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(0) => return Step::Over,
            Ok(written) => *at += written,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Step::Waits,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Step::Over,
        }
    }
    match stream.shutdown(Shutdown::Write) {
        Ok(()) => Step::To(State::Ending(0)),
        Err(_) => Step::Over,
    }
}

fn drain(mut stream: &TcpStream, drained: &mut usize) -> Step {
    let mut bin = [0; 4096];
    while *drained < DRAINED_MAX_BYTES {
        match stream.read(&mut bin) {
            Ok(0) => return Step::Over,
            Ok(bytes) => *drained += bytes,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Step::Waits,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Step::Over,
        }
    }
    Step::Over
}
